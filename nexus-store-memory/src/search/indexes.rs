//! Indexes that a store keeps beside its rows for searches: derived data, rebuilt when lost.

use nexus_core::Result;
use rusqlite::Connection;

use crate::rows::corpus;
use crate::search::build::{Builds, Effort, NotReady, Task};
use crate::search::live_versions::LiveVersionsByCorpus;
use crate::search::text::{Place, TextIndexes};
use crate::search::vector::Vectors;
use crate::search::visibility_cache::VisibilityCache;

/// Live and visible versions, text indexes, and vectors.
#[derive(Debug)]
pub(crate) struct Indexes {
    pub(crate) live_versions: LiveVersionsByCorpus,
    pub(crate) sets: VisibilityCache,
    pub(crate) texts: TextIndexes,
    pub(crate) vectors: Vectors,
    pub(crate) builds: Builds,
}

impl Indexes {
    /// Creates empty indexes whose text indexes lie in `place`.
    pub(crate) fn new(place: Place) -> Self {
        Self {
            live_versions: LiveVersionsByCorpus::default(),
            sets: VisibilityCache::default(),
            texts: TextIndexes::new(place),
            vectors: Vectors::default(),
            builds: Builds::default(),
        }
    }

    /// Builds the index of a task up to the snapshot of `connection`.
    pub(crate) fn build(&self, connection: &Connection, task: Task) -> Result<()> {
        let corpus = match task {
            Task::LiveVersions(corpus) | Task::Text(corpus) => corpus,
            Task::Vectors(space) => space.corpus,
        };
        // The corpus may have been deleted meanwhile.
        let Some(row) = corpus::row_of(connection, corpus)? else { return Ok(()) };
        let built = match task {
            Task::LiveVersions(_) => self.live_versions.get(connection, row, Effort::Full).map(drop),
            Task::Text(_) => self.texts.prepare(connection, row),
            Task::Vectors(space) => self.vectors.prepare(connection, row, space),
        };
        match built {
            // Another thread has built a newer one.
            Ok(()) | Err(NotReady::Overtaken | NotReady::Behind(_)) => Ok(()),
            Err(NotReady::Failed(error)) => Err(error),
        }
    }

    /// Drops the indexes of a deleted corpus.
    pub(crate) fn forget(&self, corpus: i64) {
        self.live_versions.forget(corpus);
        self.sets.forget(corpus);
        self.texts.forget(corpus);
        self.vectors.forget(corpus);
    }
}
