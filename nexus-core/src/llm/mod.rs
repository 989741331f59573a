//! Models that answer: the [`Request`], the [`Piece`]s that stream back, and the [`LlmProvider`] port.
//!
//! - `conversation`: who said what before, and the tools a model may call.
//! - `parameters`: how a model is to sample.
//! - `reply`: an answer in one piece.
//! - `fault`: what went wrong at a vendor, and what may be done about it.
//! - [`prompt`]: from a question and its passages to a request, and from a request to text.
//! - [`extractive`]: the answerer that quotes.

mod completion;
mod conversation;
pub mod extractive;
mod parameters;
pub mod prompt;
mod provider_error;

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use futures::Stream;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::grounding::{Citation, Evidence};
use crate::usage::Usage;

pub use completion::Completion;
pub use conversation::{CallSignature, MessageRole, ToolCall, ToolChoice, ToolSpec, Turn};
pub use extractive::Extractive;
pub use parameters::{Parameters, ReasoningEffort, ResponseFormat};
pub use provider_error::ProviderErrorKind;

/// A question to a model. Passages stay typed blocks; each vendor's wire renders them.
///
/// ```
/// use nexus_core::llm::Request;
///
/// let request = Request { max_tokens: Some(200), ..Request::asking("Name three rivers.") };
/// assert!(request.evidence.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Request {
    /// The model, by the vendor's name for it; the provider's default unless told.
    pub model: Option<String>,
    /// What the model is told to do; nothing if empty.
    pub instructions: String,
    /// What was said before, oldest first.
    pub history: Vec<Turn>,
    /// The passages it may use, numbered.
    pub evidence: Vec<Evidence>,
    /// The question. Empty when the history ends with the results of tools.
    pub question: String,
    /// The tools it may call.
    pub tools: Vec<ToolSpec>,
    /// Whether it must call one.
    pub tool_choice: ToolChoice,
    /// The most tokens it may answer with, thinking included. The gateway sets it where it is absent.
    pub max_tokens: Option<u32>,
    /// How it is to sample and to shape the answer.
    pub parameters: Parameters,
}

impl Request {
    /// A request that holds nothing but a question.
    pub fn asking(question: impl Into<String>) -> Self {
        Self { question: question.into(), ..Self::default() }
    }
}

/// Why a model has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Abstention {
    /// The search found no passage that may be shown.
    NoPassages,
    /// The passages do not hold the answer.
    NotInPassages,
}

impl Abstention {
    /// The sentence for the user.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoPassages => "no passage that you may read matches the question",
            Self::NotInPassages => "the passages that were found do not answer the question",
        }
    }
}

/// How a model ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "finish", content = "reason", rename_all = "snake_case")]
pub enum FinishReason {
    /// It said all it had to say.
    Complete,
    /// It has no answer, and said nothing.
    Abstained(Abstention),
    /// It ran into the token limit.
    Length,
    /// The vendor suppressed the answer.
    ContentFilter,
    /// It waits for the results of the tools it called.
    ToolCalls,
}

/// A part of a streamed answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "piece", content = "value", rename_all = "snake_case")]
pub enum CompletionEvent {
    /// The next words.
    Text(String),
    /// A citation for words that were just said.
    Citation(Citation),
    /// The next words of what it thinks before it answers. Never part of the answer.
    Reasoning(String),
    /// A call of a tool, whole.
    ToolCall(ToolCall),
    /// Everything consumed so far; a later one replaces an earlier one.
    Usage(Usage),
    /// The end.
    Finish(FinishReason),
}

/// A streamed answer.
pub type CompletionStream = Pin<Box<dyn Stream<Item = Result<CompletionEvent>> + Send>>;

/// What is known of a provider's default model before it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ModelInfo {
    /// The most tokens of prompt and answer together, where known.
    pub context_tokens: Option<u32>,
    /// The most tokens of an answer, where known.
    pub output_tokens: Option<u32>,
    /// Whether the model runs on hardware of the operator's own, so that its tokens have no price.
    pub is_local: bool,
}

/// Answers questions.
///
/// # Contract
/// - A stream that ends well ends with exactly one [`Piece::Finish`]; one that ends without it was cut off.
/// - Nothing follows an error.
/// - Dropping the stream stops the work behind it, and closes the connection to the vendor.
/// - Text and quotes never come from anywhere but the model: an adapter invents no words and no ending.
/// - Usage that the vendor did not report is absent, never guessed.
/// - A parameter that the wire cannot express is refused before anything is sent, with a sentence that names it.
/// - An error carries the [`Fault`] that tells what may be done about it; the vendor's own words go to the logs only.
#[async_trait]
pub trait LlmProvider: Send + Sync + fmt::Debug {
    /// The provider's name, such as `extractive`.
    fn name(&self) -> &str;

    /// The model that answers unless a request names another.
    fn model(&self) -> &str;

    /// What is known of `model`.
    fn info(&self, model: &str) -> ModelInfo {
        let _ = model;
        ModelInfo::default()
    }

    /// Begins to answer. The stream exists once the model has accepted the request: its status is known.
    ///
    /// # Errors
    /// As [`Fault::error`] makes them.
    async fn stream(&self, request: Request) -> Result<CompletionStream>;

    /// Answers in one piece, over the vendor's wire for that where there is one.
    ///
    /// # Errors
    /// As [`LlmProvider::stream`], and those that end the answer.
    async fn complete(&self, request: Request) -> Result<Completion> {
        Completion::collect(self.stream(request).await?).await
    }
}
