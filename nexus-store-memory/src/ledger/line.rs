//! Lines of the billing ledger: added, never changed.

use nexus_core::Result;
use nexus_core::ledger::{LedgerLine, LedgerQuery};
use rusqlite::{Connection, ToSql, params};

use crate::error::sql;
use crate::quota;
use crate::row::{from_json, limit, number, small, to_json};

/// Adds a line at the end of a tenant's ledger, booked on `day`. Its place is given here.
pub(super) fn add(connection: &Connection, tenant: &str, line: &LedgerLine, day: &str) -> Result<()> {
    let [calls, tokens, cost_units, nano] = quota::columns(&line.charged)?;
    connection
        .prepare_cached(
            "INSERT INTO billing_ledger (tenant, seq, ts, day, user, investigation, run, model, call, attempt, calls,
                 tokens, cost_units, cost_nano, body)
             SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14
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
            calls,
            tokens,
            cost_units,
            nano,
            to_json(line)?,
        ])
        .map(drop)
        .map_err(sql)
}

/// A tenant's lines, latest first.
pub(super) fn list(connection: &Connection, tenant: &str, query: &LedgerQuery) -> Result<Vec<LedgerLine>> {
    let mut statement = "SELECT seq, body FROM billing_ledger WHERE tenant = ?".to_owned();
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(tenant.to_owned())];
    filter(query, "ts", &mut statement, &mut values);
    if let Some(before) = query.before {
        statement.push_str(" AND seq < ?");
        values.push(Box::new(number(before)));
    }
    statement.push_str(" ORDER BY seq DESC LIMIT ?");
    values.push(Box::new(limit(query.limit)));
    let mut statement = connection.prepare_cached(&statement).map_err(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(sql)?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let body: String = row.get(1).map_err(sql)?;
        let line: LedgerLine = from_json(&body)?;
        lines.push(LedgerLine { seq: small(row.get(0).map_err(sql)?)?, ..line });
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
