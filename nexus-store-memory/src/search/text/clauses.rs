//! Clauses of a lexical query: its terms with their statistics and weights in one index.

use nexus_core::Result;
use nexus_core::retrieve::analysis::{ExactKind, LexicalQuery, QueryExact, QueryPhrase};
use nexus_core::retrieve::bm25::Bm25;
use tantivy::query::{BooleanQuery, BoostQuery, ConstScoreQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, Term};

use super::tantivy_index::{Fields, exact_title};
use super::word_statistics::CountedSet;

/// Weight of a term in the name of the document and in the headings above a passage, beside its weight in the text.
const TITLE: f64 = 0.5;

/// Weight of a number without groups, such as a year, and of one in a text that describes.
const PLAIN_VALUE: f64 = 0.3;

/// Margin by which a proposed score exceeds the exact one: more than the error of single precision.
const MARGIN: f64 = 1e-5;

/// Term of the query that passages hold, in one field.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    pub(super) text: String,
    pub(super) term: Term,
    pub(super) kind: ClauseKind,
    /// Number of occurrences in the question.
    pub(super) weight: f32,
    /// Number of counted passages that hold it.
    pub(super) passages: u64,
    /// Number of visible passages that hold it, if requested.
    pub(super) permitted: u64,
}

/// Score of a clause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ClauseKind {
    /// BM25 of a word.
    Word,
    /// The same for every passage that holds the term.
    Constant(f64),
}

impl Clause {
    /// Returns the score of a passage of `length` terms that holds the term `frequency` times.
    pub(super) fn score(&self, bm25: Bm25, frequency: u32, length: u32) -> f64 {
        match self.kind {
            ClauseKind::Word => bm25.score(self.weight, self.passages, frequency, length),
            ClauseKind::Constant(score) => score,
        }
    }

    /// Returns the clause as a query of tantivy, whose score is an upper bound of the clause's.
    fn query(&self, bm25: Bm25) -> Box<dyn Query> {
        let term: Box<dyn Query> = Box::new(TermQuery::new(self.term.clone(), IndexRecordOption::WithFreqs));
        let boost = match self.kind {
            ClauseKind::Word => self.weight,
            ClauseKind::Constant(score) => {
                narrow(score * (1.0 + MARGIN) / bm25.inverse_frequency(self.passages))
            }
        };
        Box::new(BoostQuery::new(term, boost))
    }
}

/// Clauses of a query, in the order of its terms.
#[derive(Debug, Default)]
pub(super) struct Clauses {
    pub(super) all: Vec<Clause>,
    /// Place in `all` of each word of the query; `None` where no counted passage holds it.
    pub(super) places: Vec<Option<usize>>,
}

/// Sets of passages that clauses count.
pub(super) struct Counts<'a> {
    pub(super) counted: CountedSet<'a>,
    /// Visible passages, if explanations are requested.
    pub(super) permitted: Option<CountedSet<'a>>,
}

impl Clauses {
    pub(super) fn of(
        query: &LexicalQuery,
        fields: Fields,
        searchers: &[Searcher],
        counts: &Counts<'_>,
        bm25: Bm25,
    ) -> Result<Self> {
        let mut clauses = Self::default();
        let find = |text: &str, term: Term, weight: f32| {
            let passages = counts.counted.holding(searchers, &term)?;
            if passages == 0 {
                return Ok(None);
            }
            let permitted = counts.permitted.map_or(Ok(0), |set| set.holding(searchers, &term))?;
            Ok(Some(Clause {
                text: text.to_owned(),
                term,
                kind: ClauseKind::Word,
                weight,
                passages,
                permitted,
            }))
        };
        for word in &query.words {
            let found = find(&word.term, Term::from_field_text(fields.terms, &word.term), word.weight)?;
            clauses.places.push(found.as_ref().map(|_| clauses.all.len()));
            clauses.all.extend(found);
        }
        let mut titles = Vec::new();
        for word in &query.words {
            if let Some(clause) =
                find(&word.term, Term::from_field_text(fields.title, &word.term), word.weight)?
            {
                let score = TITLE * f64::from(clause.weight) * bm25.inverse_frequency(clause.passages);
                titles.push(Clause {
                    text: format!("title:{}", clause.text),
                    kind: ClauseKind::Constant(score),
                    ..clause
                });
            }
        }
        let mut exact = Vec::new();
        for string in &query.exact {
            let parts = clauses.bound(&string.parts, bm25);
            let whole = |clause: Clause, weight: f64| {
                let score = weight * (parts + bm25.bound(1.0, clause.passages));
                Clause { kind: ClauseKind::Constant(score), ..clause }
            };
            let title = exact_title(&string.term);
            if let Some(clause) =
                find(&format!("title{title}"), Term::from_field_text(fields.title, &title), 1.0)?
            {
                titles.push(whole(clause, TITLE));
            }
            if let Some(clause) = find(&string.term, Term::from_field_text(fields.exact, &string.term), 1.0)?
            {
                exact.push((string, whole(clause, share(string, query.is_name))));
            }
        }
        clauses.all.extend(titles);
        let exact = lifted(exact, &clauses.all, bm25);
        clauses.all.extend(exact);
        Ok(clauses)
    }

