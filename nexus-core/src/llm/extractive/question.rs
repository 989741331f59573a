//! Question as it was read: its terms, what it names, its modifiers, and the expected kind of its answer.
//!
//! A question is read in its own language. The language of a passage only adds the stems of the question's words in that
//! language, so no passage changes the reading of the question.

use std::collections::HashMap;
use std::ops::Range;

use super::focus::Focus;
use super::lexicon::{self, Expected, Modifier};
use super::named::{self, Named};
use super::repetition::{Words, words_of};
use crate::grounding::holds_quantities;
use crate::language::Language;
use crate::retrieve::analysis::{is_measure, language_of_question, words};

/// Upper bound on the terms of a question; a set of them fits one machine word.
const MAX_TERMS: usize = 64;
/// Least length of a stem that also stands for longer ones, in characters.
const MIN_STEM: usize = 5;
/// Least length of a part of a compound, in characters.
const MIN_PART: usize = 5;

/// Set of the question's terms, one bit each.
pub(super) type Terms = u64;

/// Term of a question.
#[derive(Clone, Debug)]
pub(super) struct Term {
    /// Weight, from 0 to 1.
    pub(super) weight: f32,
    /// Byte range in the question.
    pub(super) span: Range<usize>,
    /// Whether the word names a subject, and a paraphrase keeps it.
    pub(super) is_specific: bool,
}

/// Question, read for passages of one language.
#[derive(Debug)]
pub(super) struct Question {
    /// Text.
    pub(super) text: String,
    /// Language for which it was read: that of the passage.
    pub(super) language: Language,
    /// Terms, in their order.
    pub(super) terms: Vec<Term>,
    /// All words in lower case, whatever their weight.
    pub(super) words: Words,
    /// Expected kind of the answer.
    pub(super) expected: Expected,
    /// Named things.
    pub(super) named: Vec<Named>,
    /// Part that its named things, numbers and modifiers are taken from: a follow-up brings its own, if it has any.
    pub(super) own_line: String,
    /// Whether this part holds a number or a date.
    pub(super) has_quantity: bool,
    /// Modifiers.
    pub(super) modifiers: Vec<Modifier>,
    /// Whether names can be told by their capitals.
    pub(super) has_capitals: bool,
    /// Whether it asks for what is not so.
    pub(super) is_negated: bool,
    /// Terms that the answer counts: `tents` in "how many tents".
    pub(super) counted: Terms,
    /// Terms that say which property or deed of the subject is asked for: `salary` in "what is the salary of".
    pub(super) property: Terms,
    forms: HashMap<String, (usize, bool)>,
    stems: Vec<(String, usize)>,
}

impl Question {
    /// Reads `text` for passages of `language`.
    pub(super) fn read(text: &str, language: Language) -> Self {
        let own = language_of_question(text).filter(|own| *own != Language::Undetermined);
        let own = own.unwrap_or(language);
        let first = text.lines().next().unwrap_or_default();
        let named = named::named(text, Some(own));
        let is_first = |span: &Range<usize>| span.end <= first.len();
        let brings_own = !holds_quantities(first, "") || named.iter().any(|(_, span)| is_first(span));
        let own_line = if brings_own { first } else { text };
        let mut question = Self {
            text: text.to_owned(),
            language,
            terms: Vec::new(),
            words: words_of(text),
            expected: text
                .lines()
                .map(Expected::of)
                .find(|e| *e != Expected::Anything)
                .unwrap_or(Expected::Anything),
            has_quantity: !holds_quantities(own_line, ""),
            own_line: own_line.to_owned(),
            modifiers: modifiers(text),
            has_capitals: text.contains(char::is_uppercase),
            is_negated: lexicon::is_negated(text),
            counted: 0,
            property: 0,
            named: named
                .iter()
                .filter(|(_, span)| !brings_own || is_first(span))
                .map(|(named, _)| named.clone())
                .collect(),
            forms: HashMap::new(),
            stems: Vec::new(),
        };
        question.add_terms(own, &named, if brings_own { first.len() } else { text.len() });
        question.add_forms(language);
        if own != language {
            question.add_forms(own);
        }
        let focus = Focus::of(&question, own);
        if focus.is_duration {
            question.expected = Expected::Duration;
        }
        question.counted |= focus.counted;
        question.property = focus.property;
        question
    }

