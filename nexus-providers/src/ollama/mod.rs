//! Adapter of Ollama for models on the operator's hardware: [`Ollama`] for chat, [`OllamaEmbedder`] for embeddings.
//!
//! Owns the translation between the ports and Ollama's API (`/api/chat`, `/api/embed`). Refuses to own retries and
//! deadlines: loading a model delays its first token by tens of seconds, which is no failure.
//!
//! Files, in the order that all vendors share:
//!
//! - `mod`: the provider.
//! - `request`: request body.
//! - `response`: unary answer and lines of a streamed one, with their usage.
//! - `error`: error classes.
//! - `embeddings`: vectors.
//! - `endpoint`: address of the server.

mod embeddings;
mod endpoint;
mod error;
mod request;
mod response;

use async_trait::async_trait;
use nexus_core::Result;
use nexus_core::llm::{Completion, CompletionStream, LlmProvider, ModelInfo, Request};
use serde_json::Value;

use crate::http::tool_calls::made_earlier;
use crate::http::{Endpoint, HttpClient, NdjsonDecoder, Secret, completion};
use response::Lines;

pub use embeddings::{EMBEDDING_MODEL, OllamaEmbedder};
pub use endpoint::{DEFAULT_HOST, base_address};

/// Default model.
pub const MODEL: &str = "llama3.1:8b";
/// Default context window in tokens: a prompt of the default budget, its answer, and a fifth more, since the budget
/// counts by estimate.
pub const CONTEXT_TOKENS: u32 = 20_480;

const NAME: &str = "ollama";
const PATH: &str = "/api/chat";

/// Provider of the models of an Ollama server.
///
/// ```
/// use nexus_core::llm::LlmProvider as _;
/// use nexus_providers::ollama::Ollama;
/// use nexus_providers::{HttpClient, HttpOptions};
///
/// # fn main() -> nexus_core::Result<()> {
/// let client = HttpClient::new(&HttpOptions::default())?;
/// let models = Ollama::new(&client, "gpu-1:11434")?.with_model("qwen3:8b").with_context(32_768);
/// assert!(models.info("qwen3:8b").is_local);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Ollama {
    endpoint: Endpoint,
    model: String,
    context: u32,
}

impl Ollama {
    /// Creates a provider for the server at `host`, in the format of `OLLAMA_HOST`, see [`base_address`].
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `OLLAMA_HOST_INVALID` for an invalid address.
    pub fn new(client: &HttpClient, host: &str) -> Result<Self> {
        let endpoint = endpoint(client, host)?;
        Ok(Self { endpoint, model: MODEL.to_owned(), context: CONTEXT_TOKENS })
    }

    /// Sets a bearer token, which servers behind a proxy and Ollama's own cloud require.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_KEY` for a token that no header carries.
    pub fn with_key(mut self, key: &Secret) -> Result<Self> {
        self.endpoint = self.endpoint.with_secret("authorization", "Bearer ", key)?;
        Ok(self)
    }

    /// Sets the default model, which a request may override.
    #[must_use]
    pub fn with_model(self, model: impl Into<String>) -> Self {
        Self { model: model.into(), ..self }
    }

    /// Sets the context window, prompt and answer together. It costs memory of the server, and a changed value makes
    /// the server reload the model.
    #[must_use]
    pub fn with_context(self, tokens: u32) -> Self {
        Self { context: tokens, ..self }
    }

    fn body(&self, request: &Request, stream: bool) -> Result<Value> {
        let model = request.model.as_deref().unwrap_or(&self.model);
        request::body(self.endpoint.vendor(), request, model, self.context, stream)
    }

    fn lines(&self, request: &Request) -> Lines {
        Lines::new(self.endpoint.vendor(), made_earlier(request))
    }
}

/// Returns the endpoint of the server at `host`.
fn endpoint(client: &HttpClient, host: &str) -> Result<Endpoint> {
    Endpoint::new(client, NAME, &base_address(host)?, error::classify)
}

#[async_trait]
impl LlmProvider for Ollama {
    fn name(&self) -> &str {
        self.endpoint.vendor().name()
    }

    fn model(&self) -> &str {
        &self.model
    }

    /// Returns the limits of `model`. A model whose tag ends with `cloud` runs remotely, behind the server.
    fn info(&self, model: &str) -> ModelInfo {
        ModelInfo {
            context_tokens: Some(self.context),
            output_tokens: None,
            is_local: !model.ends_with("cloud"),
        }
    }

    async fn stream(&self, request: Request) -> Result<CompletionStream> {
        let body = self.body(&request, true)?;
        let answer = self.endpoint.post(PATH, "application/x-ndjson", &body).await?;
        let decoder = NdjsonDecoder::new(self.endpoint.max_frame_bytes());
        Ok(completion(answer, decoder, self.lines(&request)))
    }

    async fn complete(&self, request: Request) -> Result<Completion> {
        let body = self.body(&request, false)?;
        let answer = self.endpoint.post(PATH, "application/json", &body).await?;
        self.lines(&request).reply(&answer.bytes().await?)
    }
}
