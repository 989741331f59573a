//! What a model call consumed: [`Usage`], in buckets that never overlap.

use serde::{Deserialize, Serialize};

/// Tokens of one model call. The buckets are disjoint: their sum is what the call consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Prompt tokens that no cache held.
    pub input_uncached: u64,
    /// Prompt tokens read from the vendor's cache.
    pub cache_read: u64,
    /// Prompt tokens written to the vendor's cache.
    pub cache_write: u64,
    /// Tokens of the answer.
    pub output_text: u64,
    /// Tokens the model spent thinking.
    pub output_reasoning: u64,
}

impl Usage {
    /// The sum of all buckets, or `None` on overflow.
    pub fn total(&self) -> Option<u64> {
        self.input_uncached
            .checked_add(self.cache_read)?
            .checked_add(self.cache_write)?
            .checked_add(self.output_text)?
            .checked_add(self.output_reasoning)
    }
}
