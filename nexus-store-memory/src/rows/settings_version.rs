//! Version of a tenant's settings: the number of changes of its own ones and of those of all tenants.
//!
//! A cache of settings holds for one version, so every change of them raises the version in its own transaction.

use nexus_core::Result;
use rusqlite::{Connection, params};

use crate::convert::small;
use crate::error::sql;

/// Key of the changes that concern every tenant.
pub(crate) const ALL_TENANTS: &str = "";

/// Returns the version of a tenant's settings.
pub(crate) fn read(connection: &Connection, tenant: &str) -> Result<u64> {
    let version: i64 = connection
        .prepare_cached("SELECT coalesce(sum(version), 0) FROM settings_version WHERE tenant IN ('', ?1)")
        .and_then(|mut statement| statement.query_row(params![tenant], |row| row.get(0)))
        .map_err(sql)?;
    small(version)
}

/// Raises the version of a tenant's settings, or of those of [`ALL_TENANTS`].
pub(crate) fn raise(connection: &Connection, tenant: &str) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO settings_version (tenant, version) VALUES (?1, 1)
             ON CONFLICT DO UPDATE SET version = version + 1",
        )
        .and_then(|mut statement| statement.execute(params![tenant]))
        .map(drop)
        .map_err(sql)
}
