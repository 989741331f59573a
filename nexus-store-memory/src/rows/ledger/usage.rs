//! Daily sums of the ledger, written in the same transaction as its entries; those of months are a view of them.

use std::collections::BTreeMap;

use nexus_core::ledger::{LedgerEntry, UsageBy, UsageRecord, UsageRow, UsageShare};
use nexus_core::{NanoUsd, Page, Result};
use rusqlite::{Connection, params};

use super::entry;
use crate::convert::{exact, limit, small};
use crate::error::{sql, too_large};

/// Name of ingestion in the column of providers.
const INGESTION: &str = "nexus";

/// Adds an entry to the sums of `day`.
pub(super) fn book(connection: &Connection, tenant: &str, line: &LedgerEntry, day: &str) -> Result<()> {
    let [calls, tokens, cost_units, nano] = entry::columns(line)?;
    let consumer = &line.consumer;
    connection
        .prepare_cached(
            "INSERT INTO llm_usage_daily (tenant, scope, scope_id, day, model, calls, tokens, cost_units, cost_nano)
             VALUES (?1, 'tenant', ?2, ?5, ?6, ?7, ?8, ?9, ?10),
                    (?1, 'organisation', coalesce(?3, ''), ?5, ?6, ?7, ?8, ?9, ?10),
                    (?1, 'user', ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT DO UPDATE SET calls = calls + ?7, tokens = tokens + ?8, cost_units = cost_units + ?9,
                 cost_nano = cost_nano + ?10",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                tenant,
                consumer.tenant,
                consumer.organisation,
                consumer.user,
                day,
                line.model,
                calls,
                tokens,
                cost_units,
                nano,
            ])
        })
        .map_err(sql)?;
    let UsageShare { tokens, embedding_tokens, cost } = line.usage_share().ok_or_else(too_large)?;
    let more = Record { tokens, embedding_tokens, nano: cost.as_nanos(), ..Record::default() };
    add_record(connection, tenant, day, &line.provider, &more)
}

/// Counts a question that was sent to a provider, whatever its outcome.
pub(super) fn count_question(connection: &Connection, tenant: &str, day: &str, provider: &str) -> Result<()> {
    add_record(connection, tenant, day, provider, &Record { queries: 1, ..Record::default() })
}

/// Counts a document ingested on `day`, in the calendar of the calls.
pub(crate) fn count_document(connection: &Connection, tenant: &str, day: &str, bytes: u64) -> Result<()> {
    let more = Record { documents: 1, bytes: exact(bytes)?, ..Record::default() };
    add_record(connection, tenant, day, INGESTION, &more)
}

/// Amounts added to the record of a provider and a day.
#[derive(Default)]
struct Record {
    tokens: i64,
    embedding_tokens: i64,
    queries: i64,
    documents: i64,
    bytes: i64,
    nano: i64,
}

fn add_record(
    connection: &Connection,
    tenant: &str,
    date: &str,
    provider: &str,
    more: &Record,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO usage_records (tenant, date, provider, tokens, embedding_tokens, queries, documents, bytes,
                 cost_nano)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT DO UPDATE SET tokens = tokens + ?4, embedding_tokens = embedding_tokens + ?5,
                 queries = queries + ?6, documents = documents + ?7, bytes = bytes + ?8, cost_nano = cost_nano + ?9",
        )
        .and_then(|mut statement| {
            let Record { tokens, embedding_tokens, queries, documents, bytes, nano } = more;
            let values =
                params![tenant, date, provider, tokens, embedding_tokens, queries, documents, bytes, nano];
            statement.execute(values)
        })
        .map(drop)
        .map_err(sql)
}

/// Returns the usage by consumer or by model, most expensive first.
pub(crate) fn sums(
    connection: &Connection,
    tenant: &str,
    by: UsageBy,
    from: &str,
    to: &str,
) -> Result<Vec<UsageRow>> {
    let scope = match by {
        UsageBy::Tenant | UsageBy::Model => "tenant",
        UsageBy::Organisation => "organisation",
        UsageBy::User => "user",
    };
    let mut statement = connection
        .prepare_cached(
            "SELECT scope_id, model, calls, tokens, cost_units, cost_nano FROM llm_usage_daily INDEXED BY usage_by_day
             WHERE tenant = ?1 AND scope = ?2 AND day BETWEEN ?3 AND ?4",
        )
        .map_err(sql)?;
    let mut rows = statement.query(params![tenant, scope, from, to]).map_err(sql)?;
    let mut sums: BTreeMap<String, [i64; 4]> = BTreeMap::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let id = row.get(usize::from(by == UsageBy::Model)).map_err(sql)?;
        let sum = sums.entry(id).or_default();
        for (column, number) in (2..).zip(sum) {
            let more: i64 = row.get(column).map_err(sql)?;
            *number = number.checked_add(more).ok_or_else(too_large)?;
        }
    }
    let mut dearest_first: Vec<_> = sums.into_iter().collect();
    dearest_first.sort_by(|(_, [.., one]), (_, [.., two])| two.cmp(one));
    let row = |(id, [calls, tokens, cost_units, nano]): (String, [i64; 4])| {
        Ok(UsageRow {
            id,
            calls: small(calls)?,
            tokens: small(tokens)?,
            cost_units: small(cost_units)?,
            cost: NanoUsd::from_nanos(nano),
        })
    };
    dearest_first.into_iter().map(row).collect()
}

/// Returns a page of the usage of each provider, in order of day and provider.
pub(crate) fn records(
    connection: &Connection,
    tenant: &str,
    from: &str,
    to: &str,
    page: &Page,
) -> Result<Vec<UsageRecord>> {
    let (day, provider) = page.after.as_deref().map_or(Ok(("", "")), UsageRecord::parse_key)?;
    let mut statement = connection
        .prepare_cached(
            "SELECT date, provider, tokens, embedding_tokens, queries, documents, bytes, cost_nano
             FROM usage_records WHERE tenant = ?1 AND date >= ?2 AND date <= ?3 AND (date, provider) > (?4, ?5)
             ORDER BY date, provider LIMIT ?6",
        )
        .map_err(sql)?;
    let values = params![tenant, from.max(day), to, day, provider, limit(page.limit)];
    let mut rows = statement.query(values).map_err(sql)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let number = |column| row.get::<_, i64>(column).map_err(sql);
        records.push(UsageRecord {
            date: row.get(0).map_err(sql)?,
            provider: row.get(1).map_err(sql)?,
            tokens: small(number(2)?)?,
            embedding_tokens: small(number(3)?)?,
            queries: small(number(4)?)?,
            documents: small(number(5)?)?,
            bytes: small(number(6)?)?,
            estimated_cost: NanoUsd::from_nanos(number(7)?),
        });
    }
    Ok(records)
}
