//! One provider by its name: [`Entry`], with its configuration.

use nexus_core::{Error, Result};

use super::http::Clients;
use crate::bootstrap::config::{Config, ProviderConfig, ProviderKind};
use crate::bootstrap::{Origin, Source};
use crate::{HttpClient, Secret};

/// Provider with its name, its type and its settings.
pub(super) struct Entry<'c> {
    pub(super) name: &'c str,
    pub(super) kind: ProviderKind,
    pub(super) config: ProviderConfig,
    whole: &'c Config,
}

impl<'c> Entry<'c> {
    /// Finds the provider called `name`: one with a section, or one with the name of a type.
    pub(super) fn of(config: &'c Config, name: &'c str) -> Result<Self> {
        let section = config.providers.get(name).cloned();
        let kind = match &section {
            Some(section) => section.kind(name)?,
            None => ProviderConfig::default().kind(name).map_err(|_| {
                unfit("PROVIDER_UNKNOWN", format!("there is no provider `{}`", name.escape_debug())).with_hint(
                    "describe it in a section `[providers.…]`, or use the name of a type such as `openai`",
                )
            })?,
        };
        Ok(Self { name, kind, config: section.unwrap_or_default(), whole: config })
    }

    /// Returns the client, after the check that the key may go to the addresses of its requests.
    pub(super) fn client(&self, clients: &Clients) -> Result<HttpClient> {
        self.whole.check_way(self.name, self.kind, &self.config)?;
        let client = clients.of(&self.config, self.config.has_key_over_plain_http(self.kind))?;
        let Some(key) = self.config.key.as_ref().filter(|key| !key.is_empty()) else { return Ok(client) };
        match self.whole.key_source(self.name) {
            Some(Source { origin: origin @ Origin::FoundEnvFile(_), .. }) => {
                let line = format!("{}, key {} from {origin}", self.name, key.fingerprint());
                let notices = self.whole.notices.clone();
                Ok(client.before_first_use(move || notices.show(&line)))
            }
            _ => Ok(client),
        }
    }

    /// Returns a clause on the source of the endpoint.
    pub(super) fn endpoint_source(&self) -> String {
        self.whole.endpoint_source(self.name)
    }

    /// Whether the provider is available without being named: the vendor's key, or the address of the server, is
    /// known.
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

    /// Returns the required key.
    pub(super) fn key(&self) -> Result<&Secret> {
        let key = self.config.key.as_ref().filter(|key| !key.is_empty());
        key.ok_or_else(|| self.whole.key_missing(self.name, self.kind, &self.config))
    }

    /// Returns the key, required only if `key_env` names a variable.
    pub(super) fn optional_key(&self) -> Result<Option<&Secret>> {
        if self.config.key_env.is_some() || self.has_key() { self.key().map(Some) } else { Ok(None) }
    }

    /// Returns the default model, which a request may override.
    pub(super) fn model(&self) -> Result<&str> {
        self.config.model.as_deref().or(self.kind.model()).ok_or_else(|| {
            unfit("PROVIDER_MODEL_MISSING", format!("the provider `{}` has no model", self.name))
                .with_hint(format!("write `model = \"…\"` into `[providers.{}]`", self.name))
        })
    }

    /// Returns a required field of a type without a default address.
    pub(super) fn place<'p>(
        &self,
        field: &str,
        place: Option<&'p String>,
        hint: &'static str,
    ) -> Result<&'p str> {
        place.map(String::as_str).ok_or_else(|| {
            unfit("PROVIDER_ENDPOINT_MISSING", format!("the provider `{}` has no `{field}`", self.name))
                .with_hint(hint)
        })
    }
}

/// Returns an error for an invalid configuration.
pub(super) fn unfit(code: &'static str, message: String) -> Error {
    Error::invalid(message).with_code(code)
}
