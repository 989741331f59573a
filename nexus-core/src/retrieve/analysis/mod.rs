//! Text analysis: how text becomes the terms that a lexical index holds and a question asks for.
//!
//! One pure function, [`analyse`], serves every store, so that they all rank alike. Words are runs of letters, digits
//! and combining marks, folded to one spelling (compatibility forms, case), freed of stop words where the
//! language has a list, stemmed with Snowball where it has a stemmer, and freed of accents last. Scripts that are written
//! without spaces become overlapping pairs of characters. Numbers and identifiers stay what they are.
//!
//! This module does not rank and does not index.

mod fold;
mod language;
mod script;
mod stem;

use std::collections::HashMap;
use std::ops::Range;

pub use language::Language;

use script::{Run, runs};

/// The version of the analysis. An index built with another version must be rebuilt.
pub const ANALYSIS_VERSION: u32 = 1;

/// The longest term, in bytes. Longer words are cut.
pub const MAX_TERM_BYTES: usize = 128;

/// A term and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The term: folded and stemmed.
    pub term: String,
    /// Its place among the words of the text, from 0. Stop words leave gaps.
    pub position: u32,
    /// The bytes of the text it was made from.
    pub span: Range<usize>,
}

/// Takes `text` apart into terms, in the order of the text.
///
/// ```
/// use nexus_core::retrieve::analysis::{Language, analyse};
///
/// let terms = |text, language| analyse(text, language).into_iter().map(|t| t.term).collect::<Vec<_>>();
/// assert_eq!(terms("The retention policies of 2024", Language::English), ["retent", "polici", "2024"]);
/// assert_eq!(terms("保存期間", Language::Japanese), ["保存", "存期", "期間"]);
/// ```
pub fn analyse(text: &str, language: Language) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 6);
    each(text, language, |term, position, span| tokens.push(Token { term, position, span }));
    tokens
}

/// The distinct terms of a question with their weights, in the order of their first appearance.
///
/// `languages` are those of the passages that are searched: the question is analysed in each of them, because its
/// own language says little about theirs. A term weighs as often as the question says it.
pub fn terms_for_query(text: &str, languages: &[Language]) -> Vec<(String, f32)> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut terms: Vec<(String, f32)> = Vec::new();
    for language in languages {
        let mut counts: HashMap<usize, f32> = HashMap::new();
        each(text, *language, |term, _, _| {
            let place = *places.entry(term).or_insert_with_key(|term| {
                terms.push((term.clone(), 0.0));
                terms.len() - 1
            });
            *counts.entry(place).or_default() += 1.0;
        });
        for (place, count) in counts {
            if let Some((_, weight)) = terms.get_mut(place) {
                *weight = weight.max(count);
            }
        }
    }
    terms
}

fn each(text: &str, language: Language, mut take: impl FnMut(String, u32, Range<usize>)) {
    let analyser = stem::Stemmer::new(language);
    let mut position = 0;
    for run in runs(text) {
        match run {
            Run::Word(span) => {
                let word = text.get(span.clone()).unwrap_or_default();
                let folded = fold::fold(word);
                if !analyser.is_stop_word(&folded) {
                    take(analyser.term(folded), position, span);
                }
                position += 1;
            }
            Run::Unspaced(span) => pairs(text, span, &mut position, &mut take),
        }
    }
}

/// Overlapping pairs of the characters of a run; a run of one is a term by itself.
fn pairs(
    text: &str,
    span: Range<usize>,
    position: &mut u32,
    take: &mut impl FnMut(String, u32, Range<usize>),
) {
    let run = text.get(span.clone()).unwrap_or_default();
    let starts: Vec<usize> = run.char_indices().map(|(at, _)| at).chain([run.len()]).collect();
    let width = 2.min(starts.len().saturating_sub(1));
    for window in starts.windows(width + 1) {
        let (Some(first), Some(last)) = (window.first(), window.last()) else { continue };
        let pair = run.get(*first..*last).unwrap_or_default();
        take(fold::fold(pair), *position, span.start + first..span.start + last);
        *position += 1;
    }
}

#[cfg(test)]
mod tests;
