//! Text index: words of passages, one tantivy index per corpus.
//!
//! It is derived data. SQL is the truth, and each commit of an index is stamped with the watermark of its last
//! publication; missing publications are added before the next search, and an unreadable index is rebuilt. Passages
//! of retired versions stay in it until they are many: no set of visible versions holds them.

mod adjacency;
mod clauses;
mod files;
mod index;
mod search;
mod tantivy_index;
mod token_stream;
mod word_statistics;

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nexus_core::Result;
use rusqlite::Connection;

use crate::files::directory;
use crate::rows::corpus::CorpusRow;
use crate::search::build::{Effort, NotReady};
use crate::search::live_versions::LiveVersions;
use crate::search::visible_versions::VisibleVersions;

pub(crate) use index::TextIndex;
pub(crate) use search::{Found, Looked, Words};
pub(crate) use tantivy_index::LARGE;

/// Text indexes of a store.
#[derive(Debug)]
pub(crate) struct TextIndexes {
    place: Place,
    open: Mutex<HashMap<i64, Arc<TextIndex>>>,
}

/// Location of the indexes.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// In memory.
    Ram,
    /// Below this directory, which this process alone writes.
    Owned(PathBuf),
    /// Below this directory, which another process may be writing.
    Shared(PathBuf),
}

impl TextIndexes {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, open: Mutex::default() }
    }

    /// Returns a searcher over all live versions, with the word statistics of the corpus or of `own`.
    pub(crate) fn words(
        &self,
        connection: &Connection,
        row: CorpusRow,
        live_versions: &LiveVersions,
        own: Option<&Arc<VisibleVersions>>,
    ) -> Result<Words, NotReady> {
        let index = self.index(row.ordinal);
        index.catch_up(connection, row, Effort::Little)?;
        index.words(live_versions, own)
    }

    /// Indexes all publications, however many.
    pub(crate) fn prepare(&self, connection: &Connection, row: CorpusRow) -> Result<(), NotReady> {
        self.index(row.ordinal).catch_up(connection, row, Effort::Full)
    }

    /// Indexes a piece of a large version ahead of its publication.
    pub(crate) fn add_ahead(
        &self,
        connection: &Connection,
        row: CorpusRow,
        version: i64,
        range: Range<u32>,
    ) -> Result<()> {
        self.index(row.ordinal).add_ahead(connection, row, version, range)
    }

    /// See [`TextIndex::cleared_through`].
    pub(crate) fn cleared_through(&self, corpus: i64) -> Option<i64> {
        self.index(corpus).cleared_through()
    }

    /// Releases the memory of the index writers.
    pub(crate) fn rest(&self) {
        let open: Vec<_> =
            self.open.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for index in open {
            index.rest();
        }
    }

    /// Removes the index of a deleted corpus.
    pub(crate) fn forget(&self, corpus: i64) {
        drop(self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&corpus));
        if let Place::Owned(dir) = &self.place {
            // Ordinals are never reused, so remaining files only take space until a sweep removes them.
            if may_hold_index(dir, corpus) {
                directory::remove_index(&index_dir(dir, corpus), |_| true);
            }
        }
    }

    pub(crate) fn index(&self, corpus: i64) -> Arc<TextIndex> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let index = open.entry(corpus).or_insert_with(|| Arc::new(TextIndex::new(&self.place, corpus)));
        Arc::clone(index)
    }
}

fn index_dir(dir: &Path, corpus: i64) -> PathBuf {
    dir.join(corpus.to_string())
}

/// Returns whether the index of a corpus may be read and written below `dir`: neither is a link.
fn may_hold_index(dir: &Path, corpus: i64) -> bool {
    let is_free_or_real = |path: &Path| directory::is_real_dir(path) || path.symlink_metadata().is_err();
    is_free_or_real(dir) && is_free_or_real(&index_dir(dir, corpus))
}
