//! Live versions of a corpus, kept in memory and updated by watermark.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use nexus_core::document::PassageKey;
use nexus_core::language::Language;
use nexus_core::{DocumentId, Result};
use rusqlite::{Connection, params};

use crate::convert::from_json;
use crate::error::{corrupt, sql};
use crate::rows::corpus::CorpusRow;
use crate::rows::passage;
use crate::search::bit_set::BitSet;
use crate::search::build::{Effort, NotReady, Task, begin};

/// Upper bound on the changed versions that a search applies by itself.
const SMALL: i64 = 2_000;

/// Live versions of all corpora of a store.
#[derive(Debug, Default)]
pub(crate) struct LiveVersionsByCorpus {
    corpora: Mutex<HashMap<i64, Arc<Slot>>>,
}

/// Newest live versions of one corpus.
#[derive(Debug, Default)]
struct Slot {
    /// Held while newer live versions are read.
    building: Mutex<()>,
    newest: Mutex<Arc<LiveVersions>>,
}

impl LiveVersionsByCorpus {
    /// Returns the live versions as of the snapshot of `row`.
    pub(crate) fn get(
        &self,
        connection: &Connection,
        row: CorpusRow,
        effort: Effort,
    ) -> Result<Arc<LiveVersions>, NotReady> {
        let slot = {
            let mut corpora = self.corpora.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(corpora.entry(row.ordinal).or_default())
        };
        if let Some(newest) = slot.newest(row)? {
            return Ok(newest);
        }
        let behind = || NotReady::Behind(Task::LiveVersions(row.ordinal));
        let building = begin(&slot.building, effort).ok_or_else(behind)?;
        // Another search may have read them meanwhile.
        if let Some(newest) = slot.newest(row)? {
            return Ok(newest);
        }
        let mut live_versions = LiveVersions::clone(&slot.current());
        if live_versions.watermark < row.swept {
            live_versions = LiveVersions::default();
        }
        if effort == Effort::Little && !live_versions.is_near(connection, row.ordinal)? {
            return Err(behind());
        }
        live_versions.catch_up(connection, row.ordinal, row.watermark)?;
        let live_versions = Arc::new(live_versions);
        *slot.newest.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&live_versions);
        drop(building);
        Ok(live_versions)
    }

    /// Drops the live versions of a deleted corpus.
    pub(crate) fn forget(&self, corpus: i64) {
        self.corpora.lock().unwrap_or_else(PoisonError::into_inner).remove(&corpus);
    }
}

