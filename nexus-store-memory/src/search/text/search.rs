//! Search for the best visible passages by the question's words.
//!
//! tantivy's block-max pruning proposes candidates by classes of lengths, in which a passage is never longer than it is:
//! its score is an upper bound. Each is scored again here, with its exact length, in double precision and always in the
//! same order, because tantivy's single-precision sums depend on the segments of the index. The pruning threshold
//! stays a little below the last place that counts, so that neither ties nor rounding lose a passage. Neighbours are
//! looked at last, among the passages found.

use nexus_core::Result;
use nexus_core::retrieve::TermScore;
use nexus_core::retrieve::analysis::LexicalQuery;
use nexus_core::retrieve::bm25::Bm25;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::query::{EnableScoring, Query};
use tantivy::{DocId, Score, Searcher, SegmentReader};

use super::adjacency;
use super::clauses::{Clause, Clauses, Counts};
use super::tantivy_index::Fields;
use super::word_statistics::{Columns, CountedSet, Provider, Statistics, each_frequency};
use crate::error::text;
use crate::search::bit_set::BitSet;
use crate::search::live_versions::LiveVersions;
use crate::search::top_k::TopK;
use crate::search::visible_versions::VisibleVersions;

/// Margin of the threshold below the last place that counts: more than the error of single precision.
const SLACK: f32 = 5e-5;

/// Number of proposals of a segment that are collected before they are scored.
const PROPOSALS: usize = 4096;

/// Passage that holds words of the question.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Id of the passage.
    pub(crate) passage: i64,
    /// Lexical score.
    pub(crate) score: f64,
    /// Score of each term, if requested.
    pub(crate) terms: Vec<TermScore>,
    /// Index of its segment, its place there, and its number of terms.
    pub(super) segment: usize,
    pub(super) doc: DocId,
    pub(super) length: u32,
    pub(super) held: Held,
}

/// First clauses that a passage holds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held(u128);

impl Held {
    pub(super) fn holds(self, clause: usize) -> bool {
        clause < 128 && self.0 >> clause & 1 == 1
    }

    fn add(&mut self, clause: usize) {
        if clause < 128 {
            self.0 |= 1 << clause;
        }
    }
}

/// Words of a corpus as of one snapshot.
pub(crate) struct Words {
    fields: Option<Fields>,
    searchers: Vec<Searcher>,
    /// Whether the index holds live passages only.
    clean: bool,
    statistics: Option<Statistics>,
}

/// Parameters of a search for words.
pub(crate) struct Looked<'a> {
    /// Versions that may be found.
    pub(crate) permitted: &'a VisibleVersions,
    /// Versions that the statistics count; none for the whole corpus.
    pub(crate) own: Option<&'a VisibleVersions>,
    pub(crate) live_versions: &'a LiveVersions,
    /// Upper bound on the passages returned.
    pub(crate) most: usize,
    /// Whether each passage carries the scores of its words.
    pub(crate) explain: bool,
}

impl Words {
    pub(super) fn none() -> Self {
        Self { fields: None, searchers: Vec::new(), clean: true, statistics: None }
    }

    pub(super) fn new(fields: Fields, searchers: Vec<Searcher>, clean: bool, statistics: Statistics) -> Self {
        Self { fields: Some(fields), searchers, clean, statistics: Some(statistics) }
    }

    /// Returns the best visible passages for `asked`, best first; ties in order of passage key.
    pub(crate) fn search(&self, asked: &LexicalQuery, looked: &Looked<'_>) -> Result<Vec<Found>> {
        let (Some(fields), Some(statistics)) = (self.fields, self.statistics) else { return Ok(Vec::new()) };
        if statistics.passages == 0 {
            return Ok(Vec::new());
        }
        let bm25 = Bm25::new(statistics.passages, statistics.terms);
        let clauses = Clauses::of(asked, fields, &self.searchers, &self.counts(looked), bm25)?;
        if clauses.all.is_empty() {
            return Ok(Vec::new());
        }
        let found = clauses.all.iter().map(|clause| (&clause.term, clause.passages)).collect();
        let provider = Provider { measured: fields.terms, statistics, found };
        let query = clauses.query(&asked.phrases, fields, bm25);
        let segments: Vec<&SegmentReader> =
            self.searchers.iter().flat_map(Searcher::segment_readers).collect();
        let mut pool = Pool::new(bm25, &clauses.all, looked);
        let mut number = 0;
        for searcher in &self.searchers {
            let scoring = EnableScoring::enabled_from_statistics_provider(&provider, searcher);
            let weight = query.weight(scoring).map_err(text)?;
            for reader in searcher.segment_readers() {
                let columns = Columns::open(reader)?;
                let lengths = reader.get_fieldnorms_reader(fields.terms).map_err(text)?;
                let mut segment =
                    Segment { number, reader, columns, lengths, proposals: Vec::new(), failed: None };
                let start = pool.threshold();
                weight
                    .for_each_pruning(start, reader, &mut |doc, score| {
                        segment.propose(doc, score, &looked.permitted.versions, &mut pool)
                    })
                    .map_err(text)?;
                segment.finish(&mut pool)?;
                number += 1;
            }
        }
        adjacency::add(&segments, &clauses, asked, bm25, looked.explain, &mut pool.found)?;
        pool.keep_best();
        Ok(pool.found)
    }

