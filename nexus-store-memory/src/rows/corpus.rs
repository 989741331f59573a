//! Corpora, each with the watermark that counts changes to its searchable content.

use nexus_core::audit::UnsealedRecords;
use nexus_core::corpus::{Corpus, CorpusPatch};
use nexus_core::{CorpusId, Error, ErrorKind, Page, Result};
use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::convert::{from_json, limit, to_json};
use crate::error::sql;
use crate::rows::audit;

/// Corpus state that a search needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CorpusRow {
    /// Number of the corpus in the text index.
    pub(crate) ordinal: i64,
    /// Number of changes to its searchable content.
    pub(crate) watermark: i64,
    /// Watermark up to which rows of retired versions were removed: a cache that is older rebuilds itself.
    pub(crate) swept: i64,
}

pub(crate) fn not_found() -> Error {
    Error::not_found("there is no such corpus").with_code("CORPUS_NOT_FOUND")
}

pub(crate) fn create(
    connection: &Connection,
    tenant: &str,
    corpus: &Corpus,
    record: &UnsealedRecords,
) -> Result<()> {
    let body = to_json(corpus)?;
    let added = connection
        .prepare_cached("INSERT INTO corpus (tenant, id, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
        .and_then(|mut statement| statement.execute(params![tenant, corpus.id.as_str(), body]))
        .map_err(sql)?;
    if added == 0 {
        return Err(Error::new(ErrorKind::Conflict, "there is a corpus with this id already")
            .with_code("CORPUS_EXISTS"));
    }
    audit::append(connection, record).map(drop)
}

pub(crate) fn update(
    connection: &Connection,
    tenant: &str,
    id: &CorpusId,
    patch: CorpusPatch,
    record: &UnsealedRecords,
) -> Result<Corpus> {
    let mut corpus = load(connection, tenant, id)?;
    if let Some(name) = patch.name {
        corpus.name = name;
    }
    if let Some(settings) = patch.provider_config_json {
        corpus.provider_config_json = settings;
    }
    connection
        .execute(
            "UPDATE corpus SET body = ?3 WHERE tenant = ?1 AND id = ?2",
            params![tenant, id.as_str(), to_json(&corpus)?],
        )
        .map_err(sql)?;
    audit::append(connection, record)?;
    Ok(corpus)
}

pub(crate) fn load(connection: &Connection, tenant: &str, id: &CorpusId) -> Result<Corpus> {
    let body: Option<String> = connection
        .prepare_cached("SELECT body FROM corpus WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![tenant, id.as_str()], |row| row.get(0)).optional()
        })
        .map_err(sql)?;
    from_json(&body.ok_or_else(not_found)?)
}

/// Returns a page of corpora, in order of id.
pub(crate) fn list(connection: &Connection, tenant: &str, page: &Page) -> Result<Vec<Corpus>> {
    let mut statement = connection
        .prepare_cached("SELECT body FROM corpus WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3")
        .map_err(sql)?;
    let values = params![tenant, page.after.as_deref().unwrap_or_default(), limit(page.limit)];
    let bodies = statement.query_map(values, |row| row.get::<_, String>(0)).map_err(sql)?;
    bodies.map(|body| from_json(&body.map_err(sql)?)).collect()
}

/// Returns the corpus's numbers.
pub(crate) fn row(connection: &Connection, tenant: &str, id: &CorpusId) -> Result<CorpusRow> {
    connection
        .prepare_cached("SELECT ordinal, watermark, swept FROM corpus WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| statement.query_row(params![tenant, id.as_str()], read_row).optional())
        .map_err(sql)?
        .ok_or_else(not_found)
}

/// Returns the numbers of a corpus by its ordinal, if it exists.
pub(crate) fn row_of(connection: &Connection, ordinal: i64) -> Result<Option<CorpusRow>> {
    connection
        .prepare_cached("SELECT ordinal, watermark, swept FROM corpus WHERE ordinal = ?1")
        .and_then(|mut statement| statement.query_row(params![ordinal], read_row).optional())
        .map_err(sql)
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<CorpusRow> {
    Ok(CorpusRow { ordinal: row.get(0)?, watermark: row.get(1)?, swept: row.get(2)? })
}

/// Returns the ordinals of all corpora of all tenants.
pub(crate) fn ordinals(connection: &Connection) -> Result<Vec<i64>> {
    let mut statement = connection.prepare("SELECT ordinal FROM corpus").map_err(sql)?;
    statement.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(sql)
}

/// Counts a change to the searchable content of the corpus, and returns the new watermark.
pub(crate) fn advance_watermark(connection: &Connection, ordinal: i64) -> Result<i64> {
    connection
        .prepare_cached("UPDATE corpus SET watermark = watermark + 1 WHERE ordinal = ?1 RETURNING watermark")
        .and_then(|mut statement| statement.query_row(params![ordinal], |row| row.get(0)))
        .map_err(sql)
}

/// Removes a corpus with its documents. Returns its ordinal, and the hashes of the raw bytes that may be unreferenced
/// now.
pub(crate) fn delete(
    connection: &Connection,
    tenant: &str,
    id: &CorpusId,
    record: UnsealedRecords,
) -> Result<(i64, Vec<String>)> {
    let CorpusRow { ordinal, .. } = row(connection, tenant, id)?;
    let in_flight: bool = connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM document WHERE corpus = ?1 AND status IN ('queued', 'processing'))",
            params![ordinal],
            |row| row.get(0),
        )
        .map_err(sql)?;
    if in_flight {
        return Err(Error::new(ErrorKind::Conflict, "a document of the corpus is being ingested")
            .with_code("DOCUMENT_IN_FLIGHT")
            .with_hint("wait until its job has ended"));
    }
    let hashes = column(connection, "SELECT DISTINCT hash FROM document WHERE corpus = ?1", ordinal)?;
    let versions: Vec<i64> = column(connection, "SELECT ordinal FROM version WHERE corpus = ?1", ordinal)?;
    for version in versions {
        crate::rows::passage::delete(connection, version)?;
    }
    let remove = |statement| connection.execute(statement, params![ordinal]).map_err(sql);
    remove("DELETE FROM version WHERE corpus = ?1")?;
    let documents = remove("DELETE FROM document WHERE corpus = ?1")?;
    remove("DELETE FROM corpus WHERE ordinal = ?1")?;
    audit::append(connection, &record.with_count("documents", u64::try_from(documents).unwrap_or(u64::MAX)))?;
    Ok((ordinal, hashes))
}

fn column<T: FromSql>(connection: &Connection, statement: &str, corpus: i64) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(statement).map_err(sql)?;
    statement.query_map(params![corpus], |row| row.get(0)).and_then(Iterator::collect).map_err(sql)
}
