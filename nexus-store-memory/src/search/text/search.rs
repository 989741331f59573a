//! Search for the best visible passages by the question's words.
//!
//! tantivy's block-max pruning proposes candidates; each is scored again here, in double precision and always in the
//! same order, because tantivy's single-precision sums depend on the segments of the index. The pruning threshold
//! stays a little below the last place that counts, so that neither ties nor rounding lose a passage.

use nexus_core::Result;
use nexus_core::retrieve::TermScore;
use nexus_core::retrieve::bm25::Bm25;
use tantivy::query::{BooleanQuery, BoostQuery, EnableScoring, Occur, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, Score, Searcher, SegmentReader, Term};

use super::tantivy_index::Fields;
use super::word_statistics::{Columns, CountedSet, Provider, Statistics, Word, each_frequency};
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
    /// BM25 score.
    pub(crate) score: f64,
    /// Score of each word, if requested.
    pub(crate) terms: Vec<TermScore>,
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

    /// Returns the best visible passages for `terms`, best first; ties in order of passage key.
    pub(crate) fn search(&self, terms: &[(String, f32)], looked: &Looked<'_>) -> Result<Vec<Found>> {
        let (Some(fields), Some(statistics)) = (self.fields, self.statistics) else { return Ok(Vec::new()) };
        let words = self.words(terms, fields, looked)?;
        if words.is_empty() || statistics.passages == 0 {
            return Ok(Vec::new());
        }
        let provider =
            Provider { statistics, found: words.iter().map(|word| (&word.term, word.passages)).collect() };
        let query = query(&words);
        let mut pool = Pool::new(Bm25::new(statistics.passages, statistics.terms), &words, looked);
        for searcher in &self.searchers {
            let scoring = EnableScoring::enabled_from_statistics_provider(&provider, searcher);
            let weight = query.weight(scoring).map_err(text)?;
            for reader in searcher.segment_readers() {
                let columns = Columns::open(reader)?;
                let mut segment = Segment { reader, columns, proposals: Vec::new(), failed: None };
                let start = pool.threshold();
                weight
                    .for_each_pruning(start, reader, &mut |doc, score| {
                        segment.propose(doc, score, &looked.permitted.versions, &mut pool)
                    })
                    .map_err(text)?;
                segment.finish(&mut pool)?;
            }
        }
        Ok(pool.best())
    }

    /// Returns the question's words that any counted passage holds.
    fn words(&self, terms: &[(String, f32)], fields: Fields, looked: &Looked<'_>) -> Result<Vec<Word>> {
        let counted = looked.own.map_or_else(
            || CountedSet { versions: &looked.live_versions.live, clean: self.clean },
            |own| self.set(own, looked.live_versions),
        );
        let permitted = self.set(looked.permitted, looked.live_versions);
        let mut words = Vec::with_capacity(terms.len());
        for (text, weight) in terms {
            let term = Term::from_field_text(fields.terms, text);
            let passages = counted.holding(&self.searchers, &term)?;
            if passages > 0 {
                let permitted = if looked.explain { permitted.holding(&self.searchers, &term)? } else { 0 };
                words.push(Word { text: text.clone(), term, weight: *weight, passages, permitted });
            }
        }
        Ok(words)
    }

    fn set<'a>(&self, set: &'a VisibleVersions, live_versions: &LiveVersions) -> CountedSet<'a> {
        let is_whole = set.passages == live_versions.live_passages;
        CountedSet { versions: &set.versions, clean: self.clean && is_whole }
    }
}

fn query(words: &[Word]) -> BooleanQuery {
    let clause = |word: &Word| {
        let term: Box<dyn Query> = Box::new(TermQuery::new(word.term.clone(), IndexRecordOption::WithFreqs));
        let boosted: Box<dyn Query> = Box::new(BoostQuery::new(term, word.weight));
        (Occur::Should, boosted)
    };
    BooleanQuery::new(words.iter().map(clause).collect())
}

/// Best passages so far, over all segments.
struct Pool<'a> {
    bm25: Bm25,
    words: &'a [Word],
    live_versions: &'a LiveVersions,
    most: usize,
    explain: bool,
    /// Best proposed scores.
    best: TopK,
    found: Vec<Found>,
}

impl<'a> Pool<'a> {
    fn new(bm25: Bm25, words: &'a [Word], looked: &Looked<'a>) -> Self {
        let Looked { live_versions, most, explain, .. } = *looked;
        Self { bm25, words, live_versions, most, explain, best: TopK::new(most), found: Vec::new() }
    }

    /// Returns the greatest score with which a passage cannot be among the best.
    fn threshold(&self) -> Score {
        self.best.least().map_or(Score::MIN, |least| least * (1.0 - SLACK))
    }

    /// Scores ascending proposals of a segment exactly and keeps the best.
    fn settle(&mut self, reader: &SegmentReader, columns: &Columns, docs: &[DocId]) -> Result<()> {
        let start = self.found.len();
        self.found.extend(docs.iter().map(|&doc| Found {
            passage: columns.passage(doc),
            score: 0.0,
            terms: Vec::new(),
        }));
        let Self { found, bm25, explain, words, .. } = self;
        each_frequency(reader, words, docs, |place, word, frequency, length| {
            let Some(found) = found.get_mut(start + place) else { return };
            let score = bm25.score(word.weight, word.passages, frequency, length);
            found.score += score;
            if *explain {
                found.terms.push(explained(word, frequency, score));
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

    fn best(self) -> Vec<Found> {
        self.found
    }
}

#[expect(clippy::cast_possible_truncation, reason = "scores are single precision at the border")]
fn explained(word: &Word, frequency: u32, score: f64) -> TermScore {
    TermScore {
        term: word.text.clone(),
        query_weight: word.weight,
        passages: word.permitted,
        frequency,
        score: score as f32,
    }
}

/// Segment during a search.
struct Segment<'a> {
    reader: &'a SegmentReader,
    columns: Columns,
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
            pool.best.note(score);
            self.proposals.push((doc, score));
            if self.proposals.len() >= PROPOSALS {
                self.failed = self.settle(pool).err();
            }
        }
        pool.threshold()
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
        pool.settle(self.reader, &self.columns, &docs)
    }
}
