//! Where an API of OpenAI's shape is, and how it deviates: [`Service`] and its [`Dialect`].

use nexus_core::Result;

use super::error::classify;
use super::{OpenAi, OpenAiEmbedder, OpenAiSpeech};
use crate::http::Endpoint;
use crate::{HttpClient, Secret};

/// How a server deviates from OpenAI's wire. What a server silently ignores counts as absent, because a parameter that
/// is accepted must be obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent deviation, named where it is set")]
pub struct Dialect {
    /// The limit of an answer is `max_completion_tokens`; elsewhere the older `max_tokens`.
    pub max_completion_tokens: bool,
    /// `stream_options.include_usage` is understood.
    pub stream_usage: bool,
    /// `top_k` is understood.
    pub top_k: bool,
    /// `reasoning_effort` is understood.
    pub reasoning_effort: bool,
    /// `response_format` may be `json_object`.
    pub json_object: bool,
    /// `tool_choice` may name a tool.
    pub named_tool: bool,
}

impl Dialect {
    /// OpenAI's own.
    pub const OPENAI: Self = Self {
        max_completion_tokens: true,
        stream_usage: true,
        top_k: false,
        reasoning_effort: true,
        json_object: true,
        named_tool: true,
    };

    /// That of a server of which nothing is known.
    pub const COMPATIBLE: Self = Self { max_completion_tokens: false, ..Self::OPENAI };

    /// vLLM's.
    pub const VLLM: Self = Self { top_k: true, ..Self::COMPATIBLE };

    /// That of llama.cpp's server, which takes a tool choice that names a tool for `auto`.
    pub const LLAMA_CPP: Self =
        Self { top_k: true, reasoning_effort: false, named_tool: false, ..Self::COMPATIBLE };

    /// LM Studio's, which refuses `json_object` and a tool choice that names a tool.
    pub const LM_STUDIO: Self = Self { json_object: false, ..Self::LLAMA_CPP };
}

/// A place where an API of OpenAI's shape is served.
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
    /// OpenAI itself, `https://api.openai.com/v1`, as `openai`.
    pub fn openai(key: impl Into<Secret>) -> Self {
        let service = Self::new("openai", "https://api.openai.com/v1", Dialect::OPENAI, false);
        Self { key: Some(key.into()), ..service }
    }

    /// vLLM, `http://localhost:8000/v1` unless told, as `vllm`. It asks for a key only if it was started with one.
    pub fn vllm() -> Self {
        Self::new("vllm", "http://localhost:8000/v1", Dialect::VLLM, true)
    }

    /// The server of llama.cpp, `http://localhost:8080/v1` unless told, as `llama_cpp`. It asks for a key only if it was
    /// started with one; it embeds only if it was started with `--embeddings`.
    pub fn llama_cpp() -> Self {
        Self::new("llama_cpp", "http://localhost:8080/v1", Dialect::LLAMA_CPP, true)
    }

    /// LM Studio, `http://localhost:1234/v1` unless told, as `lm_studio`. It asks for no key.
    pub fn lm_studio() -> Self {
        Self::new("lm_studio", "http://localhost:1234/v1", Dialect::LM_STUDIO, true)
    }

    /// Any other server, by the name that errors and records shall give it, at the address that ends before
    /// `/chat/completions`.
    pub fn custom(name: impl Into<String>, base: impl Into<String>) -> Self {
        Self::new(name, base, Dialect::COMPATIBLE, false)
    }

    fn new(name: impl Into<String>, base: impl Into<String>, dialect: Dialect, is_local: bool) -> Self {
        Self { name: name.into(), base: base.into(), key: None, organisation: None, dialect, is_local }
    }

    /// The same at another address, which ends before `/chat/completions`.
    #[must_use]
    pub fn at(self, base: impl Into<String>) -> Self {
        Self { base: base.into(), ..self }
    }

    /// The same with a key, sent as a bearer token.
    #[must_use]
    pub fn with_key(self, key: impl Into<Secret>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// The same for one organisation among those of the key: `OpenAI-Organization`.
    #[must_use]
    pub fn with_organisation(self, organisation: impl Into<String>) -> Self {
        Self { organisation: Some(organisation.into()), ..self }
    }

    /// The same with other deviations.
    #[must_use]
    pub fn with_dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// Says whether it runs on hardware of the operator's own, so that its tokens have no price.
    #[must_use]
    pub fn with_own_hardware(self, is_local: bool) -> Self {
        Self { is_local, ..self }
    }

    /// The models that answer, `model` unless a request names another.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_URL`, `PROVIDER_KEY` or `PROVIDER_HEADER`
    /// for an address, a key or an organisation that is unfit.
    pub fn chat(&self, client: &HttpClient, model: impl Into<String>) -> Result<OpenAi> {
        Ok(OpenAi::new(self.endpoint(client)?, self, model.into()))
    }

    /// The model `model` for vectors of `dimension` numbers.
    ///
    /// # Errors
    /// As [`Service::chat`]; `INVALID_NAME` for a model's name that is unfit.
    pub fn embedder(
        &self,
        client: &HttpClient,
        model: impl Into<String>,
        dimension: usize,
    ) -> Result<OpenAiEmbedder> {
        OpenAiEmbedder::new(self.endpoint(client)?, model.into(), dimension, self.is_local)
    }

    /// The model `model` that speaks with `voice`.
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
