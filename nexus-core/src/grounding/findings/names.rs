//! Names: [`missing`] returns those of a claim that a source does not hold.
//!
//! A name is a capitalised word that does not begin a sentence. Where a language or a title capitalises other words too,
//! nothing is compared.

use std::collections::HashSet;

use crate::language::Language;

/// Least letters of a name that is compared.
const MIN_LETTERS: usize = 3;
/// Letters that a name and another form of it, such as an adjective, share.
const STEM: usize = 4;

/// Words that are capitalised and no names of the source's subject.
const ORDINARY: &[&str] = &[
    "passage",
    "passages",
    "document",
    "documents",
    "source",
    "sources",
    "section",
    "chapter",
    "article",
    "table",
    "page",
    "figure",
    "note",
    "question",
    "answer",
    "yes",
    "also",
    "according",
    "mrs",
    "the",
    "and",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Returns the names of `claim` that `source` does not hold, with their places.
pub(super) fn missing(claim: &str, source: &str) -> Vec<(usize, String)> {
    let words = words(claim);
    if capitalises_nouns(claim) || capitalises_nouns(source) || is_title(&words) {
        return Vec::new();
    }
    let held: HashSet<String> = self::words(source).iter().map(|word| word.text.to_lowercase()).collect();
    let initials: String = self::words(source).iter().filter_map(|word| word.text.chars().next()).collect();
    let is_held = |name: &str| {
        let lower = name.to_lowercase();
        let stem: String = lower.chars().take(STEM).collect();
        let same_stem = |word: &String| lower.chars().count() >= STEM && word.starts_with(&stem);
        let is_acronym = name.chars().all(char::is_uppercase) && initials.to_uppercase().contains(name);
        held.contains(&lower) || held.iter().any(same_stem) || is_acronym
    };
    words
        .iter()
        .filter(|word| !word.begins && word.is_capitalised() && word.text.chars().count() >= MIN_LETTERS)
        .filter(|word| !ORDINARY.contains(&word.text.to_lowercase().as_str()) && !is_held(word.text))
        .map(|word| (word.at, word.text.to_owned()))
        .collect()
}

/// Word of letters.
struct Word<'t> {
    text: &'t str,
    at: usize,
    /// Whether it may be capitalised for its place: after an end mark, a colon, a bracket, a quotation mark or a bullet.
    begins: bool,
}

impl Word<'_> {
    fn is_capitalised(&self) -> bool {
        self.text.chars().next().is_some_and(char::is_uppercase)
    }
}

/// Returns the words without digits.
fn words(text: &str) -> Vec<Word<'_>> {
    let is_mark = |c: char| !c.is_whitespace() && !matches!(c, '-' | ',' | '\'' | '’' | '&' | '/');
    let (mut words, mut rest, mut at) = (Vec::new(), text, 0);
    while let Some(gap) = rest.find(char::is_alphanumeric) {
        let (before, found) = rest.split_at(gap);
        let length = found.find(|c: char| !c.is_alphanumeric()).unwrap_or(found.len());
        let (word, after) = found.split_at(length);
        if word.chars().all(char::is_alphabetic) {
            words.push(Word { text: word, at: at + gap, begins: at == 0 || before.contains(is_mark) });
        }
        (rest, at) = (after, at + gap + length);
    }
    words
}

/// Returns whether the language capitalises nouns, as German does, as far as it is known.
fn capitalises_nouns(text: &str) -> bool {
    let is_german_word = |word: &Word<'_>| {
        matches!(
            word.text.to_lowercase().as_str(),
            "der" | "die" | "das" | "und" | "ist" | "nicht" | "ein" | "eine" | "für"
        )
    };
    Language::detect(text) == Some(Language::German) || words(text).iter().any(is_german_word)
}

/// Returns whether more than half of the words are capitalised, as in a title.
fn is_title(words: &[Word<'_>]) -> bool {
    let inner: Vec<_> = words.iter().filter(|word| !word.begins).collect();
    inner.iter().filter(|word| word.is_capitalised()).count() * 2 > inner.len() && inner.len() > 2
}
