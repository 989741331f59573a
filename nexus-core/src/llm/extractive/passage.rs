//! Evidence, read once: its sentences, and which of the question's terms each of them holds.

use std::ops::Range;

use super::question::{Question, Terms};
use crate::grounding::Evidence;
use crate::grounding::sentence::{Sentence, SentenceKind, sentences};
use crate::retrieve::analysis::{Language, analyse};

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
    /// The question's terms that its headings, its table's header and its document's name hold.
    pub(super) context: Terms,
    /// How many of the pairs of neighbouring question terms it holds near each other.
    pub(super) pairs: u32,
    /// How many terms it has.
    pub(super) length: usize,
}

impl Candidate {
    /// Whether it states something: headings do not.
    pub(super) fn is_statement(&self) -> bool {
        self.sentence.kind != SentenceKind::Heading && self.length > 0
    }
}

/// The language of each passage; for one that is too short to tell, that of all of them together.
pub(super) fn languages(evidence: &[Evidence]) -> Vec<Language> {
    let detected: Vec<_> = evidence.iter().map(|evidence| detect(&evidence.text)).collect();
    let common = detected.iter().copied().flatten().next();
    let fallback = common.or_else(|| {
        let all: Vec<&str> = evidence.iter().map(|evidence| evidence.text.as_str()).collect();
        Language::detect(&all.join("\n"))
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
    let tokens = analyse(&evidence.text, language);
    let mut tokens = tokens.into_iter().peekable();
    let candidates = sentences(&evidence.text).into_iter().enumerate().map(|(place, sentence)| {
        let mut read = Reading::default();
        while let Some(token) = tokens.next_if(|token| token.span.start < sentence.range.end) {
            if token.span.start >= sentence.range.start {
                read.take(question.term(language, token.term), token.position);
            }
        }
        Candidate {
            passage,
            place,
            sentence,
            terms: read.terms,
            context,
            pairs: read.pairs,
            length: read.length,
        }
    });
    let mut candidates: Vec<Candidate> = candidates.collect();
    header_terms(evidence, language, question, &mut candidates);
    candidates
}

/// A row says its columns' names too.
fn header_terms(evidence: &Evidence, language: Language, question: &Question, candidates: &mut [Candidate]) {
    let mut last: Option<(Range<usize>, Terms)> = None;
    for candidate in candidates {
        let SentenceKind::Row { header: Some(header) } = &candidate.sentence.kind else { continue };
        if last.as_ref().is_none_or(|(known, _)| known != header) {
            let text = evidence.text.get(header.clone()).unwrap_or_default();
            last = Some((header.clone(), terms_of(text, language, question)));
        }
        candidate.context |= last.as_ref().map_or(0, |(_, terms)| *terms);
    }
}

fn context(evidence: &Evidence, language: Language, question: &Question) -> Terms {
    let name = evidence.source_name.rsplit_once('.').map_or(evidence.source_name.as_str(), |(stem, _)| stem);
    let headings = evidence.heading_path.iter().map(String::as_str);
    headings.chain([name]).fold(0, |terms, text| terms | terms_of(text, language, question))
}

fn terms_of(text: &str, language: Language, question: &Question) -> Terms {
    let found = analyse(text, language).into_iter().filter_map(|token| question.term(language, token.term));
    found.fold(0, |terms, term| terms | 1 << term)
}

/// How near two neighbouring question terms must stand, in words, to count as a pair.
const NEAR: u32 = 4;

#[derive(Default)]
struct Reading {
    terms: Terms,
    pairs: u32,
    length: usize,
    last: Option<(usize, u32)>,
}

impl Reading {
    fn take(&mut self, term: Option<usize>, position: u32) {
        self.length += 1;
        let Some(term) = term else { return };
        self.terms |= 1 << term;
        if let Some((before, at)) = self.last
            && before.abs_diff(term) == 1
            && position - at <= NEAR
        {
            self.pairs += 1;
        }
        self.last = Some((term, position));
    }
}