    /// Adds the terms. Names after byte `own` belong to an earlier question, which this one replaces by its own.
    fn add_terms(&mut self, language: Language, named: &[(Named, Range<usize>)], own: usize) {
        let reading = if language == Language::Undetermined { Language::English } else { language };
        for token in words(&self.text, reading) {
            let word = self.text.get(token.span.clone()).unwrap_or_default();
            let is_named =
                named.iter().any(|(_, span)| span.start <= token.span.start && token.span.end <= span.end);
            let weight = if is_named {
                1.0
            } else if is_measure(&self.text, token.span.start) {
                0.0
            } else {
                lexicon::salience(word, &token.term, reading)
            };
            let is_known = self.terms.iter().any(|term| term.span == token.span);
            let is_specific =
                is_named || (reading == Language::English && lexicon::is_specific(word, &token.term));
            let is_replaced = is_specific && token.span.start >= own;
            if weight <= 0.0 || is_known || is_replaced || self.terms.len() == MAX_TERMS {
                continue;
            }
            self.terms.push(Term { weight, span: token.span, is_specific });
        }
        // A question for a measure alone, such as "what is the minimum weight?".
        if self.terms.iter().all(|term| term.weight < 0.5) {
            for (place, term) in self.terms.iter_mut().enumerate() {
                term.weight = 1.0;
                self.counted |= 1 << place;
            }
        }
    }

    fn add_forms(&mut self, language: Language) {
        let tokens = words(&self.text, language);
        let found: Vec<(String, usize)> = tokens
            .into_iter()
            .filter_map(|token| {
                let place = self.terms.iter().position(|term| term.span == token.span)?;
                Some((token.term, place))
            })
            .collect();
        for (form, place) in &found {
            self.forms.entry(form.clone()).or_insert((*place, true));
        }
        for (form, place) in &found {
            for synonym in lexicon::synonyms(form, language) {
                self.forms.entry(synonym.clone()).or_insert((*place, false));
            }
        }
        self.stems.extend(found.into_iter().filter(|(form, _)| form.chars().count() >= MIN_STEM));
    }

    /// Returns the question's term for a word of a passage, by its stem, and whether it is the same word.
    pub(super) fn term(&self, form: &str) -> Option<(usize, bool)> {
        if let Some(found) = self.forms.get(form) {
            return Some(*found);
        }
        let compounds = compounds(self.language);
        let length = form.chars().count();
        let close = self.stems.iter().find(|(stem, _)| {
            let (short, long) =
                if stem.len() <= form.len() { (stem.as_str(), form) } else { (form, stem.as_str()) };
            let extra = long.chars().count().saturating_sub(short.chars().count());
            if compounds {
                length >= MIN_PART && (long.starts_with(short) || long.ends_with(short))
            } else {
                length >= MIN_STEM && extra <= 2 && long.starts_with(short)
            }
        });
        close.map(|(_, place)| (*place, false))
    }

    /// Returns the sum of the weights of `terms`.
    pub(super) fn mass(&self, terms: Terms) -> f32 {
        let held = self.terms.iter().enumerate().filter(|(place, _)| terms & (1 << place) != 0);
        held.map(|(_, term)| term.weight).sum()
    }

    /// Returns the terms that are no numbers and no parts of dates.
    pub(super) fn words_other_than_quantities(&self) -> Terms {
        let is_word = |term: &Term| {
            let text = self.text.get(term.span.clone()).unwrap_or_default();
            text.contains(|c: char| !c.is_ascii_digit()) && !lexicon::is_calendar(&text.to_lowercase())
        };
        let words = self.terms.iter().enumerate().filter(|(_, term)| is_word(term));
        words.fold(0, |terms, (place, _)| terms | 1 << place)
    }

    /// Returns the terms that a paraphrase keeps.
    pub(super) fn specific(&self) -> Terms {
        let specific = self.terms.iter().enumerate().filter(|(_, term)| term.is_specific);
        specific.fold(0, |terms, (place, _)| terms | 1 << place)
    }
}

/// Returns the modifiers of a question; those of an earlier one below it only where its own do not exclude them.
fn modifiers(text: &str) -> Vec<Modifier> {
    let mut found: Vec<Modifier> = Vec::new();
    for line in text.lines() {
        let said = lexicon::modifiers(&lexicon::plain_words(line));
        let fits = |modifier: &Modifier| !found.iter().any(|own| own.is_excluded_by(*modifier));
        let fitting: Vec<Modifier> = said.into_iter().filter(fits).collect();
        found.extend(fitting);
    }
    found
}

/// Returns whether words of `language` are composed of others.
fn compounds(language: Language) -> bool {
    matches!(
        language,
        Language::German | Language::Dutch | Language::Swedish | Language::Danish | Language::Norwegian
    )
}
