//! Word statistics of live passages, for BM25.
//!
//! tantivy's own statistics count retired passages and depend on the history of the index. These do not, so a rebuilt
//! index returns the same scores.

use nexus_core::Result;
use std::collections::HashMap;
use std::sync::Arc;
use tantivy::columnar::ColumnValues;
use tantivy::postings::Postings;
use tantivy::query::Bm25StatisticsProvider;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Searcher, SegmentReader, TERMINATED, Term};

use super::clauses::Clause;
use crate::error::text;
use crate::rows::passage;
use crate::search::bit_set::BitSet;
use crate::search::live_versions::LiveVersions;

/// Number of passages of a set, and their total length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statistics {
    pub(super) passages: u64,
    pub(super) terms: u64,
    /// Whether the index holds these passages only.
    pub(super) clean: bool,
}

impl Statistics {
    /// Counts the passages of the versions in `set`.
    pub(super) fn count(searchers: &[Searcher], set: &BitSet) -> Result<Self> {
        let (mut passages, mut terms, mut held) = (0, 0, 0);
        for reader in searchers.iter().flat_map(Searcher::segment_readers) {
            let columns = Columns::open(reader)?;
            held += u64::from(reader.max_doc());
            for doc in reader.doc_ids_alive() {
                if set.contains(columns.version(doc)) {
                    passages += 1;
                    terms += columns.lengths.get_val(doc);
                }
            }
        }
        Ok(Self { passages, terms, clean: held == passages })
    }
}

/// Statistics of all live passages of a corpus, and the state that they were counted on.
#[derive(Debug)]
pub(super) struct Counted {
    generations: Vec<u64>,
    watermark: i64,
    pub(super) statistics: Statistics,
}

impl Counted {
    pub(super) fn count(searchers: &[Searcher], live_versions: &LiveVersions) -> Result<Self> {
        let statistics = Statistics::count(searchers, &live_versions.live)?;
        let generations = searchers.iter().map(|searcher| searcher.generation().generation_id()).collect();
        Ok(Self { generations, watermark: live_versions.watermark, statistics })
    }

    pub(super) fn are_of(&self, searchers: &[Searcher], live_versions: &LiveVersions) -> bool {
        let generations = searchers.iter().map(|searcher| searcher.generation().generation_id());
        self.watermark == live_versions.watermark && generations.eq(self.generations.iter().copied())
    }
}

/// Columns of a segment about its passages.
pub(super) struct Columns {
    passages: Arc<dyn ColumnValues<u64>>,
    lengths: Arc<dyn ColumnValues<u64>>,
}

impl Columns {
    pub(super) fn open(reader: &SegmentReader) -> Result<Self> {
        let column =
            |name| reader.fast_fields().u64(name).map(|column| column.first_or_default_col(0)).map_err(text);
        Ok(Self { passages: column("passage")?, lengths: column("length")? })
    }

    pub(super) fn passage(&self, doc: DocId) -> i64 {
        i64::try_from(self.passages.get_val(doc)).unwrap_or(0)
    }

    /// Returns the number of terms of a passage.
    pub(super) fn length(&self, doc: DocId) -> u32 {
        u32::try_from(self.lengths.get_val(doc)).unwrap_or(u32::MAX)
    }

    pub(super) fn version(&self, doc: DocId) -> i64 {
        passage::split(self.passage(doc)).0
    }
}

/// Passages that are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct CountedSet<'a> {
    pub(super) versions: &'a BitSet,
    /// Whether the index holds these passages only.
    pub(super) clean: bool,
}

impl CountedSet<'_> {
    /// Counts the passages that hold a term.
    pub(super) fn holding(&self, searchers: &[Searcher], term: &Term) -> Result<u64> {
        let mut found = 0;
        for reader in searchers.iter().flat_map(Searcher::segment_readers) {
            let inverted = reader.inverted_index(term.field()).map_err(text)?;
            let info = inverted.get_term_info(term).map_err(|error| text(error.into()))?;
            let Some(info) = info else { continue };
            if self.clean {
                found += u64::from(info.doc_freq);
                continue;
            }
            let columns = Columns::open(reader)?;
            let mut postings = inverted
                .read_postings_from_terminfo(&info, IndexRecordOption::Basic)
                .map_err(|error| text(error.into()))?;
            while postings.doc() != TERMINATED {
                let doc = postings.doc();
                found += u64::from(!reader.is_deleted(doc) && self.versions.contains(columns.version(doc)));
                postings.advance();
            }
        }
        Ok(found)
    }
}

/// Calls `take` for every clause and every document of `docs`, in ascending order, that holds its term: place in
/// `docs`, clause with its number, frequency.
pub(super) fn each_frequency(
    reader: &SegmentReader,
    clauses: &[Clause],
    docs: &[DocId],
    mut take: impl FnMut(usize, (usize, &Clause), u32),
) -> Result<()> {
    for (number, clause) in clauses.iter().enumerate() {
        let inverted = reader.inverted_index(clause.term.field()).map_err(text)?;
        let postings = inverted
            .read_postings(&clause.term, IndexRecordOption::WithFreqs)
            .map_err(|error| text(error.into()))?;
        let Some(mut postings) = postings else { continue };
        for (place, &doc) in docs.iter().enumerate() {
            let at = if postings.doc() < doc { postings.seek(doc) } else { postings.doc() };
            if at == doc {
                take(place, (number, clause), postings.term_freq());
            }
        }
    }
    Ok(())
}

/// Statistics for tantivy, so that its pruning bounds follow from them.
pub(super) struct Provider<'a> {
    /// Field whose lengths count.
    pub(super) measured: Field,
    pub(super) statistics: Statistics,
    pub(super) found: HashMap<&'a Term, u64>,
}

impl Bm25StatisticsProvider for Provider<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        // Fields without lengths count as of one term, so that the score of such a term is its weight.
        Ok(if field == self.measured { self.statistics.terms } else { self.statistics.passages })
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.statistics.passages)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        Ok(self.found.get(term).copied().unwrap_or(0))
    }
}
