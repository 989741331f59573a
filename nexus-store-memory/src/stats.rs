//! Statistics of a tenant's data.

use std::collections::{BTreeMap, HashSet};

use nexus_core::access::Visibility;
use nexus_core::id::ModelId;
use nexus_core::stats::{COUNTED, ReaderCount, StoreStats};
use nexus_core::{Principal, Result, Timestamp};
use rusqlite::{Connection, Params, params};

use crate::convert::{number, small};
use crate::error::sql;
use crate::search::visible_versions;

/// Counts a tenant's data from indexes. The counts of data that grows with time are bounded.
pub(crate) fn of_tenant(connection: &Connection, tenant: &str, store: String) -> Result<StoreStats> {
    let of = tenant;
    let mut documents = Documents::default();
    each(
        connection,
        "SELECT status, count(*) FROM document INDEXED BY document_by_status WHERE tenant = ?1 GROUP BY status",
        params![of],
        |row| {
            documents.add(&row.get::<_, String>(0)?, row.get::<_, i64>(1)?.unsigned_abs());
            Ok(())
        },
    )?;
    each(
        connection,
        "SELECT json_extract(body, '$.report.content_type'), json_extract(body, '$.report.reader_version'), count(*)
         FROM document INDEXED BY document_by_reader WHERE tenant = ?1 GROUP BY 1, 2",
        params![of],
        |row| {
            documents.add_reader(row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs());
            Ok(())
        },
    )?;
    let mut held = Held::default();
    for corpus in corpora(connection, of)? {
        each(
            connection,
            "SELECT model, sum(passages), sum(vectors) FROM version INDEXED BY version_live
             WHERE corpus = ?1 AND state = 'live' GROUP BY model",
            params![corpus],
            |row| {
                held.add(row.get(1)?, row.get(0)?, row.get(2)?);
                Ok(())
            },
        )?;
    }
    let runs = count(
        connection,
        "SELECT count(*) FROM (SELECT 1 FROM run INDEXED BY run_by_tenant WHERE tenant = ?1 LIMIT ?2)",
        params![of, number(COUNTED) + 1],
    )?;
    let (chains, records) = connection
        .prepare_cached(
            "SELECT count(*), coalesce(sum(next_seq), 0) FROM (
                 SELECT next_seq FROM audit_head WHERE tenant = ?1 LIMIT ?2)",
        )
        .and_then(|mut statement| {
            statement.query_row(params![of, number(COUNTED)], |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .map_err(sql)?;
    let (chains, records): (u64, u64) = (small(chains)?, small(records)?);
    Ok(StoreStats {
        runs: runs.min(COUNTED),
        runs_unfinished: count(
            connection,
            "SELECT count(*) FROM run INDEXED BY run_open WHERE tenant = ?1 AND closed = 0",
            params![of],
        )?,
        audit_records: Some(records),
        is_longer: runs > COUNTED || chains >= COUNTED,
        ..of_documents(connection, of, store, &documents, &held)?
    })
}

/// Counts the documents and versions that a principal may see.
pub(crate) fn of_principal(
    connection: &Connection,
    of: &str,
    caller: &Principal,
    now: Timestamp,
    store: String,
) -> Result<StoreStats> {
    let visibility = Visibility::of(caller);
    let Some(grantees) = visible_versions::grantees(&visibility)? else {
        return of_tenant(connection, of, store);
    };
    let (mut documents, mut held, mut seen) = (Documents::default(), Held::default(), HashSet::new());
    each(
        connection,
        "SELECT d.id, d.status, v.passages, v.model, v.vectors, json_extract(d.body, '$.report.content_type'),
             json_extract(d.body, '$.report.reader_version') FROM access AS a INDEXED BY access_by_grantee
         CROSS JOIN document AS d ON d.tenant = a.tenant AND d.id = a.document
         LEFT JOIN version AS v ON v.ordinal = d.live
         WHERE a.tenant = ?1 AND a.grantee IN (SELECT value FROM json_each(?2))
           AND a.permission IN ('read', 'write', 'owner') AND (a.expires_at IS NULL OR a.expires_at > ?3)",
        params![of, grantees, now.as_micros()],
        |row| {
            if seen.insert(row.get::<_, String>(0)?) {
                documents.add(&row.get::<_, String>(1)?, 1);
                documents.add_reader(row.get(5)?, row.get(6)?, 1);
                let passages: Option<i64> = row.get(2)?;
                held.add(passages.unwrap_or(0), row.get(3)?, row.get::<_, Option<i64>>(4)?.unwrap_or(0));
            }
            Ok(())
        },
    )?;
    let subject = caller.subject().as_str();
    let runs = count(
        connection,
        "SELECT count(*) FROM (SELECT 1 FROM run INDEXED BY run_by_owner WHERE tenant = ?1 AND owner = ?2 LIMIT ?3)",
        params![of, subject, number(COUNTED) + 1],
    )?;
    Ok(StoreStats {
        runs: runs.min(COUNTED),
        runs_unfinished: count(
            connection,
            "SELECT count(*) FROM run INDEXED BY run_open WHERE tenant = ?1 AND closed = 0 AND owner = ?2",
            params![of, subject],
        )?,
        audit_records: None,
        is_longer: runs > COUNTED,
        ..of_documents(connection, of, store, &documents, &held)?
    })
}

/// Returns the statistics of a tenant's corpora and of counted documents, without those of runs.
fn of_documents(
    connection: &Connection,
    tenant: &str,
    store: String,
    documents: &Documents,
    held: &Held,
) -> Result<StoreStats> {
    Ok(StoreStats {
        store,
        corpora: count(connection, "SELECT count(*) FROM corpus WHERE tenant = ?1", params![tenant])?,
        documents: documents.all,
        documents_in_flight: documents.in_flight,
        documents_failed: documents.failed,
        readers: documents.readers(),
        passages: held.passages,
        vectors: held.vectors(connection)?,
        runs: 0,
        runs_unfinished: 0,
        audit_records: None,
        is_longer: false,
    })
}

/// Numbers of documents by state.
#[derive(Default)]
struct Documents {
    all: u64,
    in_flight: u64,
    failed: u64,
    readers: BTreeMap<(String, u32), u64>,
}

impl Documents {
    /// Counts documents by media type and reader version. One that was not parsed has neither.
    fn add_reader(&mut self, content_type: Option<String>, version: Option<u32>, count: u64) {
        if let Some(content_type) = content_type {
            *self.readers.entry((content_type, version.unwrap_or(0))).or_default() += count;
        }
    }

    fn readers(&self) -> Vec<ReaderCount> {
        let count = |((content_type, version), documents): (&(String, u32), &u64)| ReaderCount {
            content_type: content_type.clone(),
            reader_version: *version,
            documents: *documents,
        };
        self.readers.iter().map(count).collect()
    }

    fn add(&mut self, status: &str, count: u64) {
        self.all += count;
        match status {
            "queued" | "processing" => self.in_flight += count,
            "failed" => self.failed += count,
            _ => {}
        }
    }
}

/// Contents of live versions.
#[derive(Default)]
struct Held {
    passages: u64,
    vectors: BTreeMap<i64, u64>,
}

impl Held {
    fn add(&mut self, passages: i64, model: Option<i64>, vectors: i64) {
        self.passages += passages.unsigned_abs();
        if let Some(model) = model.filter(|_| vectors > 0) {
            *self.vectors.entry(model).or_default() += vectors.unsigned_abs();
        }
    }

    /// Returns the numbers of vectors by the names of their models.
    fn vectors(&self, connection: &Connection) -> Result<Vec<(ModelId, u64)>> {
        let mut named = Vec::new();
        for (model, vectors) in &self.vectors {
            let name: String = connection
                .prepare_cached("SELECT name FROM model WHERE id = ?1")
                .and_then(|mut statement| statement.query_row(params![model], |row| row.get(0)))
                .map_err(sql)?;
            named.push((ModelId::parse(name)?, *vectors));
        }
        named.sort();
        Ok(named)
    }
}

fn corpora(connection: &Connection, tenant: &str) -> Result<Vec<i64>> {
    let mut ordinals = Vec::new();
    each(connection, "SELECT ordinal FROM corpus WHERE tenant = ?1", params![tenant], |row| {
        ordinals.push(row.get(0)?);
        Ok(())
    })?;
    Ok(ordinals)
}

fn count(connection: &Connection, statement: &str, of: impl Params) -> Result<u64> {
    let found: i64 = connection
        .prepare_cached(statement)
        .and_then(|mut statement| statement.query_row(of, |row| row.get(0)))
        .map_err(sql)?;
    small(found)
}

fn each(
    connection: &Connection,
    statement: &str,
    of: impl Params,
    mut take: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(statement).map_err(sql)?;
    let mut rows = statement.query(of).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        take(row).map_err(sql)?;
    }
    Ok(())
}
