//! `[providers.<name>]`: who can be asked, and how to reach them.

use std::fmt;
use std::path::PathBuf;

use nexus_core::Result;
use serde::Deserialize;

use crate::Secret;

/// What speaks at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// OpenAI.
    #[serde(rename = "openai")]
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Gemini, with a key.
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
    /// Any other server that speaks like OpenAI.
    #[serde(rename = "openai_compatible")]
    OpenAiCompatible,
    /// The answerer that quotes, in this process.
    Extractive,
    /// The scripted provider, which fakes vendors.
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

    /// The type's name, which is also the name of the provider of this type that needs no section of its own.
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

    /// The type of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The variable that usually holds the key, where there is one.
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

    /// The model that answers unless told, where there is a usual one.
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

    /// The model that embeds unless told, where there is a usual one.
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

    /// Whether it is on this machine unless told, over plain HTTP.
    pub(super) const fn listens_here(self) -> bool {
        matches!(self, Self::Ollama | Self::Vllm | Self::LlamaCpp | Self::LmStudio | Self::Fake)
    }

    const fn is_remote(self) -> bool {
        !matches!(self, Self::Extractive)
    }

    const fn embeds(self) -> bool {
        !matches!(self, Self::Extractive | Self::Anthropic)
    }

    /// Whether a provider of the type has a use for the field `field` of its section.
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

/// One provider. All of it is optional for one that is named like its type.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderConfig {
    /// What it is; the provider's name unless told.
    #[serde(rename = "type")]
    pub kind: Option<ProviderKind>,
    /// Its key. Better kept out of the file: `key_env`.
    pub key: Option<Secret>,
    /// The variable that holds its key; the type's usual one unless told.
    pub key_env: Option<String>,
    /// Where it is; the vendor's own address, or the usual port of this machine, unless told.
    pub endpoint: Option<String>,
    /// The model that answers unless a request names another.
    pub model: Option<String>,
    /// The model that embeds, when `llm.embedder` names this provider.
    pub embedding_model: Option<String>,
    /// How many numbers its vectors have; needed for models that Nexus does not know.
    pub embedding_dimension: Option<usize>,
    /// How many tokens of a text the model embeds, where Nexus does not know (not Gemini).
    pub embedding_token_limit: Option<usize>,
    /// The organisation among those of the key (OpenAI).
    pub organisation: Option<String>,
    /// The project (Vertex AI).
    pub project: Option<String>,
    /// The location (Vertex AI).
    pub location: Option<String>,
    /// The file with the credentials of a service account (Vertex AI).
    pub credentials_file: Option<PathBuf>,
    /// How many tokens of prompt and answer the model reads, `num_ctx` (Ollama).
    pub context_tokens: Option<u32>,
    /// Whether it runs on hardware of one's own, so that its tokens cost nothing (OpenAI-compatible servers).
    pub own_hardware: Option<bool>,
    /// How long connecting may take, in milliseconds; 5,000 unless told.
    pub connect_timeout_ms: Option<u64>,
    /// A PEM file with certificate authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The proxy: `none` or a URL; that of the usual variables unless told.
    pub proxy: Option<Secret>,
    /// Whether its key may go over plain HTTP to another machine; it may not unless told.
    pub allow_plain_http: Option<bool>,
}

impl ProviderConfig {
    /// What the provider called `name` is.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_CONFIG` when neither `type` nor its name
    /// tells.
    pub fn kind(&self, name: &str) -> Result<ProviderKind> {
        self.kind.or_else(|| ProviderKind::named(name)).ok_or_else(|| {
            let kinds = ProviderKind::ALL.map(ProviderKind::as_str).join(", ");
            super::invalid(format!("the provider `{}` has no `type`", name.escape_debug()))
                .hint(format!("write one into `[providers.{}]`: {kinds}", name.escape_debug()))
        })
    }

    /// Checks that nothing is set that would be ignored.
    ///
    /// # Errors
    /// As [`ProviderConfig::kind`], and for a field that the type has no use for.
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
                "`{field}` means nothing to the provider `{name}`, which is of the type `{kind}`"
            ))),
            None => Ok(()),
        }
    }
}
