//! Morphology of a language: stop words, stems and grams.

use rust_stemmers::{Algorithm, Stemmer};

use super::normalize::{fold, spelled_out, strip_accents, without_umlauts};
use crate::language::Language;

/// Length of a gram, in characters.
const GRAM: usize = 4;

/// First character of a gram: a piece of a word in one language is no word of another.
pub(super) const GRAM_MARK: char = '~';

/// Treatment of words in one language.
///
/// English words occur in text of every script, so words of plain Latin letters are treated as English unless the
/// language is written in them; text of an unknown language is treated as English altogether.
pub(super) struct Morphology {
    language: Language,
    grams: Grams,
    native: Option<Stemmer>,
    english: Stemmer,
}

/// Whether the terms of a word include its grams, in the languages that have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grams {
    With,
    Without,
}

impl Morphology {
    pub(super) fn of(language: Language, grams: Grams) -> Self {
        let native = algorithm(language).map(Stemmer::create);
        Self { language, grams, native, english: Stemmer::create(Algorithm::English) }
    }

    /// Passes the terms of `word` to `take`: none of a stop word, else the stem, the stem with its umlauts spelled out
    /// where it has any, and the grams.
    pub(super) fn terms(&self, word: &str, mut take: impl FnMut(String)) {
        let mut folded = fold(word);
        folded.retain(|c| c != '.');
        if self.language == Language::German {
            folded = without_umlauts(&folded);
        }
        let native = self.native.as_ref().filter(|_| !self.is_english(&folded));
        if native.is_none() && is_stop_word(&folded) {
            return;
        }
        let is_word = !folded.chars().any(char::is_numeric);
        let stem = |word: &str| match native {
            Some(native) => strip_accents(native.stem(word).into_owned()),
            // Accents are no letters of English.
            None => self.english.stem(&strip_accents(word.to_owned())).into_owned(),
        };
        if is_word {
            take(stem(&folded));
            if let Some(spelled) = spelled_out(&folded) {
                take(stem(&spelled));
            }
        } else {
            take(strip_accents(folded.clone()));
        }
        if self.grams == Grams::With && has_grams(self.language) {
            grams(&strip_accents(folded), is_word, take);
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

/// Returns whether `word` is one of Lucene's English stop words, too common to tell the subject of a text, or an
/// abbreviation of such words.
pub(super) fn is_stop_word(word: &str) -> bool {
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
            | "eg"
            | "for"
            | "ie"
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
/// suffixes match. A short word and a number are their own gram. [`GRAM_MARK`] tells a gram from a word.
fn grams(word: &str, is_word: bool, mut take: impl FnMut(String)) {
    let mut take = |gram: &str| {
        if !gram.is_empty() {
            take(format!("{GRAM_MARK}{gram}"));
        }
    };
    let starts = word.char_indices().map(|(at, _)| at);
    let ends = starts.clone().skip(GRAM).chain([word.len()]);
    if !is_word || starts.clone().nth(GRAM).is_none() {
        return take(word);
    }
    for (start, end) in starts.zip(ends) {
        take(word.get(start..end).unwrap_or_default());
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
