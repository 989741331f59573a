//! Traits of Claude models by name prefix: [`Traits`]. The vendor rejects the requests that the table does not rule
//! out.

use nexus_core::llm::ModelInfo;

/// Control of a model's thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// An effort level.
    Effort {
        /// `thinking.type` of minimal thinking; `None` omits the field.
        least: Option<&'static str>,
    },
    /// A token budget, a part of the answer's tokens.
    Budget,
}

/// Limits and capabilities of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Traits {
    /// Context window in tokens, prompt and answer together.
    pub(super) context: Option<u32>,
    /// Upper bound on the tokens of an answer.
    pub(super) output: Option<u32>,
    /// Control of thinking.
    pub(super) thinking: Thinking,
    /// Whether `temperature`, `top_p` and `top_k` may be set.
    pub(super) samples: bool,
    /// Whether `tool_choice` may force a tool call.
    pub(super) forces_tools: bool,
}

/// Traits of a model that is not in the table: the newest controls, and no limits.
const UNKNOWN: Traits = Traits {
    context: None,
    output: None,
    thinking: Thinking::Effort { least: None },
    samples: true,
    forces_tools: true,
};

const LARGE: Traits = Traits { context: Some(1_000_000), output: Some(128_000), ..UNKNOWN };
const BUDGETED: Traits =
    Traits { context: Some(200_000), output: Some(64_000), thinking: Thinking::Budget, ..UNKNOWN };

/// Traits by name prefix; the first match counts, so longer prefixes precede shorter ones.
const TABLE: [(&str, Traits); 14] = [
    (
        "claude-sonnet-5-5",
        Traits {
            thinking: Thinking::Effort { least: Some("between_tools") },
            samples: false,
            forces_tools: false,
            ..LARGE
        },
    ),
    (
        "claude-sonnet-5",
        Traits { thinking: Thinking::Effort { least: Some("disabled") }, samples: false, ..LARGE },
    ),
    ("claude-opus-5-5", Traits { forces_tools: false, ..LARGE }),
    ("claude-opus-5", LARGE),
    ("claude-fable-5-1", Traits { forces_tools: false, ..LARGE }),
    ("claude-fable-5", LARGE),
    ("claude-haiku-5-5", LARGE),
    ("claude-haiku-4-5", BUDGETED),
    ("claude-sonnet-4-5", BUDGETED),
    ("claude-opus-4-5", BUDGETED),
    ("claude-opus-4-1", Traits { output: Some(32_000), ..BUDGETED }),
    ("claude-opus-4-0", Traits { output: Some(32_000), ..BUDGETED }),
    ("claude-sonnet-4-0", BUDGETED),
    ("claude-3-7", BUDGETED),
];

/// Returns the traits of `model`.
pub(super) fn traits(model: &str) -> Traits {
    TABLE.iter().find(|(name, _)| model.starts_with(name)).map_or(UNKNOWN, |(_, traits)| *traits)
}

/// Returns the [`ModelInfo`] of `model`.
pub(super) fn info(model: &str) -> ModelInfo {
    let Traits { context, output, .. } = traits(model);
    ModelInfo { context_tokens: context, output_tokens: output, is_local: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_name_counts() {
        assert!(!traits("claude-sonnet-5-5").forces_tools);
        assert!(traits("claude-sonnet-5").forces_tools);
        assert_eq!(traits("claude-haiku-4-5-20251001").thinking, Thinking::Budget);
    }

    #[test]
    fn an_unknown_model_has_no_limits_that_were_made_up() {
        assert_eq!(info("claude-of-next-year"), ModelInfo::default());
    }
}
