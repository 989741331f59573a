//! Tables of model calls. An export is a store at one moment: opening its copy recovers the calls that were in
//! flight. Idempotency records are left out, and with them the stored answers.

use nexus_core::Result;
use rusqlite::{Connection, params};
use serde_json::{Map, Value};

use super::damaged;
use super::table::Number::{Plain, Since};
use super::table::Table;

/// Table whose columns mean the same in every store, in the order of `order`; older exports lack some of them.
macro_rules! plain {
    ($name:literal by $order:literal: $first:literal $(, $column:literal)* $(; since $since:literal: $($new:literal),+)?) => {
        Table {
            name: $name,
            rows: concat!(
                "SELECT ", $first, $(", ", $column,)* $($(", ", $new,)+)? " FROM ", $name,
                " WHERE tenant = ?1 ORDER BY ", $order
            ),
            columns: &[($first, Plain) $(, ($column, Plain))* $($(, ($new, Since($since)))+)?],
        }
    };
}

pub(super) const TABLES: &[Table] = &[
    plain!(
        "llm_api_calls" by "seq":
        "tenant", "id", "organisation", "user", "provider", "model", "endpoint", "request_id", "correlation_id",
        "created_at", "status", "input_tokens", "output_tokens", "cost_nano", "latency_ms", "was_cached", "owner",
        "billable", "request_metadata", "body", "reasoning"; since 3: "attempt", "counters"
    ),
    plain!(
        "quota_counter" by "scope, id, model, window":
        "tenant", "scope", "id", "model", "window", "ends_at", "reserved_calls", "reserved_tokens",
        "reserved_cost_units", "reserved_nano", "settled_calls", "settled_tokens", "settled_cost_units", "settled_nano"
    ),
    plain!(
        "billing_ledger" by "seq":
        "tenant", "seq", "ts", "day", "user", "investigation", "run", "model", "call", "attempt", "calls", "tokens",
        "cost_units", "cost_nano", "body"; since 3: "revision", "estimated", "counters"
    ),
    plain!(
        "llm_usage_daily" by "scope, scope_id, day, model":
        "tenant", "scope", "scope_id", "day", "model", "calls", "tokens", "cost_units", "cost_nano"
    ),
    plain!(
        "usage_records" by "date, provider":
        "tenant", "date", "provider", "tokens", "embedding_tokens", "queries", "documents", "bytes", "cost_nano"
    ),
    plain!("quota_limit" by "subject": "tenant", "subject", "body"),
    plain!("stop" by "scope, id": "tenant", "scope", "id", "body"),
    plain!("hour_tally" by "scope, id, hour": "tenant", "scope", "id", "hour", "spent_nano", "calls", "failed"),
];

/// Imports a row of a table that only exports before the current version have. Returns whether it was one.
pub(super) fn put_older(
    connection: &Connection,
    tenant: &str,
    version: u32,
    (table, row): (&str, &Map<String, Value>),
) -> Result<bool> {
    match table {
        // Derived from `llm_usage_daily`.
        "llm_monthly_costs" if version < 3 => Ok(true),
        "llm_attempt" if version < 3 => {
            let text = |name: &str| row.get(name).and_then(Value::as_str);
            let put = connection
                .execute(
                    "UPDATE llm_api_calls SET attempt = ?3, counters = ?4 WHERE tenant = ?1 AND id = ?2",
                    params![tenant, text("call"), text("body"), text("counters")],
                )
                .map_err(crate::error::sql)?;
            if put == 1 { Ok(true) } else { Err(damaged("the export has an attempt without its call")) }
        }
        // Derived from the vectors.
        "dimension" if version < 4 => Ok(true),
        _ => Ok(false),
    }
}
