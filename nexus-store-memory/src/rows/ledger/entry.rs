//! Entries of the billing ledger: added, never changed.

use std::ops::Range;

use nexus_core::ledger::{LedgerEntry, LedgerQuery};
use nexus_core::quota::CounterKey;
use nexus_core::{Error, Result, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::convert::{from_json, number, small, to_json};
use crate::db::select::Select;
use crate::error::{sql, too_large};
use crate::rows::quota;

/// Returns the amounts of an entry as columns: calls, tokens, cost units and money.
pub(super) fn columns(line: &LedgerEntry) -> Result<[i64; 4]> {
    // The final charge is not negative, and fits.
    quota::columns(&line.charged)?;
    let change = line.change().ok_or_else(too_large)?;
    Ok([change.calls, change.tokens, change.cost_units, change.money.as_nanos()])
}

/// Appends an entry to a tenant's ledger, booked on `day`, and assigns its number. `counters` are those that counted
/// an attempt's own entry: an estimate keeps them for its reconciliation.
pub(super) fn add(
    connection: &Connection,
    tenant: &str,
    line: &LedgerEntry,
    day: &str,
    counters: &[CounterKey],
) -> Result<()> {
    let [calls, tokens, cost_units, nano] = columns(line)?;
    let is_own_estimate = line.estimated && line.correction.is_none();
    let counters = is_own_estimate.then(|| to_json(&counters)).transpose()?;
    connection
        .prepare_cached(
            "INSERT INTO billing_ledger (tenant, seq, ts, day, user, investigation, run, model, call, attempt, revision,
                 estimated, calls, tokens, cost_units, cost_nano, counters, body)
             SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17
             FROM billing_ledger WHERE tenant = ?1",
        )
        .map_err(sql)?
        .execute(params![
            tenant,
            line.ts.as_micros(),
            day,
            line.consumer.user,
            line.consumer.investigation,
            line.consumer.run,
            line.model,
            line.call,
            line.attempt,
            line.revision(),
            line.estimated,
            calls,
            tokens,
            cost_units,
            nano,
            counters,
            to_json(line)?,
        ])
        .map(drop)
        .map_err(sql)
}

/// Own entry of an attempt, with the day it is booked on.
pub(super) struct Own {
    pub(super) line: LedgerEntry,
    pub(super) day: String,
}

/// Returns the own entry of an attempt.
pub(super) fn own(connection: &Connection, tenant: &str, call: &str, attempt: u32) -> Result<Own> {
    let (seq, body, day) = connection
        .prepare_cached(
            "SELECT seq, body, day FROM billing_ledger INDEXED BY line_by_call
             WHERE tenant = ?1 AND call = ?2 AND attempt = ?3 AND revision = 0",
        )
        .and_then(|mut statement| {
            let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?));
            statement.query_row(params![tenant, call, attempt], read).optional()
        })
        .map_err(sql)?
        .ok_or_else(|| {
            Error::not_found("there is no such call, or its attempt is still open")
                .with_code("CALL_NOT_FOUND")
        })?;
    Ok(Own { line: placed(seq, &body)?, day })
}

/// Returns the latest entry of each attempt of a call, in the order of attempts.
pub(super) fn latest(connection: &Connection, tenant: &str, call: &str) -> Result<Vec<LedgerEntry>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT seq, body FROM billing_ledger INDEXED BY line_by_call WHERE tenant = ?1 AND call = ?2
             ORDER BY attempt, revision DESC",
        )
        .map_err(sql)?;
    let mut rows = statement.query(params![tenant, call]).map_err(sql)?;
    let mut lines: Vec<LedgerEntry> = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let line = read(row)?;
        if lines.last().is_none_or(|last| last.attempt != line.attempt) {
            lines.push(line);
        }
    }
    Ok(lines)
}

fn read(row: &Row<'_>) -> Result<LedgerEntry> {
    let body = row.get_ref(1).map_err(sql)?.as_str().map_err(|error| sql(error.into()))?;
    placed(row.get(0).map_err(sql)?, body)
}

fn placed(seq: i64, body: &str) -> Result<LedgerEntry> {
    Ok(LedgerEntry { seq: small(seq)?, ..from_json(body)? })
}

/// Number of consecutive entries or calls in one block, whose models and hours are indexed.
pub(super) const BLOCK: i64 = 1 << 10;

/// Length of an hour in microseconds.
const HOUR: i64 = 3_600_000_000;

