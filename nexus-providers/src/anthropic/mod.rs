//! Adapter of Anthropic's Messages API: [`Anthropic`].
//!
//! Owns the translation between the port and `POST /v1/messages` (version `2023-06-01`). Refuses to own retries,
//! deadlines and prices.
//!
//! Files, in the order that all vendors share:
//!
//! - `mod`: the provider.
//! - `models`: traits of known models.
//! - `request`: request body.
//! - `response`: unary answer.
//! - `stream`: events of a streamed answer.
//! - `usage`: token buckets.
//! - `error`: error classes.
//! - `thinking`: thinking blocks, from one turn to the next.
//!
//! Thinking is requested by an effort, or by a token budget on older models. Thinking blocks that precede a tool call
//! return with the call, unmodified and to the same model only. The vendor signs the text of a block, so the text
//! travels with it: sealed in the signature of the call, which is no part of an answer and prints nothing. Thinking
//! that precedes an answer is not sent back, as the vendor allows.

mod error;
mod models;
mod request;
mod response;
mod stream;
mod thinking;
mod usage;

use async_trait::async_trait;
use nexus_core::Result;
use nexus_core::llm::{Completion, CompletionStream, LlmProvider, ModelInfo, Request};

use crate::http::{Endpoint, HttpClient, Secret, SseDecoder, completion};
use response::Message;
use stream::Events;

/// Base address of the API.
pub const BASE: &str = "https://api.anthropic.com";
/// Default model.
pub const MODEL: &str = "claude-sonnet-4-5";

const NAME: &str = "anthropic";
const PATH: &str = "/v1/messages";
const VERSION: &str = "2023-06-01";

/// Provider of Anthropic's models.
///
/// ```
/// use nexus_core::llm::LlmProvider as _;
/// use nexus_providers::anthropic::Anthropic;
/// use nexus_providers::{HttpClient, HttpOptions, Secret};
///
/// # fn main() -> nexus_core::Result<()> {
/// let client = HttpClient::new(&HttpOptions::default())?;
/// let claude = Anthropic::new(&client, &Secret::new("the-key"))?.with_model("claude-haiku-4-5");
/// assert_eq!(claude.model(), "claude-haiku-4-5");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Anthropic {
    endpoint: Endpoint,
    model: String,
}

impl Anthropic {
    /// Creates a provider with an API key.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_KEY` for a key that no header carries.
    pub fn new(client: &HttpClient, key: &Secret) -> Result<Self> {
        Self::at(client, BASE, key)
    }

    /// Creates a provider at another base address, such as a gateway's. `/v1/messages` is appended.
    ///
    /// # Errors
    /// As [`Anthropic::new`]; `PROVIDER_URL` for an invalid address.
    pub fn at(client: &HttpClient, base: &str, key: &Secret) -> Result<Self> {
        let endpoint = Endpoint::new(client, NAME, base, error::classify)?
            .with_header("anthropic-version", VERSION)?
            .with_secret("x-api-key", "", key)?;
        Ok(Self { endpoint, model: MODEL.to_owned() })
    }

    /// Sets the default model, which a request may override.
    #[must_use]
    pub fn with_model(self, model: impl Into<String>) -> Self {
        Self { model: model.into(), ..self }
    }

    /// Returns the model of `request`.
    fn model_of<'r>(&'r self, request: &'r Request) -> &'r str {
        request.model.as_deref().unwrap_or(&self.model)
    }

    fn body(&self, request: &Request, stream: bool) -> Result<serde_json::Value> {
        request::body(self.endpoint.vendor(), request, self.model_of(request), stream)
    }
}

#[async_trait]
impl LlmProvider for Anthropic {
    fn name(&self) -> &str {
        self.endpoint.vendor().name()
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn info(&self, model: &str) -> ModelInfo {
        models::info(model)
    }

    async fn stream(&self, request: Request) -> Result<CompletionStream> {
        let body = self.body(&request, true)?;
        let answer = self.endpoint.post(PATH, "text/event-stream", &body).await?;
        let decoder = SseDecoder::new(self.endpoint.max_frame_bytes());
        Ok(completion(answer, decoder, Events::new(self.endpoint.vendor(), self.model_of(&request))))
    }

    async fn complete(&self, request: Request) -> Result<Completion> {
        let body = self.body(&request, false)?;
        let answer = self.endpoint.post(PATH, "application/json", &body).await?;
        answer.json::<Message>().await?.reply(self.endpoint.vendor(), self.model_of(&request))
    }
}
