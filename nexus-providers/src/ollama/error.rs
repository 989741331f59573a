//! Error classes of Ollama's errors, which have statuses and messages, and no codes.

use nexus_core::llm::ProviderErrorKind;

use crate::http::ErrorResponse;

/// Returns the error kind of an error response, or of a line with `error`, where the status is ambiguous.
pub(super) fn classify(refusal: &ErrorResponse) -> Option<ProviderErrorKind> {
    if refusal.says(&["context length", "context size", "context window"]) {
        Some(ProviderErrorKind::ContextLength)
    } else if refusal.says(&["server busy", "maximum pending requests"]) {
        Some(ProviderErrorKind::Overloaded)
    } else if refusal.says(&["not found", "does not support"]) {
        Some(ProviderErrorKind::InvalidRequest)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(status: u16, words: &str, expected: Option<ProviderErrorKind>) {
        let body = json!({"error": words});
        assert_eq!(
            classify(&ErrorResponse { status: StatusCode::from_u16(status).unwrap(), body }),
            expected
        );
    }

    #[test]
    fn its_sentences_are_understood() {
        check(404, "model 'llama3.1:8b' not found", Some(ProviderErrorKind::InvalidRequest));
        check(400, "\"nomic-embed-text\" does not support chat", Some(ProviderErrorKind::InvalidRequest));
        check(
            400,
            "registry.ollama.ai/library/phi:latest does not support tools",
            Some(ProviderErrorKind::InvalidRequest),
        );
        check(
            503,
            "server busy, please try again.  maximum pending requests exceeded",
            Some(ProviderErrorKind::Overloaded),
        );
        check(400, "the input length exceeds the context length", Some(ProviderErrorKind::ContextLength));
        check(
            400,
            "request (5000 tokens) exceeds the available context size (4096)",
            Some(ProviderErrorKind::ContextLength),
        );
        check(500, "llama runner process has terminated: exit status 2", None);
        check(401, "unauthorized", None);
    }
}
