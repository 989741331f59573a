//! What a store holds for a tenant, in numbers.

use nexus_core::retrieve::ModelId;
use nexus_core::store::Census;
use nexus_core::{Result, TenantId};
use rusqlite::{Connection, params};

use crate::error::sql;
use crate::row::small;

/// Counts. Reads rows that say how much there is, not what there is.
pub(crate) fn census(connection: &Connection, tenant: &TenantId, store: String) -> Result<Census> {
    let count = |statement: &str| -> Result<u64> {
        let found: i64 = connection
            .prepare_cached(statement)
            .and_then(|mut statement| statement.query_row(params![tenant.as_str()], |row| row.get(0)))
            .map_err(sql)?;
        small(found)
    };
    Ok(Census {
        store,
        corpora: count("SELECT count(*) FROM corpus WHERE tenant = ?1")?,
        documents: count("SELECT count(*) FROM document WHERE tenant = ?1")?,
        documents_in_flight: count(
            "SELECT count(*) FROM document WHERE tenant = ?1 AND status IN ('queued', 'processing')",
        )?,
        documents_failed: count("SELECT count(*) FROM document WHERE tenant = ?1 AND status = 'failed'")?,
        passages: count(
            "SELECT coalesce(sum(passages), 0) FROM version WHERE tenant = ?1 AND state = 'live'",
        )?,
        vectors: vectors(connection, tenant)?,
        runs: count("SELECT count(*) FROM run WHERE tenant = ?1")?,
        runs_unfinished: count("SELECT count(*) FROM run WHERE tenant = ?1 AND closed = 0")?,
        audit_records: count("SELECT coalesce(sum(next_seq), 0) FROM audit_head WHERE tenant = ?1")?,
    })
}

fn vectors(connection: &Connection, tenant: &TenantId) -> Result<Vec<(ModelId, u64)>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT model.name, sum(version.vectors) FROM version JOIN model ON model.id = version.model
             WHERE version.tenant = ?1 AND version.state = 'live' AND version.vectors > 0
             GROUP BY model.name ORDER BY model.name",
        )
        .map_err(sql)?;
    let mut rows = statement.query(params![tenant.as_str()]).map_err(sql)?;
    let mut vectors = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let name: String = row.get(0).map_err(sql)?;
        vectors.push((ModelId::parse(name)?, small(row.get(1).map_err(sql)?)?));
    }
    Ok(vectors)
}