impl Slot {
    fn current(&self) -> Arc<LiveVersions> {
        Arc::clone(&self.newest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the newest live versions, if they are of the snapshot.
    fn newest(&self, row: CorpusRow) -> Result<Option<Arc<LiveVersions>>, NotReady> {
        let newest = self.current();
        match newest.watermark.cmp(&row.watermark) {
            std::cmp::Ordering::Less => Ok(None),
            std::cmp::Ordering::Equal => Ok(Some(newest)),
            std::cmp::Ordering::Greater => Err(NotReady::Overtaken),
        }
    }
}

/// Live versions of a corpus as of a watermark.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveVersions {
    pub(crate) watermark: i64,
    pub(crate) live: BitSet,
    /// Number of passages of the live versions.
    pub(crate) live_passages: u64,
    /// Ordinals of the live versions, ascending.
    ordinals: Vec<i64>,
    /// Live versions, in order of ordinal.
    versions: Vec<Arc<Version>>,
    /// Models of the live vectors, each with the lengths of its vectors.
    vectors: Vec<(i64, usize)>,
    languages: u32,
}

#[derive(Debug)]
struct Version {
    number: u32,
    passages: u32,
    languages: u32,
    /// Model and length of its vectors.
    vectors: Option<(i64, usize)>,
    document: DocumentId,
}

impl LiveVersions {
    /// Returns whether the changes since then are few enough for a search to apply by itself.
    fn is_near(&self, connection: &Connection, corpus: i64) -> Result<bool> {
        let statement = if self.watermark == 0 {
            "SELECT count(*) <= ?2 FROM (SELECT 1 FROM version INDEXED BY version_live
             WHERE corpus = ?1 AND state = 'live' LIMIT ?2 + 1) WHERE ?3 = 0"
        } else {
            "SELECT count(*) <= ?2 FROM (SELECT 1 FROM version INDEXED BY version_by_change
             WHERE corpus = ?1 AND changed > ?3 LIMIT ?2 + 1)"
        };
        connection
            .prepare_cached(statement)
            .and_then(|mut statement| {
                statement.query_row(params![corpus, SMALL, self.watermark], |row| row.get(0))
            })
            .map_err(sql)
    }

    /// Applies the changes since then; at first, reads all live versions.
    fn catch_up(&mut self, connection: &Connection, corpus: i64, watermark: i64) -> Result<()> {
        let statement = if self.watermark == 0 {
            "SELECT ordinal, state = 'live', number, passages, languages, document, model, dimension
             FROM version INDEXED BY version_live WHERE corpus = ?1 AND state = 'live' AND ?2 = 0"
        } else {
            "SELECT ordinal, state = 'live', number, passages, languages, document, model, dimension
             FROM version INDEXED BY version_by_change WHERE corpus = ?1 AND changed > ?2"
        };
        let mut statement = connection.prepare_cached(statement).map_err(sql)?;
        let mut rows = statement.query(params![corpus, self.watermark]).map_err(sql)?;
        let mut changed: BTreeMap<i64, Option<Arc<Version>>> = BTreeMap::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let ordinal: i64 = row.get(0).map_err(sql)?;
            let is_live: bool = row.get(1).map_err(sql)?;
            let version = match self.find(ordinal) {
                _ if !is_live => None,
                Some(known) => Some(Arc::clone(known)),
                None => Some(Arc::new(read(row)?)),
            };
            changed.insert(ordinal, version);
        }
        for (ordinal, version) in &changed {
            match version {
                Some(_) => self.live.insert(*ordinal),
                None => self.live.remove(*ordinal),
            }
        }
        self.merge(&changed);
        self.watermark = watermark;
        self.live_passages = self.passages(&self.live);
        self.languages = self.versions.iter().fold(0, |mask, version| mask | version.languages);
        self.vectors = self.versions.iter().filter_map(|version| version.vectors).collect();
        self.vectors.sort_unstable();
        self.vectors.dedup();
        Ok(())
    }

    /// Merges the changed versions into the order, in one pass.
    fn merge(&mut self, changed: &BTreeMap<i64, Option<Arc<Version>>>) {
        let kept = std::mem::take(&mut self.ordinals).into_iter().zip(std::mem::take(&mut self.versions));
        let mut kept = kept.filter(|(ordinal, _)| !changed.contains_key(ordinal)).peekable();
        let mut push = |ordinal, version| {
            self.ordinals.push(ordinal);
            self.versions.push(version);
        };
        for (ordinal, version) in changed {
            while let Some((before, known)) = kept.next_if(|(before, _)| before < ordinal) {
                push(before, known);
            }
            if let Some(version) = version {
                push(*ordinal, Arc::clone(version));
            }
        }
        kept.for_each(|(ordinal, version)| push(ordinal, version));
    }

    /// Returns the number of live versions.
    pub(crate) fn len(&self) -> usize {
        self.ordinals.len()
    }

    /// Returns the languages of the live passages, in a fixed order.
    pub(crate) fn languages(&self) -> Vec<Language> {
        languages(self.languages)
    }

    /// Returns the languages of the passages of the versions in `set`, in a fixed order.
    pub(crate) fn languages_of(&self, set: &BitSet) -> Vec<Language> {
        let within = self.within(set);
        languages(within.fold(0, |mask, version| mask | version.languages))
    }

    /// Returns whether any live version has vectors of this model and length.
    pub(crate) fn has_vectors(&self, model: i64, dimension: usize) -> bool {
        self.vectors.binary_search(&(model, dimension)).is_ok()
    }

    /// Returns whether any version in `set` has vectors of this model.
    pub(crate) fn has_model(&self, set: &BitSet, model: i64) -> bool {
        self.within(set).any(|version| version.vectors.is_some_and(|(known, _)| known == model))
    }

    /// Returns the number of passages of the versions in `set`.
    pub(crate) fn passages(&self, set: &BitSet) -> u64 {
        self.within(set).map(|version| u64::from(version.passages)).sum()
    }

    fn within<'a>(&'a self, set: &'a BitSet) -> impl Iterator<Item = &'a Version> {
        let versions = self.ordinals.iter().zip(&self.versions);
        versions.filter(|(ordinal, _)| set.contains(**ordinal)).map(|(_, version)| version.as_ref())
    }

    /// Returns the key of a passage.
    pub(crate) fn key(&self, passage: i64) -> Result<PassageKey> {
        let (ordinal, index) = passage::split(passage);
        let version = self
            .find(ordinal)
            .ok_or_else(|| corrupt("a passage that was found belongs to a version that is not live"))?;
        Ok(PassageKey { document: version.document.clone(), version: version.number, index })
    }

    /// Compares two passages by key.
    pub(crate) fn compare(&self, left: i64, right: i64) -> std::cmp::Ordering {
        let name = |passage| {
            let (ordinal, index) = passage::split(passage);
            (self.find(ordinal).map(|version| (&version.document, version.number)), index)
        };
        name(left).cmp(&name(right))
    }

    fn find(&self, ordinal: i64) -> Option<&Arc<Version>> {
        self.versions.get(self.ordinals.binary_search(&ordinal).ok()?)
    }
}

fn read(row: &rusqlite::Row<'_>) -> Result<Version> {
    let spoken: Vec<Language> = from_json(&row.get::<_, String>(4).map_err(sql)?)?;
    let model: Option<i64> = row.get(6).map_err(sql)?;
    let dimension: Option<i64> = row.get(7).map_err(sql)?;
    Ok(Version {
        number: row.get(2).map_err(sql)?,
        passages: row.get(3).map_err(sql)?,
        languages: spoken.into_iter().fold(0, |mask, language| mask | bit(language)),
        vectors: model.zip(dimension.and_then(|dimension| usize::try_from(dimension).ok())),
        document: DocumentId::parse(row.get::<_, String>(5).map_err(sql)?)?,
    })
}

fn languages(mask: u32) -> Vec<Language> {
    Language::ALL.iter().copied().filter(|language| mask & bit(*language) != 0).collect()
}

fn bit(language: Language) -> u32 {
    let place = Language::ALL.iter().position(|known| *known == language).unwrap_or(0);
    1 << place
}
