//! `[providers.<name>]`: providers and their connections.

use std::fmt;
use std::path::PathBuf;

use nexus_core::Result;
use serde::Deserialize;

use crate::Secret;

/// Type of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// OpenAI.
    #[serde(rename = "openai")]
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Gemini with an API key.
    Gemini,
    /// Gemini in a project of Google Cloud.
    Vertex,
    /// Ollama.
    Ollama,
    /// vLLM.
    Vllm,
    /// The server of llama.cpp.
    LlamaCpp,
    /// LM Studio.
    LmStudio,
    /// Any other server with OpenAI's API.
    #[serde(rename = "openai_compatible")]
    OpenAiCompatible,
    /// Extractive answerer, in this process.
    Extractive,
    /// Scripted provider, which simulates vendors.
    Fake,
}

impl ProviderKind {
    /// Every type.
    pub const ALL: [Self; 11] = [
        Self::OpenAi,
        Self::Anthropic,
        Self::Gemini,
        Self::Vertex,
        Self::Ollama,
        Self::Vllm,
        Self::LlamaCpp,
        Self::LmStudio,
        Self::OpenAiCompatible,
        Self::Extractive,
        Self::Fake,
    ];

    /// Returns the name of the type, which is also the name of its provider without a section.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Vertex => "vertex",
            Self::Ollama => "ollama",
            Self::Vllm => "vllm",
            Self::LlamaCpp => "llama_cpp",
            Self::LmStudio => "lm_studio",
            Self::OpenAiCompatible => "openai_compatible",
            Self::Extractive => "extractive",
            Self::Fake => "fake",
        }
    }

    /// Returns the type with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Returns the default variable of the key, if the type has one.
    pub(in crate::bootstrap) const fn key_variable(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("OPENAI_API_KEY"),
            Self::Anthropic => Some("ANTHROPIC_API_KEY"),
            Self::Gemini => Some("GEMINI_API_KEY"),
            Self::Ollama => Some("OLLAMA_API_KEY"),
            Self::Vertex
            | Self::Vllm
            | Self::LlamaCpp
            | Self::LmStudio
            | Self::OpenAiCompatible
            | Self::Extractive
            | Self::Fake => None,
        }
    }

    /// Returns the default model, if the type has one.
    pub(in crate::bootstrap) const fn model(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("gpt-4o"),
            Self::Anthropic => Some("claude-sonnet-4-5"),
            Self::Gemini | Self::Vertex => Some("gemini-2.5-flash"),
            Self::Ollama => Some("llama3.1:8b"),
            Self::Extractive => Some("extractive-1"),
            Self::Fake => Some("scripted-1"),
            Self::Vllm | Self::LlamaCpp | Self::LmStudio | Self::OpenAiCompatible => None,
        }
    }

    /// Returns the default embedding model, if the type has one.
    pub(in crate::bootstrap) const fn embedding_model(self) -> Option<&'static str> {
        match self {
            Self::OpenAi | Self::Fake => Some("text-embedding-3-small"),
            Self::Gemini | Self::Vertex => Some("gemini-embedding-001"),
            Self::Ollama => Some("nomic-embed-text"),
            Self::Anthropic
            | Self::Vllm
            | Self::LlamaCpp
            | Self::LmStudio
            | Self::OpenAiCompatible
            | Self::Extractive => None,
        }
    }

    /// Whether the default address is on this machine, over plain HTTP.
    pub(super) const fn listens_here(self) -> bool {
        matches!(self, Self::Ollama | Self::Vllm | Self::LlamaCpp | Self::LmStudio | Self::Fake)
    }

    const fn is_remote(self) -> bool {
        !matches!(self, Self::Extractive)
    }

    const fn embeds(self) -> bool {
        !matches!(self, Self::Extractive | Self::Anthropic)
    }

    /// Whether a provider of the type supports the field `field` of its section.
    pub(super) fn has_use_for(self, field: &str) -> bool {
        match field {
            "key" | "key_env" => self.is_remote() && self != Self::Vertex,
            "embedding_model" | "embedding_dimension" => self.embeds(),
            "embedding_token_limit" => self.embeds() && !matches!(self, Self::Gemini | Self::Vertex),
            "organisation" => self == Self::OpenAi,
            "project" | "location" | "credentials_file" => self == Self::Vertex,
            "context_tokens" => self == Self::Ollama,
            "own_hardware" => self == Self::OpenAiCompatible,
            "type" => true,
            _ => self.is_remote(),
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Provider. Every field is optional for a provider with the name of its type.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderConfig {
    /// Type; the name of the provider by default.
    #[serde(rename = "type")]
    pub kind: Option<ProviderKind>,
    /// Key. Prefer `key_env`, which keeps it out of the file.
    pub key: Option<Secret>,
    /// Variable of the key; that of the type by default.
    pub key_env: Option<String>,
    /// Address; the vendor's own, or the usual port on this machine, by default.
    pub endpoint: Option<String>,
    /// Default model, which a request may override.
    pub model: Option<String>,
    /// Embedding model, if `llm.embedder` names this provider.
    pub embedding_model: Option<String>,
    /// Dimension of the vectors; required for models that Nexus does not know.
    pub embedding_dimension: Option<usize>,
    /// Token limit of the embedding model, if Nexus does not know it (not Gemini).
    pub embedding_token_limit: Option<usize>,
    /// Organisation among those of the key (OpenAI).
    pub organisation: Option<String>,
    /// Project (Vertex AI).
    pub project: Option<String>,
    /// Location (Vertex AI).
    pub location: Option<String>,
    /// Credentials file of a service account (Vertex AI).
    pub credentials_file: Option<PathBuf>,
    /// Context window in tokens, prompt and answer together, `num_ctx` (Ollama).
    pub context_tokens: Option<u32>,
    /// Whether the server runs on own hardware, so that its tokens cost nothing (OpenAI-compatible servers).
    pub own_hardware: Option<bool>,
    /// Connect timeout in milliseconds; 5,000 by default.
    pub connect_timeout_ms: Option<u64>,
    /// PEM file of certificate authorities trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Proxy: `none` or a URL; that of the environment by default.
    pub proxy: Option<Secret>,
    /// Whether the key may go over plain HTTP to another machine; false by default.
    pub allow_plain_http: Option<bool>,
}

impl ProviderConfig {
    /// Returns the type of the provider called `name`.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_CONFIG` when neither `type` nor the name
    /// determines it.
    pub fn kind(&self, name: &str) -> Result<ProviderKind> {
        self.kind.or_else(|| ProviderKind::named(name)).ok_or_else(|| {
            let kinds = ProviderKind::ALL.map(ProviderKind::as_str).join(", ");
            super::invalid(format!("the provider `{}` has no `type`", name.escape_debug()))
                .with_hint(format!("write one into `[providers.{}]`: {kinds}", name.escape_debug()))
        })
    }

    /// Checks that the type supports every field that is set.
    ///
    /// # Errors
    /// As [`ProviderConfig::kind`], and for an unsupported field.
    pub(super) fn check(&self, name: &str) -> Result<()> {
        nexus_core::id::check_name("name of a provider", name)?;
        let kind = self.kind(name)?;
        let fields = [
            ("key", self.key.is_some()),
            ("key_env", self.key_env.is_some()),
            ("endpoint", self.endpoint.is_some()),
            ("model", self.model.is_some()),
            ("embedding_model", self.embedding_model.is_some()),
            ("embedding_dimension", self.embedding_dimension.is_some()),
            ("embedding_token_limit", self.embedding_token_limit.is_some()),
            ("organisation", self.organisation.is_some()),
            ("project", self.project.is_some()),
            ("location", self.location.is_some()),
            ("credentials_file", self.credentials_file.is_some()),
            ("context_tokens", self.context_tokens.is_some()),
            ("own_hardware", self.own_hardware.is_some()),
            ("connect_timeout_ms", self.connect_timeout_ms.is_some()),
            ("ca_file", self.ca_file.is_some()),
            ("proxy", self.proxy.is_some()),
            ("allow_plain_http", self.allow_plain_http.is_some()),
        ];
        match fields.into_iter().find(|(field, set)| *set && !kind.has_use_for(field)) {
            Some((field, _)) => Err(super::invalid(format!(
                "the provider `{name}` of the type `{kind}` does not support the field `{field}`"
            ))),
            None => Ok(()),
        }
    }
}
