//! How well a sentence answers: the share of what the question says that the sentence says too.
//!
//! That share, the coverage, is also the confidence, but for a sentence without a number where one was asked for.
//! Counting how rare a word is among the passages helps to choose between their sentences, but little to tell whether
//! they answer: they were found by those very words. A word that none of them says weighs most. Nearness of the words to
//! each other, words that merely begin alike, and the words elsewhere in the passage were measured and made no difference.

use super::lexicon::{self, Expected};
use super::passage::Candidate;
use super::question::{Question, Terms};
use crate::grounding::Evidence;
use crate::grounding::quotable_units::SentenceKind;

/// What a term counts that stands in the headings or the name of the sentence's document, beside 1 in the sentence.
const IN_CONTEXT: f32 = 0.6;
/// What a term counts that stands in the sentence before.
const IN_NEIGHBOUR: f32 = 0.35;
/// What a term weighs that every sentence holds, beside its rarity.
const COMMON: f32 = 2.0;
/// What is never covered, in weights of a term: half of a short question is less than half of a long one.
const DOUBT: f32 = 2.0;
/// What a term weighs beside its rarest equal when the evidence does not say it at all.
const ABSENT: f32 = 1.3;
/// What the kind of answer that was asked for adds.
const EXPECTED: f32 = 0.15;
/// What the first passage adds; the second adds half of it, the third a third.
const RANK: f32 = 0.4;
/// What remains of the confidence in a sentence without a number where one was asked for.
const WITHOUT_NUMBER: f32 = 0.7;
/// What a line of code counts, beside 1 for a statement.
const CODE: f32 = 0.6;

/// A sentence and how well it answers.
#[derive(Debug)]
pub(super) struct Scored {
    /// The sentence.
    pub(super) candidate: Candidate,
    /// What it is chosen by.
    pub(super) score: f32,
    /// The weighted share of the question's terms that it covers, less where it lacks what was asked for: from 0 to 1.
    pub(super) confidence: f32,
}

/// Scores every sentence. The order of `candidates` is kept.
pub(super) fn score(question: &Question, evidence: &[Evidence], candidates: Vec<Candidate>) -> Vec<Scored> {
    let weights = weights(question, &candidates);
    let total = mass(&weights, Terms::MAX) + DOUBT;
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

/// What each term weighs: its salience, and how few of the sentences hold it.
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
