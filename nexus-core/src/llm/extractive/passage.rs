//! Evidence, read once: its sentences, and which of the question's terms each of them holds.

use std::ops::Range;

use super::question::{Question, Terms};
use super::repetition;
use crate::grounding::Evidence;
use crate::grounding::quotable_units::{Sentence, SentenceKind, sentences};
use crate::retrieve::analysis::{Language, language_of_question, words};

/// A sentence of the evidence.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Which evidence, by its place.
    pub(super) passage: usize,
    /// Which sentence of it.
    pub(super) place: usize,
    /// Its bytes, and what it is.
    pub(super) sentence: Sentence,
    /// The question's terms that it holds.
    pub(super) terms: Terms,
    /// Whether it asks: it is a question, or prints the one that is to be answered.
    pub(super) asks: bool,
    /// The question's terms that its headings, its table's header and its document's name hold.
    pub(super) context: Terms,
    /// How many terms it has.
    pub(super) length: usize,
}

impl Candidate {
    /// Whether it states something: headings and questions do not.
    pub(super) fn is_statement(&self) -> bool {
        !self.asks && self.sentence.kind != SentenceKind::Heading && self.length > 0
    }
}

/// The language of each passage; for one that is too short to tell, that of all of them together, else of the question.
pub(super) fn languages(question: &str, evidence: &[Evidence]) -> Vec<Language> {
    let detected: Vec<_> = evidence.iter().map(|evidence| detect(&evidence.text)).collect();
    let common = detected.iter().copied().flatten().next();
    let fallback = common.or_else(|| {
        let all: Vec<&str> = evidence.iter().map(|evidence| evidence.text.as_str()).collect();
        Language::detect(&all.join("\n")).or_else(|| language_of_question(question))
    });
    detected.into_iter().map(|language| language.or(fallback).unwrap_or_default()).collect()
}

/// How much of a passage is looked at to recognise its language, in bytes.
const SAMPLE_BYTES: usize = 512;

fn detect(text: &str) -> Option<Language> {
    Language::detect(text.get(..text.floor_char_boundary(SAMPLE_BYTES)).unwrap_or(text))
}

/// The sentences of the passage at place `passage`.
pub(super) fn read(
    passage: usize,
    evidence: &Evidence,
    language: Language,
    question: &Question,
) -> Vec<Candidate> {
    let context = context(evidence, language, question);
    let mut tokens = words(&evidence.text, language).into_iter().peekable();
    let candidates = sentences(&evidence.text).into_iter().enumerate().map(|(place, sentence)| {
        let (mut terms, mut length) = (0, 0);
        while let Some(token) = tokens.next_if(|token| token.span.start < sentence.range.end) {
            if token.span.start >= sentence.range.start {
                length += 1;
                terms |= question.term(language, token.term).map_or(0, |term| 1 << term);
            }
        }
        let text = evidence.text.get(sentence.range.clone()).unwrap_or_default();
        let asks = repetition::asks(text) || repetition::prints(text, &sentence.kind, &question.words);
        Candidate { passage, place, sentence, terms, asks, context, length }
    });
    let mut candidates: Vec<Candidate> = candidates.collect();
    inherit(evidence, language, question, &mut candidates);
    candidates
}

/// A sentence stands below what the heading above it says, a row below its columns' names. Right after the very question
/// that is to be answered, a sentence says what the question says.
fn inherit(evidence: &Evidence, language: Language, question: &Question, candidates: &mut [Candidate]) {
    let (mut heading, mut answered) = (0, 0);
    let mut columns: (Option<Range<usize>>, Terms) = (None, 0);
    for candidate in candidates {
        if candidate.sentence.kind == SentenceKind::Heading {
            heading = candidate.terms;
        }
        let header = candidate.sentence.header();
        if columns.0 != header {
            let text = header.clone().and_then(|range| evidence.text.get(range)).unwrap_or_default();
            columns = (header, terms_of(text, language, question));
        }
        candidate.context |= heading | columns.1;
        candidate.terms |= answered;
        let text = evidence.text.get(candidate.sentence.range.clone()).unwrap_or_default();
        answered = if repetition::is_question(text, &question.words) { candidate.terms } else { 0 };
    }
}

fn context(evidence: &Evidence, language: Language, question: &Question) -> Terms {
    let name = evidence.source_name.rsplit_once('.').map_or(evidence.source_name.as_str(), |(stem, _)| stem);
    let headings = evidence.heading_path.iter().map(String::as_str);
    headings.chain([name]).fold(0, |terms, text| terms | terms_of(text, language, question))
}

fn terms_of(text: &str, language: Language, question: &Question) -> Terms {
    let found = words(text, language).into_iter().filter_map(|token| question.term(language, token.term));
    found.fold(0, |terms, term| terms | 1 << term)
}
