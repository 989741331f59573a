//! What a language does with a folded word: leave it out, or cut it to its stem.

use rust_stemmers::Algorithm;

use super::fold::strip_accents;
use super::language::Language;

/// Lucene's English stop words: words so common that they say nothing of what a text is about.
const ENGLISH_STOP_WORDS: [&str; 33] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no",
    "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to",
    "was", "will", "with",
];

/// The stemming of one language.
pub(super) struct Stemmer {
    language: Language,
    snowball: Option<rust_stemmers::Stemmer>,
}

impl Stemmer {
    pub(super) fn new(language: Language) -> Self {
        Self { language, snowball: algorithm(language).map(rust_stemmers::Stemmer::create) }
    }

    pub(super) fn is_stop_word(&self, folded: &str) -> bool {
        self.language == Language::English
            && folded.len() <= 5
            && ENGLISH_STOP_WORDS.binary_search(&folded).is_ok()
    }

    pub(super) fn term(&self, folded: String) -> String {
        match &self.snowball {
            Some(snowball) if folded.chars().all(char::is_alphabetic) => {
                strip_accents(snowball.stem(&folded).into_owned())
            }
            _ => strip_accents(folded),
        }
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
