//! Requirements on an answer: a candidate that does not meet them all is a neighbouring fact and no answer.
//!
//! - Named things, numbers and dates of the question stand in the sentence, its headings, or the sentence that it leans
//!   on, and the sentence does not begin with another name.
//! - Modifiers fit: a marked one stands there, and none that excludes one of the question's.
//! - The sentence holds a span of the expected kind, says more than the question, and its cell is not blank.
//! - The sentence shares more with the question than numbers and dates.
//! - What is counted, and the property that is asked for, is said there.

use super::lexicon::{self, Expected, Modifier};
use super::named;
use super::question::Question;
use super::table;
use super::unit::{Unit, document_name, has_foreign_subject, text};
use crate::grounding::quotable_units::SentenceKind;
use crate::grounding::{Evidence, holds_quantities};

/// Least mass of terms that name a subject.
const SUBJECT: f32 = 0.5;
/// Least mass of words beside numbers and dates of which a sentence says one.
const WORDS: f32 = 1.2;

/// Returns whether `unit`, one of the passage's `units`, meets the requirements of the question.
pub(super) fn meets(question: &Question, evidence: &Evidence, units: &[Unit], unit: &Unit) -> bool {
    let text = text(evidence, unit);
    unit.is_statement
        && says_more(question, unit)
        && answers_kind(question, evidence, unit, text)
        && says_focus(question, unit)
        && says_more_than_quantities(question, unit)
        && says_subjects(question, unit)
        && names_subject(question, evidence, units, unit, text)
        && (!question.is_negated || lexicon::is_negated(text))
}

/// Returns whether the sentence says more than the question; a yes needs no more.
fn says_more(question: &Question, unit: &Unit) -> bool {
    unit.news > 0 || question.expected == Expected::Polar
}

fn answers_kind(question: &Question, evidence: &Evidence, unit: &Unit, text: &str) -> bool {
    let asked = |word: &str| question.words.contains(word);
    let Some(header) = unit.sentence.header().and_then(|range| evidence.text.get(range)) else {
        return question.expected.is_in(text, &asked);
    };
    match table::target(question, header, text) {
        table::Target::Blank => false,
        table::Target::Cell(_) if !is_about(question, unit) => false,
        table::Target::Cell(cell) => match question.expected {
            Expected::Anything | Expected::Polar | Expected::Person | Expected::Place | Expected::Reason => {
                true
            }
            // The name of the column says the unit.
            Expected::Duration
            | Expected::Time
            | Expected::PastTime
            | Expected::Frequency
            | Expected::Number => {
                question.expected.is_in(&cell, &asked)
                    || Expected::Number.is_in(&cell, &asked)
                    || cell.chars().any(|c| c.is_ascii_digit())
            }
        },
        table::Target::Row => {
            question.expected.is_in(text, &asked)
                || (question.expected == Expected::Duration && Expected::Number.is_in(text, &asked))
        }
    }
}

/// Returns whether a row says the subject: a word of the question that neither the columns nor the headings say.
fn is_about(question: &Question, unit: &Unit) -> bool {
    let own = unit.own | unit.related;
    own & !unit.context != 0 || question.mass(!unit.context & !own) < SUBJECT
}

/// Returns whether what the question counts, and the property of a named subject that it asks for, is said there.
fn says_focus(question: &Question, unit: &Unit) -> bool {
    let around = unit.own | unit.related | unit.context | unit.before;
    let property = if question.named.is_empty() { 0 } else { question.property };
    (question.counted | property) & !around == 0
}

/// Returns whether the sentence shares more with the question than its numbers and dates: what happened in the same year is
/// about something else. A question of little else, such as "what happened in 2023", asks for just that.
fn says_more_than_quantities(question: &Question, unit: &Unit) -> bool {
    let words = question.words_other_than_quantities();
    let around = unit.own | unit.related | unit.context | unit.before;
    around & words != 0 || question.mass(words) < WORDS
}

/// Returns whether the passage says all words of the question that no paraphrase replaces. Of a question written without
/// capitals each of them may be a name, and must stand where names must.
fn says_subjects(question: &Question, unit: &Unit) -> bool {
    let near = unit.own | unit.related | unit.context | unit.before;
    let said = if question.has_capitals { near | unit.passage_terms } else { near };
    question.specific() & !said == 0
}

