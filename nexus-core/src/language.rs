//! Languages of texts: their codes, and language detection.

mod function_words;

use serde::{Deserialize, Serialize};
use whatlang::Lang;

pub(crate) use function_words::has_function_words;
pub use function_words::is_function_word;

use crate::error::{Error, Result};

/// Bytes of a text that language detection reads.
const SAMPLE_BYTES: usize = 4096;

/// Number of function words up to which languages are compared.
const ATTESTING_WORDS: usize = 200;

macro_rules! languages {
    ($($name:ident = $code:literal $lang:ident;)*) => {
        /// Language of a text, by its ISO 639-1 code.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum Language {
            $(#[doc = concat!("`", $code, "`")] $name,)*
            /// Not determined, or not supported: analysed as English.
            #[default]
            Undetermined,
        }

        impl Language {
            /// All languages, the undetermined one last.
            pub const ALL: &[Self] = &[$(Self::$name,)* Self::Undetermined];

            /// Returns the code: ISO 639-1, or `und`.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                    Self::Undetermined => "und",
                }
            }

            pub(crate) fn to_whatlang(self) -> Lang {
                match self {
                    $(Self::$name => Lang::$lang,)*
                    Self::Undetermined => Lang::Eng,
                }
            }

            fn from_whatlang(lang: Lang) -> Self {
                match lang {
                    $(Lang::$lang => Self::$name,)*
                    _ => Self::Undetermined,
                }
            }
        }
    };
}

languages! {
    Arabic = "ar" Ara;
    Danish = "da" Dan;
    German = "de" Deu;
    Greek = "el" Ell;
    English = "en" Eng;
    Spanish = "es" Spa;
    Finnish = "fi" Fin;
    French = "fr" Fra;
    Hungarian = "hu" Hun;
    Italian = "it" Ita;
    Japanese = "ja" Jpn;
    Korean = "ko" Kor;
    Dutch = "nl" Nld;
    Norwegian = "no" Nob;
    Portuguese = "pt" Por;
    Romanian = "ro" Ron;
    Russian = "ru" Rus;
    Swedish = "sv" Swe;
    Tamil = "ta" Tam;
    Thai = "th" Tha;
    Turkish = "tr" Tur;
    Chinese = "zh" Cmn;
}

impl Language {
    /// Parses a code such as `en`; a region, as in `pt-BR`, is ignored.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with the code `UNKNOWN_LANGUAGE`.
    pub fn parse(code: &str) -> Result<Self> {
        let primary = code.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let known = match primary.as_str() {
            "nb" | "nn" => Some(Self::Norwegian),
            other => Self::ALL.iter().copied().find(|language| language.code() == other),
        };
        known.ok_or_else(|| {
            Error::invalid("the language is not supported")
                .with_code("UNKNOWN_LANGUAGE")
                .with_hint(
                    "give an ISO 639-1 code such as `en`, or `und` when it is none of the supported ones",
                )
                .with("language", code)
        })
    }

    /// Detects the language of `text` from its first few thousand bytes. Returns `None` when the text is too short:
    /// then the corpus's own language is the better guess.
    pub fn detect(text: &str) -> Option<Self> {
        let sample = text.get(..text.floor_char_boundary(SAMPLE_BYTES)).unwrap_or(text);
        let found = whatlang::detect(sample)?;
        found
            .is_reliable()
            .then(|| Self::from_whatlang(found.lang()))
            .filter(|language| is_attested(*language, sample))
    }
}

/// Returns whether a text is in `language` by more than its letters. Lists of terms and text in capitals have letters of
/// any language that is written in Latin ones: a letter that English lacks, or function words, must attest it.
fn is_attested(language: Language, text: &str) -> bool {
    if text.contains(|c: char| c.is_alphabetic() && !c.is_ascii()) || language == Language::English {
        return true;
    }
    let words = |language| {
        let words = text.split(|c: char| !c.is_alphanumeric());
        words.filter(|word| is_function_word(word, language)).take(ATTESTING_WORDS).count()
    };
    words(language) > words(Language::English)
}

impl From<Language> for &'static str {
    fn from(language: Language) -> Self {
        language.code()
    }
}

impl TryFrom<String> for Language {
    type Error = Error;
    fn try_from(code: String) -> Result<Self> {
        Self::parse(&code)
    }
}

impl std::str::FromStr for Language {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self> {
        Self::parse(code)
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}
