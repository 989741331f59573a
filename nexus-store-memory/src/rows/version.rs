//! Versions of documents, whose states and steps core decides.
//!
//! Searches depend on these rows alone. Every change to a version's liveness or visibility stamps the row with the
//! corpus's next watermark, so that a cache can ask for the changes since its own.

use std::collections::BTreeSet;

use nexus_core::document::model::Metadata;
use nexus_core::document::{Document, StoredVersion, VersionState};
use nexus_core::language::Language;
use nexus_core::{Result, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::convert::{small, to_json};
use crate::error::{corrupt, sql};
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
             VALUES (?1, ?2, ?3, ?4, ?5, 0) RETURNING ordinal",
        )
        .and_then(|mut statement| {
            let state = VersionState::Staged.as_str();
            statement.query_row(params![tenant, corpus, document, version, state], |row| row.get(0))
        })
        .map_err(sql)
}

/// Returns a version with the state that its row names.
pub(crate) fn stored(ordinal: i64, state: &str) -> Result<StoredVersion> {
    let state = VersionState::parse(state).ok_or_else(|| corrupt("a version has an unknown state"))?;
    Ok(StoredVersion { ordinal, state })
}

/// Returns the version of an ordinal.
pub(crate) fn find(connection: &Connection, ordinal: i64) -> Result<StoredVersion> {
    let state: Option<String> = connection
        .prepare_cached("SELECT state FROM version WHERE ordinal = ?1")
        .and_then(|mut statement| statement.query_row(params![ordinal], |row| row.get(0)).optional())
        .map_err(sql)?;
    stored(ordinal, &state.ok_or_else(|| corrupt("a document names a version that is not there"))?)
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

/// Writes a version that was published.
pub(crate) fn publish(
    connection: &Connection,
    corpus: i64,
    version: StoredVersion,
    content: &Content,
) -> Result<()> {
    let watermark = advance_watermark(connection, corpus)?;
    connection
        .prepare_cached(
            "UPDATE version SET state = ?9, changed = ?2, published = ?2, passages = ?3, model = ?4,
             vectors = ?5, dimension = ?6, languages = ?7, described = ?8 WHERE ordinal = ?1",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                version.ordinal,
                watermark,
                content.passages,
                content.model,
                content.vectors.vectors,
                content.vectors.dimension,
                to_json(&content.languages).unwrap_or_default(),
                to_json(&content.described).unwrap_or_default(),
                version.state.as_str(),
            ])
        })
        .map(drop)
        .map_err(sql)
}

/// Writes a version that was retired, and removes its contents. The row stays as a marker for caches and indexes, without the
/// document's id; [`sweep`] removes it.
pub(crate) fn retire(connection: &Connection, corpus: i64, version: StoredVersion) -> Result<()> {
    let watermark = advance_watermark(connection, corpus)?;
    crate::rows::passage::delete(connection, version.ordinal)?;
    connection
        .prepare_cached(
            "UPDATE version SET state = ?3, changed = ?2, document = '', passages = 0, vectors = 0,
             languages = '[]', described = '{}' WHERE ordinal = ?1",
        )
        .and_then(|mut statement| {
            statement.execute(params![version.ordinal, watermark, version.state.as_str()])
        })
        .map(drop)
        .map_err(sql)
}

/// Removes a version that was discarded.
pub(crate) fn remove(connection: &Connection, version: i64) -> Result<()> {
    crate::rows::passage::delete(connection, version)?;
    connection
        .prepare_cached("DELETE FROM version WHERE ordinal = ?1")
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nexus_core::Error;
    use nexus_testkit::store::World;
    use nexus_testkit::store::fixture::{LEASE, admin, at, staged};

    use crate::db::Write;
    use crate::error::sql;
    use crate::store::MemoryStore;

    async fn set_state(store: &MemoryStore, state: &'static str) {
        let set =
            move |write: &Write<'_>| write.execute("UPDATE version SET state = ?1", [state]).map_err(sql);
        store.engine().write(set).await.unwrap();
    }

    #[tokio::test]
    async fn a_step_that_does_not_follow_the_stored_state_is_an_error_and_changes_nothing() {
        let store = MemoryStore::default();
        let (world, caller) = (World::new(Arc::new(store.clone())), admin("acme"));
        world.corpus(&caller, "c").await;
        world.submit(&caller, "c", "d", "text").await;
        let lease = world.claim(at(0)).await;
        world.store.stage(&lease, None, staged(&["text"])).await.unwrap();
        for (state, code) in
            [("live", "VERSION_STATE"), ("retired", "VERSION_STATE"), ("lost", "STORE_CORRUPT")]
        {
            set_state(&store, state).await;
            let failure = nexus_core::error::Failure::from(&Error::unexpected("it failed"));
            let errors = [
                world.store.stage(&lease, None, staged(&["other"])).await.unwrap_err(),
                world.store.publish(&lease, world.publication(&lease, 1, None)).await.unwrap_err(),
                world.store.fail(&lease, failure, at(1), world.unrecorded()).await.unwrap_err(),
                world.store.claim_job("w", at(60), LEASE).await.unwrap_err(),
            ];
            assert_eq!(errors.map(|error| error.code()), [code; 4], "{state}");
        }
        set_state(&store, "staged").await;
        world.work(&lease, staged(&["text"])).await;
        set_state(&store, "retired").await;
        let error = world.delete(&caller, "d").await.unwrap_err();
        assert_eq!(error.code(), "VERSION_STATE");
        set_state(&store, "live").await;
        world.delete(&caller, "d").await.unwrap();
    }
}
