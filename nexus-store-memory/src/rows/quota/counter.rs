//! Quota counters as rows.

use nexus_core::ledger::{LedgerEntry, Operation};
use nexus_core::quota::{
    ANSWERS, CounterChange, CounterKey, CounterState, MeterAmounts, OF_ANSWERS, ReservedCounter, ScopeKind,
    Window,
};
use nexus_core::{NanoUsd, Result, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::convert::{exact, limit as at_most, money, small};
use crate::error::{corrupt, sql};

/// Upper bound on the counters of ended windows that are deleted when a new one is made.
const SWEEP: i64 = 4;

/// Time that a counter outlives its window, in microseconds: a clock may go back.
const GRACE: i64 = 3_600_000_000;

/// Returns the state of a counter; none when it does not exist yet.
pub(super) fn load(connection: &Connection, tenant: &str, key: &CounterKey) -> Result<Option<CounterState>> {
    connection
        .prepare_cached(
            "SELECT reserved_calls, reserved_tokens, reserved_cost_units, reserved_nano,
                    settled_calls, settled_tokens, settled_cost_units, settled_nano
             FROM quota_counter WHERE tenant = ?1 AND scope = ?2 AND id = ?3 AND model = ?4 AND window = ?5",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![tenant, key.scope.as_str(), key.id, key.model, key.window], |row| {
                    Ok(read_amounts(row, 0)
                        .and_then(|reserved| Ok(CounterState { reserved, settled: read_amounts(row, 4)? })))
                })
                .optional()
        })
        .map_err(sql)?
        .transpose()
}

/// Converts amounts to four columns.
pub(crate) fn columns(amounts: &MeterAmounts) -> Result<[i64; 4]> {
    Ok([exact(amounts.calls)?, exact(amounts.tokens)?, exact(amounts.cost_units)?, money(amounts.money)?])
}

/// Reads calls, tokens, cost units and money from four columns.
pub(super) fn read_amounts(row: &Row<'_>, from: usize) -> Result<MeterAmounts> {
    let number = |place| row.get::<_, i64>(from + place).map_err(sql);
    Ok(MeterAmounts {
        calls: small(number(0)?)?,
        tokens: small(number(1)?)?,
        cost_units: small(number(2)?)?,
        money: NanoUsd::from_nanos(number(3)?),
    })
}

/// Writes a counter, new or not. Its window's end is written once.
pub(super) fn save(connection: &Connection, tenant: &str, counter: &ReservedCounter) -> Result<()> {
    let ReservedCounter { key, ends_at, state } = counter;
    let [calls, tokens, cost_units, nano] = columns(&state.reserved)?;
    let [settled_calls, settled_tokens, settled_cost_units, settled_nano] = columns(&state.settled)?;
    connection
        .prepare_cached(
            "INSERT INTO quota_counter (tenant, scope, id, model, window, ends_at, reserved_calls, reserved_tokens,
                 reserved_cost_units, reserved_nano, settled_calls, settled_tokens, settled_cost_units, settled_nano)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
             ON CONFLICT DO UPDATE SET reserved_calls = ?7, reserved_tokens = ?8, reserved_cost_units = ?9,
                 reserved_nano = ?10, settled_calls = ?11, settled_tokens = ?12, settled_cost_units = ?13,
                 settled_nano = ?14",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                tenant,
                key.scope.as_str(),
                key.id,
                key.model,
                key.window,
                ends_at.map(Timestamp::as_micros),
                calls,
                tokens,
                cost_units,
                nano,
                settled_calls,
                settled_tokens,
                settled_cost_units,
                settled_nano,
            ])
        })
        .map(drop)
        .map_err(sql)
}

/// Changes a counter.
///
/// # Errors
/// [`Corrupt`](nexus_core::ErrorKind::Corrupt) where an amount would become negative, or a required counter is missing.
pub(super) fn change(connection: &Connection, tenant: &str, change: &CounterChange) -> Result<()> {
    let CounterChange { key, released, settled, is_required } = change;
    let [calls, tokens, cost_units, nano] = columns(released)?;
    let changed = connection
        .prepare_cached(
            "UPDATE quota_counter SET
                 reserved_calls = reserved_calls - ?6, reserved_tokens = reserved_tokens - ?7,
                 reserved_cost_units = reserved_cost_units - ?8, reserved_nano = reserved_nano - ?9,
                 settled_calls = settled_calls + ?10, settled_tokens = settled_tokens + ?11,
                 settled_cost_units = settled_cost_units + ?12, settled_nano = settled_nano + ?13
             WHERE tenant = ?1 AND scope = ?2 AND id = ?3 AND model = ?4 AND window = ?5",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                tenant,
                key.scope.as_str(),
                key.id,
                key.model,
                key.window,
                calls,
                tokens,
                cost_units,
                nano,
                settled.calls,
                settled.tokens,
                settled.cost_units,
                settled.money.as_nanos(),
            ])
        })
        .map_err(|error| if is_check(&error) { lost() } else { sql(error) })?;
    // A counter without a reservation is swept soon after its window.
    if changed == 0 && *is_required { Err(lost()) } else { Ok(()) }
}

fn lost() -> nexus_core::Error {
    corrupt("a reservation is missing from its counter")
}

