//! Documents as rows.

use std::collections::BTreeMap;

use nexus_core::access::{Authorised, Grantee, RequiredAccess, Visibility};
use nexus_core::document::Document;
use nexus_core::document::store::{DocumentQuery, Submission};
use nexus_core::{DocumentId, Error, Result, Timestamp, audit};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use crate::convert::{from_json, small, to_json};
use crate::db::select::Select;
use crate::error::sql;
use crate::rows::{corpus, version};

/// Row of a document.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) document: Document,
    /// Ordinal of the corpus.
    pub(crate) corpus: i64,
    /// Ordinal of the live version.
    pub(crate) live: Option<i64>,
    /// Number of the newest version.
    pub(crate) newest: u32,
}

pub(crate) fn not_found() -> Error {
    Error::not_found("there is no such document").with_code("DOCUMENT_NOT_FOUND")
}

pub(crate) fn find(connection: &Connection, tenant: &str, id: &DocumentId) -> Result<Option<Stored>> {
    let row: Option<(String, i64, Option<i64>, i64)> = connection
        .prepare_cached("SELECT body, corpus, live, newest FROM document WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            let columns = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            statement.query_row(params![tenant, id.as_str()], columns).optional()
        })
        .map_err(sql)?;
    row.map(|(body, corpus, live, newest)| {
        Ok(Stored { document: read_body(connection, &body)?, corpus, live, newest: small(newest)? })
    })
    .transpose()
}

/// Parses the body of a document. Metadata that is nested too deeply to be parsed is left out: it fails neither the
/// lists that contain the document nor the jobs queued behind it.
fn read_body(connection: &Connection, body: &str) -> Result<Document> {
    let unreadable: Error = match from_json(body) {
        Ok(document) => return Ok(document),
        Err(unreadable) => unreadable,
    };
    let bare = connection
        .prepare_cached("SELECT json_set(?1, '$.metadata', json('{}'))")
        .and_then(|mut statement| statement.query_row(params![body], |row| row.get::<_, String>(0)));
    let document = bare.map_err(sql).and_then(|bare| from_json(&bare)).map_err(|_: Error| unreadable)?;
    tracing::warn!("cannot parse the metadata of a document: it is left out");
    Ok(document)
}

/// Returns whether a document of this id exists.
pub(crate) fn exists(connection: &Connection, tenant: &str, id: &DocumentId) -> Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM document WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| statement.exists(params![tenant, id.as_str()]))
        .map_err(sql)
}

/// Writes a document's row, and keeps its live version.
pub(crate) fn save(
    connection: &Connection,
    tenant: &str,
    corpus: i64,
    document: &Document,
    newest: u32,
) -> Result<()> {
    let body = to_json(document)?;
    connection
        .prepare_cached(
            "INSERT INTO document (tenant, id, corpus, status, hash, newest, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (tenant, id) DO UPDATE SET status = ?4, hash = ?5, newest = ?6, body = ?7",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                tenant,
                document.id.as_str(),
                corpus,
                document.status.as_str(),
                document.content_hash,
                newest,
                body,
            ])
        })
        .map(drop)
        .map_err(sql)
}

/// Sets the live version of a document.
pub(crate) fn set_live(connection: &Connection, tenant: &str, id: &DocumentId, live: i64) -> Result<()> {
    connection
        .prepare_cached("UPDATE document SET live = ?3 WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| statement.execute(params![tenant, id.as_str(), live]))
        .map(drop)
        .map_err(sql)
}

pub(crate) fn list(
    connection: &Connection,
    tenant: &str,
    visibility: &Visibility,
    query: &DocumentQuery,
    now: Timestamp,
) -> Result<Vec<Document>> {
    let corpus = match &query.corpus {
        None => None,
        Some(id) => match corpus::row(connection, tenant, id) {
            Ok(row) => Some(row.ordinal),
            Err(error) if error.kind() == nexus_core::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        },
    };
    match visibility {
        Visibility::All => {
            let select = conditions(source(query), tenant, corpus, query);
            let (statement, values) = select.in_order("d.id");
            let mut found = Vec::new();
            each(connection, &statement, values, query, |document| {
                found.push(document);
                Ok(found.len() < query.page.limit)
            })?;
            Ok(found)
        }
        Visibility::Granted(grantees) => granted(connection, tenant, grantees, corpus, query, now),
    }
}

/// Returns the source of all documents of a tenant, in order of id.
fn source(query: &DocumentQuery) -> &'static str {
    match (&query.corpus, query.status) {
        (Some(_), Some(_)) => "SELECT d.body FROM document AS d INDEXED BY document_by_corpus_and_status",
        (Some(_), None) => "SELECT d.body FROM document AS d INDEXED BY document_by_corpus",
        (None, Some(_)) => "SELECT d.body FROM document AS d INDEXED BY document_by_status",
        (None, None) => "SELECT d.body FROM document AS d",
    }
}

