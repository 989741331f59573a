//! Text index of one corpus: updated from SQL, and opened for searches.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_core::Result;
use rusqlite::{Connection, params};
use tantivy::Searcher;

use super::Place;
use super::search::Words;
use super::tantivy_index::{Fields, TantivyIndex};
use super::word_statistics::{Counted, Statistics};
use super::{index_dir, may_hold_index};
use crate::error::sql;
use crate::rows::corpus::CorpusRow;
use crate::search::build::{Effort, NotReady, Task, begin};
use crate::search::live_versions::LiveVersions;
use crate::search::visible_versions::VisibleVersions;

/// Upper bounds on the passages and documents that a search indexes by itself.
const SMALL: (i64, i64) = (256, 64);

/// Number of sets whose statistics are cached.
const COUNTED: usize = 64;

/// Text index of one corpus.
pub(crate) struct TextIndex {
    corpus: i64,
    place: Place,
    /// Held while the index is updated.
    parts: Mutex<Option<Parts>>,
    current: Mutex<Current>,
}

/// State that searches use while the index is written.
#[derive(Default)]
struct Current {
    fields: Option<Fields>,
    through: i64,
    searchers: Vec<Searcher>,
    statistics: Option<Counted>,
    /// Word statistics of the sets that some callers may read.
    own: Vec<(Arc<VisibleVersions>, Statistics)>,
}

struct Parts {
    main: TantivyIndex,
    /// Passages that the owner of a shared directory has not indexed yet.
    tail: Option<TantivyIndex>,
}

impl TextIndex {
    pub(crate) fn new(place: &Place, corpus: i64) -> Self {
        Self { corpus, place: place.clone(), parts: Mutex::default(), current: Mutex::default() }
    }

    /// Adds the passages published up to the snapshot of `row` that the index lacks.
    pub(crate) fn catch_up(
        &self,
        connection: &Connection,
        row: CorpusRow,
        effort: Effort,
    ) -> Result<(), NotReady> {
        if locked(&self.current).through >= row.watermark {
            return Ok(());
        }
        match self.try_catch_up(connection, row, effort) {
            // Files come and go beside a reader, and a damaged index is rebuilt when it is reopened.
            Err(NotReady::Failed(error)) => {
                tracing::warn!(
                    error = error.report(),
                    corpus = self.corpus,
                    "opening the text index once more"
                );
                self.try_catch_up(connection, row, effort)
            }
            ended => ended,
        }
    }

    fn try_catch_up(&self, connection: &Connection, row: CorpusRow, effort: Effort) -> Result<(), NotReady> {
        let behind = || NotReady::Behind(Task::Text(self.corpus));
        let mut kept = begin(&self.parts, effort).ok_or_else(behind)?;
        // Parts that failed are dropped: the next attempt reopens them.
        let mut parts = match kept.take() {
            Some(parts) => parts,
            None => self.open(row)?,
        };
        parts.refresh()?;
        if effort == Effort::Little && !is_near(connection, self.corpus, parts.newest().through)? {
            *kept = Some(parts);
            return Err(behind());
        }
        parts.newest().add_published(connection, self.corpus, row.watermark)?;
        let mut current = locked(&self.current);
        current.fields = Some(parts.main.fields);
        current.through = parts.newest().through;
        current.searchers = parts.each().map(TantivyIndex::searcher).collect();
        current.own.clear();
        *kept = Some(parts);
        Ok(())
    }

    /// Returns the watermark up to which passages of retired versions are gone from the index on the disk; none while
    /// the index is closed or being updated.
    pub(crate) fn cleared_through(&self) -> Option<i64> {
        begin(&self.parts, Effort::Little)?.as_ref().map(|parts| parts.main.stamped)
    }

    /// Adds passages `from` up to `to` of a large version ahead of its publication. Searches find them only after it.
    pub(crate) fn add_ahead(
        &self,
        connection: &Connection,
        row: CorpusRow,
        version: i64,
        range: Range<u32>,
    ) -> Result<()> {
        let mut kept = locked(&self.parts);
        let mut parts = match kept.take() {
            Some(parts) => parts,
            None => self.open(row)?,
        };
        parts.newest().add_ahead(connection, version, range)?;
        *kept = Some(parts);
        Ok(())
    }

