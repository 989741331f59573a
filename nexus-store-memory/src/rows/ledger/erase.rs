//! Erasure of a run's call texts. The calls, their entries and their records hold no text and stay.

use nexus_core::{Result, RunId};
use rusqlite::{Connection, params};

use crate::error::sql;

/// Erases the results of a run's calls, with their idempotency records, and the reasoning of their models. Every call
/// of a run with a result has an entry in the ledger.
pub(crate) fn forget_run(connection: &Connection, tenant: &str, run: &RunId) -> Result<()> {
    let key = params![tenant, run.as_str()];
    for statement in [
        // A later run may have reused a key: its record names that run's call.
        "DELETE FROM idempotency_key WHERE result IS NOT NULL AND (tenant, operation, key, call) IN (
             SELECT tenant, endpoint, request_id, id FROM llm_api_calls
             WHERE tenant = ?1 AND id IN (SELECT call FROM billing_ledger INDEXED BY line_by_run WHERE tenant = ?1 AND run = ?2))",
        "UPDATE llm_api_calls SET reasoning = NULL
         WHERE reasoning IS NOT NULL AND tenant = ?1
           AND id IN (SELECT call FROM billing_ledger INDEXED BY line_by_run WHERE tenant = ?1 AND run = ?2)",
    ] {
        connection.execute(statement, key).map_err(sql)?;
    }
    Ok(())
}