fn conditions(source: &str, tenant: &str, corpus: Option<i64>, query: &DocumentQuery) -> Select {
    let mut select = Select::new(source);
    select.equal("d.tenant", tenant);
    select.compare("d.id", ">", query.page.after.clone().unwrap_or_default());
    if let Some(corpus) = corpus {
        select.compare("d.corpus", "=", corpus);
    }
    if let Some(status) = query.status {
        select.equal("d.status", status.as_str());
    }
    select
}

/// Returns the first documents that one of `grantees` may read: those of each grantee in order of id, merged.
fn granted(
    connection: &Connection,
    tenant: &str,
    grantees: &[Grantee],
    corpus: Option<i64>,
    query: &DocumentQuery,
    now: Timestamp,
) -> Result<Vec<Document>> {
    let mut found: BTreeMap<DocumentId, Document> = BTreeMap::new();
    for grantee in grantees {
        let source = "SELECT d.body FROM access AS a INDEXED BY access_by_grantee
             CROSS JOIN document AS d ON d.tenant = a.tenant AND d.id = a.document";
        let mut select = conditions(source, tenant, corpus, query);
        select.equal("a.tenant", tenant).equal("a.grantee", &grantee.to_string());
        select.compare("a.document", ">", query.page.after.clone().unwrap_or_default());
        select.and("a.permission IN ('read', 'write', 'owner')");
        select.and("(a.expires_at IS NULL").or("a.expires_at > ?)", now.as_micros());
        let (statement, values) = select.in_order("a.document");
        let (mut last, mut count) = (None, 0);
        each(connection, &statement, values, query, |document| {
            // A grantee with write access may have a grant to read, too.
            if last.as_ref() != Some(&document.id) {
                count += 1;
                last = Some(document.id.clone());
                found.insert(document.id.clone(), document);
            }
            Ok(count < query.page.limit)
        })?;
    }
    Ok(found.into_values().take(query.page.limit).collect())
}

/// Calls `take` with each document that has the tags of the query, until `take` returns false.
fn each(
    connection: &Connection,
    statement: &str,
    values: Vec<Box<dyn ToSql>>,
    query: &DocumentQuery,
    mut take: impl FnMut(Document) -> Result<bool>,
) -> Result<()> {
    if query.page.limit == 0 {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(statement).map_err(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let body = row.get_ref(0).and_then(|body| Ok(body.as_str()?)).map_err(sql)?;
        let document = read_body(connection, body)?;
        if query.tags.iter().all(|tag| document.tags.contains(tag)) && !take(document)? {
            break;
        }
    }
    Ok(())
}

pub(crate) fn delete(
    connection: &Connection,
    access: &Authorised<RequiredAccess>,
    id: &DocumentId,
    pending: &audit::UnsealedRecords,
) -> Result<String> {
    crate::rows::access::check(connection, access, id)?;
    let tenant = access.tenant().as_str();
    let stored = find(connection, tenant, id)?.ok_or_else(not_found)?;
    let live = stored.live.map(|live| version::find(connection, live)).transpose()?;
    if let Some(retired) = stored.document.remove(live)? {
        version::retire(connection, stored.corpus, retired)?;
    }
    connection
        .execute("DELETE FROM document WHERE tenant = ?1 AND id = ?2", params![tenant, id.as_str()])
        .map_err(sql)?;
    crate::rows::audit::append(connection, pending)?;
    Ok(stored.document.content_hash)
}

/// Returns whether a document of the tenant, other than `except`, references these raw bytes.
pub(crate) fn is_referenced(connection: &Connection, tenant: &str, hash: &str) -> Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM document WHERE tenant = ?1 AND hash = ?2")
        .and_then(|mut statement| statement.query_row(params![tenant, hash], |_| Ok(())).optional())
        .map(|found| found.is_some())
        .map_err(sql)
}

/// Checks the caps on the tenant's documents and bytes, the submitted document included.
pub(crate) fn check_quota(connection: &Connection, submission: &Submission) -> Result<()> {
    let Submission { quota, principal, id, size_bytes, .. } = submission;
    if quota.documents.is_none() && quota.bytes.is_none() {
        return Ok(());
    }
    let statement = if quota.bytes.is_some() {
        "SELECT count(*), coalesce(sum(json_extract(body, '$.size_bytes')), 0) FROM document
         WHERE tenant = ?1 AND id <> ?2"
    } else {
        "SELECT count(*), 0 FROM document WHERE tenant = ?1 AND id <> ?2"
    };
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    let (documents, bytes) = connection
        .prepare_cached(statement)
        .and_then(|mut totals| totals.query_row(params![principal.tenant_id(), id.as_str()], read))
        .map_err(sql)?;
    let (documents, bytes): (u64, u64) = (small(documents)?, small(bytes)?);
    quota.check_submission(documents.saturating_add(1), bytes.saturating_add(*size_bytes))
}
