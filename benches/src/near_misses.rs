//! Near misses: answerable questions with their key entity, a number or a modifier exchanged, so that the passage that
//! answered them is about a neighbouring fact.

use std::collections::{HashMap, HashSet};

use nexus_core::language::Language;
use nexus_core::retrieve::analysis::is_function_word;

use crate::dataset::{Document, Question};

/// Part of a question that is exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exchanged {
    /// Name of the subject.
    Entity,
    /// Number or year.
    Number,
    /// Modifier, for one that excludes it.
    Modifier,
}

/// Modifiers with those that exclude them.
const MODIFIERS: [(&str, &str); 24] = [
    ("first", "third"),
    ("last", "second"),
    ("second", "fourth"),
    ("third", "fifth"),
    ("north", "south"),
    ("south", "north"),
    ("east", "west"),
    ("west", "east"),
    ("highest", "lowest"),
    ("lowest", "highest"),
    ("largest", "smallest"),
    ("smallest", "largest"),
    ("newest", "oldest"),
    ("minimum", "maximum"),
    ("maximum", "minimum"),
    ("before", "after"),
    ("after", "before"),
    ("paid", "unpaid"),
    ("domestic", "international"),
    ("internal", "external"),
    ("male", "female"),
    ("female", "male"),
    ("oldest", "youngest"),
    ("winter", "summer"),
];

/// Returns the near misses of `questions` over `documents`, one for each thing of a question that can be exchanged.
///
/// A key entity is the longest word of the question that its document writes with a capital within a sentence and that
/// no document writes in lower case; it is exchanged for that of a later question whose word the document does not hold.
pub fn near_misses(questions: &[Question], documents: &[Document]) -> Vec<(Exchanged, Question)> {
    let lower: HashSet<&str> = documents
        .iter()
        .flat_map(|document| words(&document.text))
        .filter(|word| word.starts_with(char::is_lowercase))
        .collect();
    let documents: HashMap<&str, &Document> = documents.iter().map(|d| (d.id.as_str(), d)).collect();
    let document = |question: &Question| {
        question.doc_id.as_deref().and_then(|id| documents.get(id)).map(|document| document.whole())
    };
    let asked: Vec<(&Question, String)> = questions
        .iter()
        .filter(|question| question.answerable.unwrap_or(true))
        .filter_map(|question| Some((question, document(question)?)))
        .collect();
    let entities: Vec<Option<&str>> =
        asked.iter().map(|(question, text)| key_entity(question, text, &lower)).collect();
    let mut found = Vec::new();
    for (place, (question, text)) in asked.iter().enumerate() {
        let held = text.to_lowercase();
        let mut others = entities.iter().cycle().skip(place + 1).take(entities.len()).flatten();
        let entity = entities.get(place).copied().flatten().and_then(|entity| {
            let other = others.find(|other| !held.contains(&other.to_lowercase()))?;
            exchange(&question.text, entity, other)
        });
        let exchanged = [
            (Exchanged::Entity, entity),
            (Exchanged::Number, other_number(&question.text, &held)),
            (Exchanged::Modifier, other_modifier(&question.text)),
        ];
        found.extend(
            exchanged
                .into_iter()
                .filter_map(|(what, text)| Some((what, Question { text: text?, ..(*question).clone() }))),
        );
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn key_entity<'q>(question: &'q Question, document: &str, lower: &HashSet<&str>) -> Option<&'q str> {
    let is_name = |word: &&str| {
        let is_written = |text: &str| {
            let mut before = "";
            words(text).any(|held| {
                let starts = before.is_empty();
                before = held;
                !starts && held.starts_with(char::is_uppercase) && held.to_lowercase() == word.to_lowercase()
            })
        };
        word.chars().count() > 3
            && word.chars().all(char::is_alphabetic)
            && !lower.contains(word.to_lowercase().as_str())
            && !is_function_word(word, Language::English)
            && document.split(['.', '\n']).any(is_written)
    };
    words(&question.text).filter(is_name).max_by_key(|word| word.chars().count())
}

fn other_number(question: &str, held: &str) -> Option<String> {
    let number = words(question).find(|word| word.chars().all(|c| c.is_ascii_digit()))?;
    let value: u64 = number.parse().ok()?;
    let other = (1..=1_000)
        .map(|step| (value + 3 * step).to_string())
        .find(|other| !held.contains(other.as_str()))?;
    exchange(question, number, &other)
}

fn other_modifier(question: &str) -> Option<String> {
    let (word, other) = words(question)
        .find_map(|word| MODIFIERS.iter().find(|(modifier, _)| *modifier == word.to_lowercase()))?;
    exchange(question, word, other)
}

/// Returns `text` with the word `one` exchanged for `other`, in any case.
fn exchange(text: &str, one: &str, other: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (at, _) = lower.match_indices(&one.to_lowercase()).find(|(at, found)| {
        let (before, after) = (lower.get(..*at), lower.get(at + found.len()..));
        !is_part(before.and_then(|text| text.chars().next_back()))
            && !is_part(after.and_then(|text| text.chars().next()))
    })?;
    Some(format!("{}{other}{}", text.get(..at)?, text.get(at + one.len()..)?))
}
