//! Clients of one provider. A new vendor adds its arms here.

use std::sync::Arc;

use nexus_core::gateway::Routing;
use nexus_core::llm::Extractive;
use nexus_core::retrieve::Embedder;
use nexus_core::{Error, Result};

use super::entry::{Entry, unfit};
use super::http::Clients;
use crate::HttpClient;
use crate::anthropic::Anthropic;
use crate::bootstrap::config::ProviderKind;
use crate::gemini::{Gemini, GeminiEmbedder, Google, GoogleCredentials};
use crate::ollama::{self, Ollama, OllamaEmbedder};
use crate::openai::{Dialect, OpenAiEmbedder, Service};

/// Default address of the scripted provider.
const FAKE: &str = "http://127.0.0.1:11999";
/// Key for the scripted provider, which accepts any.
const FAKE_KEY: &str = "scripted";
/// Default location of Vertex AI.
const LOCATION: &str = "global";
/// Default dimension of `nomic-embed-text` and of Google's models.
const DIMENSION: usize = 768;
/// Default token limit of Ollama's embedding models.
const TOKENS: usize = 2_048;

impl Entry<'_> {
    /// Adds this provider to `routing`.
    pub(super) async fn add_to(&self, routing: Routing, clients: &Clients) -> Result<Routing> {
        Ok(match self.kind {
            ProviderKind::Extractive => routing.provider(self.name, Extractive::default()),
            ProviderKind::Anthropic => routing.provider(self.name, self.anthropic(clients)?),
            ProviderKind::Gemini | ProviderKind::Vertex => {
                let gemini = Gemini::new(self.google(&self.client(clients)?).await?);
                routing.provider(self.name, gemini.with_model(self.model()?))
            }
            ProviderKind::Ollama => routing.provider(self.name, self.ollama(clients)?),
            ProviderKind::OpenAi
            | ProviderKind::Vllm
            | ProviderKind::LlamaCpp
            | ProviderKind::LmStudio
            | ProviderKind::OpenAiCompatible
            | ProviderKind::Fake => {
                let chat = self.service()?.chat(&self.client(clients)?, self.model()?)?;
                routing.provider(self.name, chat)
            }
        })
    }

    /// Builds the embedder.
    pub(super) async fn embedder(&self, clients: &Clients) -> Result<Arc<dyn Embedder>> {
        let client = || self.client(clients);
        match self.kind {
            ProviderKind::Extractive | ProviderKind::Anthropic => Err(self.no_embedder()),
            ProviderKind::Gemini | ProviderKind::Vertex => {
                let embedder = GeminiEmbedder::new(self.google(&client()?).await?)?;
                let dimension = self.config.embedding_dimension.unwrap_or(DIMENSION);
                Ok(Arc::new(embedder.with_model(self.embedding_model()?, dimension)?))
            }
            ProviderKind::Ollama => self.ollama_embedder(&client()?),
            ProviderKind::OpenAi
            | ProviderKind::Vllm
            | ProviderKind::LlamaCpp
            | ProviderKind::LmStudio
            | ProviderKind::OpenAiCompatible
            | ProviderKind::Fake => self.openai_embedder(&client()?),
        }
    }

    fn anthropic(&self, clients: &Clients) -> Result<Anthropic> {
        let client = self.client(clients)?;
        let claude = match &self.config.endpoint {
            Some(endpoint) => Anthropic::at(&client, endpoint, self.key()?)?,
            None => Anthropic::new(&client, self.key()?)?,
        };
        Ok(claude.with_model(self.model()?))
    }

    /// Builds the endpoint of Gemini, with a key or in a project of Google Cloud.
    async fn google(&self, client: &HttpClient) -> Result<Google> {
        if self.kind == ProviderKind::Gemini {
            return match &self.config.endpoint {
                Some(endpoint) => Google::with_key_at(client, endpoint, self.key()?),
                None => Google::with_key(client, self.key()?),
            };
        }
        let hint = "set `GOOGLE_CLOUD_PROJECT`, or write `project` into the provider's section";
        let project = self.place("project", self.config.project.as_ref(), hint)?;
        let location = self.config.location.as_deref().unwrap_or(LOCATION);
        let credentials = Arc::new(self.google_credentials(client).await?);
        match &self.config.endpoint {
            Some(endpoint) => Google::vertex_at(client, endpoint, project, location, credentials),
            None => Google::vertex(client, project, location, credentials),
        }
    }

    async fn google_credentials(&self, client: &HttpClient) -> Result<GoogleCredentials> {
        match &self.config.credentials_file {
            Some(file) => GoogleCredentials::of_path(client, file),
            None => GoogleCredentials::find(client).await.map_err(|error| {
                let endpoint = self.endpoint_source();
                let message = format!("the provider `{}` has no credentials on this machine; {endpoint}", self.name);
                unfit("PROVIDER_KEY_MISSING", message)
                    .with_hint(format!(
                        "run `gcloud auth application-default login`, or write `credentials_file` into `[providers.{}]`",
                        self.name
                    ))
                    .because(error)
            }),
        }
    }

    fn host(&self) -> &str {
        self.config.endpoint.as_deref().unwrap_or(ollama::DEFAULT_HOST)
    }

    fn ollama(&self, clients: &Clients) -> Result<Ollama> {
        let mut models = Ollama::new(&self.client(clients)?, self.host())?.with_model(self.model()?);
        if let Some(key) = self.optional_key()? {
            models = models.with_key(key)?;
        }
        Ok(match self.config.context_tokens {
            Some(tokens) => models.with_context(tokens),
            None => models,
        })
    }

    fn ollama_embedder(&self, client: &HttpClient) -> Result<Arc<dyn Embedder>> {
        let mut embedder = OllamaEmbedder::new(client, self.host())?;
        if let Some(key) = self.optional_key()? {
            embedder = embedder.with_key(key)?;
        }
        let (dimension, model) = (self.config.embedding_dimension, self.embedding_model()?);
        let is_usual = model == ollama::EMBEDDING_MODEL;
        if is_usual && dimension.is_none() && self.config.embedding_token_limit.is_none() {
            return Ok(Arc::new(embedder));
        }
        let dimension =
            dimension.or(is_usual.then_some(DIMENSION)).ok_or_else(|| self.no_dimension(model))?;
        let limit = self.config.embedding_token_limit.unwrap_or(TOKENS);
        Ok(Arc::new(embedder.with_model(model, dimension, limit)?))
    }

    fn openai_embedder(&self, client: &HttpClient) -> Result<Arc<dyn Embedder>> {
        let model = self.embedding_model()?;
        let (configured, own) = (self.config.embedding_dimension, own_dimension(model));
        let dimension = configured.or(own).ok_or_else(|| self.no_dimension(model))?;
        let mut embedder = self.service()?.embedder(client, model, dimension)?;
        if own.is_some_and(|own| own != dimension) {
            embedder = embedder.shortened(dimension)?;
        }
        if let Some(limit) = self.config.embedding_token_limit {
            embedder = embedder.with_token_limit(limit);
        }
        Ok(Arc::new(embedder))
    }

    /// Builds the service of an OpenAI-compatible provider.
    pub(super) fn service(&self) -> Result<Service> {
        let mut service = match self.kind {
            ProviderKind::OpenAi => Service::openai(self.key()?.clone()),
            ProviderKind::Vllm => Service::vllm(),
            ProviderKind::LlamaCpp => Service::llama_cpp(),
            ProviderKind::LmStudio => Service::lm_studio(),
            ProviderKind::Fake => {
                let base = self.config.endpoint.as_deref().unwrap_or(FAKE).trim_end_matches('/');
                let base = format!("{}/v1", base.strip_suffix("/v1").unwrap_or(base));
                let service = Service::custom(self.kind.as_str(), base).with_own_hardware(true);
                let key = self.optional_key()?.cloned().unwrap_or_else(|| FAKE_KEY.into());
                return Ok(service.with_dialect(Dialect::OPENAI).with_key(key));
            }
            ProviderKind::OpenAiCompatible => {
                let hint = "it ends before `/chat/completions`, as in `https://models.example/v1`";
                let endpoint = self.place("endpoint", self.config.endpoint.as_ref(), hint)?;
                let own = self.config.own_hardware.unwrap_or(false);
                Service::custom(self.name, endpoint).with_own_hardware(own)
            }
            ProviderKind::Anthropic
            | ProviderKind::Gemini
            | ProviderKind::Vertex
            | ProviderKind::Ollama
            | ProviderKind::Extractive => {
                return Err(Error::unexpected("the provider is not OpenAI-compatible"));
            }
        };
        if let Some(key) = self.optional_key()? {
            service = service.with_key(key.clone());
        }
        if let Some(organisation) = &self.config.organisation {
            service = service.with_organisation(organisation);
        }
        if let Some(endpoint) = &self.config.endpoint {
            service = service.at(endpoint);
        }
        Ok(service)
    }

    fn embedding_model(&self) -> Result<&str> {
        let model = self.config.embedding_model.as_deref().or(self.kind.embedding_model());
        model.ok_or_else(|| self.no_embedder())
    }

    fn no_embedder(&self) -> Error {
        unfit("EMBEDDER_UNSUPPORTED", format!("the provider `{}` has no embedding model", self.name))
            .with_hint("set `llm.embedder` to another provider, or set `embedding_model` of this one")
    }

    fn no_dimension(&self, model: &str) -> Error {
        unfit("EMBEDDER_UNSUPPORTED", format!("the embedding dimension of `{model}` is unknown"))
            .with_hint(format!("write `embedding_dimension` into `[providers.{}]`", self.name))
    }
}

/// Returns the full dimension of OpenAI's models, which can be reduced.
fn own_dimension(model: &str) -> Option<usize> {
    match model {
        OpenAiEmbedder::DEFAULT_MODEL => Some(OpenAiEmbedder::DEFAULT_DIMENSION),
        "text-embedding-3-large" => Some(3_072),
        _ => None,
    }
}
