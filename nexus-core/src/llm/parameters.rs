//! Sampling and output format: [`Parameters`]. The adapter refuses a parameter that its wire cannot express.

use serde::{Deserialize, Serialize};

/// Sampling and output format of an answer. The vendor decides absent fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Sampling temperature, from 0.
    pub temperature: Option<f32>,
    /// Nucleus sampling: only the likeliest tokens up to this cumulative probability, from 0 to 1.
    pub top_p: Option<f32>,
    /// Top-k sampling: only this many of the likeliest tokens.
    pub top_k: Option<u32>,
    /// Stop sequences: texts that end the answer.
    pub stop: Vec<String>,
    /// Seed for repeatable sampling, as far as the vendor supports it.
    pub seed: Option<i64>,
    /// Penalty on tokens that already occurred, from -2 to 2.
    pub presence_penalty: Option<f32>,
    /// Penalty on tokens by how often they occurred, from -2 to 2.
    pub frequency_penalty: Option<f32>,
    /// Reasoning effort, for models that reason.
    pub reasoning: Option<ReasoningEffort>,
    /// Output format; free text when absent.
    pub format: Option<ResponseFormat>,
}

/// Reasoning effort before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningEffort {
    /// The model's minimum.
    Minimal,
    /// Low effort.
    Low,
    /// Medium effort, the usual one.
    Medium,
    /// High effort.
    High,
}

/// Output format of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseFormat {
    /// One JSON object.
    Json,
    /// JSON of this schema.
    JsonSchema {
        /// Name of the schema: 1 to 64 ASCII letters, digits, `_` and `-`.
        name: String,
        /// The schema.
        schema: serde_json::Value,
    },
}
