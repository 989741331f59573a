//! Audit records, sealed inside the transaction that holds the change they record.

use nexus_core::audit::{ChainSummary, Digest, Draft, Head, Mac, Receipt, Record, UnsealedRecords, actor_in};
use nexus_core::{Page, Result};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::convert::{limit, number, small};
use crate::error::sql;

/// Seals the drafts at the ends of their chains.
pub(crate) fn append(connection: &Connection, pending: &UnsealedRecords) -> Result<Vec<Receipt>> {
    pending.drafts.iter().map(|draft| append_one(connection, pending, draft)).collect()
}

fn append_one(connection: &Connection, pending: &UnsealedRecords, draft: &Draft) -> Result<Receipt> {
    let (tenant, run) = (draft.tenant.as_str(), draft.chain_id.as_str());
    let before = head(connection, tenant, run)?;
    let (record, after) = pending.sealer.seal(before.as_ref(), draft)?;
    let prev = before.as_ref().map_or(&[][..], |head| head.last.as_bytes());
    connection
        .prepare_cached(
            "INSERT INTO audit_record (tenant, run, seq, prev, body, leaf, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                tenant,
                run,
                number(record.seq),
                prev,
                record.body,
                record.leaf.as_bytes(),
                record.mac.as_bytes(),
            ])
        })
        .map_err(sql)?;
    connection
        .prepare_cached(
            "INSERT INTO audit_head (tenant, run, next_seq, last, closed) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (tenant, run) DO UPDATE SET next_seq = ?3, last = ?4, closed = ?5",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                tenant,
                run,
                number(after.next_seq),
                after.last.as_bytes(),
                after.closed
            ])
        })
        .map_err(sql)?;
    Ok(record.receipt())
}

pub(crate) fn head(connection: &Connection, tenant: &str, run: &str) -> Result<Option<Head>> {
    connection
        .prepare_cached("SELECT next_seq, last, closed FROM audit_head WHERE tenant = ?1 AND run = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![tenant, run], |row| Ok(read_head(row, 0))).optional()
        })
        .map_err(sql)?
        .transpose()
}

fn read_head(row: &Row<'_>, from: usize) -> Result<Head> {
    Ok(Head {
        next_seq: small(row.get(from).map_err(sql)?)?,
        last: Digest::from_stored(&row.get::<_, Vec<u8>>(from + 1).map_err(sql)?),
        closed: row.get(from + 2).map_err(sql)?,
    })
}

pub(crate) fn records(
    connection: &Connection,
    tenant: &str,
    run: &str,
    from: u64,
    at_most: usize,
) -> Result<Vec<Record>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT seq, body, leaf, mac FROM audit_record WHERE tenant = ?1 AND run = ?2 AND seq >= ?3
             ORDER BY seq LIMIT ?4",
        )
        .map_err(sql)?;
    let mut rows = statement.query(params![tenant, run, number(from), limit(at_most)]).map_err(sql)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let bytes = |column| row.get::<_, Vec<u8>>(column).map_err(sql);
        records.push(Record {
            tenant: tenant.to_owned(),
            run: run.to_owned(),
            seq: small(row.get(0).map_err(sql)?)?,
            body: bytes(1)?,
            leaf: Digest::from_stored(&bytes(2)?),
            mac: Mac::from_stored(&bytes(3)?),
        });
    }
    Ok(records)
}

/// Returns a page of chains, in the byte order of their ids.
pub(crate) fn chains(connection: &Connection, tenant: &str, page: &Page) -> Result<Vec<ChainSummary>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT h.run, h.next_seq, h.last, h.closed, r.body FROM audit_head AS h
             LEFT JOIN audit_record AS r ON r.tenant = h.tenant AND r.run = h.run AND r.seq = 0
             WHERE h.tenant = ?1 AND h.run > ?2 ORDER BY h.run LIMIT ?3",
        )
        .map_err(sql)?;
    let values = params![tenant, page.after.as_deref().unwrap_or_default(), limit(page.limit)];
    let mut rows = statement.query(values).map_err(sql)?;
    let mut chains = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let first: Option<Vec<u8>> = row.get(4).map_err(sql)?;
        let begun_by = first.and_then(|body| actor_in(&body));
        chains.push(ChainSummary { run: row.get(0).map_err(sql)?, begun_by, head: read_head(row, 1)? });
    }
    Ok(chains)
}
