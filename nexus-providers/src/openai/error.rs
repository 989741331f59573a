//! Error classes of the codes, types and messages of errors.

use nexus_core::llm::ProviderErrorKind;

use crate::http::ErrorResponse;

/// Codes and types of OpenAI and of compatible servers.
const CODES: [(&str, ProviderErrorKind); 24] = [
    ("account_deactivated", ProviderErrorKind::Authentication),
    ("invalid_api_key", ProviderErrorKind::Authentication),
    ("billing_error", ProviderErrorKind::Billing),
    ("billing_hard_limit_reached", ProviderErrorKind::Billing),
    ("billing_not_active", ProviderErrorKind::Billing),
    ("credit_balance_exhausted", ProviderErrorKind::Billing),
    ("insufficient_quota", ProviderErrorKind::Billing),
    ("organization_spend_limit_exceeded", ProviderErrorKind::Billing),
    ("project_spend_limit_exceeded", ProviderErrorKind::Billing),
    ("context_length_exceeded", ProviderErrorKind::ContextLength),
    ("exceed_context_size_error", ProviderErrorKind::ContextLength),
    ("content_filter", ProviderErrorKind::ContentFilter),
    ("content_policy_violation", ProviderErrorKind::ContentFilter),
    ("invalid_prompt", ProviderErrorKind::ContentFilter),
    ("moderation_blocked", ProviderErrorKind::ContentFilter),
    ("rate_limit_error", ProviderErrorKind::RateLimited),
    ("rate_limit_exceeded", ProviderErrorKind::RateLimited),
    ("overloaded_error", ProviderErrorKind::Overloaded),
    ("server_is_overloaded", ProviderErrorKind::Overloaded),
    ("slow_down", ProviderErrorKind::Overloaded),
    ("unavailable_error", ProviderErrorKind::Overloaded),
    ("authentication_error", ProviderErrorKind::Authentication),
    ("not_found_error", ProviderErrorKind::InvalidRequest),
    ("timeout", ProviderErrorKind::Timeout),
];

/// Messages for a prompt beyond the context window, from servers without codes.
const TOO_LONG: [&str; 5] = [
    "maximum context length",
    "maximum model length",
    "available context size",
    "greater than the context length",
    "exceeds the context window",
];

/// Returns the error kind of an error response whose body is more specific than its status.
pub(super) fn classify(refusal: &ErrorResponse) -> Option<ProviderErrorKind> {
    let given = [
        refusal.text("/error/code"),
        refusal.text("/error/type"),
        refusal.text("/code"),
        refusal.text("/type"),
    ];
    let known = given.iter().find_map(|given| CODES.iter().find(|(code, _)| code == given));
    match known {
        Some((_, fault)) => Some(*fault),
        None => refusal.says(&TOO_LONG).then_some(ProviderErrorKind::ContextLength),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(body: Value, expected: Option<ProviderErrorKind>) {
        assert_eq!(classify(&ErrorResponse { status: StatusCode::BAD_REQUEST, body }), expected);
    }

    #[test]
    fn codes_say_more_than_types_and_types_more_than_words() {
        let error = |kind: &str, code: Value| json!({"error": {"message": "no", "type": kind, "code": code}});
        check(
            error("invalid_request_error", json!("context_length_exceeded")),
            Some(ProviderErrorKind::ContextLength),
        );
        check(error("insufficient_quota", Value::Null), Some(ProviderErrorKind::Billing));
        check(error("requests", json!("rate_limit_exceeded")), Some(ProviderErrorKind::RateLimited));
        check(error("tokens", json!("project_spend_limit_exceeded")), Some(ProviderErrorKind::Billing));
        check(
            error("invalid_request_error", json!("content_policy_violation")),
            Some(ProviderErrorKind::ContentFilter),
        );
        check(error("invalid_request_error", json!("unknown_parameter")), None);
        check(Value::Null, None);
    }

    #[test]
    fn servers_without_codes_are_understood_by_their_words() {
        let vllm = "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens.";
        check(
            json!({"object": "error", "message": vllm, "type": "BadRequestError", "code": 400}),
            Some(ProviderErrorKind::ContextLength),
        );
        let llama = "the request exceeds the available context size, try increasing it";
        let llama = json!({"error": {"code": 400, "message": llama, "type": "exceed_context_size_error"}});
        check(llama, Some(ProviderErrorKind::ContextLength));
        let studio =
            "The number of tokens to keep from the initial prompt is greater than the context length.";
        check(json!({"error": studio}), Some(ProviderErrorKind::ContextLength));
        check(json!({"error": "'response_format.type' must be 'json_schema' or 'text'"}), None);
    }
}
