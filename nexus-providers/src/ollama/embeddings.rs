//! Embeddings over `POST /api/embed`: [`OllamaEmbedder`].

use async_trait::async_trait;
use nexus_core::id::ModelId;
use nexus_core::retrieve::{EmbedRole, Embedded, Embedder};
use nexus_core::{Result, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::endpoint;
use crate::http::counts::count;
use crate::http::parameters::checked;
use crate::http::{Endpoint, HttpClient, Secret};

/// Default embedding model.
pub const EMBEDDING_MODEL: &str = "nomic-embed-text";
/// Dimension of the default model.
const DIMENSION: usize = 768;
/// Token limit of the default model.
const TOKENS: usize = 2_048;
const PATH: &str = "/api/embed";

/// Embedder of an Ollama server. The server truncates a text beyond the token limit of the model.
#[derive(Clone, Debug)]
pub struct OllamaEmbedder {
    endpoint: Endpoint,
    model: ModelId,
    dimension: usize,
    token_limit: usize,
    /// Prefixes of queries and of passages that the model expects.
    prefixes: (String, String),
}

#[derive(Deserialize)]
struct WireReply {
    embeddings: Vec<Vec<f32>>,
    #[serde(default, deserialize_with = "count")]
    prompt_eval_count: Option<u64>,
}

impl OllamaEmbedder {
    /// Creates an embedder of `nomic-embed-text` on the server at `host`, in the format of `OLLAMA_HOST`: 768
    /// dimensions, texts of up to 2,048 tokens, and the prefixes of the model's training.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `OLLAMA_HOST_INVALID` for an invalid address.
    pub fn new(client: &HttpClient, host: &str) -> Result<Self> {
        Ok(Self {
            endpoint: endpoint(client, host)?,
            model: ModelId::parse(EMBEDDING_MODEL)?,
            dimension: DIMENSION,
            token_limit: TOKENS,
            prefixes: ("search_query: ".to_owned(), "search_document: ".to_owned()),
        })
    }

    /// Sets a bearer token, which servers behind a proxy and Ollama's own cloud require.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PROVIDER_KEY` for a token that no header carries.
    pub fn with_key(mut self, key: &Secret) -> Result<Self> {
        self.endpoint = self.endpoint.with_secret("authorization", "Bearer ", key)?;
        Ok(self)
    }

    /// Sets the model, its dimension and its token limit, and clears the prefixes.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) for an invalid model name.
    pub fn with_model(self, name: &str, dimension: usize, token_limit: usize) -> Result<Self> {
        let model = ModelId::parse(name)?;
        let prefixes = (String::new(), String::new());
        Ok(Self { model, dimension, token_limit, prefixes, ..self })
    }

    /// Sets the prefixes of queries and of passages.
    #[must_use]
    pub fn with_prefixes(self, query: impl Into<String>, passage: impl Into<String>) -> Self {
        Self { prefixes: (query.into(), passage.into()), ..self }
    }

    fn body(&self, role: EmbedRole, texts: &[&str]) -> Value {
        let prefix = match role {
            EmbedRole::Query => &self.prefixes.0,
            EmbedRole::Passage => &self.prefixes.1,
        };
        let input: Vec<String> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        json!({"model": self.model.as_str(), "input": input})
    }
}

#[async_trait]
impl Embedder for OllamaEmbedder {
    fn name(&self) -> &str {
        self.endpoint.vendor().name()
    }

    fn model(&self) -> &ModelId {
        &self.model
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn token_limit(&self) -> usize {
        self.token_limit
    }

    /// Whether the model runs on the server: as for chat, a tag that ends with `cloud` does not.
    fn is_local(&self) -> bool {
        !self.model.as_str().ends_with("cloud")
    }

    async fn embed(&self, role: EmbedRole, texts: &[&str]) -> Result<Embedded> {
        if texts.is_empty() {
            return Ok(Embedded::default());
        }
        let answer = self.endpoint.post(PATH, "application/json", &self.body(role, texts)).await?;
        let WireReply { embeddings, prompt_eval_count } = answer.json().await?;
        let vectors = checked(embeddings, texts.len(), self.dimension, self.endpoint.vendor())?;
        let usage = |input_uncached| Usage { input_uncached, ..Usage::default() };
        Ok(Embedded { vectors, usage: prompt_eval_count.map(usage) })
    }
}
