//! Limits of OpenAI's models, in tokens.

use nexus_core::llm::ModelInfo;

/// Name prefixes, of which the longest match counts; context window and upper bound on an answer.
const MODELS: [(&str, u32, u32); 13] = [
    ("gpt-3.5-turbo", 16_385, 4_096),
    ("gpt-4", 8_192, 8_192),
    ("gpt-4-turbo", 128_000, 4_096),
    ("gpt-4.1", 1_047_576, 32_768),
    ("gpt-4o", 128_000, 16_384),
    ("gpt-5", 400_000, 128_000),
    ("gpt-5-chat", 128_000, 16_384),
    ("gpt-5.4", 1_050_000, 128_000),
    ("gpt-5.4-mini", 400_000, 128_000),
    ("gpt-5.4-nano", 400_000, 128_000),
    ("o1", 200_000, 100_000),
    ("o3", 200_000, 100_000),
    ("o4-mini", 200_000, 100_000),
];

/// Returns the limits of `model`, dated versions included; none for a model that is not listed.
pub(super) fn info(model: &str) -> ModelInfo {
    let known = MODELS
        .iter()
        .filter(|(name, _, _)| model.strip_prefix(name).is_some_and(|rest| !continues(rest)))
        .max_by_key(|(name, _, _)| name.len());
    let (context_tokens, output_tokens) = known.map(|(_, context, output)| (*context, *output)).unzip();
    ModelInfo { context_tokens, output_tokens, is_local: false }
}

/// Whether the rest of a name continues the prefix to another model, as `.6` does after `gpt-5`.
fn continues(rest: &str) -> bool {
    rest.starts_with(|char: char| char.is_ascii_alphanumeric() || char == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_that_fits_counts() {
        let contexts = [
            ("gpt-4.1-mini", Some(1_047_576)),
            ("gpt-4", Some(8_192)),
            ("gpt-4-turbo-2024-04-09", Some(128_000)),
            ("gpt-4o-mini-2024-07-18", Some(128_000)),
            ("gpt-5-mini", Some(400_000)),
            ("gpt-5.4-mini", Some(400_000)),
            ("o3-mini", Some(200_000)),
        ];
        for (model, context) in contexts {
            assert_eq!(info(model).context_tokens, context, "{model}");
        }
    }

    #[test]
    fn nothing_is_claimed_of_a_model_that_is_not_listed() {
        for model in ["", "gpt-5.6", "gpt-45", "o31", "llama-3"] {
            assert_eq!(info(model), ModelInfo::default(), "{model}");
        }
    }
}
