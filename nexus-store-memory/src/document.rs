//! Documents as rows.

use nexus_core::access::{Authorised, RequiredAccess, Visibility};
use nexus_core::document::store::DocumentQuery;
use nexus_core::document::{Document, DocumentStatus};
use nexus_core::{DocumentId, Error, ErrorKind, Result, TenantId, Timestamp, audit};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::sql;
use crate::row::{from_json, limit, small, to_json};
use crate::{corpus, permitted, version};

/// A document's row.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) document: Document,
    /// The corpus's ordinal.
    pub(crate) corpus: i64,
    /// The ordinal of the version that is searched.
    pub(crate) live: Option<i64>,
    /// The number of the newest version.
    pub(crate) newest: u32,
}

pub(crate) fn not_found() -> Error {
    Error::not_found("there is no such document").code("DOCUMENT_NOT_FOUND")
}

pub(crate) fn find(connection: &Connection, tenant: &TenantId, id: &DocumentId) -> Result<Option<Stored>> {
    let row: Option<(String, i64, Option<i64>, i64)> = connection
        .prepare_cached("SELECT body, corpus, live, newest FROM document WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            let columns = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            statement.query_row(params![tenant.as_str(), id.as_str()], columns).optional()
        })
        .map_err(sql)?;
    row.map(|(body, corpus, live, newest)| {
        Ok(Stored { document: from_json(&body)?, corpus, live, newest: small(newest)? })
    })
    .transpose()
}

/// Whether there is a document of this id.
pub(crate) fn exists(connection: &Connection, tenant: &TenantId, id: &DocumentId) -> Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM document WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| statement.exists(params![tenant.as_str(), id.as_str()]))
        .map_err(sql)
}

/// Writes a document's row, keeping which version is live.
pub(crate) fn save(
    connection: &Connection,
    tenant: &TenantId,
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
                tenant.as_str(),
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

/// Sets which version is searched.
pub(crate) fn set_live(connection: &Connection, tenant: &TenantId, id: &DocumentId, live: i64) -> Result<()> {
    connection
        .prepare_cached("UPDATE document SET live = ?3 WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| statement.execute(params![tenant.as_str(), id.as_str(), live]))
        .map(drop)
        .map_err(sql)
}

pub(crate) fn list(
    connection: &Connection,
    tenant: &TenantId,
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
    let mut statement = connection
        .prepare_cached(
            "SELECT body FROM document AS d WHERE tenant = ?1 AND id > ?2
               AND (?3 IS NULL OR corpus = ?3) AND (?4 IS NULL OR status = ?4)
               AND NOT EXISTS (SELECT 1 FROM json_each(?5) AS wanted WHERE wanted.value NOT IN
                   (SELECT value FROM json_each(d.body, '$.tags')))
               AND (?6 IS NULL OR EXISTS (SELECT 1 FROM access AS a
                   WHERE a.tenant = d.tenant AND a.document = d.id AND a.permission IN ('read', 'write', 'owner')
                     AND (a.expires_at IS NULL OR a.expires_at > ?7)
                     AND a.grantee IN (SELECT value FROM json_each(?6))))
             ORDER BY id LIMIT ?8",
        )
        .map_err(sql)?;
    let after = query.after.as_ref().map_or("", DocumentId::as_str);
    let bodies = statement
        .query_map(
            params![
                tenant.as_str(),
                after,
                corpus,
                query.status.map(DocumentStatus::as_str),
                to_json(&query.tags)?,
                permitted::grantees(visibility)?,
                now.as_micros(),
                limit(query.limit),
            ],
            |row| row.get::<_, String>(0),
        )
        .map_err(sql)?;
    bodies.map(|body| from_json(&body.map_err(sql)?)).collect()
}

pub(crate) fn delete(
    connection: &Connection,
    access: &Authorised<RequiredAccess>,
    id: &DocumentId,
    pending: &audit::Pending,
) -> Result<String> {
    crate::access::check(connection, access, id)?;
    let tenant = access.tenant();
    let stored = find(connection, tenant, id)?.ok_or_else(not_found)?;
    check_idle(&stored.document)?;
    if let Some(live) = stored.live {
        version::retire(connection, stored.corpus, live)?;
    }
    connection
        .execute("DELETE FROM document WHERE tenant = ?1 AND id = ?2", params![tenant.as_str(), id.as_str()])
        .map_err(sql)?;
    crate::audit::append(connection, pending)?;
    Ok(stored.document.content_hash)
}

/// Checks that no job of the document is still to end.
pub(crate) fn check_idle(document: &Document) -> Result<()> {
    if document.status.is_in_flight() {
        return Err(Error::new(ErrorKind::Conflict, "the document is being ingested")
            .code("DOCUMENT_IN_FLIGHT")
            .hint("wait until its job has ended"));
    }
    Ok(())
}

/// Whether a document of the tenant, other than `except`, rests on these raw bytes.
pub(crate) fn is_referenced(connection: &Connection, tenant: &str, hash: &str) -> Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM document WHERE tenant = ?1 AND hash = ?2")
        .and_then(|mut statement| statement.query_row(params![tenant, hash], |_| Ok(())).optional())
        .map(|found| found.is_some())
        .map_err(sql)
}
