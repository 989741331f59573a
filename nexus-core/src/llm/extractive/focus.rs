//! Focus of a question: what it counts, and the property or deed of its subject that it asks for.
//!
//! "How many tents", "the salary of", "who signed": a sentence that does not say it is about something else.

use std::ops::Range;

use super::lexicon::{self, Expected};
use super::named;
use super::question::{Question, Terms};
use crate::language::Language;

/// Least weight of a term that a sentence must say.
const SAYS_SOMETHING: f32 = 0.5;

/// Focus.
#[derive(Debug, Default)]
pub(super) struct Focus {
    /// Terms of what is counted.
    pub(super) counted: Terms,
    /// Terms of the property or the deed.
    pub(super) property: Terms,
    /// Whether what is counted is a unit of time.
    pub(super) is_duration: bool,
}

impl Focus {
    /// Returns the focus of `question`, which is written in `language`.
    pub(super) fn of(question: &Question, language: Language) -> Self {
        let lower = question.text.to_lowercase();
        let ranges = named::tokens(&question.text);
        let lower_words = named::tokens(&lower).into_iter().filter_map(|range| lower.get(range));
        let words = Clause { question, words: lower_words.collect(), ranges };
        let mut focus = Self { property: words.deed(language) | words.property(), ..Self::default() };
        (focus.counted, focus.is_duration) = words.counted();
        focus
    }
}

/// Question in its words.
struct Clause<'q> {
    question: &'q Question,
    words: Vec<&'q str>,
    ranges: Vec<Range<usize>>,
}

impl Clause<'_> {
    fn word(&self, at: usize) -> &str {
        self.words.get(at).copied().unwrap_or_default()
    }

    fn term(&self, at: usize) -> Option<usize> {
        let range = self.ranges.get(at)?;
        let is_within = |span: &Range<usize>| range.start <= span.start && span.end <= range.end;
        self.question.terms.iter().position(|term| is_within(&term.span))
    }

    /// Returns the term at a place, if it says something.
    fn content(&self, at: usize) -> Option<usize> {
        self.term(at).filter(|term| self.says(*term))
    }

    fn says(&self, term: usize) -> bool {
        self.question.terms.get(term).is_some_and(|term| term.weight > SAYS_SOMETHING)
    }

    /// Returns the terms of what is counted, and whether it is a time.
    fn counted(&self) -> (Terms, bool) {
        let Some(asking) = (0..self.words.len().min(4)).find(|at| self.counts(*at)) else {
            return (0, false);
        };
        let noun = (asking + 1..asking + 6).find_map(|at| self.term(at).map(|term| (at, term)));
        let Some((at, term)) = noun else { return (0, false) };
        if lexicon::is_unit(self.word(at)) || lexicon::is_people(self.word(at)) {
            return (0, lexicon::is_time_unit(self.word(at)));
        }
        // Of a compound noun, both words: "parking spaces".
        let second = self.term(at + 1).filter(|_| !lexicon::is_auxiliary(self.word(at + 1)));
        (1 << term | second.map_or(0, |second| 1 << second), false)
    }

    fn counts(&self, at: usize) -> bool {
        let next = self.word(at + 1);
        matches!((self.word(at), next), ("how", "many") | ("wie", "viele" | "vielen") | ("combien", "de"))
            || self.word(at) == "combien" && next.starts_with(['d', 'D']) && next.contains(['\'', '’'])
            || lexicon::asks_how_many(self.word(at))
    }

    /// Returns the term of the deed that a question asks the doer of: `signed` in "who signed the contract".
    fn deed(&self, language: Language) -> Terms {
        if self.question.expected != Expected::Person || !lexicon::asks_who(self.word(0)) {
            return 0;
        }
        // After an auxiliary, a German clause ends with its verb.
        let verb = if language == Language::German && lexicon::is_german_auxiliary(self.word(1)) {
            self.content(self.words.len().saturating_sub(1))
        } else {
            (1..4).find_map(|at| self.term(at)).filter(|term| self.says(*term))
        };
        verb.map_or(0, |term| 1 << term)
    }

    /// Returns the terms of the property: `salary` in "what is the salary of".
    fn property(&self) -> Terms {
        if !lexicon::asks_what(self.word(0)) || !lexicon::is_copula(self.word(1)) {
            return 0;
        }
        let of = (3..self.words.len().min(8)).find(|at| lexicon::is_of(self.word(*at)));
        let terms = of.map_or(2..2, |of| 2..of).filter_map(|at| self.content(at));
        terms.fold(0, |terms, term| terms | 1 << term)
    }
}
