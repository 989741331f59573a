//! Fit of the extractive answerer's weights: logistic regression on questions with and without an answer.
//!
//! Of each question the candidate counts that the present weights rank first: it should answer where the question has an
//! answer, and not where it has none. So the candidates are chosen anew after each round. The weights are drawn towards
//! those that the answerer has, and keep their signs.

use nexus_core::grounding::Evidence;
use nexus_core::llm::extractive::{FEATURES, WEIGHTS, candidates};

use crate::answers::is_same;
use crate::dataset::Question;

/// Features of a candidate.
type Features = [f32; FEATURES];

/// Rounds of choosing candidates.
const ROUNDS: usize = 12;
/// Steps of gradient descent in a round.
const STEPS: usize = 4_000;
/// Length of a step.
const RATE: f32 = 0.003;
/// Strength with which the weights are drawn back.
const RIDGE: f32 = 1.0;
/// Weight of a chosen sentence beside 1 of its question.
const SENTENCE: f32 = 0.3;
/// Weight of a near miss.
const NEAR_MISS: f32 = 0.7;

/// Question with its candidates.
#[derive(Debug)]
pub struct Example {
    is_answerable: bool,
    weight: f32,
    candidates: Vec<(Features, bool)>,
}

impl Example {
    /// Reads a question over its passages.
    pub fn of(question: &Question, evidence: &[Evidence]) -> Self {
        let is_gold = |passage: usize, text: &str| {
            let is_document =
                evidence.get(passage).map(|e| e.passage.document.as_str()) == question.doc_id.as_deref();
            is_document && question.selected_sentences.iter().flatten().any(|gold| is_same(gold, text))
        };
        let found = candidates(&question.text, evidence).into_iter().filter(|candidate| candidate.meets);
        let candidates = found.filter_map(|candidate| {
            let text = evidence.get(candidate.passage)?.text.get(candidate.range.clone())?;
            Some((candidate.features, is_gold(candidate.passage, text)))
        });
        Self {
            is_answerable: question.answerable.unwrap_or(true),
            weight: 1.0,
            candidates: candidates.collect(),
        }
    }

    /// Reads a near miss: a question without an answer.
    pub fn near_miss(question: &Question, evidence: &[Evidence]) -> Self {
        Self { is_answerable: false, weight: NEAR_MISS, ..Self::of(question, evidence) }
    }

    /// Returns the candidates that count, each with whether it answers and its weight.
    fn counting(&self, weights: &Features) -> Vec<(Features, f32, f32)> {
        let best = |is_kind: &dyn Fn(bool) -> bool| {
            let kind = self.candidates.iter().filter(|(_, is_gold)| is_kind(*is_gold));
            kind.max_by(|(one, _), (other, _)| dot(weights, one).total_cmp(&dot(weights, other)))
                .map(|(features, _)| *features)
        };
        let answers = f32::from(u8::from(self.is_answerable));
        let first = best(&|_| true).map(|features| (features, answers, self.weight));
        let gold =
            best(&|is_gold| is_gold).filter(|_| self.is_answerable).map(|features| (features, 1.0, SENTENCE));
        let other = best(&|is_gold| !is_gold)
            .filter(|_| self.is_answerable)
            .map(|features| (features, 0.0, SENTENCE / 2.0));
        first.into_iter().chain(gold).chain(other).collect()
    }
}

/// Returns the weights that fit `examples`.
pub fn fit(examples: &[Example]) -> Features {
    let mut weights = WEIGHTS;
    for _ in 0..ROUNDS {
        let counting: Vec<_> = examples.iter().flat_map(|example| example.counting(&weights)).collect();
        for _ in 0..STEPS {
            descend(&mut weights, &counting);
        }
    }
    weights
}

fn descend(weights: &mut Features, counting: &[(Features, f32, f32)]) {
    let mut gradient = [0.0; FEATURES];
    for (features, answers, weight) in counting {
        let error = 1.0 / (1.0 + (-dot(weights, features)).exp()) - answers;
        gradient.iter_mut().zip(features).for_each(|(sum, feature)| *sum += weight * error * feature);
    }
    for ((weight, present), slope) in weights.iter_mut().zip(WEIGHTS).zip(gradient) {
        let next = *weight - RATE * (slope + RIDGE * (*weight - present));
        *weight = if present < 0.0 { next.min(0.0) } else { next.max(0.0) };
    }
}

fn dot(weights: &Features, features: &Features) -> f32 {
    weights.iter().zip(features).map(|(weight, feature)| weight * feature).sum()
}
