//! Morphology of a language: stop words, stems and grams.

use rust_stemmers::{Algorithm, Stemmer};

use super::normalize::{fold, strip_accents};
use crate::language::Language;

/// Length of a gram, in characters.
const GRAM: usize = 4;

/// Treatment of words in one language.
///
/// English words occur in text of every script, so words of plain Latin letters are treated as English unless the
/// language is written in them; text of an unknown language is treated as English altogether.
pub(super) struct Morphology {
    language: Language,
    native: Option<Stemmer>,
    english: Stemmer,
}

impl Morphology {
    pub(super) fn of(language: Language) -> Self {
        let native = algorithm(language).map(Stemmer::create);
        Self { language, native, english: Stemmer::create(Algorithm::English) }
    }

    /// Passes the terms of `word` to `take`: none of a stop word, else the stem, and after it the grams.
    pub(super) fn terms(&self, word: &str, mut take: impl FnMut(String)) {
        let folded = fold(word);
        let stemmer = match self.native.as_ref().filter(|_| !self.is_english(&folded)) {
            None if is_stop_word(&folded) => return,
            None => Some(&self.english),
            native => native,
        };
        let is_word = !folded.chars().any(char::is_numeric);
        match stemmer.filter(|_| is_word) {
            Some(stemmer) => take(strip_accents(stemmer.stem(&folded).into_owned())),
            None => take(strip_accents(folded.clone())),
        }
        if has_grams(self.language) {
            grams(strip_accents(folded), is_word, take);
        }
    }

    fn is_english(&self, word: &str) -> bool {
        match script(self.language) {
            Script::English => true,
            Script::Latin => false,
            Script::Other => word.is_ascii(),
        }
    }
}

/// Returns whether `word` is one of Lucene's English stop words, too common to tell the subject of a text.
fn is_stop_word(word: &str) -> bool {
    matches!(
        word,
        "a" | "an"
            | "and"
            | "are"
            | "as"
            | "at"
            | "be"
            | "but"
            | "by"
            | "for"
            | "if"
            | "in"
            | "into"
            | "is"
            | "it"
            | "no"
            | "not"
            | "of"
            | "on"
            | "or"
            | "such"
            | "that"
            | "the"
            | "their"
            | "then"
            | "there"
            | "these"
            | "they"
            | "this"
            | "to"
            | "was"
            | "will"
            | "with"
    )
}

/// Emits overlapping runs of [`GRAM`] characters of a longer word, so that parts of compounds and other prefixes and
/// suffixes match. A short word and a number are their own gram.
fn grams(word: String, is_word: bool, mut take: impl FnMut(String)) {
    let starts = word.char_indices().map(|(at, _)| at);
    let ends = starts.clone().skip(GRAM).chain([word.len()]);
    if !is_word || starts.clone().nth(GRAM).is_none() {
        return take(word);
    }
    for (start, end) in starts.zip(ends) {
        take(word.get(start..end).unwrap_or_default().to_owned());
    }
}

/// Returns whether the language compounds or inflects so much that stems alone miss a lot.
fn has_grams(language: Language) -> bool {
    matches!(
        language,
        Language::Arabic
            | Language::Danish
            | Language::German
            | Language::Finnish
            | Language::Hungarian
            | Language::Dutch
            | Language::Norwegian
            | Language::Russian
            | Language::Swedish
            | Language::Turkish
    )
}

enum Script {
    English,
    Latin,
    Other,
}

fn script(language: Language) -> Script {
    match language {
        Language::English | Language::Undetermined => Script::English,
        Language::Danish
        | Language::German
        | Language::Spanish
        | Language::Finnish
        | Language::French
        | Language::Hungarian
        | Language::Italian
        | Language::Dutch
        | Language::Norwegian
        | Language::Portuguese
        | Language::Romanian
        | Language::Swedish
        | Language::Turkish => Script::Latin,
        Language::Arabic
        | Language::Greek
        | Language::Japanese
        | Language::Korean
        | Language::Russian
        | Language::Tamil
        | Language::Thai
        | Language::Chinese => Script::Other,
    }
}

fn algorithm(language: Language) -> Option<Algorithm> {
    Some(match language {
        Language::Arabic => Algorithm::Arabic,
        Language::Danish => Algorithm::Danish,
        Language::German => Algorithm::German,
        Language::Greek => Algorithm::Greek,
        Language::English => Algorithm::English,
        Language::Spanish => Algorithm::Spanish,
        Language::Finnish => Algorithm::Finnish,
        Language::French => Algorithm::French,
        Language::Hungarian => Algorithm::Hungarian,
        Language::Italian => Algorithm::Italian,
        Language::Dutch => Algorithm::Dutch,
        Language::Norwegian => Algorithm::Norwegian,
        Language::Portuguese => Algorithm::Portuguese,
        Language::Romanian => Algorithm::Romanian,
        Language::Russian => Algorithm::Russian,
        Language::Swedish => Algorithm::Swedish,
        Language::Tamil => Algorithm::Tamil,
        Language::Turkish => Algorithm::Turkish,
        Language::Japanese
        | Language::Korean
        | Language::Thai
        | Language::Chinese
        | Language::Undetermined => {
            return None;
        }
    })
}
