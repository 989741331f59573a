//! Selection of the quoted sentences and their order.

use std::ops::Range;

use super::lexicon;
use super::passage::{self, Candidate};
use super::question::Question;
use super::repetition::{Words, repeats, words_of};
use super::score::{Scored, score};
use crate::grounding::Evidence;
use crate::grounding::quotable_units::SentenceKind;

/// Upper bound on the sentences of an answer.
const MAX_QUOTES: usize = 5;
/// Share of the best sentence's score from which another one is quoted too.
const MARGIN: f32 = 0.7;

/// Bytes of one passage that are quoted together.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    /// Index of the passage in the evidence.
    pub passage: usize,
    /// Byte range in the passage's text.
    pub range: Range<usize>,
    /// Byte range of the header row, for a quoted table row.
    pub header: Option<Range<usize>>,
    /// Whether the quote stands on a line of its own: a row, an item, a line of code.
    pub own_line: bool,
    /// Score of the quote; comparable within one answer only.
    pub score: f32,
}

/// Quotes that answer a question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Confidence that the quotes hold the answer, from 0 to 1.
    pub confidence: f32,
    /// Quotes in reading order.
    pub quotes: Vec<Quote>,
}

/// Picks the sentences of `evidence` that answer `question`.
pub fn select(question: &str, evidence: &[Evidence]) -> Selection {
    let languages = passage::languages(question, evidence);
    let mut distinct = languages.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let question = Question::read(question, &distinct);
    let passages = evidence.iter().zip(&languages).enumerate();
    let candidates: Vec<Candidate> = passages
        .flat_map(|(place, (evidence, language))| passage::read(place, evidence, *language, &question))
        .collect();
    let scored = score(&question, evidence, candidates);
    let Some(best) = best(&scored) else { return Selection::default() };
    Selection { confidence: best.confidence, quotes: quotes(evidence, &scored, best) }
}

/// Returns the best statement; the first one of equals.
fn best(scored: &[Scored]) -> Option<&Scored> {
    let statements = scored.iter().filter(|scored| scored.candidate.is_statement() && scored.score > 0.0);
    statements.rev().max_by(|a, b| a.score.total_cmp(&b.score))
}

fn quotes(evidence: &[Evidence], scored: &[Scored], best: &Scored) -> Vec<Quote> {
    let mut ranked: Vec<&Scored> = scored.iter().filter(|s| s.candidate.is_statement()).collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut chosen: Vec<&Scored> = Vec::new();
    let mut said: Vec<Words> = Vec::new();
    for scored in ranked {
        if chosen.len() == MAX_QUOTES || scored.score < MARGIN * best.score {
            break;
        }
        let words = words_of(text(evidence, &scored.candidate));
        if !said.iter().any(|other| repeats(&words, other)) {
            said.push(words);
            chosen.push(scored);
        }
    }
    lead_in(evidence, scored, &mut chosen);
    in_reading_order(&chosen)
}

/// Puts the sentence before the best one in front of it when the best one points back at it.
fn lead_in<'a>(evidence: &[Evidence], scored: &'a [Scored], chosen: &mut Vec<&'a Scored>) {
    let Some(best) = chosen.first().map(|best| &best.candidate) else { return };
    if best.place == 0 || !lexicon::points_back(text(evidence, best)) {
        return;
    }
    let is_before = |s: &&Scored| s.candidate.passage == best.passage && s.candidate.place + 1 == best.place;
    if let Some(before) = scored.iter().find(is_before)
        && before.candidate.sentence.kind == SentenceKind::Prose
        && !chosen.iter().any(is_before)
    {
        chosen.truncate(MAX_QUOTES - 1);
        chosen.push(before);
    }
}

/// Orders the quotes: the passage with the best sentence first, then each passage's sentences in their order.
fn in_reading_order(chosen: &[&Scored]) -> Vec<Quote> {
    let mut passages: Vec<usize> = Vec::new();
    for scored in chosen {
        if !passages.contains(&scored.candidate.passage) {
            passages.push(scored.candidate.passage);
        }
    }
    let mut ordered: Vec<&Scored> = chosen.to_vec();
    ordered.sort_by_key(|scored| {
        let candidate = &scored.candidate;
        (passages.iter().position(|passage| *passage == candidate.passage), candidate.place)
    });
    ordered.into_iter().map(quote).collect()
}

fn quote(scored: &Scored) -> Quote {
    let candidate = &scored.candidate;
    Quote {
        passage: candidate.passage,
        range: candidate.sentence.range.clone(),
        header: candidate.sentence.header(),
        own_line: candidate.sentence.kind != SentenceKind::Prose,
        score: scored.score,
    }
}

fn text<'a>(evidence: &'a [Evidence], candidate: &Candidate) -> &'a str {
    let evidence = evidence.get(candidate.passage).map_or("", |evidence| evidence.text.as_str());
    evidence.get(candidate.sentence.range.clone()).unwrap_or_default()
}
