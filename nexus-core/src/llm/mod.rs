//! Models that answer: the [`Request`], the [`Piece`]s that stream back, and the [`LlmProvider`] port.

pub mod extractive;
pub mod prompt;

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use futures::Stream;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::grounding::{Citation, Evidence};
use crate::usage::Usage;

pub use extractive::Extractive;

/// Who said something in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The person who asks.
    User,
    /// Nexus.
    Assistant,
}

/// Something said earlier in the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// By whom.
    pub speaker: Speaker,
    /// What.
    pub text: String,
}

/// A question to a model. Passages stay typed blocks; each vendor's wire renders them.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What the model is told to do.
    pub instructions: String,
    /// What was said before, oldest first.
    pub history: Vec<Turn>,
    /// The passages it may use, numbered.
    pub evidence: Vec<Evidence>,
    /// The question.
    pub question: String,
    /// The most tokens it may answer with.
    pub max_tokens: u32,
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
pub enum Finish {
    /// It said all it had to say.
    Complete,
    /// It has no answer, and said nothing.
    Abstained(Abstention),
    /// It ran into the token limit.
    Length,
    /// The vendor suppressed the answer.
    ContentFilter,
}

/// A part of a streamed answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// The next words.
    Text(String),
    /// A citation for words that were just said.
    Citation(Citation),
    /// Tokens so far; a later one replaces an earlier one.
    Usage(Usage),
    /// The end.
    Finish(Finish),
}

/// A streamed answer.
pub type Completion = Pin<Box<dyn Stream<Item = Result<Piece>> + Send>>;

/// Answers questions.
///
/// # Contract
/// - A stream that ends well ends with exactly one [`Piece::Finish`]; one that ends without it was cut off.
/// - Nothing follows an error.
/// - Dropping the stream stops the work behind it.
/// - Text and quotes never come from anywhere but the model: an adapter invents no words and no ending.
#[async_trait]
pub trait LlmProvider: Send + Sync + fmt::Debug {
    /// The provider's name, such as `extractive`.
    fn name(&self) -> &str;

    /// The model that answers.
    fn model(&self) -> &str;

    /// Begins to answer. The stream exists once the model has accepted the request.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`Timeout`](crate::ErrorKind::Timeout) or
    /// [`RateLimited`](crate::ErrorKind::RateLimited) from the vendor; [`InvalidInput`](crate::ErrorKind::InvalidInput)
    /// for a request that it cannot express.
    async fn stream(&self, request: Request) -> Result<Completion>;
}
