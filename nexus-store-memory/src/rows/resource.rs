//! Administrative resources with their indexes and their history.

use nexus_core::admin::{
    ResourceBatch, ResourceContent, ResourceQuery, ResourceScope, ResourceVersion, ResourceWrite,
    StoredResource, no_resource,
};
use nexus_core::{Page, Result, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use serde_json::Map;

use crate::convert::{from_json, limit, number, small, to_json};
use crate::db::select::Select;
use crate::error::sql;
use crate::migrations::with_secure_delete;
use crate::rows::{audit, settings_version};

/// Columns of a list.
const LISTED: &str = "r.id, r.version, r.body, r.created_at, r.updated_at, r.updated_by";

/// Returns the column `tenant` of a scope: empty for the installation.
fn owner(scope: &ResourceScope) -> &str {
    match scope {
        ResourceScope::Tenant(tenant) => tenant.as_str(),
        ResourceScope::Installation => "",
    }
}

/// Returns one resource with its hidden fields.
pub(crate) fn load(
    connection: &Connection,
    scope: &ResourceScope,
    kind: &str,
    id: &str,
) -> Result<StoredResource> {
    let statement = format!(
        "SELECT {LISTED}, r.sensitive, r.sealed FROM resource AS r WHERE tenant = ?1 AND kind = ?2 AND id = ?3"
    );
    let mut stored = connection
        .prepare_cached(&statement)
        .and_then(|mut statement| {
            let read = |row: &Row<'_>| {
                let hidden: (String, String) = (row.get(6)?, row.get(7)?);
                Ok(listed(row).and_then(|stored| with_hidden(stored, &hidden)))
            };
            statement.query_row(params![owner(scope), kind, id], read).optional()
        })
        .map_err(sql)?
        .ok_or_else(no_resource)??;
    stored.content.indexes = indexes(connection, scope, kind, id)?;
    Ok(stored)
}

/// Reads the columns of a list.
fn listed(row: &Row<'_>) -> Result<StoredResource> {
    let body: String = row.get(2).map_err(sql)?;
    let time = |column| row.get(column).map(Timestamp::from_micros).map_err(sql);
    let (sensitive, sealed) = (Map::new(), Map::new());
    Ok(StoredResource {
        id: row.get(0).map_err(sql)?,
        version: small(row.get(1).map_err(sql)?)?,
        content: ResourceContent { body: from_json(&body)?, sensitive, sealed, indexes: Vec::new() },
        created_at: time(3)?,
        updated_at: time(4)?,
        updated_by: row.get(5).map_err(sql)?,
    })
}

fn with_hidden(mut stored: StoredResource, (sensitive, sealed): &(String, String)) -> Result<StoredResource> {
    stored.content.sensitive = from_json(sensitive)?;
    stored.content.sealed = from_json(sealed)?;
    Ok(stored)
}

fn indexes(
    connection: &Connection,
    scope: &ResourceScope,
    kind: &str,
    id: &str,
) -> Result<Vec<(String, String)>> {
    connection
        .prepare_cached(
            "SELECT name, value FROM resource_index WHERE tenant = ?1 AND kind = ?2 AND id = ?3
             ORDER BY name, value",
        )
        .and_then(|mut statement| {
            let pair = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
            statement.query_map(params![owner(scope), kind, id], pair)?.collect()
        })
        .map_err(sql)
}

/// Returns a page of resources in order of id, without hidden fields.
pub(crate) fn list(
    connection: &Connection,
    scope: &ResourceScope,
    query: &ResourceQuery,
) -> Result<Vec<StoredResource>> {
    let (mut select, keys) = select(query);
    select.equal(&format!("{keys}.tenant"), owner(scope));
    read(connection, select, &format!("{keys}.id"), &query.page)
}

/// Returns a page of the resources whose id is their tenant's, in order of tenant.
pub(crate) fn list_of_tenants(connection: &Connection, query: &ResourceQuery) -> Result<Vec<StoredResource>> {
    let (mut select, keys) = select(query);
    select.and(&format!("{keys}.id = {keys}.tenant"));
    read(connection, select, &format!("{keys}.tenant"), &query.page)
}

/// Returns the statement for a kind and an index, and the name of the table whose keys are in the order of a list.
fn select(query: &ResourceQuery) -> (Select, &'static str) {
    let (source, keys) = match &query.index {
        None => ("resource AS r", "r"),
        Some(_) => ("resource_index AS i CROSS JOIN resource AS r USING (tenant, kind, id)", "i"),
    };
    let mut select = Select::new(&format!("SELECT {LISTED} FROM {source}"));
    select.equal(&format!("{keys}.kind"), query.kind);
    if let Some((name, value)) = &query.index {
        select.equal("i.name", name).equal("i.value", value);
    }
    (select, keys)
}

/// Reads the page of a statement whose cursor is the column `order`.
fn read(
    connection: &Connection,
    mut select: Select,
    order: &str,
    page: &Page,
) -> Result<Vec<StoredResource>> {
    if let Some(after) = &page.after {
        select.compare(order, ">", after.clone());
    }
    let (statement, values) = select.ordered(order, page.limit);
    let mut statement = connection.prepare_cached(&statement).map_err(sql)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(sql)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        found.push(listed(row)?);
    }
    Ok(found)
}

