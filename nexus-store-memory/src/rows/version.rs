//! Versions of documents: staged, then live, then retired.
//!
//! Searches depend on these rows alone. Every change to a version's liveness or visibility stamps the row with the
//! corpus's next watermark, so that a cache can ask for the changes since its own.

use std::collections::BTreeSet;

use nexus_core::document::Document;
use nexus_core::document::model::Metadata;
use nexus_core::language::Language;
use nexus_core::{Result, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::convert::{small, to_json};
use crate::error::sql;
use crate::rows::corpus::advance_watermark;
use crate::rows::passage::VectorCount;

/// Name and labels of a document as of a version: searches filter by them, so that an overwrite becomes visible as a
/// whole when it is published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) metadata: Metadata,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Described {
    pub(crate) fn of(document: &Document) -> Self {
        Self {
            name: document.name.clone(),
            content_type: document.content_type.clone(),
            tags: document.tags.clone(),
            metadata: document.metadata.clone(),
            created_at: document.created_at,
            updated_at: document.updated_at,
        }
    }
}

/// Adds a version to be staged, and returns its ordinal.
pub(crate) fn add(
    connection: &Connection,
    tenant: &str,
    corpus: i64,
    document: &str,
    version: u32,
) -> Result<i64> {
    connection
        .prepare_cached(
            "INSERT INTO version (tenant, corpus, document, number, state, changed)
             VALUES (?1, ?2, ?3, ?4, 'staged', 0) RETURNING ordinal",
        )
        .and_then(|mut statement| {
            statement.query_row(params![tenant, corpus, document, version], |row| row.get(0))
        })
        .map_err(sql)
}

/// Contents of a complete version.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) passages: u32,
    pub(crate) model: Option<i64>,
    pub(crate) vectors: VectorCount,
    pub(crate) languages: Vec<Language>,
    pub(crate) described: Described,
}

/// Makes a staged version live.
pub(crate) fn publish(connection: &Connection, corpus: i64, version: i64, content: &Content) -> Result<()> {
    let watermark = advance_watermark(connection, corpus)?;
    connection
        .prepare_cached(
            "UPDATE version SET state = 'live', changed = ?2, published = ?2, passages = ?3, model = ?4,
             vectors = ?5, dimension = ?6, languages = ?7, described = ?8 WHERE ordinal = ?1",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                version,
                watermark,
                content.passages,
                content.model,
                content.vectors.vectors,
                content.vectors.dimension,
                to_json(&content.languages).unwrap_or_default(),
                to_json(&content.described).unwrap_or_default(),
            ])
        })
        .map(drop)
        .map_err(sql)
}

/// Retires a version and removes its contents. The row stays as a marker for caches and indexes, without the
/// document's id; [`sweep`] removes it.
pub(crate) fn retire(connection: &Connection, corpus: i64, version: i64) -> Result<()> {
    let watermark = advance_watermark(connection, corpus)?;
    crate::rows::passage::delete(connection, version)?;
    connection
        .prepare_cached(
            "UPDATE version SET state = 'retired', changed = ?2, document = '', passages = 0, vectors = 0,
             languages = '[]', described = '{}' WHERE ordinal = ?1",
        )
        .and_then(|mut statement| statement.execute(params![version, watermark]))
        .map(drop)
        .map_err(sql)
}

/// Removes a version that was never published.
pub(crate) fn discard(connection: &Connection, version: i64) -> Result<()> {
    crate::rows::passage::delete(connection, version)?;
    connection
        .prepare_cached("DELETE FROM version WHERE ordinal = ?1 AND state = 'staged'")
        .and_then(|mut statement| statement.execute(params![version]))
        .map(drop)
        .map_err(sql)
}

/// Stamps a document's live version after its visibility changed for a principal.
pub(crate) fn touch(connection: &Connection, tenant: &str, document: &str) -> Result<()> {
    let live: Option<(i64, Option<i64>)> = connection
        .prepare_cached("SELECT corpus, live FROM document WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![tenant, document], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .map_err(sql)?;
    let Some((corpus, Some(version))) = live else { return Ok(()) };
    let watermark = advance_watermark(connection, corpus)?;
    connection
        .prepare_cached("UPDATE version SET changed = ?2 WHERE ordinal = ?1")
        .and_then(|mut statement| statement.execute(params![version, watermark]))
        .map(drop)
        .map_err(sql)
}

/// Counts a corpus's rows of versions that were retired up to `through`, at most `bound`.
pub(crate) fn retired(connection: &Connection, corpus: i64, through: i64, bound: i64) -> Result<i64> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM version INDEXED BY version_retired
             WHERE corpus = ?1 AND state = 'retired' AND changed <= ?2 LIMIT ?3)",
        )
        .and_then(|mut statement| statement.query_row(params![corpus, through, bound], |row| row.get(0)))
        .map_err(sql)
}

/// Removes up to `bound` rows of versions that were retired up to `through`, oldest first, and stores the reached
/// watermark in the corpus: an older cache rebuilds itself. Returns the number of removed rows.
pub(crate) fn sweep(connection: &Connection, corpus: i64, through: i64, bound: i64) -> Result<u64> {
    let last: Option<i64> = connection
        .prepare_cached(
            "SELECT max(changed) FROM (SELECT changed FROM version INDEXED BY version_retired
             WHERE corpus = ?1 AND state = 'retired' AND changed <= ?2 ORDER BY changed LIMIT ?3)",
        )
        .and_then(|mut statement| statement.query_row(params![corpus, through, bound], |row| row.get(0)))
        .map_err(sql)?;
    let Some(last) = last else { return Ok(0) };
    connection
        .prepare_cached("UPDATE corpus SET swept = max(swept, ?2) WHERE ordinal = ?1")
        .and_then(|mut statement| statement.execute(params![corpus, last]))
        .map_err(sql)?;
    let swept = connection
        .prepare_cached(
            "DELETE FROM version INDEXED BY version_retired
             WHERE corpus = ?1 AND state = 'retired' AND changed <= ?2",
        )
        .and_then(|mut statement| statement.execute(params![corpus, last]))
        .map_err(sql)?;
    small(crate::convert::limit(swept))
}

/// Stores the length of the vectors of a tenant's versions, which exports before version 4 lack.
pub(crate) fn measure_vectors(connection: &Connection, tenant: &str) -> Result<()> {
    connection
        .execute(
            "UPDATE version SET dimension = (
                 SELECT length(numbers) / 4 FROM vector
                 WHERE passage >= version.ordinal << 24 AND passage < (version.ordinal + 1) << 24
                   AND vector.model = version.model
                 LIMIT 1)
             WHERE tenant = ?1 AND vectors > 0",
            params![tenant],
        )
        .map(drop)
        .map_err(sql)
}

/// Returns the number of searchable passages of a tenant, without those of a version that is replaced.
pub(crate) fn live_passages(connection: &Connection, tenant: &str, replaced: Option<i64>) -> Result<u64> {
    let sum = connection
        .prepare_cached(
            "SELECT coalesce(sum(v.passages), 0) FROM corpus AS c
             CROSS JOIN version AS v INDEXED BY version_live ON v.corpus = c.ordinal AND v.state = 'live'
             WHERE c.tenant = ?1 AND v.ordinal IS NOT ?2",
        )
        .and_then(|mut statement| statement.query_row(params![tenant, replaced], |row| row.get(0)))
        .map_err(sql)?;
    small(sum)
}
