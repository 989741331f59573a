//! Language models: the [`Request`], the streamed [`CompletionEvent`]s, and the [`LlmProvider`] port.
//!
//! - `conversation`: earlier turns, and the tools that a model may call; `follow_up`: what a question refers to.
//! - `parameters`: sampling and output format.
//! - `completion`: a complete answer.
//! - `verdict`: what a complete reply is worth; `abstention`: phrases by which a model abstains.
//! - `provider_error`: classes of provider errors, with retry and fallback rules.
//! - [`prompt`]: assembles a request from a question and its passages, and renders it as text.
//! - [`extractive`]: the answerer that quotes.

mod abstention;
mod completion;
mod conversation;
pub mod extractive;
mod follow_up;
mod parameters;
pub mod prompt;
mod provider_error;
mod verdict;

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use futures::Stream;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::escape::escape_line;
use crate::grounding::{Citation, Evidence};
use crate::usage::Usage;

pub use completion::Completion;
pub use conversation::{CallSignature, MessageRole, ToolCall, ToolChoice, ToolSpec, Turn};
pub use extractive::Extractive;
pub use follow_up::with_reference;
pub use parameters::{Parameters, ReasoningEffort, ResponseFormat};
pub use provider_error::ProviderErrorKind;
pub use verdict::{ReplyVerdict, TextMark, judge};

/// Request to a model. Passages stay typed blocks; each vendor's wire renders them.
///
/// ```
/// use nexus_core::llm::Request;
///
/// let request = Request { max_tokens: Some(200), ..Request::asking("Name three rivers.") };
/// assert!(request.evidence.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Request {
    /// Vendor's name of the model; the provider's default when absent.
    pub model: Option<String>,
    /// System instructions; may be empty.
    pub instructions: String,
    /// Earlier turns, oldest first.
    pub history: Vec<Turn>,
    /// Numbered passages for the answer.
    pub evidence: Vec<Evidence>,
    /// Question. Empty when the history ends with the results of tools.
    pub question: String,
    /// Tools that the model may call.
    pub tools: Vec<ToolSpec>,
    /// Policy on tool calls.
    pub tool_choice: ToolChoice,
    /// Upper bound on the tokens of the answer, reasoning included. The gateway sets it where it is absent.
    pub max_tokens: Option<u32>,
    /// Sampling and output format.
    pub parameters: Parameters,
    /// Confidence from 0 to 1 below which a provider that quotes abstains. The gateway sets it where the tenant has one; a
    /// model has no such confidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grounding_threshold: Option<f32>,
}

impl Request {
    /// Returns a request that holds only a question.
    pub fn asking(question: impl Into<String>) -> Self {
        Self { question: question.into(), ..Self::default() }
    }
}

/// Reason for an abstention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Abstention {
    /// The search found no passage that may be shown.
    NoPassages,
    /// The passages do not hold the answer.
    NotInPassages,
    /// The model said that the passages do not hold the answer.
    Model,
}

impl Abstention {
    /// Returns the sentence for the user.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoPassages => "no passage that you may read matches the question",
            Self::NotInPassages => "the passages that were found do not answer the question",
            Self::Model => "the model says that the passages do not answer the question",
        }
    }
}

/// Upper bound on an unknown finish reason, in characters.
const MAX_FINISH_CHARS: usize = 40;

/// Reason why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "finish", content = "reason", rename_all = "snake_case")]
pub enum FinishReason {
    /// The model finished.
    Complete,
    /// The model abstained and wrote nothing.
    Abstained(Abstention),
    /// The answer reached the token limit.
    Length,
    /// The vendor suppressed the answer.
    ContentFilter,
    /// The model waits for the results of its tool calls.
    ToolCalls,
    /// The vendor gave a reason that no table knows: its word, made by [`FinishReason::unknown`].
    Unknown(String),
}

impl FinishReason {
    /// Returns the finish reason for a vendor's unknown `word`, which is escaped and cut to 40 characters.
    pub fn unknown(word: &str) -> Self {
        let word: String = word.trim().chars().take(MAX_FINISH_CHARS).collect();
        Self::Unknown(escape_line(&word).into_owned())
    }
}

/// Event of a streamed answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "piece", content = "value", rename_all = "snake_case")]
pub enum CompletionEvent {
    /// Next part of the text.
    Text(String),
    /// Citation for the text just emitted.
    Citation(Citation),
    /// Next part of the model's reasoning. Never part of the answer.
    Reasoning(String),
    /// Complete tool call.
    ToolCall(ToolCall),
    /// Total tokens consumed so far; a later event replaces an earlier one.
    Usage(Usage),
    /// End of the answer.
    Finish(FinishReason),
}

/// Streamed answer.
pub type CompletionStream = Pin<Box<dyn Stream<Item = Result<CompletionEvent>> + Send>>;

/// Static properties of a provider's model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ModelInfo {
    /// Upper bound on the tokens of prompt and answer together, where known.
    pub context_tokens: Option<u32>,
    /// Upper bound on the tokens of an answer, where known.
    pub output_tokens: Option<u32>,
    /// Whether the model runs on the operator's own hardware, so that its tokens have no price.
    pub is_local: bool,
}

/// Port of a model provider.
///
/// # Contract
/// - A complete stream ends with exactly one [`Finish`](CompletionEvent::Finish); one without it was truncated.
/// - Nothing follows an error.
/// - Dropping the stream closes the connection to the vendor; the work behind it stops.
/// - Text comes only from the model: an adapter invents no words, no quotes and no ending.
/// - Usage that the vendor did not report is absent; it is never guessed.
/// - A parameter that the wire cannot express is refused before the request is sent; the error names it.
/// - An error carries the [`ProviderErrorKind`] that decides retry and fallback; the vendor's words go to logs only.
#[async_trait]
pub trait LlmProvider: Send + Sync + fmt::Debug {
    /// Returns the provider's name, such as `extractive`.
    fn name(&self) -> &str;

    /// Returns the default model of a request.
    fn model(&self) -> &str;

    /// Returns the known properties of `model`.
    fn info(&self, model: &str) -> ModelInfo {
        let _ = model;
        ModelInfo::default()
    }

    /// Starts an answer. Returns the stream once the model has accepted the request: its status is known.
    ///
    /// # Errors
    /// As made by [`ProviderErrorKind::error`].
    async fn stream(&self, request: Request) -> Result<CompletionStream>;

    /// Answers without streaming, over the vendor's wire for that where there is one.
    ///
    /// # Errors
    /// As [`LlmProvider::stream`], and those that end the answer.
    async fn complete(&self, request: Request) -> Result<Completion> {
        Completion::collect(self.stream(request).await?).await
    }
}
