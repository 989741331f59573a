//! What is erased with a run: texts of its calls. The calls, their lines and their records hold none and stay.

use nexus_core::{Result, RunId, TenantId};
use rusqlite::{Connection, params};

use crate::error::sql;

/// Erases what the calls of a run came to, with their claims, and what their models thought. Every call of a run that came
/// to something has a line in the ledger.
pub(crate) fn forget_run(connection: &Connection, tenant: &TenantId, run: &RunId) -> Result<()> {
    let key = params![tenant.as_str(), run.as_str()];
    for statement in [
        // A key may have become another run's since: its claim names that run's call.
        "DELETE FROM claim WHERE result IS NOT NULL AND (tenant, operation, key, call) IN (
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
