//! Grants: access of principals to documents, and the check that a change has the access it needs.

use nexus_core::access::{Authorised, Grant, Grantee, Permission, RequiredAccess};
use nexus_core::audit::UnsealedRecords;
use nexus_core::document::store::Submission;
use nexus_core::{DocumentId, Error, GrantId, Page, Result, SubjectId, Timestamp, invalid_cursor};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::sql;
use crate::rows::{audit, document, version};

const COLUMNS: &str = "id, document, grantee, permission, granted_by, expires_at, created_at";

/// Checks, in the transaction of a change, that the caller holds the access to the document that the change needs.
pub(crate) fn check(
    connection: &Connection,
    access: &Authorised<RequiredAccess>,
    document: &DocumentId,
) -> Result<()> {
    let exists = document::exists(connection, access.tenant().as_str(), document)?;
    let grants = if exists { Some(list(connection, access.tenant().as_str(), document)?) } else { None };
    access.check_document(grants.as_deref())
}

/// Grants ownership of a new document to its submitter.
pub(crate) fn add_owner(connection: &Connection, submission: &Submission) -> Result<()> {
    let subject = submission.principal.subject();
    let grant = Grant {
        id: submission.owner_grant.clone(),
        document_id: submission.id.clone(),
        grantee: Grantee::User(subject.to_string()),
        permission: Permission::Owner,
        granted_by: subject.clone(),
        expires_at: None,
        created_at: submission.now,
    };
    put(connection, submission.principal.tenant_id(), &grant).map(drop)
}

fn put(connection: &Connection, tenant: &str, grant: &Grant) -> Result<Grant> {
    connection
        .prepare_cached(&format!(
            "INSERT INTO access (tenant, document, grantee, permission, expires_at, id, granted_by, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (tenant, document, grantee, permission) DO UPDATE SET expires_at = ?5
             RETURNING {COLUMNS}"
        ))
        .map_err(sql)?
        .query_row(
            params![
                tenant,
                grant.document_id.as_str(),
                grant.grantee.to_string(),
                grant.permission.as_str(),
                grant.expires_at.map(Timestamp::as_micros),
                grant.id.as_str(),
                grant.granted_by.as_str(),
                grant.created_at.as_micros(),
            ],
            |row| Ok(read(row)),
        )
        .map_err(sql)?
}

pub(crate) fn give(
    connection: &Connection,
    access: &Authorised<RequiredAccess>,
    grant: &Grant,
    record: &UnsealedRecords,
) -> Result<Grant> {
    check(connection, access, &grant.document_id)?;
    let kept = put(connection, access.tenant().as_str(), grant)?;
    version::touch(connection, access.tenant().as_str(), grant.document_id.as_str())?;
    audit::append(connection, record)?;
    Ok(kept)
}

pub(crate) fn revoke(
    connection: &Connection,
    access: &Authorised<RequiredAccess>,
    document: &DocumentId,
    id: &GrantId,
    record: &UnsealedRecords,
) -> Result<Grant> {
    check(connection, access, document)?;
    let tenant = access.tenant().as_str();
    let removed = connection
        .prepare_cached(&format!(
            "DELETE FROM access WHERE tenant = ?1 AND document = ?2 AND id = ?3 RETURNING {COLUMNS}"
        ))
        .and_then(|mut statement| {
            let key = params![tenant, document.as_str(), id.as_str()];
            statement.query_row(key, |row| Ok(read(row))).optional()
        })
        .map_err(sql)?;
    let grant =
        removed.ok_or_else(|| Error::not_found("there is no such grant").with_code("GRANT_NOT_FOUND"))??;
    version::touch(connection, tenant, document.as_str())?;
    audit::append(connection, record)?;
    Ok(grant)
}

/// Returns a page of the grants of a document, in order of creation.
pub(crate) fn page(
    connection: &Connection,
    tenant: &str,
    document: &DocumentId,
    page: &Page,
) -> Result<Vec<Grant>> {
    let mut grants = list(connection, tenant, document)?;
    if let Some(after) = &page.after {
        let place = grants.iter().position(|grant| grant.id.as_str() == after).ok_or_else(invalid_cursor)?;
        grants.drain(..=place);
    }
    grants.truncate(page.limit);
    Ok(grants)
}

/// Returns all grants of a document, in order of creation.
fn list(connection: &Connection, tenant: &str, document: &DocumentId) -> Result<Vec<Grant>> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS}, seq FROM access WHERE tenant = ?1 AND document = ?2"))
        .map_err(sql)?;
    let mut rows = statement.query(params![tenant, document.as_str()]).map_err(sql)?;
    let mut grants: Vec<(i64, Grant)> = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        grants.push((row.get(7).map_err(sql)?, read(row)?));
    }
    grants.sort_unstable_by_key(|(seq, _)| *seq);
    Ok(grants.into_iter().map(|(_, grant)| grant).collect())
}

fn read(row: &Row<'_>) -> Result<Grant> {
    let text = |column| row.get::<_, String>(column).map_err(sql);
    let expires_at: Option<i64> = row.get(5).map_err(sql)?;
    Ok(Grant {
        id: GrantId::parse(text(0)?)?,
        document_id: DocumentId::parse(text(1)?)?,
        grantee: text(2)?.parse()?,
        permission: text(3)?.parse()?,
        granted_by: SubjectId::parse(text(4)?)?,
        expires_at: expires_at.map(Timestamp::from_micros),
        created_at: Timestamp::from_micros(row.get(6).map_err(sql)?),
    })
}
