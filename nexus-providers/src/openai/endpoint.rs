//! Addresses and deviations of servers with OpenAI's API: [`Service`] and its [`Dialect`].

use nexus_core::Result;

use super::error::classify;
use super::{OpenAi, OpenAiEmbedder, OpenAiSpeech};
use crate::http::Endpoint;
use crate::{HttpClient, Secret};

/// Deviations of a server from OpenAI's wire. A parameter that the server silently ignores counts as absent, because
/// an accepted parameter must take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent deviation, named where it is set")]
pub struct Dialect {
    /// Whether `max_completion_tokens` limits an answer, rather than the older `max_tokens`.
    pub max_completion_tokens: bool,
    /// Whether `stream_options.include_usage` is supported.
    pub stream_usage: bool,
    /// Whether `top_k` is supported.
    pub top_k: bool,
    /// Whether `reasoning_effort` is supported.
    pub reasoning_effort: bool,
    /// Whether `response_format` may be `json_object`.
    pub json_object: bool,
    /// Whether `tool_choice` may name a tool.
    pub named_tool: bool,
}

impl Dialect {
    /// Dialect of OpenAI.
    pub const OPENAI: Self = Self {
        max_completion_tokens: true,
        stream_usage: true,
        top_k: false,
        reasoning_effort: true,
        json_object: true,
        named_tool: true,
    };

    /// Dialect of an unknown server.
    pub const COMPATIBLE: Self = Self { max_completion_tokens: false, ..Self::OPENAI };

    /// Dialect of vLLM.
    pub const VLLM: Self = Self { top_k: true, ..Self::COMPATIBLE };

    /// Dialect of llama.cpp's server, which treats a `tool_choice` that names a tool as `auto`.
    pub const LLAMA_CPP: Self =
        Self { top_k: true, reasoning_effort: false, named_tool: false, ..Self::COMPATIBLE };

    /// Dialect of LM Studio, which rejects `json_object` and a `tool_choice` that names a tool.
    pub const LM_STUDIO: Self = Self { json_object: false, ..Self::LLAMA_CPP };
}

/// Server with OpenAI's API.
///
/// ```
/// use nexus_providers::openai::Service;
/// use nexus_providers::{HttpClient, HttpOptions};
///
/// let client = HttpClient::new(&HttpOptions::default())?;
/// let model = Service::vllm().at("http://gpu.internal:8000/v1").chat(&client, "Qwen/Qwen3-8B")?;
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Service {
    name: String,
    base: String,
    key: Option<Secret>,
    organisation: Option<String>,
    pub(super) dialect: Dialect,
    pub(super) is_local: bool,
}

impl Service {
    /// Creates the service `openai` at `https://api.openai.com/v1`.
    pub fn openai(key: impl Into<Secret>) -> Self {
        let service = Self::new("openai", "https://api.openai.com/v1", Dialect::OPENAI, false);
        Self { key: Some(key.into()), ..service }
    }

    /// Creates the service `vllm` of vLLM, by default at `http://localhost:8000/v1`. It requires a key only if it was
    /// started with one.
    pub fn vllm() -> Self {
        Self::new("vllm", "http://localhost:8000/v1", Dialect::VLLM, true)
    }

    /// Creates the service `llama_cpp` of llama.cpp, by default at `http://localhost:8080/v1`. It requires a key only
    /// if it was started with one, and embeds only if it was started with `--embeddings`.
    pub fn llama_cpp() -> Self {
        Self::new("llama_cpp", "http://localhost:8080/v1", Dialect::LLAMA_CPP, true)
    }

    /// Creates the service `lm_studio` of LM Studio, by default at `http://localhost:1234/v1`. It requires no key.
    pub fn lm_studio() -> Self {
        Self::new("lm_studio", "http://localhost:1234/v1", Dialect::LM_STUDIO, true)
    }

    /// Creates a service of any other server by its name in errors and records, at the address that ends before
    /// `/chat/completions`.
    pub fn custom(name: impl Into<String>, base: impl Into<String>) -> Self {
        Self::new(name, base, Dialect::COMPATIBLE, false)
    }

    fn new(name: impl Into<String>, base: impl Into<String>, dialect: Dialect, is_local: bool) -> Self {
        Self { name: name.into(), base: base.into(), key: None, organisation: None, dialect, is_local }
    }

    /// Sets the address, which ends before `/chat/completions`.
    #[must_use]
    pub fn at(self, base: impl Into<String>) -> Self {
        Self { base: base.into(), ..self }
    }

    /// Sets the key, sent as a bearer token.
    #[must_use]
    pub fn with_key(self, key: impl Into<Secret>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// Sets the organisation among those of the key: `OpenAI-Organization`.
    #[must_use]
    pub fn with_organisation(self, organisation: impl Into<String>) -> Self {
        Self { organisation: Some(organisation.into()), ..self }
    }

    /// Sets the dialect.
    #[must_use]
    pub fn with_dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// Sets whether the server runs on the operator's own hardware, so that its tokens have no price.
    #[must_use]
    pub fn with_own_hardware(self, is_local: bool) -> Self {
        Self { is_local, ..self }
    }

    /// Creates a provider of chat completions with the default model `model`, which a request may override.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_URL`, `PROVIDER_KEY` or `PROVIDER_HEADER`
    /// for an invalid address, key or organisation.
    pub fn chat(&self, client: &HttpClient, model: impl Into<String>) -> Result<OpenAi> {
        Ok(OpenAi::new(self.endpoint(client)?, self, model.into()))
    }

    /// Creates an embedder of `model` with `dimension` dimensions.
    ///
    /// # Errors
    /// As [`Service::chat`]; `INVALID_NAME` for an invalid model name.
    pub fn embedder(
        &self,
        client: &HttpClient,
        model: impl Into<String>,
        dimension: usize,
    ) -> Result<OpenAiEmbedder> {
        OpenAiEmbedder::new(self.endpoint(client)?, model.into(), dimension, self.is_local)
    }

    /// Creates a speech synthesizer of `model` with `voice`.
    ///
    /// # Errors
    /// As [`Service::chat`].
    pub fn speech(
        &self,
        client: &HttpClient,
        model: impl Into<String>,
        voice: impl Into<String>,
    ) -> Result<OpenAiSpeech> {
        Ok(OpenAiSpeech::new(self.endpoint(client)?, model.into(), voice.into(), self.is_local))
    }

    fn endpoint(&self, client: &HttpClient) -> Result<Endpoint> {
        let mut endpoint = Endpoint::new(client, &self.name, &self.base, classify)?;
        if let Some(key) = &self.key {
            endpoint = endpoint.with_secret("authorization", "Bearer ", key)?;
        }
        if let Some(organisation) = &self.organisation {
            endpoint = endpoint.with_header("openai-organization", organisation)?;
        }
        Ok(endpoint)
    }
}