/// Returns a page of a tenant's entries, latest first.
pub(crate) fn list(connection: &Connection, tenant: &str, query: &LedgerQuery) -> Result<Vec<LedgerEntry>> {
    let Some(places) = places(connection, tenant, query)? else { return Ok(Vec::new()) };
    let mut select = Select::new(source(query));
    select.equal("l.tenant", tenant);
    if query.call.is_some() {
        select.equal("l.call", query.call.as_deref().unwrap_or_default());
    } else if query.unreconciled {
        select.equal("u.tenant", tenant);
    } else if let (None, Some(model)) = (&query.user, &query.model) {
        select.equal("b.tenant", tenant).equal("b.model", model);
        select.compare("b.block", ">=", places.start / BLOCK);
        select.compare("b.block", "<=", places.end / BLOCK);
    }
    filter(query, "l.", "ts", &mut select);
    select.compare("l.seq", ">=", places.start).compare("l.seq", "<", places.end);
    if query.unreconciled && query.call.is_some() {
        select
            .and("EXISTS (SELECT 1 FROM line_unreconciled AS u WHERE u.tenant = l.tenant AND u.seq = l.seq)");
    }
    let (statement, values) = match query {
        // They are few, and sorted here.
        LedgerQuery { call: Some(_), .. } => select.unordered(),
        LedgerQuery { unreconciled: true, .. } => select.ordered("u.seq DESC", query.page.limit),
        LedgerQuery { user: None, model: Some(_), .. } => {
            select.ordered("b.block DESC, l.seq DESC", query.page.limit)
        }
        _ => select.ordered("l.seq DESC", query.page.limit),
    };
    let mut statement = connection.prepare_cached(&statement).map_err(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(sql)?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        lines.push(read(row)?);
    }
    lines.sort_unstable_by_key(|line| std::cmp::Reverse(line.seq));
    lines.truncate(query.page.limit);
    Ok(lines)
}

/// Returns the source of entries for the most selective condition.
fn source(query: &LedgerQuery) -> &'static str {
    match query {
        LedgerQuery { call: Some(_), .. } => {
            "SELECT l.seq, l.body FROM billing_ledger AS l INDEXED BY line_by_call"
        }
        LedgerQuery { unreconciled: true, .. } => {
            "SELECT l.seq, l.body FROM line_unreconciled AS u
             CROSS JOIN billing_ledger AS l ON l.tenant = u.tenant AND l.seq = u.seq"
        }
        LedgerQuery { user: Some(_), .. } => {
            "SELECT l.seq, l.body FROM billing_ledger AS l INDEXED BY line_by_user"
        }
        LedgerQuery { model: Some(_), .. } => {
            "SELECT l.seq, l.body FROM line_block_of_model AS b CROSS JOIN billing_ledger AS l
             ON l.tenant = b.tenant AND l.seq >= b.block << 10 AND l.seq < (b.block + 1) << 10"
        }
        _ => "SELECT l.seq, l.body FROM billing_ledger AS l",
    }
}

/// Returns the range of ledger numbers that holds all entries of a query; none when there is no entry.
fn places(connection: &Connection, tenant: &str, query: &LedgerQuery) -> Result<Option<Range<i64>>> {
    let before = query.page.after_number()?.map_or(i64::MAX, number);
    if query.from.is_none() && query.until.is_none() {
        return Ok(Some(0..before));
    }
    let hour = |moment: Option<Timestamp>, otherwise| {
        moment.map_or(otherwise, |moment| moment.as_micros().div_euclid(HOUR))
    };
    let blocks: (Option<i64>, Option<i64>) = connection
        .prepare_cached(
            "SELECT min(block), max(block) FROM line_block_of_hour WHERE tenant = ?1 AND hour BETWEEN ?2 AND ?3",
        )
        .and_then(|mut statement| {
            let hours = params![tenant, hour(query.from, i64::MIN), hour(query.until, i64::MAX)];
            statement.query_row(hours, |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .map_err(sql)?;
    let (Some(first), Some(last)) = blocks else { return Ok(None) };
    Ok(Some(first * BLOCK..before.min((last + 1) * BLOCK)))
}

/// Adds exactly the conditions that a query names, so that an index is used where there is one.
pub(super) fn filter(query: &LedgerQuery, table: &str, time: &str, select: &mut Select) {
    for (column, value) in [("user", &query.user), ("model", &query.model)] {
        if let Some(value) = value {
            select.equal(&format!("{table}{column}"), value);
        }
    }
    for (comparison, value) in [(">=", query.from), ("<", query.until)] {
        if let Some(value) = value {
            select.compare(&format!("{table}{time}"), comparison, value.as_micros());
        }
    }
}
