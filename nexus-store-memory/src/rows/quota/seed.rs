//! Initial state of a counter: the ledger's sum for its scope, model and window, whenever its limit was set.
//!
//! The first call that a limit applies to creates a counter, in the transaction that also reserves; a counter that
//! was swept is restored the same way. Attempts in flight then are counted by [`counter::covering`] when they end.
//!
//! [`counter::covering`]: super::counter::covering

use nexus_core::Result;
use nexus_core::quota::{ANSWERS, CounterKey, CounterState, ScopeKind};
use rusqlite::{Connection, params};

use super::counter::read_amounts;
use crate::error::sql;

/// Upper bound of all days of a ledger.
const LAST: &str = "~";

/// Period of a counter's window.
enum Stretch {
    /// Civil days, both included.
    Days(String, String),
    /// Microseconds since 1970, the end excluded.
    Micros(i64, i64),
    /// All time, of a run's chat calls.
    Answers,
}

impl Stretch {
    /// Parses a window's name.
    fn of(window: &str) -> Option<Self> {
        if window == ANSWERS {
            return Some(Self::Answers);
        }
        match window.split_once('/') {
            None if window == "total" => Some(Self::Days(String::new(), LAST.to_owned())),
            Some(("d", day)) => Some(Self::Days(day.to_owned(), day.to_owned())),
            Some(("m", month)) => Some(Self::Days(format!("{month}-01"), format!("{month}-31"))),
            Some((seconds, number)) => {
                let length = seconds.strip_prefix('s')?.parse::<i64>().ok()?.checked_mul(1_000_000)?;
                let from = number.parse::<i64>().ok()?.checked_mul(length)?;
                Some(Self::Micros(from, from.checked_add(length)?))
            }
            None => None,
        }
    }
}

/// Returns the initial state of a counter.
pub(super) fn seed(connection: &Connection, tenant: &str, key: &CounterKey) -> Result<CounterState> {
    let Some(stretch) = Stretch::of(&key.window) else { return Ok(CounterState::default()) };
    let values = |from: &dyn rusqlite::ToSql, until: &dyn rusqlite::ToSql| {
        let statement = statement(key.scope, &stretch);
        connection
            .prepare_cached(statement)
            .and_then(|mut statement| {
                statement.query_row(params![tenant, key.id, key.model, from, until], |row| {
                    Ok(read_amounts(row, 0))
                })
            })
            .map_err(sql)?
    };
    let settled = match &stretch {
        Stretch::Days(first, last) => values(first, last),
        Stretch::Micros(from, until) => values(from, until),
        Stretch::Answers => values(&"", &LAST),
    }?;
    Ok(CounterState { settled, ..CounterState::default() })
}

