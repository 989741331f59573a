//! Token buckets of Anthropic's usage. Its counts are running totals: a later count replaces an earlier one, field by
//! field, and an absent or null field keeps the earlier value.

use nexus_core::Usage;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::http::counts::{count, usage};

/// Usage so far, in the vendor's fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    /// Excludes tokens read from and written to the cache.
    #[serde(deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_read_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(deserialize_with = "usage")]
    cache_creation: Option<CacheCreation>,
    /// Includes thinking.
    #[serde(deserialize_with = "count")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "usage")]
    output_tokens_details: Option<OutputDetails>,
    #[serde(deserialize_with = "usage")]
    server_tool_use: Option<Map<String, Value>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct CacheCreation {
    #[serde(deserialize_with = "count")]
    ephemeral_5m_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    #[serde(deserialize_with = "count")]
    thinking_tokens: Option<u64>,
}

impl Counts {
    /// Merges `later` into the counts.
    pub(super) fn update(&mut self, later: Self) {
        fn keep<T>(field: &mut Option<T>, later: Option<T>) {
            if later.is_some() {
                *field = later;
            }
        }
        keep(&mut self.input_tokens, later.input_tokens);
        keep(&mut self.cache_read_input_tokens, later.cache_read_input_tokens);
        keep(&mut self.cache_creation_input_tokens, later.cache_creation_input_tokens);
        keep(&mut self.cache_creation, later.cache_creation);
        keep(&mut self.output_tokens, later.output_tokens);
        keep(&mut self.output_tokens_details, later.output_tokens_details);
        keep(&mut self.server_tool_use, later.server_tool_use);
    }

    /// Returns the disjoint buckets; `None` where neither input nor output was counted.
    ///
    /// # Errors
    /// The name of the parts that exceed their total.
    pub(super) fn usage(&self) -> Result<Option<Usage>, &'static str> {
        if self.input_tokens.is_none() && self.output_tokens.is_none() {
            return Ok(None);
        }
        let (cache_write_5m, cache_write_1h) = self.cache_writes()?;
        let thinking = self.output_tokens_details.and_then(|details| details.thinking_tokens).unwrap_or(0);
        let output = self.output_tokens.unwrap_or(0);
        Ok(Some(Usage {
            input_uncached: self.input_tokens.unwrap_or(0),
            cache_read: self.cache_read_input_tokens.unwrap_or(0),
            cache_write_5m,
            cache_write_1h,
            output_text: output.checked_sub(thinking).ok_or("more thinking_tokens than output_tokens")?,
            output_reasoning: thinking,
            tool_requests: self.tool_requests(),
            ..Usage::default()
        }))
    }

    /// Returns the tokens written to the cache for five minutes, and for an hour. A total without a split counts as
    /// five minutes, the vendor's default.
    fn cache_writes(&self) -> Result<(u64, u64), &'static str> {
        let split = self.cache_creation.unwrap_or_default();
        let (short, long) = (split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens.unwrap_or(0));
        match self.cache_creation_input_tokens {
            None => Ok((short.unwrap_or(0), long)),
            Some(sum) => {
                let rest = sum.checked_sub(long).filter(|rest| short.is_none_or(|short| short <= *rest));
                Ok((rest.ok_or("more cache_creation than cache_creation_input_tokens")?, long))
            }
        }
    }

    /// Returns the requests to server tools, which are billed one by one.
    fn tool_requests(&self) -> u64 {
        let counts = self.server_tool_use.iter().flatten();
        let requests = counts.filter(|(name, _)| name.ends_with("_requests"));
        requests.filter_map(|(_, count)| count.as_u64()).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn usage(counts: &[Value]) -> Usage {
        let mut all = Counts::default();
        for counts in counts {
            all.update(serde_json::from_value(counts.clone()).unwrap());
        }
        all.usage().unwrap().unwrap()
    }

    #[test]
    fn the_buckets_of_the_input_add_up_to_what_is_billed() {
        let usage = usage(&[json!({
            "input_tokens": 21, "cache_read_input_tokens": 188_086, "cache_creation_input_tokens": 2_051,
            "cache_creation": {"ephemeral_5m_input_tokens": 1_051, "ephemeral_1h_input_tokens": 1_000},
            "output_tokens": 393, "output_tokens_details": {"thinking_tokens": 93},
            "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1}, "service_tier": "standard"
        })]);
        assert_eq!(usage.input(), Some(21 + 188_086 + 2_051));
        assert_eq!(usage.output(), Some(393));
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h, usage.cache_read), (1_051, 1_000, 188_086));
        assert_eq!((usage.output_text, usage.output_reasoning, usage.tool_requests), (300, 93, 3));
        assert_eq!(usage.provider_total, None);
    }

    #[test]
    fn a_field_that_is_absent_or_null_later_keeps_its_value() {
        let start = json!({"input_tokens": 472, "cache_read_input_tokens": 5, "output_tokens": 1});
        let usage = usage(&[start, json!({"input_tokens": null, "output_tokens": 89})]);
        assert_eq!((usage.input_uncached, usage.cache_read, usage.output_text), (472, 5, 89));
    }

    #[test]
    fn running_totals_are_never_added() {
        let usage = usage(&[json!({"input_tokens": 9, "output_tokens": 4}), json!({"output_tokens": 10})]);
        assert_eq!(usage.total(), Some(19));
    }

    #[test]
    fn a_sum_without_its_parts_was_written_for_minutes() {
        let usage =
            usage(&[json!({"input_tokens": 1, "cache_creation_input_tokens": 70, "cache_creation": null})]);
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (70, 0));
    }

    #[test]
    fn parts_that_exceed_their_whole_are_no_usage() {
        for counts in [
            json!({"output_tokens": 1, "output_tokens_details": {"thinking_tokens": 2}}),
            json!({"input_tokens": 1, "cache_creation_input_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 2}}),
        ] {
            let counts: Counts = serde_json::from_value(counts).unwrap();
            assert!(counts.usage().is_err());
        }
    }

    #[test]
    fn usage_that_is_not_reported_is_absent() {
        assert_eq!(Counts::default().usage().unwrap(), None);
    }
}
