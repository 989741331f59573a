//! Lines of the billing ledger: added, never changed.

use nexus_core::ledger::{LedgerLine, LedgerQuery};
use nexus_core::quota::CounterKey;
use nexus_core::{Error, Result};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use crate::error::{sql, too_large};
use crate::quota;
use crate::row::{from_json, limit, number, small, to_json};

/// What a line adds to every sum, as columns: calls, tokens, cost units and money.
pub(super) fn columns(line: &LedgerLine) -> Result<[i64; 4]> {
    // What is charged in the end is no less than nothing, and fits.
    quota::columns(&line.charged)?;
    let change = line.change().ok_or_else(too_large)?;
    Ok([change.calls, change.tokens, change.cost_units, change.money.as_nanos()])
}

/// Adds a line at the end of a tenant's ledger, booked on `day`. Its place is given here. `counters` are those that an
/// attempt's own line was counted on: an estimate keeps them, so that its correction finds them.
pub(super) fn add(
    connection: &Connection,
    tenant: &str,
    line: &LedgerLine,
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

/// An attempt's own line, with the day it is booked on and the counters it was counted on.
pub(super) struct Own {
    pub(super) line: LedgerLine,
    pub(super) day: String,
    pub(super) counters: Vec<CounterKey>,
}

/// The own line of an attempt.
pub(super) fn own(connection: &Connection, tenant: &str, call: &str, attempt: u32) -> Result<Own> {
    let (seq, body, day, counters) = connection
        .prepare_cached(
            "SELECT seq, body, day, counters FROM billing_ledger INDEXED BY line_by_call
             WHERE tenant = ?1 AND call = ?2 AND attempt = ?3 AND revision = 0",
        )
        .and_then(|mut statement| {
            let read = |row: &Row<'_>| {
                Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get::<_, Option<String>>(3)?))
            };
            statement.query_row(params![tenant, call, attempt], read).optional()
        })
        .map_err(sql)?
        .ok_or_else(|| {
            Error::not_found("there is no such call, or the attempt is not over").code("CALL_NOT_FOUND")
        })?;
    let counters = counters.map_or_else(|| Ok(Vec::new()), |counters| from_json(&counters))?;
    Ok(Own { line: placed(seq, &body)?, day, counters })
}

/// The latest line of each attempt of a call, in the order of attempts.
pub(super) fn latest(connection: &Connection, tenant: &str, call: &str) -> Result<Vec<LedgerLine>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT seq, body FROM billing_ledger INDEXED BY line_by_call WHERE tenant = ?1 AND call = ?2
             ORDER BY attempt, revision DESC",
        )
        .map_err(sql)?;
    let mut rows = statement.query(params![tenant, call]).map_err(sql)?;
    let mut lines: Vec<LedgerLine> = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let line = read(row)?;
        if lines.last().is_none_or(|last| last.attempt != line.attempt) {
            lines.push(line);
        }
    }
    Ok(lines)
}

fn read(row: &Row<'_>) -> Result<LedgerLine> {
    let body = row.get_ref(1).map_err(sql)?.as_str().map_err(|error| sql(error.into()))?;
    placed(row.get(0).map_err(sql)?, body)
}

fn placed(seq: i64, body: &str) -> Result<LedgerLine> {
    Ok(LedgerLine { seq: small(seq)?, ..from_json(body)? })
}

/// Lines of unknown outcome that nobody has corrected.
const UNRECONCILED: &str = " AND revision = 0 AND estimated = 1 AND json_extract(body, '$.status') = 'unknown_outcome'
     AND NOT EXISTS (SELECT 1 FROM billing_ledger AS later WHERE later.tenant = billing_ledger.tenant
         AND later.call = billing_ledger.call AND later.attempt = billing_ledger.attempt AND later.revision > 0)";

/// A tenant's lines, latest first.
pub(crate) fn list(connection: &Connection, tenant: &str, query: &LedgerQuery) -> Result<Vec<LedgerLine>> {
    // Without statistics, SQLite would look through the whole ledger of a tenant for the lines of one call.
    let index = match query {
        LedgerQuery { call: Some(_), .. } => " INDEXED BY line_by_call",
        LedgerQuery { unreconciled: true, .. } => " INDEXED BY line_estimated",
        _ => "",
    };
    let mut statement = format!("SELECT seq, body FROM billing_ledger{index} WHERE tenant = ?");
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(tenant.to_owned())];
    filter(query, "ts", &mut statement, &mut values);
    if let Some(before) = query.before {
        statement.push_str(" AND seq < ?");
        values.push(Box::new(number(before)));
    }
    if let Some(call) = &query.call {
        statement.push_str(" AND call = ?");
        values.push(Box::new(call.clone()));
    }
    if query.unreconciled {
        statement.push_str(UNRECONCILED);
    }
    statement.push_str(" ORDER BY seq DESC LIMIT ?");
    values.push(Box::new(limit(query.limit)));
    let mut statement = connection.prepare_cached(&statement).map_err(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(sql)?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        lines.push(read(row)?);
    }
    Ok(lines)
}

/// Adds the conditions that a query names, and no other, so that an index is used where there is one.
pub(super) fn filter(
    query: &LedgerQuery,
    time: &str,
    statement: &mut String,
    values: &mut Vec<Box<dyn ToSql>>,
) {
    for (column, value) in [("user", &query.user), ("model", &query.model)] {
        if let Some(value) = value {
            statement.extend([" AND ", column, " = ?"]);
            values.push(Box::new(value.clone()));
        }
    }
    for (comparison, value) in [(" >= ", query.from), (" < ", query.until)] {
        if let Some(value) = value {
            statement.extend([" AND ", time, comparison, "?"]);
            values.push(Box::new(value.as_micros()));
        }
    }
}
