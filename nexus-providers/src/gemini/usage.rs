//! Token buckets of Gemini's usage. Each chunk of a stream may carry a running total; the last one counts.

use nexus_core::Usage;
use serde::Deserialize;

use crate::http::counts::count;

/// `usageMetadata` in the vendor's fields.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UsageMetadata {
    /// Includes cached tokens, excludes the prompt tokens of server tools.
    #[serde(rename = "promptTokenCount", deserialize_with = "count")]
    prompt: Option<u64>,
    #[serde(rename = "cachedContentTokenCount", deserialize_with = "count")]
    cached_content: Option<u64>,
    #[serde(rename = "toolUsePromptTokenCount", deserialize_with = "count")]
    tool_use_prompt: Option<u64>,
    /// Excludes thoughts in current versions of the API, included them in earlier ones.
    #[serde(rename = "candidatesTokenCount", deserialize_with = "count")]
    candidates: Option<u64>,
    #[serde(rename = "thoughtsTokenCount", deserialize_with = "count")]
    thoughts: Option<u64>,
    #[serde(rename = "totalTokenCount", deserialize_with = "count")]
    total: Option<u64>,
}

impl UsageMetadata {
    /// Returns the disjoint buckets; `None` where the prompt was not counted.
    ///
    /// The output is the total less the prompt: versions of the API differ in whether `candidatesTokenCount` includes
    /// thoughts, and agree on the total.
    ///
    /// # Errors
    /// The name of the parts that exceed their total.
    pub(super) fn usage(&self) -> Result<Option<Usage>, &'static str> {
        let Some(prompt) = self.prompt else { return Ok(None) };
        let cached = self.cached_content.unwrap_or(0);
        let tools = self.tool_use_prompt.unwrap_or(0);
        let thoughts = self.thoughts.unwrap_or(0);
        let input = prompt.checked_add(tools).ok_or("a promptTokenCount that overflows")?;
        let text = match self.total {
            None => self.candidates.unwrap_or(0),
            Some(total) => total
                .checked_sub(input)
                .and_then(|output| output.checked_sub(thoughts))
                .ok_or("a totalTokenCount below its parts")?,
        };
        Ok(Some(Usage {
            input_uncached: input.checked_sub(cached).ok_or("more cachedContentTokenCount than prompt")?,
            cache_read: cached,
            output_text: text,
            output_reasoning: thoughts,
            provider_total: self.total,
            ..Usage::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn usage(metadata: Value) -> Result<Option<Usage>, &'static str> {
        serde_json::from_value::<UsageMetadata>(metadata).unwrap().usage()
    }

    #[track_caller]
    fn check(metadata: Value, input: u64, cached: u64, text: u64, thoughts: u64) {
        let usage = usage(metadata).unwrap().unwrap();
        let buckets = (usage.input_uncached, usage.cache_read, usage.output_text, usage.output_reasoning);
        assert_eq!(buckets, (input, cached, text, thoughts));
        assert!(usage.provider_total.is_none() || usage.total() == usage.provider_total);
    }

    #[test]
    fn the_buckets_add_up_to_the_vendors_total() {
        let metadata = json!({
            "promptTokenCount": 1_200, "cachedContentTokenCount": 1_000, "toolUsePromptTokenCount": 30,
            "candidatesTokenCount": 50, "thoughtsTokenCount": 400, "totalTokenCount": 1_680,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1_200}], "trafficType": "ON_DEMAND"
        });
        check(metadata, 230, 1_000, 50, 400);
    }

    #[test]
    fn thoughts_within_the_candidates_are_not_counted_twice() {
        let metadata = json!({"promptTokenCount": 10, "candidatesTokenCount": 90, "thoughtsTokenCount": 70,
            "totalTokenCount": 100});
        check(metadata, 10, 0, 20, 70);
    }

    #[test]
    fn the_first_chunk_counts_no_answer_yet() {
        check(json!({"promptTokenCount": 8, "totalTokenCount": 8}), 8, 0, 0, 0);
    }

    #[test]
    fn without_a_total_the_parts_are_taken_as_they_are() {
        check(json!({"promptTokenCount": 8, "candidatesTokenCount": 3, "thoughtsTokenCount": 2}), 8, 0, 3, 2);
    }

    #[test]
    fn parts_that_exceed_their_whole_are_no_usage() {
        for metadata in [
            json!({"promptTokenCount": 8, "totalTokenCount": 7}),
            json!({"promptTokenCount": 8, "cachedContentTokenCount": 9}),
            json!({"promptTokenCount": u64::MAX, "toolUsePromptTokenCount": 1}),
        ] {
            assert!(usage(metadata).is_err());
        }
    }

    #[test]
    fn usage_that_is_not_reported_is_absent() {
        assert_eq!(usage(json!({"totalTokenCount": 3})).unwrap(), None);
    }
}
