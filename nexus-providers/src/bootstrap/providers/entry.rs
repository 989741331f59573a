//! One provider by its name: [`Entry`], with what must be known of it.

use nexus_core::{Error, Result};

use super::http::Clients;
use crate::bootstrap::config::{Config, ProviderConfig, ProviderKind};
use crate::bootstrap::{Origin, Source};
use crate::{HttpClient, Secret};

/// A provider with its name, its type, and what is told of it.
pub(super) struct Entry<'c> {
    pub(super) name: &'c str,
    pub(super) kind: ProviderKind,
    pub(super) config: ProviderConfig,
    whole: &'c Config,
}

impl<'c> Entry<'c> {
    /// The provider called `name`: one with a section, or one that is named like a type.
    pub(super) fn of(config: &'c Config, name: &'c str) -> Result<Self> {
        let told = config.providers.get(name).cloned();
        let kind = match &told {
            Some(told) => told.kind(name)?,
            None => ProviderConfig::default().kind(name).map_err(|_| {
                unfit("PROVIDER_UNKNOWN", format!("there is no provider `{}`", name.escape_debug())).hint(
                    "describe it in a section `[providers.…]`, or use the name of a type such as `openai`",
                )
            })?,
        };
        Ok(Self { name, kind, config: told.unwrap_or_default(), whole: config })
    }

    /// The client for its requests, once it is known that its key may go where they go.
    pub(super) fn client(&self, clients: &Clients) -> Result<HttpClient> {
        self.whole.check_way(self.name, self.kind, &self.config)?;
        let client = clients.of(&self.config, self.config.has_key_over_plain_http(self.kind))?;
        let Some(key) = self.config.key.as_ref().filter(|key| !key.is_empty()) else { return Ok(client) };
        match self.whole.key_source(self.name) {
            Some(Source { origin: origin @ Origin::FoundEnvFile(_), .. }) => {
                let line = format!("{}, key {} from {origin}", self.name, key.fingerprint());
                let announcements = self.whole.announcements.clone();
                Ok(client.before_first_use(move || announcements.tell(&line)))
            }
            _ => Ok(client),
        }
    }

    /// Where its endpoint was read from, as a part of a sentence.
    pub(super) fn endpoint_source(&self) -> String {
        self.whole.endpoint_source(self.name)
    }

    /// Whether it can be used although nobody said so: the vendor's key is there, or it is known where the server is.
    pub(super) fn is_ready(&self) -> bool {
        match self.kind {
            ProviderKind::OpenAi | ProviderKind::Anthropic | ProviderKind::Gemini => self.has_key(),
            ProviderKind::Ollama | ProviderKind::Fake => self.config.endpoint.is_some(),
            ProviderKind::Vertex
            | ProviderKind::Vllm
            | ProviderKind::LlamaCpp
            | ProviderKind::LmStudio
            | ProviderKind::OpenAiCompatible
            | ProviderKind::Extractive => false,
        }
    }

    fn has_key(&self) -> bool {
        self.config.key.as_ref().is_some_and(|key| !key.is_empty())
    }

    /// Its key, which must be there.
    pub(super) fn key(&self) -> Result<&Secret> {
        let key = self.config.key.as_ref().filter(|key| !key.is_empty());
        key.ok_or_else(|| self.whole.key_missing(self.name, self.kind, &self.config))
    }

    /// Its key, which may be left out unless a variable was named for it.
    pub(super) fn optional_key(&self) -> Result<Option<&Secret>> {
        if self.config.key_env.is_some() || self.has_key() { self.key().map(Some) } else { Ok(None) }
    }

    /// The model that answers unless a request names another.
    pub(super) fn model(&self) -> Result<&str> {
        self.config.model.as_deref().or(self.kind.model()).ok_or_else(|| {
            unfit("PROVIDER_MODEL_MISSING", format!("the provider `{}` has no model", self.name))
                .hint(format!("write `model = \"…\"` into `[providers.{}]`", self.name))
        })
    }

    /// Where it is, of a type that has no usual place.
    pub(super) fn place<'p>(
        &self,
        field: &str,
        place: Option<&'p String>,
        hint: &'static str,
    ) -> Result<&'p str> {
        place.map(String::as_str).ok_or_else(|| {
            unfit("PROVIDER_ENDPOINT_MISSING", format!("the provider `{}` has no `{field}`", self.name))
                .hint(hint)
        })
    }
}

/// An error for a configuration that says something that cannot be done.
pub(super) fn unfit(code: &'static str, message: String) -> Error {
    Error::invalid(message).code(code)
}