    /// Returns the greatest score of the words with these indexes.
    fn bound(&self, words: &[usize], bm25: Bm25) -> f64 {
        let places = words.iter().filter_map(|word| self.places.get(*word).copied().flatten());
        places.filter_map(|place| self.all.get(place)).map(|clause| bound(clause, bm25)).sum()
    }

    /// Returns the query of tantivy that proposes passages: its score is an upper bound of theirs.
    pub(super) fn query(&self, phrases: &[QueryPhrase], fields: Fields, bm25: Bm25) -> BooleanQuery {
        let should = self.all.iter().map(|clause| (Occur::Should, clause.query(bm25)));
        let must =
            phrases.iter().flat_map(|phrase| required(phrase, fields)).map(|query| (Occur::Must, query));
        BooleanQuery::new(should.chain(must).collect())
    }
}

/// Lifts passages that hold an identifier above all that lack it, whatever else those hold.
fn lifted(exact: Vec<(&QueryExact, Clause)>, others: &[Clause], bm25: Bm25) -> Vec<Clause> {
    let all: f64 =
        others.iter().chain(exact.iter().map(|(_, clause)| clause)).map(|clause| bound(clause, bm25)).sum();
    let lift = |(string, clause): (&QueryExact, Clause)| match clause.kind {
        ClauseKind::Constant(score) if string.kind == ExactKind::Identifier => {
            Clause { kind: ClauseKind::Constant(score + all), ..clause }
        }
        ClauseKind::Constant(_) | ClauseKind::Word => clause,
    };
    exact.into_iter().map(lift).collect()
}

/// Returns the weight of an exact term beside the greatest score of its parts.
fn share(string: &QueryExact, is_name: bool) -> f64 {
    // A number of one group is a word too.
    let is_subject = is_name && string.parts.len() > 1;
    match string.kind {
        ExactKind::Value if !is_subject => PLAIN_VALUE,
        ExactKind::Value | ExactKind::Identifier => 1.0,
    }
}

fn bound(clause: &Clause, bm25: Bm25) -> f64 {
    match clause.kind {
        ClauseKind::Word => bm25.bound(clause.weight, clause.passages),
        ClauseKind::Constant(score) => score,
    }
}

/// Returns the queries that a passage with the phrase matches. They add nothing to its score.
fn required(phrase: &QueryPhrase, fields: Fields) -> impl Iterator<Item = Box<dyn Query>> {
    let unscored = |query: Box<dyn Query>| -> Box<dyn Query> { Box::new(ConstScoreQuery::new(query, 0.0)) };
    let reading = |reading: &Vec<(u32, String)>| -> (Occur, Box<dyn Query>) {
        let terms =
            reading.iter().map(|(at, term)| (*at as usize, Term::from_field_text(fields.terms, term)));
        let terms: Vec<_> = terms.collect();
        let query: Box<dyn Query> = match terms.as_slice() {
            [(_, only)] => Box::new(TermQuery::new(only.clone(), IndexRecordOption::Basic)),
            _ => Box::new(PhraseQuery::new_with_offset(terms)),
        };
        (Occur::Should, query)
    };
    let readings: Vec<_> = phrase.readings.iter().map(reading).collect();
    let words = (!readings.is_empty()).then(|| unscored(Box::new(BooleanQuery::new(readings))));
    let exact: Vec<Box<dyn Query>> = phrase
        .exact
        .iter()
        .map(|term| Term::from_field_text(fields.exact, term))
        .map(|term| unscored(Box::new(TermQuery::new(term, IndexRecordOption::Basic))))
        .collect();
    words.into_iter().chain(exact)
}

#[expect(clippy::cast_possible_truncation, reason = "scores are single precision at the border")]
fn narrow(score: f64) -> f32 {
    score as f32
}
