//! Score of a candidate: a logistic model over what it shares with the question.
//!
//! The features depend on the question and the candidate's own passage alone: no other passage, no rank and no score of
//! the search changes them.

use super::lexicon::{self, Expected};
use super::question::Question;
use super::unit::{Unit, text};
use crate::grounding::Evidence;
use crate::grounding::quotable_units::SentenceKind;

/// Mass of a question that is never covered: half of a short question is less than half of a long one.
const UNCOVERED: f32 = 0.8;

/// Number of features.
pub const FEATURES: usize = 15;

/// Names of the features, in the order of their weights.
pub const NAMES: [&str; FEATURES] = [
    "bias",
    "own",
    "related",
    "context",
    "before",
    "passage",
    "rest of the question",
    "other words are missing",
    "adjacency",
    "definite span",
    "begins with the subject",
    "denies",
    "code",
    "headings share nothing",
    "points back",
];

/// Weights of the features.
pub const WEIGHTS: [f32; FEATURES] =
    [-2.2, 4.4, 3.2, 2.2, 0.9, 2.0, 0.6, -1.4, 0.5, 0.5, 0.9, -2.4, -1.0, -1.0, -0.4];

/// Returns the features of `unit`.
pub(super) fn features(question: &Question, evidence: &Evidence, unit: &Unit) -> [f32; FEATURES] {
    let all = question.mass(u64::MAX);
    let share = |terms: u64| question.mass(terms) / (all + UNCOVERED);
    let own = unit.own;
    let related = unit.related & !own;
    // A pronoun stands for its antecedent, as a heading does for what is below it.
    let points_back = lexicon::points_back(text(evidence, unit), question.language);
    let above = if points_back { unit.context | unit.before } else { unit.context };
    let context = above & !own & !related;
    let before = unit.before & !own & !related & !context;
    let near = own | related | context | before;
    let elsewhere = unit.passage_terms & !near;
    let specific = question.specific();
    let rest = question.mass(!above);
    let rest = if rest > 0.0 { question.mass((own | related) & !above) / rest } else { 1.0 };
    let text = text(evidence, unit);
    let asked = |word: &str| question.words.contains(word);
    let is_definite = match question.expected {
        Expected::Anything | Expected::Polar => false,
        Expected::Time => Expected::PastTime.is_in(text, &asked),
        expected @ (Expected::Person
        | Expected::Place
        | Expected::PastTime
        | Expected::Duration
        | Expected::Number
        | Expected::Frequency
        | Expected::Reason) => expected.is_in(text, &asked),
    };
    let is_row = matches!(unit.sentence.kind, SentenceKind::Row { .. });
    let flag = |is: bool| f32::from(u8::from(is));
    [
        1.0,
        share(own),
        share(related),
        share(context),
        share(before),
        share(elsewhere),
        rest,
        share(!specific & !unit.passage_terms & !near),
        unit.adjacency,
        flag(is_definite),
        flag(unit.first < 2),
        flag(
            !is_row
                && !question.is_negated
                && question.expected != Expected::Polar
                && lexicon::is_negated(text),
        ),
        flag(unit.sentence.kind == SentenceKind::Code),
        flag(above == 0),
        flag(points_back),
    ]
}

/// Returns the probability of an answer with these features.
pub(super) fn probability(features: &[f32; FEATURES]) -> f32 {
    let sum: f32 = features.iter().zip(WEIGHTS).map(|(feature, weight)| feature * weight).sum();
    1.0 / (1.0 + (-sum).exp())
}
