//! One corpus's index: brought up to date from SQL, and opened for searching.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nexus_core::Result;
use rusqlite::Connection;
use tantivy::Searcher;

use super::Place;
use super::part::{Fields, Part};
use super::score::Statistics;
use super::search::Words;
use super::{index_dir, may_hold_index};
use crate::catalogue::Catalogue;

/// One corpus's index.
pub(crate) struct TextIndex {
    corpus: i64,
    place: Place,
    parts: Mutex<Option<Parts>>,
    current: Mutex<Current>,
}

/// What searches use while the index is written.
#[derive(Default)]
struct Current {
    fields: Option<Fields>,
    through: i64,
    searchers: Vec<Searcher>,
    statistics: Option<Statistics>,
}

struct Parts {
    main: Part,
    /// What the owner of a shared directory has not indexed yet.
    tail: Option<Part>,
}

impl TextIndex {
    pub(crate) fn new(place: &Place, corpus: i64) -> Self {
        Self { corpus, place: place.clone(), parts: Mutex::default(), current: Mutex::default() }
    }

    /// Adds what was published up to `watermark` and is not in the index.
    pub(crate) fn catch_up(&self, connection: &Connection, watermark: i64) -> Result<()> {
        if locked(&self.current).through >= watermark {
            return Ok(());
        }
        self.try_catch_up(connection, watermark).or_else(|error| {
            // Files come and go beside a reader, and what is damaged is rebuilt when it is opened anew.
            tracing::warn!(error = error.report(), corpus = self.corpus, "opening the text index once more");
            self.try_catch_up(connection, watermark)
        })
    }

    fn try_catch_up(&self, connection: &Connection, watermark: i64) -> Result<()> {
        let mut kept = locked(&self.parts);
        // Parts that failed are not kept: the next attempt opens them anew.
        let mut parts = match kept.take() {
            Some(parts) => parts,
            None => self.open(watermark)?,
        };
        parts.refresh()?;
        parts.newest().add_published(connection, self.corpus, watermark)?;
        let mut current = locked(&self.current);
        current.fields = Some(parts.main.fields);
        current.through = parts.newest().through;
        current.searchers = parts.each().map(Part::searcher).collect();
        *kept = Some(parts);
        Ok(())
    }

    /// Adds passages `from` up to `to` of a large version that is about to be published. Until it is, no search
    /// finds them.
    pub(crate) fn add_ahead(
        &self,
        connection: &Connection,
        watermark: i64,
        version: i64,
        range: Range<u32>,
    ) -> Result<()> {
        let mut kept = locked(&self.parts);
        let mut parts = match kept.take() {
            Some(parts) => parts,
            None => self.open(watermark)?,
        };
        parts.newest().add_ahead(connection, version, range)?;
        *kept = Some(parts);
        Ok(())
    }

    /// Everything a search needs, detached from the index.
    pub(crate) fn words(&self, catalogue: &Catalogue) -> Result<Words> {
        let mut current = locked(&self.current);
        let Some(fields) = current.fields else { return Ok(Words::none()) };
        let known = current.statistics.take().filter(|known| known.are_of(&current.searchers, catalogue));
        let statistics = match known {
            Some(statistics) => statistics,
            None => Statistics::count(&current.searchers, catalogue)?,
        };
        current.statistics = Some(statistics.clone());
        Ok(Words::new(fields, current.searchers.clone(), statistics))
    }

    /// Lets go of the writer and its memory.
    pub(crate) fn rest(&self) {
        for part in locked(&self.parts).iter_mut().flat_map(Parts::each_mut) {
            if let Err(error) = part.rest() {
                tracing::warn!(error = error.report(), corpus = self.corpus, "the text index was not merged");
            }
        }
    }

    fn open(&self, watermark: i64) -> Result<Parts> {
        match &self.place {
            Place::Ram => Ok(Parts { main: Part::in_ram(0)?, tail: None }),
            Place::Owned(dir) | Place::Shared(dir) if !may_hold_index(dir, self.corpus) => {
                tracing::warn!(dir = %dir.display(), "the text index is kept in memory: its directory is a link");
                Ok(Parts { main: Part::in_ram(0)?, tail: None })
            }
            Place::Owned(dir) => {
                let main = Part::open_or_rebuild(&index_dir(dir, self.corpus), watermark)?;
                Ok(Parts { main, tail: None })
            }
            Place::Shared(dir) => {
                let dir = index_dir(dir, self.corpus);
                let main = Part::open(&dir).ok().filter(|part| part.through <= watermark);
                let main = main.map_or_else(|| Part::in_ram(0), Ok)?;
                let tail = Part::in_ram(main.through)?;
                Ok(Parts { main, tail: Some(tail) })
            }
        }
    }
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
    fn newest(&mut self) -> &mut Part {
        self.tail.as_mut().unwrap_or(&mut self.main)
    }

    fn each(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.main).chain(&self.tail)
    }

    fn each_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        std::iter::once(&mut self.main).chain(&mut self.tail)
    }

    /// Looks at what the owner of a shared index committed meanwhile; the tail begins where that ends.
    fn refresh(&mut self) -> Result<()> {
        if self.tail.is_some() && self.main.reload()? {
            self.tail = Some(Part::in_ram(self.main.through)?);
        }
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