    /// Locks the index against updates, as a long build does.
    #[cfg(test)]
    pub(crate) fn hold(&self) -> impl Drop + '_ {
        locked(&self.parts)
    }

    /// Returns a searcher detached from the index, with the word statistics of the corpus, or of `own`.
    pub(crate) fn words(
        &self,
        live_versions: &LiveVersions,
        own: Option<&Arc<VisibleVersions>>,
    ) -> Result<Words, NotReady> {
        let mut current = locked(&self.current);
        // A newer index lacks the passages of versions that were retired since the snapshot.
        if current.through != live_versions.watermark {
            return Err(NotReady::Overtaken);
        }
        let Some(fields) = current.fields else { return Ok(Words::none()) };
        let known = current.statistics.take().filter(|known| known.are_of(&current.searchers, live_versions));
        let counted = match known {
            Some(counted) => counted,
            None => Counted::count(&current.searchers, live_versions)?,
        };
        let corpus = counted.statistics;
        current.statistics = Some(counted);
        let statistics = match own {
            Some(own) if own.passages != live_versions.live_passages => current.statistics_of(own)?,
            _ => corpus,
        };
        Ok(Words::new(fields, current.searchers.clone(), corpus.clean, statistics))
    }

    /// Drops the writer and its memory.
    pub(crate) fn rest(&self) {
        for part in locked(&self.parts).iter_mut().flat_map(Parts::each_mut) {
            if let Err(error) = part.rest() {
                tracing::warn!(error = error.report(), corpus = self.corpus, "the text index was not merged");
            }
        }
    }

    fn open(&self, row: CorpusRow) -> Result<Parts> {
        match &self.place {
            Place::Ram => Ok(Parts { main: TantivyIndex::in_ram(0)?, tail: None }),
            Place::Owned(dir) | Place::Shared(dir) if !may_hold_index(dir, self.corpus) => {
                tracing::warn!(dir = %dir.display(), "the text index is kept in memory: its directory is a link");
                Ok(Parts { main: TantivyIndex::in_ram(0)?, tail: None })
            }
            Place::Owned(dir) => {
                let main = TantivyIndex::open_or_rebuild(&index_dir(dir, self.corpus), row)?;
                Ok(Parts { main, tail: None })
            }
            Place::Shared(dir) => {
                let dir = index_dir(dir, self.corpus);
                let main = TantivyIndex::open(&dir).ok().filter(|part| part.is_of(row));
                let main = main.map_or_else(|| TantivyIndex::in_ram(0), Ok)?;
                let tail = TantivyIndex::in_ram(main.through)?;
                Ok(Parts { main, tail: Some(tail) })
            }
        }
    }
}

impl Current {
    /// Returns the statistics of the passages in a set of this watermark.
    fn statistics_of(&mut self, own: &Arc<VisibleVersions>) -> Result<Statistics> {
        if let Some((_, known)) = self.own.iter().find(|(set, _)| Arc::ptr_eq(set, own)) {
            return Ok(*known);
        }
        let statistics = Statistics::count(&self.searchers, &own.versions)?;
        if self.own.len() >= COUNTED {
            self.own.remove(0);
        }
        self.own.push((Arc::clone(own), statistics));
        Ok(statistics)
    }
}

/// Returns whether the publications after `through` are few enough for a search to index by itself.
fn is_near(connection: &Connection, corpus: i64, through: i64) -> Result<bool> {
    let (passages, documents) = SMALL;
    connection
        .prepare_cached(
            "SELECT count(*) <= ?3 AND coalesce(sum(passages), 0) <= ?4 FROM (
                 SELECT passages FROM version INDEXED BY version_by_publication
                 WHERE corpus = ?1 AND published > ?2 AND state = 'live' LIMIT ?3 + 1)",
        )
        .and_then(|mut statement| {
            statement.query_row(params![corpus, through, documents, passages], |row| row.get(0))
        })
        .map_err(sql)
}

impl std::fmt::Debug for TextIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextIndex")
            .field("corpus", &self.corpus)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Parts {
    fn newest(&mut self) -> &mut TantivyIndex {
        self.tail.as_mut().unwrap_or(&mut self.main)
    }

    fn each(&self) -> impl Iterator<Item = &TantivyIndex> {
        std::iter::once(&self.main).chain(&self.tail)
    }

    fn each_mut(&mut self) -> impl Iterator<Item = &mut TantivyIndex> {
        std::iter::once(&mut self.main).chain(&mut self.tail)
    }

    /// Opens the newest commit of a shared index; the tail begins where that commit ends.
    fn refresh(&mut self) -> Result<()> {
        if self.tail.is_some() && self.main.reload()? {
            self.tail = Some(TantivyIndex::in_ram(self.main.through)?);
        }
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
