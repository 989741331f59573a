//! Analysed question: its terms, their weights, and the expected kind of answer.

use std::collections::HashMap;
use std::ops::Range;

use super::lexicon::{self, Expected};
use super::repetition::{Words, words_of};
use crate::language::Language;
use crate::retrieve::analysis::{analyse, is_measure};

/// Upper bound on the terms of a question; a set of them fits one machine word.
const MAX_TERMS: usize = 64;

/// Set of the question's terms, one bit each.
pub(super) type Terms = u64;

/// Question, analysed in the languages of the evidence.
#[derive(Debug)]
pub(super) struct Question {
    /// Weight of each term before the evidence is counted, from 0 to 1.
    pub(super) salience: Vec<f32>,
    /// All words of the question, whatever their weight.
    pub(super) words: Words,
    /// Expected kind of the answer.
    pub(super) expected: Expected,
    forms: HashMap<(Language, String), usize>,
}

impl Question {
    /// Analyses `text` in each of `languages`: a word is one term, whatever its stems.
    pub(super) fn read(text: &str, languages: &[Language]) -> Self {
        let mut spans: Vec<Range<usize>> = Vec::new();
        let mut salience = Vec::new();
        let mut forms = HashMap::new();
        for &language in languages {
            for token in analyse(text, language) {
                let word = text.get(token.span.clone()).unwrap_or_default();
                let weight =
                    if is_measure(text, token.span.start) { 0.0 } else { lexicon::salience(word, language) };
                if weight <= 0.0 || forms.contains_key(&(language, token.term.clone())) {
                    continue;
                }
                let known = spans.iter().position(|span| *span == token.span);
                let index = known.unwrap_or(spans.len());
                if index >= MAX_TERMS {
                    continue;
                }
                if known.is_none() {
                    spans.push(token.span);
                    salience.push(weight);
                }
                forms.insert((language, token.term), index);
            }
        }
        Self { salience, words: words_of(text), expected: Expected::of(text), forms }
    }

    /// Returns the question's term with the form `form` in `language`.
    pub(super) fn term(&self, language: Language, form: String) -> Option<usize> {
        self.forms.get(&(language, form)).copied()
    }
}