/// Returns the statement for the sums of a scope: `?2` is its id, `?3` the model or `*`, `?4` and `?5` the period.
///
/// A period of seconds holds the attempts of the calls admitted within it, as they were counted then: its window ends
/// by itself, so reconciliations do not change it.
const fn statement(scope: ScopeKind, stretch: &Stretch) -> &'static str {
    match (stretch, scope) {
        (Stretch::Days(..), ScopeKind::Tenant) => {
            "SELECT coalesce(sum(calls), 0), coalesce(sum(tokens), 0), coalesce(sum(cost_units), 0),
                    coalesce(sum(cost_nano), 0)
             FROM llm_usage_daily
             WHERE tenant = ?1 AND scope = 'tenant' AND scope_id = ?2 AND day BETWEEN ?4 AND ?5
               AND (?3 = '*' OR model = ?3)"
        }
        (Stretch::Days(..), ScopeKind::Organisation) => {
            "SELECT coalesce(sum(calls), 0), coalesce(sum(tokens), 0), coalesce(sum(cost_units), 0),
                    coalesce(sum(cost_nano), 0)
             FROM llm_usage_daily
             WHERE tenant = ?1 AND scope = 'organisation' AND scope_id = ?2 AND day BETWEEN ?4 AND ?5
               AND (?3 = '*' OR model = ?3)"
        }
        (Stretch::Days(..), ScopeKind::User) => {
            "SELECT coalesce(sum(calls), 0), coalesce(sum(tokens), 0), coalesce(sum(cost_units), 0),
                    coalesce(sum(cost_nano), 0)
             FROM llm_usage_daily
             WHERE tenant = ?1 AND scope = 'user' AND scope_id = ?2 AND day BETWEEN ?4 AND ?5
               AND (?3 = '*' OR model = ?3)"
        }
        (Stretch::Days(..), ScopeKind::Investigation) => {
            "SELECT coalesce(sum(calls), 0), coalesce(sum(tokens), 0), coalesce(sum(cost_units), 0),
                    coalesce(sum(cost_nano), 0)
             FROM billing_ledger INDEXED BY line_by_investigation
             WHERE tenant = ?1 AND investigation = ?2 AND day BETWEEN ?4 AND ?5 AND (?3 = '*' OR model = ?3)"
        }
        (Stretch::Days(..), ScopeKind::Run) => {
            "SELECT coalesce(sum(calls), 0), coalesce(sum(tokens), 0), coalesce(sum(cost_units), 0),
                    coalesce(sum(cost_nano), 0)
             FROM billing_ledger INDEXED BY line_by_run
             WHERE tenant = ?1 AND run = ?2 AND day BETWEEN ?4 AND ?5 AND (?3 = '*' OR model = ?3)"
        }
        (Stretch::Answers, _) => {
            "SELECT coalesce(sum(calls), 0), coalesce(sum(tokens), 0), coalesce(sum(cost_units), 0),
                    coalesce(sum(cost_nano), 0)
             FROM billing_ledger INDEXED BY line_by_run
             WHERE tenant = ?1 AND run = ?2 AND day BETWEEN ?4 AND ?5 AND (?3 = '*' OR model = ?3)
               AND json_extract(body, '$.kind') = 'chat'"
        }
        (Stretch::Micros(..), ScopeKind::Tenant) => {
            "SELECT coalesce(sum(l.calls), 0), coalesce(sum(l.tokens), 0), coalesce(sum(l.cost_units), 0),
                    coalesce(sum(l.cost_nano), 0)
             FROM llm_api_calls AS c CROSS JOIN billing_ledger AS l INDEXED BY line_by_call
             WHERE c.tenant = ?1 AND c.tenant = ?2 AND c.created_at >= ?4 AND c.created_at < ?5
               AND l.tenant = ?1 AND l.call = c.id AND l.revision = 0 AND (?3 = '*' OR l.model = ?3)"
        }
        (Stretch::Micros(..), ScopeKind::Organisation) => {
            "SELECT coalesce(sum(l.calls), 0), coalesce(sum(l.tokens), 0), coalesce(sum(l.cost_units), 0),
                    coalesce(sum(l.cost_nano), 0)
             FROM llm_api_calls AS c CROSS JOIN billing_ledger AS l INDEXED BY line_by_call
             WHERE c.tenant = ?1 AND c.organisation = ?2 AND c.created_at >= ?4 AND c.created_at < ?5
               AND l.tenant = ?1 AND l.call = c.id AND l.revision = 0 AND (?3 = '*' OR l.model = ?3)"
        }
        (Stretch::Micros(..), ScopeKind::User) => {
            "SELECT coalesce(sum(l.calls), 0), coalesce(sum(l.tokens), 0), coalesce(sum(l.cost_units), 0),
                    coalesce(sum(l.cost_nano), 0)
             FROM llm_api_calls AS c CROSS JOIN billing_ledger AS l INDEXED BY line_by_call
             WHERE c.tenant = ?1 AND c.user = ?2 AND c.created_at >= ?4 AND c.created_at < ?5
               AND l.tenant = ?1 AND l.call = c.id AND l.revision = 0 AND (?3 = '*' OR l.model = ?3)"
        }
        // No zone is further than a day from UTC.
        (Stretch::Micros(..), ScopeKind::Investigation) => {
            "SELECT coalesce(sum(l.calls), 0), coalesce(sum(l.tokens), 0), coalesce(sum(l.cost_units), 0),
                    coalesce(sum(l.cost_nano), 0)
             FROM billing_ledger AS l INDEXED BY line_by_investigation
                  CROSS JOIN llm_api_calls AS c ON c.tenant = l.tenant AND c.id = l.call
             WHERE l.tenant = ?1 AND l.investigation = ?2
               AND l.day BETWEEN date(?4 / 1000000, 'unixepoch', '-1 day') AND date(?5 / 1000000, 'unixepoch', '+1 day')
               AND l.revision = 0 AND c.created_at >= ?4 AND c.created_at < ?5 AND (?3 = '*' OR l.model = ?3)"
        }
        (Stretch::Micros(..), ScopeKind::Run) => {
            "SELECT coalesce(sum(l.calls), 0), coalesce(sum(l.tokens), 0), coalesce(sum(l.cost_units), 0),
                    coalesce(sum(l.cost_nano), 0)
             FROM billing_ledger AS l INDEXED BY line_by_run
                  CROSS JOIN llm_api_calls AS c ON c.tenant = l.tenant AND c.id = l.call
             WHERE l.tenant = ?1 AND l.run = ?2
               AND l.day BETWEEN date(?4 / 1000000, 'unixepoch', '-1 day') AND date(?5 / 1000000, 'unixepoch', '+1 day')
               AND l.revision = 0 AND c.created_at >= ?4 AND c.created_at < ?5 AND (?3 = '*' OR l.model = ?3)"
        }
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
