//! Dialect of a request, determined by its path.

use axum::http::{HeaderMap, header};
use serde::Serialize;

/// Wire of a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// OpenAI and compatible vendors.
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
    /// Returns the dialect of a request. Unknown paths are answered in OpenAI's words.
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

    /// Returns the key of a request, where this vendor expects it; empty without one.
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

/// Returns the raw value of a query parameter.
pub(crate) fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
