//! Initial state of a counter: the ledger's sum for its scope, model and window, whenever its limit was set.
//!
//! The first call that a limit applies to creates a counter, in the transaction that also reserves; a counter that
//! was swept is restored the same way. Attempts in flight then are counted by [`counter::covering`] when they end.
//!
//! [`counter::covering`]: super::counter::covering

use nexus_core::Result;
use nexus_core::quota::{CounterKey, CounterState, LedgerPeriod, ScopeKind};
use rusqlite::{Connection, params};

use super::counter::read_amounts;
use crate::error::sql;

/// Returns the initial state of a counter.
pub(super) fn seed(connection: &Connection, tenant: &str, key: &CounterKey) -> Result<CounterState> {
    let Some(period) = LedgerPeriod::of_window(&key.window) else { return Ok(CounterState::default()) };
    let (from, until): (&dyn rusqlite::ToSql, &dyn rusqlite::ToSql) = match &period {
        LedgerPeriod::Days { first, last, .. } => (first, last),
        LedgerPeriod::Admitted { from, until } => (from, until),
    };
    let settled = connection
        .prepare_cached(statement(key.scope, &period))
        .and_then(|mut statement| {
            let values = params![tenant, key.id, key.model, from, until];
            statement.query_row(values, |row| Ok(read_amounts(row, 0)))
        })
        .map_err(sql)??;
    Ok(CounterState { settled, ..CounterState::default() })
}

/// Statement for the sums of entries `l`.
macro_rules! sums {
    ($($from:expr),+) => {
        concat!(
            "SELECT coalesce(sum(l.calls), 0), coalesce(sum(l.tokens), 0), coalesce(sum(l.cost_units), 0),
                    coalesce(sum(l.cost_nano), 0) FROM ", $($from),+
        )
    };
}

/// Sums of days for a scope of the daily sums.
macro_rules! of_days {
    ($scope:literal) => {
        sums!(
            "llm_usage_daily AS l WHERE l.tenant = ?1 AND l.scope = '",
            $scope,
            "' AND l.scope_id = ?2
             AND l.day BETWEEN ?4 AND ?5 AND (?3 = '*' OR l.model = ?3)"
        )
    };
}

/// Sums of days for a column of the ledger.
macro_rules! of_booked {
    ($column:literal, $and:literal) => {
        sums!(
            "billing_ledger AS l INDEXED BY line_by_",
            $column,
            " WHERE l.tenant = ?1 AND l.",
            $column,
            " = ?2
             AND l.day BETWEEN ?4 AND ?5 AND (?3 = '*' OR l.model = ?3)",
            $and
        )
    };
}

/// Sums of the calls that a consumer had admitted.
macro_rules! of_calls {
    ($column:literal) => {
        sums!(
            "llm_api_calls AS c CROSS JOIN billing_ledger AS l INDEXED BY line_by_call
             WHERE c.tenant = ?1 AND c.",
            $column,
            " = ?2 AND c.created_at >= ?4 AND c.created_at < ?5
               AND l.tenant = ?1 AND l.call = c.id AND l.revision = 0 AND (?3 = '*' OR l.model = ?3)"
        )
    };
}

/// Sums of the admitted calls for a column of the ledger. No zone is further than a day from UTC.
macro_rules! of_booked_calls {
    ($column:literal) => {
        sums!(
            "billing_ledger AS l INDEXED BY line_by_", $column, "
                  CROSS JOIN llm_api_calls AS c ON c.tenant = l.tenant AND c.id = l.call
             WHERE l.tenant = ?1 AND l.", $column, " = ?2
               AND l.day BETWEEN date(?4 / 1000000, 'unixepoch', '-1 day') AND date(?5 / 1000000, 'unixepoch', '+1 day')
               AND l.revision = 0 AND c.created_at >= ?4 AND c.created_at < ?5 AND (?3 = '*' OR l.model = ?3)"
        )
    };
}

/// Returns the statement for the sums of a scope: `?2` is its id, `?3` the model or `*`, `?4` and `?5` the period.
const fn statement(scope: ScopeKind, period: &LedgerPeriod) -> &'static str {
    match (period, scope) {
        // A tenant's questions count from their end, whatever their attempts were charged.
        (LedgerPeriod::Days { is_chat_only: true, .. }, ScopeKind::Tenant) => {
            "SELECT coalesce(sum(queries), 0), 0, 0, 0 FROM usage_records
             WHERE tenant = ?1 AND ?1 = ?2 AND ?3 = '*' AND date BETWEEN ?4 AND ?5"
        }
        (LedgerPeriod::Days { is_chat_only: true, .. }, _) => {
            of_booked!("run", " AND json_extract(l.body, '$.kind') = 'chat'")
        }
        (LedgerPeriod::Days { .. }, ScopeKind::Tenant) => of_days!("tenant"),
        (LedgerPeriod::Days { .. }, ScopeKind::Organisation) => of_days!("organisation"),
        (LedgerPeriod::Days { .. }, ScopeKind::User) => of_days!("user"),
        (LedgerPeriod::Days { .. }, ScopeKind::Investigation) => of_booked!("investigation", ""),
        (LedgerPeriod::Days { .. }, ScopeKind::Run) => of_booked!("run", ""),
        (LedgerPeriod::Admitted { .. }, ScopeKind::Tenant) => of_calls!("tenant"),
        (LedgerPeriod::Admitted { .. }, ScopeKind::Organisation) => of_calls!("organisation"),
        (LedgerPeriod::Admitted { .. }, ScopeKind::User) => of_calls!("user"),
        (LedgerPeriod::Admitted { .. }, ScopeKind::Investigation) => of_booked_calls!("investigation"),
        (LedgerPeriod::Admitted { .. }, ScopeKind::Run) => of_booked_calls!("run"),
    }
}

/// Restores the all-time counters from the ledger. Those of an earlier format were zero when their limit was set.
pub(crate) fn seed_totals(connection: &Connection, tenant: &str) -> Result<()> {
    connection.execute(SEED_TOTALS, params![tenant]).map(drop).map_err(sql)
}

/// As in the migration to format 6, for one tenant.
const SEED_TOTALS: &str = "
    UPDATE quota_counter AS q SET (settled_calls, settled_tokens, settled_cost_units, settled_nano) = (
        SELECT coalesce(sum(calls), 0), coalesce(sum(tokens), 0), coalesce(sum(cost_units), 0),
               coalesce(sum(cost_nano), 0)
        FROM (SELECT calls, tokens, cost_units, cost_nano FROM llm_usage_daily AS d
              WHERE q.scope IN ('tenant', 'organisation', 'user') AND d.tenant = q.tenant AND d.scope = q.scope
                AND d.scope_id = q.id AND (q.model = '*' OR d.model = q.model)
              UNION ALL SELECT calls, tokens, cost_units, cost_nano FROM billing_ledger AS l INDEXED BY line_by_investigation
              WHERE q.scope = 'investigation' AND l.tenant = q.tenant AND l.investigation = q.id
                AND (q.model = '*' OR l.model = q.model)
              UNION ALL SELECT calls, tokens, cost_units, cost_nano FROM billing_ledger AS l INDEXED BY line_by_run
              WHERE q.scope = 'run' AND l.tenant = q.tenant AND l.run = q.id
                AND (q.model = '*' OR l.model = q.model)))
    WHERE tenant = ?1 AND window = 'total'";