/// Carries out the writes of a batch and returns the versions that they made. Resources are settings, so a change of a
/// tenant's raises the version of its settings, and one of the installation's that of all tenants.
pub(crate) fn write(connection: &Connection, batch: &ResourceBatch) -> Result<Vec<u64>> {
    let write = |write| write_one(connection, batch, write);
    let versions = with_secure_delete(connection, || batch.writes.iter().map(write).collect())?;
    settings_version::raise(connection, owner(&batch.scope))?;
    audit::append(connection, &batch.audit)?;
    Ok(versions)
}

fn write_one(connection: &Connection, batch: &ResourceBatch, write: &ResourceWrite) -> Result<u64> {
    let (tenant, ResourceWrite { kind, id, change, .. }) = (owner(&batch.scope), write);
    let (current, latest) = versions(connection, tenant, kind, id)?;
    let version = change.version_after(current, latest)?;
    delete_indexes(connection, tenant, kind, id)?;
    match change.content() {
        Some(content) => put(connection, batch, write, content, version)?,
        None => delete(connection, tenant, kind, id)?,
    }
    let entry = ResourceVersion {
        version,
        change: change.kind(),
        changed: write.changed.clone(),
        body: change.content().map(|content| content.body.clone()),
        at: batch.at,
        by: batch.by.clone(),
    };
    let entry = to_json(&entry)?;
    connection
        .prepare_cached(
            "INSERT INTO resource_history (tenant, kind, id, version, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .and_then(|mut insert| insert.execute(params![tenant, kind, id, number(version), entry]))
        .map_err(sql)?;
    Ok(version)
}

/// Returns the version of a resource, where it exists, and its latest version ever.
fn versions(connection: &Connection, tenant: &str, kind: &str, id: &str) -> Result<(Option<u64>, u64)> {
    let read = |row: &Row<'_>| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?));
    let (current, latest) = connection
        .prepare_cached(
            "SELECT (SELECT version FROM resource WHERE tenant = ?1 AND kind = ?2 AND id = ?3),
                    (SELECT coalesce(max(version), 0) FROM resource_history
                     WHERE tenant = ?1 AND kind = ?2 AND id = ?3)",
        )
        .and_then(|mut statement| statement.query_row(params![tenant, kind, id], read))
        .map_err(sql)?;
    Ok((current.map(small).transpose()?, small(latest)?))
}

fn put(
    connection: &Connection,
    batch: &ResourceBatch,
    write: &ResourceWrite,
    content: &ResourceContent,
    version: u64,
) -> Result<()> {
    let (tenant, ResourceWrite { kind, id, .. }) = (owner(&batch.scope), write);
    let (body, sensitive) = (to_json(&content.body)?, to_json(&content.sensitive)?);
    let (sealed, at) = (to_json(&content.sealed)?, batch.at.as_micros());
    connection
        .prepare_cached(
            "INSERT INTO resource (tenant, kind, id, version, body, sensitive, sealed, created_at, updated_at, updated_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)
             ON CONFLICT DO UPDATE SET version = ?4, body = ?5, sensitive = ?6, sealed = ?7, updated_at = ?8,
                 updated_by = ?9",
        )
        .and_then(|mut insert| {
            insert.execute(params![tenant, kind, id, number(version), body, sensitive, sealed, at, batch.by])
        })
        .map_err(sql)?;
    for (name, value) in &content.indexes {
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO resource_index (tenant, kind, id, name, value) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut insert| insert.execute(params![tenant, kind, id, name, value]))
            .map_err(sql)?;
    }
    Ok(())
}

fn delete(connection: &Connection, tenant: &str, kind: &str, id: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM resource WHERE tenant = ?1 AND kind = ?2 AND id = ?3")
        .and_then(|mut delete| delete.execute(params![tenant, kind, id]))
        .map(drop)
        .map_err(sql)
}

fn delete_indexes(connection: &Connection, tenant: &str, kind: &str, id: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM resource_index WHERE tenant = ?1 AND kind = ?2 AND id = ?3")
        .and_then(|mut delete| delete.execute(params![tenant, kind, id]))
        .map(drop)
        .map_err(sql)
}

/// Returns a page of a resource's history.
pub(crate) fn history(
    connection: &Connection,
    scope: &ResourceScope,
    kind: &str,
    id: &str,
    page: &Page,
) -> Result<Vec<ResourceVersion>> {
    let after = page.after_number()?.unwrap_or(0);
    let bodies: Vec<String> = connection
        .prepare_cached(
            "SELECT body FROM resource_history WHERE tenant = ?1 AND kind = ?2 AND id = ?3 AND version > ?4
             ORDER BY version LIMIT ?5",
        )
        .and_then(|mut statement| {
            let values = params![owner(scope), kind, id, number(after), limit(page.limit)];
            statement.query_map(values, |row| row.get(0))?.collect()
        })
        .map_err(sql)?;
    bodies.iter().map(|body| from_json(body)).collect()
}
