//! Text analysis: turns text into the terms of a lexical index and of a question.
//!
//! One pure function, [`analyse`], serves every store, so that they all rank alike. Words are runs of letters, digits
//! and combining marks, folded to one spelling (compatibility forms, case), freed of stop words in English, cut to
//! their stems with Snowball where it knows the language, and freed of accents last. Languages that compound or inflect
//! much (Arabic, Russian, German and its relatives, Finnish, Hungarian, Turkish) add the runs of four characters in each
//! word: measured on questions in Arabic, German and Russian, that puts the right passage first two to four times more
//! in a hundred. Scripts without spaces become overlapping pairs of characters, Han also single ones. Words of code come
//! with their parts; identifiers, numbers and dates are [exact terms](exact_terms) beside the words. A search text becomes
//! a [`LexicalQuery`].
//!
//! This module does not rank and does not index.

mod camel_case;
mod exact;
mod lexical_query;
mod morphology;
mod normalize;
mod numbers;
mod question_language;
mod question_terms;
mod quotation;
mod script;

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

pub use exact::{ExactKind, ExactTerm, exact_terms};
pub use lexical_query::{LexicalQuery, QueryExact, QueryPair, QueryPhrase, QueryWord};
pub use question_language::own_language;
pub use question_terms::{is_measure, language_of_question, strip_question_words};

pub use crate::language::is_function_word;

use crate::language::Language;
use morphology::{Grams, Morphology};
use normalize::fold;
use script::{Run, is_han, runs};

/// Version of the analysis. An index built with another version must be rebuilt.
pub const ANALYSIS_VERSION: u32 = 2;

/// Upper bound on the length of a term, in bytes. Longer words are cut.
pub const MAX_TERM_BYTES: usize = 128;

/// Term with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Folded and stemmed term.
    pub term: String,
    /// Position of the word in the text, from 0. Stop words leave gaps; terms of one word share a position.
    pub position: u32,
    /// Byte range of the whole word in the text, also for a part of it.
    pub span: Range<usize>,
}

/// Splits `text` into terms, in the order of the text.
///
/// ```
/// use nexus_core::language::Language;
/// use nexus_core::retrieve::analysis::analyse;
///
/// let terms = |text, language| analyse(text, language).into_iter().map(|t| t.term).collect::<Vec<_>>();
/// assert_eq!(terms("The retention policies of 2024", Language::English), ["retent", "polici", "2024"]);
/// assert_eq!(terms("Akten", Language::German), ["akt", "~akte", "~kten"]);
/// assert_eq!(terms("きろく", Language::Japanese), ["きろ", "ろく"]);
/// ```
pub fn analyse(text: &str, language: Language) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 6);
    each_term(text, language, Grams::With, |term, position, span| {
        tokens.push(Token { term, position, span });
    });
    tokens
}

/// Splits `text` into words, one term each, without the grams that [`analyse`] adds in some languages: tells whether
/// two texts say the same word.
pub fn words(text: &str, language: Language) -> Vec<Token> {
    let mut tokens = analyse(text, language);
    tokens.dedup_by(|later, first| later.span == first.span);
    tokens
}

/// Returns the distinct terms of a question with their weights, in the order of their first appearance: the words of its
/// [`LexicalQuery`].
pub fn terms_for_query(text: &str, languages: &[Language]) -> Vec<(String, f32)> {
    LexicalQuery::read(text, languages).words.into_iter().map(|word| (word.term, word.weight)).collect()
}

fn each_term(text: &str, language: Language, grams: Grams, mut take: impl FnMut(String, u32, Range<usize>)) {
    let morphology = Morphology::of(language, grams);
    let mut take = |term: String, position, span| {
        if !term.is_empty() {
            take(term, position, span);
        }
    };
    let mut position = 0;
    for run in runs(text) {
        match run {
            Run::Word(span) => {
                let word = text.get(span.clone()).unwrap_or_default();
                morphology.terms(word, |term| take(term, position, span.clone()));
                let parts = camel_case::parts(word);
                for (place, part) in (0..).zip(&parts) {
                    let inner = span.start + part.start..span.start + part.end;
                    let part = word.get(part.clone()).unwrap_or_default();
                    morphology.terms(part, |term| take(term, position + place, inner.clone()));
                }
                position += u32::try_from(parts.len()).unwrap_or(1).max(1);
            }
            Run::Unspaced(span) => pairs(text, span, &mut position, &mut take),
        }
    }
}

/// Emits overlapping pairs of the characters of a run, and each Han character by itself, as a one-character word may
/// be asked for. A run of one character is a term in any script. Marks belong to the character before them.
fn pairs(
    text: &str,
    span: Range<usize>,
    position: &mut u32,
    take: &mut impl FnMut(String, u32, Range<usize>),
) {
    let run = text.get(span.clone()).unwrap_or_default();
    let starts = run.char_indices().filter(|(_, c)| !is_combining_mark(*c)).map(|(at, _)| span.start + at);
    let mut ends = starts.clone().skip(1).chain([span.end]).peekable();
    for start in starts {
        let Some(end) = ends.next() else { return };
        let is_alone = start == span.start && end == span.end;
        let is_word = text.get(start..end).is_some_and(|character| character.starts_with(is_han));
        let single = Some(end).filter(|_| is_alone || is_word);
        for end in single.into_iter().chain(ends.peek().copied()) {
            take(fold(text.get(start..end).unwrap_or_default()), *position, start..end);
        }
        *position += 1;
    }
}

#[cfg(test)]
mod tests;