fn names_subject(question: &Question, evidence: &Evidence, units: &[Unit], unit: &Unit, text: &str) -> bool {
    if question.named.is_empty() && !question.has_quantity && question.modifiers.is_empty() {
        return true;
    }
    let headings = headings(evidence, units, unit);
    let before = before(evidence, units, unit);
    let whole = format!("{text}\n{headings}\n{before}");
    let words = split_words(&whole);
    let is_named = question.named.iter().all(|named| named::holds(named, &whole, &words));
    if !is_named || (question.has_quantity && !holds_quantities(&question.own_line, &whole)) {
        return false;
    }
    let text_words = split_words(text);
    let is_in_sentence = question.named.iter().all(|named| named::holds(named, text, &text_words));
    if !is_in_sentence && has_foreign_subject(text, question, &headings.to_lowercase()) {
        return false;
    }
    fits_modifiers(question, &modifying_words(question, text), &modifying_words(question, &whole))
}

/// Returns the words of which the modifiers are read. "Dogs are not allowed" answers whether they are.
fn modifying_words(question: &Question, text: &str) -> Vec<String> {
    let mut words = lexicon::plain_words(text);
    if question.expected == Expected::Polar {
        words.retain(|word| !lexicon::negates(word));
    }
    words
}

fn fits_modifiers(question: &Question, own: &[String], whole: &[String]) -> bool {
    if question.modifiers.is_empty() {
        return true;
    }
    if modifies_otherwise(question, whole) {
        return false;
    }
    let (named, own, whole) =
        (lexicon::modifiers(own), lexicon::modifiers_in_text(own), lexicon::modifiers_in_text(whole));
    question.modifiers.iter().all(|asked| {
        let excludes = |said: &[Modifier]| {
            said.iter().any(|other| asked.is_excluded_by(*other) && !question.modifiers.contains(other))
        };
        // A modifier itself says more than a word that implies it.
        if named.contains(asked) || excludes(&named) {
            return named.contains(asked);
        }
        own.contains(asked) || (!excludes(&own) && (whole.contains(asked) || !asked.is_marked()))
    })
}

/// Returns whether a word that the question modifies is modified there only by what excludes that: the winter solstice, where
/// the summer solstice is asked for.
fn modifies_otherwise(question: &Question, said: &[String]) -> bool {
    let said = lexicon::attributes(said);
    lexicon::attributes(&lexicon::plain_words(&question.own_line)).into_iter().any(|(asked, noun)| {
        let mut others =
            said.iter().filter(|(_, other)| *other == noun).map(|(modifier, _)| *modifier).peekable();
        others.peek().is_some() && others.all(|other| asked.is_excluded_by(other))
    })
}

/// Returns the words of a text in lower case, and those joined by hyphens once more as one.
fn split_words(text: &str) -> Vec<String> {
    let words =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase);
    words.chain(lexicon::plain_words(text)).collect()
}

/// Returns the headings above a unit, the document's name and the names of its columns.
pub(super) fn headings(evidence: &Evidence, units: &[Unit], unit: &Unit) -> String {
    let mut lines = evidence.heading_path.clone();
    lines.push(document_name(evidence).replace('_', " "));
    let above = units.get(..unit.place).unwrap_or_default();
    let heading =
        above.iter().rev().find(|unit| unit.sentence.kind == SentenceKind::Heading && !unit.is_statement);
    lines.extend(heading.map(|heading| text(evidence, heading).to_owned()));
    let asked =
        above.last().filter(|before| !before.is_statement && before.sentence.kind != SentenceKind::Heading);
    lines.extend(asked.map(|asked| text(evidence, asked).to_owned()));
    lines.extend(unit.sentence.header().and_then(|range| evidence.text.get(range)).map(str::to_owned));
    lines.join("\n")
}

fn before(evidence: &Evidence, units: &[Unit], unit: &Unit) -> String {
    let texts: Vec<&str> =
        unit.leans_on.iter().filter_map(|place| units.get(*place)).map(|unit| text(evidence, unit)).collect();
    texts.join("\n")
}
