//! How a model is to answer: [`Parameters`]. What a vendor's wire cannot express is refused, never dropped.

use serde::{Deserialize, Serialize};

/// Sampling and shape of an answer. What is absent is left to the vendor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// How much chance there is, from 0.
    pub temperature: Option<f32>,
    /// Only the likeliest tokens whose probabilities sum up to this, from 0 to 1.
    pub top_p: Option<f32>,
    /// Only so many of the likeliest tokens.
    pub top_k: Option<u32>,
    /// Texts that end the answer when the model writes them.
    pub stop: Vec<String>,
    /// Makes sampling repeatable, as far as the vendor can.
    pub seed: Option<i64>,
    /// Penalises tokens that were said, from -2 to 2.
    pub presence_penalty: Option<f32>,
    /// Penalises tokens by how often they were said, from -2 to 2.
    pub frequency_penalty: Option<f32>,
    /// How much to think first, on models that do.
    pub reasoning: Option<ReasoningEffort>,
    /// What the answer must look like; free text unless told.
    pub format: Option<ResponseFormat>,
}

/// How much a model is to think before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningEffort {
    /// As little as it can.
    Minimal,
    /// A little.
    Low,
    /// As usual.
    Medium,
    /// A lot.
    High,
}

/// What an answer must look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseFormat {
    /// One JSON object.
    Json,
    /// JSON of this schema.
    JsonSchema {
        /// The schema's name: 1 to 64 ASCII letters, digits, `_` and `-`.
        name: String,
        /// The schema.
        schema: serde_json::Value,
    },
}
