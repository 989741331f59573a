//! Score of a sentence: its coverage of the question's terms.
//!
//! Coverage is also the confidence, except for a sentence without a number when the question asks for one. Inverse
//! document frequency among the passages helps to choose between their sentences, but hardly to tell whether they
//! answer: the search found them by those words. A word that no passage says weighs most. Proximity of the words,
//! common prefixes, and words elsewhere in the passage were measured and made no difference.

use super::lexicon::{self, Expected};
use super::passage::Candidate;
use super::question::{Question, Terms};
use crate::grounding::Evidence;
use crate::grounding::quotable_units::SentenceKind;

/// Weight of a term in the headings or the document's name, beside 1 in the sentence.
const IN_CONTEXT: f32 = 0.6;
/// Weight of a term in the sentence before.
const IN_NEIGHBOUR: f32 = 0.35;
/// Base weight of a term, beside its rarity.
const COMMON: f32 = 2.0;
/// Mass that is never covered, in term weights: half of a short question is less than half of a long one.
const UNCOVERED: f32 = 2.0;
/// Factor on the rarity of a term that the evidence does not hold.
const ABSENT: f32 = 1.3;
/// Bonus for the expected kind of answer.
const EXPECTED: f32 = 0.15;
/// Bonus of the first passage; the second gets half of it, the third a third.
const RANK: f32 = 0.4;
/// Factor on the confidence in a sentence without a number when the question asks for one.
const WITHOUT_NUMBER: f32 = 0.7;
/// Factor on a line of code, beside 1 for a statement.
const CODE: f32 = 0.6;

/// Sentence with its score.
#[derive(Debug)]
pub(super) struct Scored {
    /// The sentence.
    pub(super) candidate: Candidate,
    /// Ranking score.
    pub(super) score: f32,
    /// Weighted share of the question's terms covered, reduced when an expected number is missing: from 0 to 1.
    pub(super) confidence: f32,
}

/// Scores every sentence, in the order of `candidates`.
pub(super) fn score(question: &Question, evidence: &[Evidence], candidates: Vec<Candidate>) -> Vec<Scored> {
    let weights = weights(question, &candidates);
    let total = mass(&weights, Terms::MAX) + UNCOVERED;
    let share = |terms: Terms| mass(&weights, terms) / total;
    let mut before: Option<(usize, Terms)> = None;
    let scored = candidates.into_iter().map(|candidate| {
        let near = before.filter(|(passage, _)| *passage == candidate.passage).map_or(0, |(_, terms)| terms);
        before = Some((candidate.passage, candidate.terms));
        let context = candidate.context & !candidate.terms;
        let near = near & !candidate.terms & !context;
        let coverage = share(candidate.terms) + IN_CONTEXT * share(context) + IN_NEIGHBOUR * share(near);
        let coverage = if candidate.sentence.kind == SentenceKind::Code { CODE * coverage } else { coverage };
        let text = evidence.get(candidate.passage).and_then(|e| e.text.get(candidate.sentence.range.clone()));
        let text = text.unwrap_or_default();
        let lacks_number = question.expected == Expected::Number && lexicon::lacks_number(text);
        let confidence = if lacks_number { WITHOUT_NUMBER * coverage } else { coverage };
        let score = confidence * (1.0 + bonus(question.expected, text, candidate.passage));
        Scored { candidate, score, confidence }
    });
    scored.collect()
}

fn bonus(expected: Expected, text: &str, passage: usize) -> f32 {
    let is_of_kind = expected != Expected::Anything && expected.is_in(text);
    RANK / as_f32(passage + 1) + if is_of_kind { EXPECTED } else { 0.0 }
}

/// Returns the weight of each term: its salience and its rarity among the sentences.
fn weights(question: &Question, candidates: &[Candidate]) -> Vec<f32> {
    let sentences = as_f32(candidates.len());
    let said = candidates.iter().fold(0, |said, candidate| said | candidate.terms | candidate.context);
    let weight = |(term, salience): (usize, &f32)| {
        let holding =
            as_f32(candidates.iter().filter(|candidate| candidate.terms & (1 << term) != 0).count());
        let rarity = (1.0 + (sentences - holding + 0.5) / (holding + 0.5)).ln();
        let rarity = if said & (1 << term) == 0 { ABSENT * rarity } else { rarity };
        salience * (COMMON + rarity)
    };
    question.salience.iter().enumerate().map(weight).collect()
}

fn mass(weights: &[f32], terms: Terms) -> f32 {
    weights.iter().enumerate().filter(|(term, _)| terms & (1 << term) != 0).map(|(_, weight)| weight).sum()
}

#[expect(clippy::cast_precision_loss, reason = "counts of sentences and words are small")]
fn as_f32(count: usize) -> f32 {
    count as f32
}
