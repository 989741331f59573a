//! Contradictions: sentences of two documents that say the same of the same subject, with another value.
//!
//! Both are quoted, each with the sentence that dates its document. The document that says that it replaces another comes
//! first, else the later one.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::lexicon::{self, Expected};
use super::question::Question;
use super::unit::{Unit, as_f32, document_name, text};
use crate::grounding::quotable_units::SentenceKind;
use crate::grounding::{Evidence, partial_dates};

/// Least share of common words, values aside, of two sentences on one subject.
const SAME_SUBJECT: f32 = 0.6;

/// Statement of a document.
#[derive(Clone, Copy)]
pub(super) struct Statement<'s> {
    pub(super) evidence: &'s Evidence,
    pub(super) unit: &'s Unit,
}

impl Statement<'_> {
    fn text(&self) -> &str {
        text(self.evidence, self.unit)
    }

    /// Returns whether `other` says another value of the same subject.
    pub(super) fn contradicts(&self, other: &Statement<'_>, question: &Question) -> bool {
        let (one, two) = (Parts::of(self.text(), question), Parts::of(other.text(), question));
        let terms = |unit: &Unit| unit.own | unit.related;
        self.evidence.passage.document != other.evidence.passage.document
            && terms(self.unit) == terms(other.unit)
            && one.values != two.values
            && !one.values.is_empty()
            && !two.values.is_empty()
            && one.names == two.names
            && one.shares(&two) >= SAME_SUBJECT
    }

    /// Orders documents: the one that replaces another first, then the later one.
    pub(super) fn order(&self, other: &Statement<'_>) -> Ordering {
        let key = |statement: &Statement<'_>| (replacement(statement.evidence), date(statement.evidence));
        key(other).cmp(&key(self))
    }
}

/// Returns whether `unit` dates its document, or says which one it replaces.
pub(super) fn dates_document(evidence: &Evidence, unit: &Unit) -> bool {
    let text = text(evidence, unit);
    let words = lexicon::plain_words(text);
    let is_prose =
        matches!(unit.sentence.kind, SentenceKind::Prose | SentenceKind::Item) && unit.is_statement;
    is_prose
        && (lexicon::replaces(&words) != 0
            || (lexicon::takes_effect(&words) && text.contains(|c: char| c.is_ascii_digit())))
}

/// Returns 1 for a passage that says that it replaces something, -1 for one that is replaced.
fn replacement(evidence: &Evidence) -> i8 {
    lexicon::replaces(&lexicon::plain_words(&evidence.text))
}

/// Returns the date of a document: that of its name or headings, else the latest one of the passage.
fn date(evidence: &Evidence) -> (u32, u32, u32) {
    let name = document_name(evidence).replace(['_', '-'], " ");
    let dated: Vec<&str> = evidence
        .text
        .split(['.', '\n'])
        .filter(|line| lexicon::takes_effect(&lexicon::plain_words(line)))
        .collect();
    let latest = |text: &str| {
        let years = text
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|word| word.parse().ok())
            .filter(|year| (1_900..2_100).contains(year));
        partial_dates(text).into_iter().chain(years.map(|year| (year, 0, 0))).max()
    };
    let headings = format!("{}\n{name}", evidence.heading_path.join("\n"));
    latest(&dated.join("\n"))
        .or_else(|| latest(&headings))
        .or_else(|| latest(&evidence.text))
        .unwrap_or_default()
}

/// Words of a sentence: its values, its names, and the rest.
struct Parts {
    values: HashSet<String>,
    names: HashSet<String>,
    rest: HashSet<String>,
}

impl Parts {
    fn of(text: &str, question: &Question) -> Self {
        let mut parts = Self { values: HashSet::new(), names: HashSet::new(), rest: HashSet::new() };
        let capitals_tell = !matches!(question.language, crate::language::Language::German);
        let values_are_names = matches!(question.expected, Expected::Person | Expected::Place);
        let words = text
            .split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | ','))
            .map(|word| word.trim_matches(['.', ',']));
        for (at, word) in words.filter(|word| !word.is_empty()).enumerate() {
            let lower = word.to_lowercase();
            let is_capital = at > 0 && word.starts_with(char::is_uppercase);
            let is_value = word.starts_with(|c: char| c.is_ascii_digit())
                || lexicon::is_number_word(&lower)
                || lexicon::is_calendar(&lower);
            if is_value && !question.words.contains(&lower)
                || (values_are_names && is_capital && !question.words.contains(&lower))
            {
                parts.values.insert(lower);
            } else if capitals_tell && is_capital && !question.words.contains(&lower) {
                parts.names.insert(lower);
            } else {
                parts.rest.insert(lower);
            }
        }
        parts
    }

    fn shares(&self, other: &Self) -> f32 {
        let common = self.rest.intersection(&other.rest).count();
        let all = self.rest.union(&other.rest).count();
        if all == 0 { 0.0 } else { as_f32(common) / as_f32(all) }
    }
}
