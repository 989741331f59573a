//! Claude over Anthropic's Messages API: [`Anthropic`].
//!
//! Owns the translation between the port and `POST /v1/messages` (version `2023-06-01`). Refuses to own retries,
//! deadlines and prices.
//!
//! - `request`: what is sent; `models`: what is known of models by name.
//! - `message`: an answer in one piece; `stream`: its events; `usage`: what it consumed; `error`: refusals.
//! - `thoughts`: what led to a call of a tool, from one turn to the next.
//!
//! Thinking is asked for in the manner of the model: by an effort, or by a budget on models of before. What the model
//! thought before it called a tool goes back with the call, as it was, to the same model and to nobody else. The vendor
//! signs words, so the words go along: sealed in the call's signature, which is no part of an answer and prints nothing.
//! What it thought before an answer is not sent back; the vendor allows that.

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

/// Where Anthropic is.
pub const BASE: &str = "https://api.anthropic.com";
/// The model that answers unless told.
pub const MODEL: &str = "claude-sonnet-4-5";

const NAME: &str = "anthropic";
const PATH: &str = "/v1/messages";
const VERSION: &str = "2023-06-01";

/// Claude, by Anthropic.
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
    /// Claude at Anthropic, with an API key.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_KEY` for a key that no header carries.
    pub fn new(client: &HttpClient, key: &Secret) -> Result<Self> {
        Self::at(client, BASE, key)
    }

    /// Claude at another address that speaks the same wire, such as a gateway. `/v1/messages` is appended.
    ///
    /// # Errors
    /// As [`Anthropic::new`]; `PROVIDER_URL` for an address that is none.
    pub fn at(client: &HttpClient, base: &str, key: &Secret) -> Result<Self> {
        let endpoint = Endpoint::new(client, NAME, base, error::classify)?
            .with_header("anthropic-version", VERSION)?
            .with_secret("x-api-key", "", key)?;
        Ok(Self { endpoint, model: MODEL.to_owned() })
    }

    /// The same, with another model unless a request names one.
    #[must_use]
    pub fn with_model(self, model: impl Into<String>) -> Self {
        Self { model: model.into(), ..self }
    }

    /// The model that answers `request`.
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
