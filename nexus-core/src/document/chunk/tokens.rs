//! Counting tokens: the port for a model's own count, and an estimate that needs no vocabulary.

use std::fmt;

/// Counts the tokens of a text as one model, or a family of models, does.
///
/// # Contract
/// - The same text always has the same count; the empty text has none.
/// - A text has no more tokens than two parts of it together, give or take one.
pub trait TokenCounter: Send + Sync + fmt::Debug {
    /// How many tokens `text` has.
    fn count(&self, text: &str) -> usize;

    /// What counts, such as a vocabulary's name. Stored beside what was counted.
    fn name(&self) -> &str;
}

/// An estimate of the tokens that byte-pair vocabularies of about 100,000 entries make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EstimatedTokens;

impl TokenCounter for EstimatedTokens {
    fn count(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }

    fn name(&self) -> &'static str {
        "estimate-1"
    }
}
