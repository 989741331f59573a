//! Limits that were set for a tenant at run time.

use nexus_core::Result;
use nexus_core::audit::UnsealedRecords;
use nexus_core::quota::{Limit, LimitKey};
use rusqlite::{Connection, params};

use crate::convert::{from_json, to_json};
use crate::error::sql;
use crate::rows::{audit, settings_version};

/// Returns the limits, in the order of their keys.
pub(crate) fn limits(connection: &Connection, tenant: &str) -> Result<Vec<Limit>> {
    let mut statement =
        connection.prepare_cached("SELECT body FROM quota_limit WHERE tenant = ?1").map_err(sql)?;
    let bodies = statement.query_map(params![tenant], |row| row.get::<_, String>(0)).map_err(sql)?;
    let mut limits = bodies.map(|body| from_json(&body.map_err(sql)?)).collect::<Result<Vec<Limit>>>()?;
    limits.sort_by(|one, two| one.subject.cmp(&two.subject));
    Ok(limits)
}

/// Sets a limit.
pub(crate) fn set_limit(
    connection: &Connection,
    tenant: &str,
    limit: &Limit,
    record: &UnsealedRecords,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO quota_limit (tenant, subject, body) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET body = ?3",
        )
        .map_err(sql)?
        .execute(params![tenant, to_json(&limit.subject)?, to_json(limit)?])
        .map_err(sql)?;
    settings_version::raise(connection, tenant)?;
    audit::append(connection, record).map(drop)
}

/// Removes a limit. A limit that was not set leaves no record.
pub(crate) fn remove_limit(
    connection: &Connection,
    tenant: &str,
    subject: &LimitKey,
    record: &UnsealedRecords,
) -> Result<bool> {
    let removed = connection
        .prepare_cached("DELETE FROM quota_limit WHERE tenant = ?1 AND subject = ?2")
        .map_err(sql)?
        .execute(params![tenant, to_json(subject)?])
        .map_err(sql)?;
    if removed > 0 {
        settings_version::raise(connection, tenant)?;
        audit::append(connection, record)?;
    }
    Ok(removed > 0)
}
