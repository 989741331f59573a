//! The tables of model calls. An export is a store stopped at one moment: a call that is under way then is found open
//! by whoever opens the copy. Claims stay behind, and with them the answers that they keep.

use super::table::Number::{Plain, Since};
use super::table::Table;

/// A table whose columns mean the same in every store, in the order of `order`.
macro_rules! plain {
    ($name:literal by $order:literal: $first:literal $(, $column:literal)*) => {
        Table {
            name: $name,
            rows: concat!(
                "SELECT ", $first, $(", ", $column,)* " FROM ", $name, " WHERE tenant = ?1 ORDER BY ", $order
            ),
            columns: &[($first, Plain) $(, ($column, Plain))*],
        }
    };
}

pub(super) const TABLES: &[Table] = &[
    plain!(
        "llm_api_calls" by "seq":
        "tenant", "id", "organisation", "user", "provider", "model", "endpoint", "request_id", "correlation_id",
        "created_at", "status", "input_tokens", "output_tokens", "cost_nano", "latency_ms", "was_cached", "owner",
        "billable", "request_metadata", "body", "reasoning"
    ),
    plain!("llm_attempt" by "call": "tenant", "call", "number", "counters", "body"),
    plain!(
        "quota_counter" by "scope, id, model, window":
        "tenant", "scope", "id", "model", "window", "ends_at", "reserved_calls", "reserved_tokens",
        "reserved_cost_units", "reserved_nano", "settled_calls", "settled_tokens", "settled_cost_units", "settled_nano"
    ),
    Table {
        name: "billing_ledger",
        rows: "SELECT tenant, seq, ts, day, user, investigation, run, model, call, attempt, revision, calls, tokens,
               cost_units, cost_nano, counters, body FROM billing_ledger WHERE tenant = ?1 ORDER BY seq",
        columns: &[
            ("tenant", Plain),
            ("seq", Plain),
            ("ts", Plain),
            ("day", Plain),
            ("user", Plain),
            ("investigation", Plain),
            ("run", Plain),
            ("model", Plain),
            ("call", Plain),
            ("attempt", Plain),
            ("revision", Since(3)),
            ("calls", Plain),
            ("tokens", Plain),
            ("cost_units", Plain),
            ("cost_nano", Plain),
            ("counters", Since(3)),
            ("body", Plain),
        ],
    },
    plain!(
        "llm_usage_daily" by "scope, scope_id, day, model":
        "tenant", "scope", "scope_id", "day", "model", "calls", "tokens", "cost_units", "cost_nano"
    ),
    plain!("llm_monthly_costs" by "user, month": "tenant", "user", "month", "calls", "tokens", "cost_nano"),
    plain!(
        "usage_records" by "date, provider":
        "tenant", "date", "provider", "tokens", "embedding_tokens", "queries", "documents", "bytes", "cost_nano"
    ),
    plain!("quota_limit" by "subject": "tenant", "subject", "body"),
    plain!("stop" by "scope, id": "tenant", "scope", "id", "body"),
    plain!("hour_tally" by "scope, id, hour": "tenant", "scope", "id", "hour", "spent_nano", "calls", "failed"),
];
