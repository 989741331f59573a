//! Gemini over the Gemini API and over Vertex AI, which share a wire: [`Gemini`] answers, [`GeminiEmbedder`] embeds.
//!
//! Owns the translation between the ports and `generateContent`, `streamGenerateContent`, `batchEmbedContents` and
//! `predict`. Refuses to own retries, deadlines and prices.
//!
//! - `service`: where Gemini is reached; `token`: the right to use Vertex AI; `grant`: what a file grants of it.
//! - `request`: what is sent; `response`: what comes back, whole or in chunks; `usage`: what it consumed; `error`: refusals.
//! - `embed`: vectors.
//!
//! What the model thought before it called tools goes back as the signature that its call carries. For calls of other
//! vendors the vendor takes a word in its place, and says that answers may suffer.

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

/// The model that answers unless told.
pub const MODEL: &str = "gemini-2.5-flash";

/// Gemini, by Google.
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
    /// Gemini on a service of Google's.
    pub fn new(google: Google) -> Self {
        Self { google, model: MODEL.to_owned() }
    }

    /// The same, with another model unless a request names one.
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

    /// Known of the second and third generation, which agree.
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
