//! Usage of a model call: [`Usage`], in disjoint buckets.

use serde::{Deserialize, Serialize};

/// Usage of one model call, in tokens unless noted. The buckets are disjoint: a vendor's adapter separates tokens that
/// the vendor counts twice (cached tokens within prompt tokens, reasoning within the answer).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Prompt tokens outside of the vendor's cache.
    pub input_uncached: u64,
    /// Prompt tokens read from the vendor's cache.
    pub cache_read: u64,
    /// Prompt tokens written to the vendor's cache for minutes.
    pub cache_write_5m: u64,
    /// Prompt tokens written to the vendor's cache for an hour.
    pub cache_write_1h: u64,
    /// Audio tokens of the prompt.
    pub audio_in: u64,
    /// Answer tokens of text and tool calls.
    pub output_text: u64,
    /// Reasoning tokens.
    pub output_reasoning: u64,
    /// Audio tokens of the answer.
    pub audio_out: u64,
    /// Requests to tools on the vendor's side; not tokens.
    pub tool_requests: u64,
    /// The total that the vendor reports, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_total: Option<u64>,
}

impl Usage {
    /// Returns the prompt tokens, or `None` on overflow.
    pub fn input(&self) -> Option<u64> {
        self.input_uncached
            .checked_add(self.cache_read)?
            .checked_add(self.cache_write_5m)?
            .checked_add(self.cache_write_1h)?
            .checked_add(self.audio_in)
    }

    /// Returns the answer tokens, or `None` on overflow.
    pub fn output(&self) -> Option<u64> {
        self.output_text.checked_add(self.output_reasoning)?.checked_add(self.audio_out)
    }

    /// Returns all tokens, or `None` on overflow.
    pub fn total(&self) -> Option<u64> {
        self.input()?.checked_add(self.output()?)
    }

    /// Returns the sum of two, bucket by bucket, or `None` on overflow. The sum has a vendor's total only where both
    /// have one, or where one of the two is empty.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let provider_total = match (self.provider_total, other.provider_total) {
            (Some(one), Some(two)) => Some(one.checked_add(two)?),
            _ if *self == Self::default() => other.provider_total,
            _ if *other == Self::default() => self.provider_total,
            _ => None,
        };
        Some(Self {
            input_uncached: self.input_uncached.checked_add(other.input_uncached)?,
            cache_read: self.cache_read.checked_add(other.cache_read)?,
            cache_write_5m: self.cache_write_5m.checked_add(other.cache_write_5m)?,
            cache_write_1h: self.cache_write_1h.checked_add(other.cache_write_1h)?,
            audio_in: self.audio_in.checked_add(other.audio_in)?,
            output_text: self.output_text.checked_add(other.output_text)?,
            output_reasoning: self.output_reasoning.checked_add(other.output_reasoning)?,
            audio_out: self.audio_out.checked_add(other.audio_out)?,
            tool_requests: self.tool_requests.checked_add(other.tool_requests)?,
            provider_total,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_keeps_the_vendors_total_only_where_it_is_the_total_of_the_sum() {
        let stated = |text| Usage { output_text: text, provider_total: Some(text), ..Usage::default() };
        let silent = Usage { input_uncached: 2, ..Usage::default() };
        assert_eq!(stated(3).checked_add(&stated(4)).unwrap(), stated(7));
        assert_eq!(stated(3).checked_add(&Usage::default()).unwrap(), stated(3));
        assert_eq!(Usage::default().checked_add(&stated(3)).unwrap(), stated(3));
        let mixed = stated(3).checked_add(&silent).unwrap();
        assert_eq!((mixed.total(), mixed.provider_total), (Some(5), None));
    }

    #[test]
    fn a_sum_beyond_64_bits_is_none() {
        let most = Usage { cache_read: u64::MAX, ..Usage::default() };
        assert_eq!(most.checked_add(&Usage { cache_read: 1, ..Usage::default() }), None);
    }
}
