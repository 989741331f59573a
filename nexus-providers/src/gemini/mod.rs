//! Adapter of the Gemini API and of Vertex AI, which share a wire: [`Gemini`] for chat, [`GeminiEmbedder`] for
//! embeddings.
//!
//! Owns the translation between the ports and `generateContent`, `streamGenerateContent`, `batchEmbedContents` and
//! `predict`. Refuses to own retries, deadlines and prices.
//!
//! Files, in the order that all vendors share:
//!
//! - `mod`: the provider.
//! - `request`: request body.
//! - `response`: unary answer and chunks of a streamed one.
//! - `usage`: token buckets.
//! - `error`: error classes.
//! - `embeddings`: vectors.
//! - `endpoint`: addresses of both services.
//! - `oauth`: access tokens for a credentials file; `credentials`: sources of access tokens for Vertex AI.
//!
//! Thinking that precedes a tool call returns as the signature of the call. For calls of other vendors the vendor
//! accepts a placeholder, and warns that answers may suffer.

mod credentials;
mod embeddings;
mod endpoint;
mod error;
mod oauth;
mod request;
mod response;
mod usage;

use async_trait::async_trait;
use nexus_core::Result;
use nexus_core::llm::{Completion, CompletionStream, LlmProvider, ModelInfo, Request};

use crate::http::tool_calls::made_earlier;
use crate::http::{SseDecoder, VendorResponse, completion};
use response::Chunks;

pub use credentials::{GoogleCredentials, TokenSource};
pub use embeddings::{EMBEDDING_MODEL, GeminiEmbedder};
pub use endpoint::Google;

/// Default model.
pub const MODEL: &str = "gemini-2.5-flash";

/// Provider of Google's Gemini models.
///
/// ```
/// use nexus_core::llm::LlmProvider as _;
/// use nexus_providers::gemini::{Gemini, Google};
/// use nexus_providers::{HttpClient, HttpOptions, Secret};
///
/// # fn main() -> nexus_core::Result<()> {
/// let client = HttpClient::new(&HttpOptions::default())?;
/// let gemini = Gemini::new(Google::with_key(&client, &Secret::new("the-key"))?);
/// assert_eq!(gemini.name(), "gemini");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Gemini {
    google: Google,
    model: String,
}

impl Gemini {
    /// Creates a provider on a service of Google.
    pub fn new(google: Google) -> Self {
        Self { google, model: MODEL.to_owned() }
    }

    /// Sets the default model, which a request may override.
    #[must_use]
    pub fn with_model(self, model: impl Into<String>) -> Self {
        Self { model: model.into(), ..self }
    }

    async fn ask(&self, request: &Request, verb: &str, accept: &'static str) -> Result<VendorResponse> {
        let model = request.model.as_deref().unwrap_or(&self.model);
        let body = request::body(self.google.vendor(), request, model)?;
        self.google.ask(model, verb, accept, &body).await
    }
}

#[async_trait]
impl LlmProvider for Gemini {
    fn name(&self) -> &str {
        self.google.vendor().name()
    }

    fn model(&self) -> &str {
        &self.model
    }

    /// Returns the limits of the second and third generation, which agree.
    fn info(&self, model: &str) -> ModelInfo {
        if ["gemini-2.5-", "gemini-3-", "gemini-3."].into_iter().any(|name| model.starts_with(name)) {
            let (context, output) = (Some(1_048_576), Some(65_536));
            return ModelInfo { context_tokens: context, output_tokens: output, is_local: false };
        }
        ModelInfo::default()
    }

    async fn stream(&self, request: Request) -> Result<CompletionStream> {
        let answer = self.ask(&request, "streamGenerateContent?alt=sse", "text/event-stream").await?;
        let chunks = Chunks::new(answer.vendor(), made_earlier(&request));
        Ok(completion(answer, SseDecoder::new(self.google.max_frame_bytes()), chunks))
    }

    async fn complete(&self, request: Request) -> Result<Completion> {
        let answer = self.ask(&request, "generateContent", "application/json").await?;
        let chunks = Chunks::new(answer.vendor(), made_earlier(&request));
        chunks.reply(&answer.bytes().await?)
    }
}