/// Returns whether an amount would have become negative.
fn is_check(error: &rusqlite::Error) -> bool {
    let check = rusqlite::ffi::SQLITE_CONSTRAINT_CHECK;
    error.sqlite_error().is_some_and(|error| error.extended_code == check)
}

/// Returns the existing counters of an attempt's entry: those of its `day`, of its month and of all time, and those of
/// windows of seconds in which it `started`.
pub(super) fn covering(
    connection: &Connection,
    tenant: &str,
    entry: &LedgerEntry,
    day: &str,
    started: Option<Timestamp>,
) -> Result<Vec<CounterKey>> {
    let consumer = &entry.consumer;
    let [day, month] = Window::booked_on(day);
    let answers = (entry.kind == Operation::Chat).then_some(ANSWERS);
    let monthly = answers.map(|_| format!("{month}{OF_ANSWERS}"));
    let mut statement = connection.prepare_cached(COVERING).map_err(sql)?;
    let mut rows = statement
        .query(params![
            tenant,
            consumer.tenant,
            consumer.organisation,
            consumer.user,
            consumer.investigation,
            consumer.run,
            entry.model,
            day,
            month,
            started.map(Timestamp::as_micros),
            answers,
            monthly,
        ])
        .map_err(sql)?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        keys.push(CounterKey {
            scope: scope(row.get_ref(0).map_err(sql)?.as_str().map_err(|_| unknown_scope())?)?,
            id: row.get(1).map_err(sql)?,
            model: row.get(2).map_err(sql)?,
            window: row.get(3).map_err(sql)?,
        });
    }
    Ok(keys)
}

/// The name of a window of seconds is `s`, its length, `/` and its number. The sweep bounds the number of a scope's
/// counters.
const COVERING: &str = "
    WITH consumer (scope, id) AS (VALUES ('tenant', ?2), ('organisation', ?3), ('user', ?4), ('investigation', ?5), ('run', ?6))
    SELECT q.scope, q.id, q.model, q.window FROM consumer AS c CROSS JOIN quota_counter AS q
    WHERE q.tenant = ?1 AND q.scope = c.scope AND q.id = c.id AND q.model IN ('*', ?7)
      AND (q.window IN (?8, ?9, 'total') OR (q.window = ?11 AND q.scope = 'run')
           OR (q.window = ?12 AND q.scope = 'tenant')
           OR (q.window >= 's' AND q.window < 't' AND ?10 < q.ends_at
               AND ?10 >= q.ends_at - CAST(substr(q.window, 2) AS INTEGER) * 1000000))";

fn scope(name: &str) -> Result<ScopeKind> {
    ScopeKind::ALL.into_iter().find(|scope| scope.as_str() == name).ok_or_else(unknown_scope)
}

fn unknown_scope() -> nexus_core::Error {
    corrupt("a counter has an unknown scope")
}

/// Deletes a few counters whose windows have ended and that hold no reservation. The next call that needs one
/// restores it from the ledger.
pub(super) fn sweep(connection: &Connection, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM quota_counter WHERE (tenant, scope, id, model, window) IN (
                 SELECT tenant, scope, id, model, window FROM quota_counter
                 WHERE ends_at < ?1 AND reserved_calls = 0 AND reserved_tokens = 0 AND reserved_cost_units = 0
                   AND reserved_nano = 0
                 LIMIT ?2)",
        )
        .and_then(|mut statement| statement.execute(params![now.as_micros().saturating_sub(GRACE), SWEEP]))
        .map(drop)
        .map_err(sql)
}

/// Deletes counters of a tenant that hold no reservation: those of windows that ended before `before`, and all-time
/// counters of runs and investigations without a later ledger entry. The next call that needs one restores it from
/// the ledger.
pub(crate) fn sweep_idle(
    connection: &Connection,
    tenant: &str,
    before: Timestamp,
    limit: usize,
) -> Result<usize> {
    connection
        .prepare_cached(SWEEP_IDLE)
        .and_then(|mut statement| statement.execute(params![tenant, before.as_micros(), at_most(limit)]))
        .map_err(sql)
}

/// The day of an entry is that of the tenant's zone, and no zone is further than a day from UTC.
const SWEEP_IDLE: &str = "
    DELETE FROM quota_counter WHERE (tenant, scope, id, model, window) IN (
        SELECT tenant, scope, id, model, window FROM quota_counter AS q
        WHERE q.tenant = ?1 AND q.reserved_calls = 0 AND q.reserved_tokens = 0 AND q.reserved_cost_units = 0
          AND q.reserved_nano = 0
          AND CASE
              WHEN q.ends_at IS NOT NULL THEN q.ends_at < ?2
              WHEN q.scope = 'run' THEN NOT EXISTS (
                  SELECT 1 FROM billing_ledger AS l INDEXED BY line_by_run
                  WHERE l.tenant = ?1 AND l.run = q.id AND l.day >= date(?2 / 1000000, 'unixepoch', '-1 day') AND l.ts >= ?2)
              WHEN q.scope = 'investigation' THEN NOT EXISTS (
                  SELECT 1 FROM billing_ledger AS l INDEXED BY line_by_investigation
                  WHERE l.tenant = ?1 AND l.investigation = q.id AND l.day >= date(?2 / 1000000, 'unixepoch', '-1 day')
                    AND l.ts >= ?2)
              ELSE 0 END
        LIMIT ?3)";
