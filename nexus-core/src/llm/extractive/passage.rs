//! Sentences of the evidence, and the question's terms in each.

use std::ops::Range;

use super::question::{Question, Terms};
use super::repetition;
use crate::grounding::Evidence;
use crate::grounding::quotable_units::{Sentence, SentenceKind, sentences};
use crate::language::Language;
use crate::retrieve::analysis::{language_of_question, words};

/// Sentence of the evidence.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Index of the evidence.
    pub(super) passage: usize,
    /// Index of the sentence within it.
    pub(super) place: usize,
    /// Byte range and kind.
    pub(super) sentence: Sentence,
    /// Question's terms in the sentence.
    pub(super) terms: Terms,
    /// Whether the sentence is a question, or prints the one to be answered.
    pub(super) asks: bool,
    /// Question's terms in the headings, the table's header and the document's name.
    pub(super) context: Terms,
    /// Number of terms in the sentence.
    pub(super) length: usize,
}

impl Candidate {
    /// Returns whether the sentence states something: headings and questions do not.
    pub(super) fn is_statement(&self) -> bool {
        !self.asks && self.sentence.kind != SentenceKind::Heading && self.length > 0
    }
}

/// Returns the language of each passage; for one too short to tell, that of all together, else of the question.
pub(super) fn languages(question: &str, evidence: &[Evidence]) -> Vec<Language> {
    let detected: Vec<_> = evidence.iter().map(|evidence| detect(&evidence.text)).collect();
    let common = detected.iter().copied().flatten().next();
    let fallback = common.or_else(|| {
        let all: Vec<&str> = evidence.iter().map(|evidence| evidence.text.as_str()).collect();
        Language::detect(&all.join("\n")).or_else(|| language_of_question(question))
    });
    detected.into_iter().map(|language| language.or(fallback).unwrap_or_default()).collect()
}

/// Bytes of a passage that language detection reads.
const SAMPLE_BYTES: usize = 512;

fn detect(text: &str) -> Option<Language> {
    Language::detect(text.get(..text.floor_char_boundary(SAMPLE_BYTES)).unwrap_or(text))
}

/// Returns the sentences of the passage at index `passage`.
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

/// Adds inherited terms: a sentence has those of the heading above it, a row those of its columns' names, and a
/// sentence right after the question to be answered those of the question.
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
