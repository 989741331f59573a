//! Whose wire a request came on, which its path tells.

use axum::http::{HeaderMap, header};
use serde::Serialize;

/// A vendor's wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// OpenAI, and everyone who speaks like it.
    #[serde(rename = "openai")]
    OpenAi,
    /// Anthropic's Messages.
    Anthropic,
    /// Gemini, with a key or through Vertex AI.
    Gemini,
    /// Ollama.
    Ollama,
}

impl Dialect {
    /// The dialect of a request. What no vendor has is answered in OpenAI's words.
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Self {
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| path.starts_with(prefix));
        if begins(&["/v1/messages"]) || headers.contains_key("anthropic-version") {
            Self::Anthropic
        } else if begins(&["/v1beta/", "/v1beta1/", "/v1/projects/"])
            || (path.starts_with("/v1/models/") && path.contains(':'))
        {
            Self::Gemini
        } else if begins(&["/api/"]) {
            Self::Ollama
        } else {
            Self::OpenAi
        }
    }

    /// The key that a request brings, where this vendor looks for it; empty without one.
    pub(crate) fn key(self, headers: &HeaderMap, query: &str) -> String {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = header(header::AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
        let own = match self {
            Self::OpenAi | Self::Ollama => None,
            Self::Anthropic => header("x-api-key"),
            Self::Gemini => header("x-goog-api-key").or_else(|| parameter(query, "key")),
        };
        own.or(bearer).unwrap_or_default().trim().to_owned()
    }
}

/// The value of a parameter of a query, as it stands there.
pub(crate) fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