    fn counts<'a>(&'a self, looked: &Looked<'a>) -> Counts<'a> {
        let counted = looked.own.map_or_else(
            || CountedSet { versions: &looked.live_versions.live, clean: self.clean },
            |own| self.set(own, looked.live_versions),
        );
        let permitted = looked.explain.then(|| self.set(looked.permitted, looked.live_versions));
        Counts { counted, permitted }
    }

    fn set<'a>(&self, set: &'a VisibleVersions, live_versions: &LiveVersions) -> CountedSet<'a> {
        let is_whole = set.passages == live_versions.live_passages;
        CountedSet { versions: &set.versions, clean: self.clean && is_whole }
    }
}

/// Best passages so far, over all segments.
struct Pool<'a> {
    bm25: Bm25,
    clauses: &'a [Clause],
    live_versions: &'a LiveVersions,
    most: usize,
    explain: bool,
    /// Best proposed scores.
    best: TopK,
    found: Vec<Found>,
}

impl<'a> Pool<'a> {
    fn new(bm25: Bm25, clauses: &'a [Clause], looked: &Looked<'a>) -> Self {
        let Looked { live_versions, most, explain, .. } = *looked;
        Self { bm25, clauses, live_versions, most, explain, best: TopK::new(most), found: Vec::new() }
    }

    /// Returns the greatest score with which a passage cannot be among the best.
    fn threshold(&self) -> Score {
        self.best.least().map_or(Score::MIN, |least| least * (1.0 - SLACK))
    }

    /// Scores ascending proposals of a segment exactly and keeps the best.
    fn settle(&mut self, segment: &Segment<'_>, docs: &[DocId]) -> Result<()> {
        let start = self.found.len();
        let columns = &segment.columns;
        self.found.extend(docs.iter().map(|&doc| Found {
            passage: columns.passage(doc),
            score: 0.0,
            terms: Vec::new(),
            segment: segment.number,
            doc,
            length: columns.length(doc),
            held: Held::default(),
        }));
        let Self { found, bm25, explain, clauses, .. } = self;
        each_frequency(segment.reader, clauses, docs, |place, (number, clause), frequency| {
            let Some(found) = found.get_mut(start + place) else { return };
            found.held.add(number);
            let score = clause.score(*bm25, frequency, found.length);
            found.score += score;
            if *explain {
                found.terms.push(explained(clause, frequency, score));
            }
        })?;
        self.keep_best();
        Ok(())
    }

    fn keep_best(&mut self) {
        let live_versions = self.live_versions;
        self.found.sort_by(|a, b| {
            b.score.total_cmp(&a.score).then_with(|| live_versions.compare(a.passage, b.passage))
        });
        self.found.truncate(self.most);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "scores are single precision at the border")]
pub(super) fn explained(clause: &Clause, frequency: u32, score: f64) -> TermScore {
    TermScore {
        term: clause.text.clone(),
        query_weight: clause.weight,
        passages: clause.permitted,
        frequency,
        score: score as f32,
    }
}

/// Segment during a search.
struct Segment<'a> {
    number: usize,
    reader: &'a SegmentReader,
    columns: Columns,
    /// Classes of lengths.
    lengths: FieldNormReader,
    proposals: Vec<(DocId, Score)>,
    failed: Option<nexus_core::Error>,
}

impl Segment<'_> {
    /// Adds a proposal and returns the score that the next one must exceed.
    fn propose(&mut self, doc: DocId, score: Score, permitted: &BitSet, pool: &mut Pool<'_>) -> Score {
        if self.failed.is_some() {
            return Score::MAX;
        }
        if !self.reader.is_deleted(doc) && permitted.contains(self.columns.version(doc)) {
            pool.best.note(score * self.least_share(doc, pool.bm25));
            self.proposals.push((doc, score));
            if self.proposals.len() >= PROPOSALS {
                self.failed = self.settle(pool).err();
            }
        }
        pool.threshold()
    }

    /// Returns the least share of its proposed score that a passage may have.
    #[expect(clippy::cast_possible_truncation, reason = "a share with a margin")]
    fn least_share(&self, doc: DocId, bm25: Bm25) -> Score {
        let quotient = bm25.least_quotient(self.lengths.fieldnorm(doc), self.columns.length(doc));
        (quotient * (1.0 - f64::from(SLACK))) as Score
    }

    fn finish(&mut self, pool: &mut Pool<'_>) -> Result<()> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.settle(pool),
        }
    }

    fn settle(&mut self, pool: &mut Pool<'_>) -> Result<()> {
        let threshold = pool.threshold();
        let docs: Vec<DocId> =
            self.proposals.drain(..).filter(|(_, score)| *score > threshold).map(|(doc, _)| doc).collect();
        pool.settle(self, &docs)
    }
}
