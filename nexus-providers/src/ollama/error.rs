//! What Ollama's errors mean. It has statuses and sentences, and no codes.

use nexus_core::llm::Fault;

use crate::wire::Refusal;

/// What a refusal, or a line with `error` within a stream, means beyond its status.
pub(super) fn classify(refusal: &Refusal) -> Option<Fault> {
    if refusal.says(&["context length", "context size", "context window"]) {
        Some(Fault::ContextLength)
    } else if refusal.says(&["server busy", "maximum pending requests"]) {
        Some(Fault::Overloaded)
    } else if refusal.says(&["not found", "does not support"]) {
        Some(Fault::InvalidRequest)
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
    fn check(status: u16, words: &str, expected: Option<Fault>) {
        let body = json!({"error": words});
        assert_eq!(classify(&Refusal { status: StatusCode::from_u16(status).unwrap(), body }), expected);
    }

    #[test]
    fn its_sentences_are_understood() {
        check(404, "model 'llama3.1:8b' not found", Some(Fault::InvalidRequest));
        check(400, "\"nomic-embed-text\" does not support chat", Some(Fault::InvalidRequest));
        check(
            400,
            "registry.ollama.ai/library/phi:latest does not support tools",
            Some(Fault::InvalidRequest),
        );
        check(
            503,
            "server busy, please try again.  maximum pending requests exceeded",
            Some(Fault::Overloaded),
        );
        check(400, "the input length exceeds the context length", Some(Fault::ContextLength));
        check(
            400,
            "request (5000 tokens) exceeds the available context size (4096)",
            Some(Fault::ContextLength),
        );
        check(500, "llama runner process has terminated: exit status 2", None);
        check(401, "unauthorized", None);
    }
}
