//! Token buckets of the usage of chat completions.

use nexus_core::Usage;
use serde::Deserialize;

use crate::http::counts::{count, usage};

/// Usage on the wire, whose totals include their parts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WireUsage {
    #[serde(deserialize_with = "count")]
    prompt_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    completion_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    total_tokens: Option<u64>,
    #[serde(deserialize_with = "usage")]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(deserialize_with = "usage")]
    completion_tokens_details: Option<CompletionDetails>,
    /// Cached tokens, as DeepSeek reports them.
    #[serde(deserialize_with = "count")]
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    #[serde(rename = "cached_tokens")]
    #[serde(deserialize_with = "count")]
    cached: Option<u64>,
    #[serde(rename = "cache_write_tokens")]
    #[serde(deserialize_with = "count")]
    written: Option<u64>,
    #[serde(rename = "audio_tokens")]
    #[serde(deserialize_with = "count")]
    audio: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    #[serde(rename = "reasoning_tokens")]
    #[serde(deserialize_with = "count")]
    reasoning: Option<u64>,
    #[serde(rename = "audio_tokens")]
    #[serde(deserialize_with = "count")]
    audio: Option<u64>,
}

impl WireUsage {
    /// Returns the disjoint buckets; `None` where the prompt or the answer was not counted.
    ///
    /// A part is capped at the rest of its total, so that the buckets add up to the vendor's own counts. Some servers
    /// exclude reasoning from the answer, which their total reveals.
    pub(super) fn buckets(self) -> Option<Usage> {
        let prompt = self.prompt_tokens?;
        let completion = self.completion_tokens?;
        let details = self.prompt_tokens_details.unwrap_or_default();
        let cached = details.cached.or(self.prompt_cache_hit_tokens);
        let mut left = prompt;
        let cache_read = take(&mut left, cached);
        let cache_write_5m = take(&mut left, details.written);
        let audio_in = take(&mut left, details.audio);
        let input_uncached = left;

        let details = self.completion_tokens_details.unwrap_or_default();
        let reasoning = details.reasoning.unwrap_or_default();
        let beside = prompt.checked_add(completion).and_then(|sum| sum.checked_add(reasoning));
        let is_beside = reasoning > 0 && beside.is_some() && beside == self.total_tokens;
        let mut left = completion;
        let output_reasoning = if is_beside { reasoning } else { take(&mut left, Some(reasoning)) };
        let audio_out = take(&mut left, details.audio);
        Some(Usage {
            input_uncached,
            cache_read,
            cache_write_5m,
            audio_in,
            output_text: left,
            output_reasoning,
            audio_out,
            provider_total: self.total_tokens,
            ..Usage::default()
        })
    }
}

/// Takes a part from the rest of a total.
fn take(left: &mut u64, part: Option<u64>) -> u64 {
    let part = part.unwrap_or_default().min(*left);
    *left -= part;
    part
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn buckets(wire: Value) -> Option<Usage> {
        serde_json::from_value::<WireUsage>(wire).unwrap().buckets()
    }

    #[test]
    fn what_openai_counts_twice_is_counted_once() {
        let wire = json!({
            "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
            "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 20, "audio_tokens": 10},
            "completion_tokens_details": {"reasoning_tokens": 15, "audio_tokens": 5, "rejected_prediction_tokens": 7},
        });
        let expected = Usage {
            input_uncached: 40,
            cache_read: 30,
            cache_write_5m: 20,
            audio_in: 10,
            output_text: 30,
            output_reasoning: 15,
            audio_out: 5,
            provider_total: Some(150),
            ..Usage::default()
        };
        assert_eq!(buckets(wire), Some(expected));
    }

    #[test]
    fn a_server_that_reports_less_is_believed() {
        let wire = json!({"prompt_tokens": 7, "completion_tokens": 0, "prompt_tokens_details": null});
        assert_eq!(buckets(wire), Some(Usage { input_uncached: 7, ..Usage::default() }));
        assert_eq!(buckets(json!({"prompt_tokens": 7})), None);
        assert_eq!(buckets(json!({})), None);
    }

    #[test]
    fn deepseek_reports_its_cache_elsewhere() {
        let wire = json!({"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4});
        let usage = buckets(wire).unwrap();
        assert_eq!((usage.cache_read, usage.input_uncached), (4, 5));
    }

    #[test]
    fn reasoning_beside_the_answer_is_not_lost() {
        let details = json!({"reasoning_tokens": 40});
        let wire = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 55, "completion_tokens_details": details});
        let usage = buckets(wire).unwrap();
        assert_eq!((usage.output_text, usage.output_reasoning, usage.total()), (5, 40, Some(55)));
    }

    proptest! {
        #[test]
        fn the_buckets_add_up_to_what_the_vendor_counted(
            prompt in 0_u64..1000, completion in 0_u64..1000,
            parts in prop::array::uniform5(prop::option::of(0_u64..1200)),
        ) {
            let [cached, written, audio_in, reasoning, audio_out] = parts;
            let wire = WireUsage {
                prompt_tokens: Some(prompt),
                completion_tokens: Some(completion),
                total_tokens: Some(prompt + completion),
                prompt_tokens_details: Some(PromptDetails {
                    cached, written, audio: audio_in,
                }),
                completion_tokens_details: Some(CompletionDetails {
                    reasoning, audio: audio_out,
                }),
                prompt_cache_hit_tokens: None,
            };
            let usage = wire.buckets().unwrap();
            prop_assert_eq!((usage.input(), usage.output()), (Some(prompt), Some(completion)));
        }
    }
}
