//! Passage delimiter: a word that begins and ends a passage, and that no passage can hold.

use sha2::{Digest, Sha256};

use crate::hex;
use crate::llm::{Request, Turn};

/// Number of digest bytes in the word.
const WORD_BYTES: usize = 8;

/// Delimiters of one request's passages.
#[derive(Debug)]
pub(super) struct Delimiter {
    word: String,
}

impl Delimiter {
    /// Returns a delimiter of the usual length and token cost, for counting: digits and letters in turn.
    pub(super) fn of_any() -> Self {
        Self { word: "0a".repeat(WORD_BYTES) }
    }

    /// Returns the delimiter of `request`: the first word derived from its digest that occurs nowhere in it.
    pub(super) fn of(request: &Request) -> Self {
        let mut digest = digest(request);
        loop {
            let word = hex::encode(digest.get(..WORD_BYTES).unwrap_or_default());
            if !texts(request).any(|text| text.contains(&word)) {
                return Self { word };
            }
            digest = Sha256::digest(digest).into();
        }
    }

    pub(super) fn opening(&self, number: &str) -> String {
        format!("<<passage {number} {}>>", self.word)
    }

    pub(super) fn closing(&self, number: &str) -> String {
        format!("<<end {number} {}>>", self.word)
    }
}

fn digest(request: &Request) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for text in texts(request) {
        hasher.update(text.len().to_le_bytes());
        hasher.update(text);
    }
    hasher.finalize().into()
}

/// Returns all texts of the request that are rendered.
fn texts(request: &Request) -> impl Iterator<Item = &str> {
    let evidence = request.evidence.iter().flat_map(|evidence| {
        let headings = evidence.heading_path.iter().map(String::as_str);
        [evidence.text.as_str(), evidence.source_name.as_str()].into_iter().chain(headings)
    });
    let history = request.history.iter().map(Turn::text);
    [request.instructions.as_str(), request.question.as_str()].into_iter().chain(history).chain(evidence)
}
