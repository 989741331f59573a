//! What a model call consumed: [`Usage`], in buckets that never overlap.

use serde::{Deserialize, Serialize};

/// What one model call consumed, in tokens unless said otherwise. The buckets are disjoint: what a vendor counts twice
/// (cached tokens within prompt tokens, thinking within the answer) is taken apart by its adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Of the prompt, what no cache held.
    pub input_uncached: u64,
    /// Of the prompt, what was read from the vendor's cache.
    pub cache_read: u64,
    /// Of the prompt, what was written to the vendor's cache for minutes.
    pub cache_write_5m: u64,
    /// Of the prompt, what was written to the vendor's cache for an hour.
    pub cache_write_1h: u64,
    /// Of the prompt, sound.
    pub audio_in: u64,
    /// Of the answer, text and calls of tools.
    pub output_text: u64,
    /// Of the answer, what the model thought.
    pub output_reasoning: u64,
    /// Of the answer, sound.
    pub audio_out: u64,
    /// Requests to tools on the vendor's side; not tokens.
    pub tool_requests: u64,
    /// The sum that the vendor itself states, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_total: Option<u64>,
}

impl Usage {
    /// Tokens of the prompt, or `None` on overflow.
    pub fn input(&self) -> Option<u64> {
        self.input_uncached
            .checked_add(self.cache_read)?
            .checked_add(self.cache_write_5m)?
            .checked_add(self.cache_write_1h)?
            .checked_add(self.audio_in)
    }

    /// Tokens of the answer, or `None` on overflow.
    pub fn output(&self) -> Option<u64> {
        self.output_text.checked_add(self.output_reasoning)?.checked_add(self.audio_out)
    }

    /// All tokens, or `None` on overflow.
    pub fn total(&self) -> Option<u64> {
        self.input()?.checked_add(self.output()?)
    }
}
