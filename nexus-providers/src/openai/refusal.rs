//! Which [`Fault`] a code, a type or a phrase of an error means.

use nexus_core::llm::Fault;

use crate::wire::Refusal;

/// Codes and types, as OpenAI and the servers that speak like it write them.
const CODES: [(&str, Fault); 24] = [
    ("account_deactivated", Fault::Authentication),
    ("invalid_api_key", Fault::Authentication),
    ("billing_error", Fault::Billing),
    ("billing_hard_limit_reached", Fault::Billing),
    ("billing_not_active", Fault::Billing),
    ("credit_balance_exhausted", Fault::Billing),
    ("insufficient_quota", Fault::Billing),
    ("organization_spend_limit_exceeded", Fault::Billing),
    ("project_spend_limit_exceeded", Fault::Billing),
    ("context_length_exceeded", Fault::ContextLength),
    ("exceed_context_size_error", Fault::ContextLength),
    ("content_filter", Fault::ContentFilter),
    ("content_policy_violation", Fault::ContentFilter),
    ("invalid_prompt", Fault::ContentFilter),
    ("moderation_blocked", Fault::ContentFilter),
    ("rate_limit_error", Fault::RateLimited),
    ("rate_limit_exceeded", Fault::RateLimited),
    ("overloaded_error", Fault::Overloaded),
    ("server_is_overloaded", Fault::Overloaded),
    ("slow_down", Fault::Overloaded),
    ("unavailable_error", Fault::Overloaded),
    ("authentication_error", Fault::Authentication),
    ("not_found_error", Fault::InvalidRequest),
    ("timeout", Fault::Timeout),
];

/// What servers without codes say of a prompt that is too long.
const TOO_LONG: [&str; 5] = [
    "maximum context length",
    "maximum model length",
    "available context size",
    "greater than the context length",
    "exceeds the context window",
];

/// The fault that an error tells by more than its status.
pub(super) fn classify(refusal: &Refusal) -> Option<Fault> {
    let told = [
        refusal.text("/error/code"),
        refusal.text("/error/type"),
        refusal.text("/code"),
        refusal.text("/type"),
    ];
    let known = told.iter().find_map(|told| CODES.iter().find(|(code, _)| code == told));
    match known {
        Some((_, fault)) => Some(*fault),
        None => refusal.says(&TOO_LONG).then_some(Fault::ContextLength),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(body: Value, expected: Option<Fault>) {
        assert_eq!(classify(&Refusal { status: StatusCode::BAD_REQUEST, body }), expected);
    }

    #[test]
    fn codes_say_more_than_types_and_types_more_than_words() {
        let error = |kind: &str, code: Value| json!({"error": {"message": "no", "type": kind, "code": code}});
        check(error("invalid_request_error", json!("context_length_exceeded")), Some(Fault::ContextLength));
        check(error("insufficient_quota", Value::Null), Some(Fault::Billing));
        check(error("requests", json!("rate_limit_exceeded")), Some(Fault::RateLimited));
        check(error("tokens", json!("project_spend_limit_exceeded")), Some(Fault::Billing));
        check(error("invalid_request_error", json!("content_policy_violation")), Some(Fault::ContentFilter));
        check(error("invalid_request_error", json!("unknown_parameter")), None);
        check(Value::Null, None);
    }

    #[test]
    fn servers_without_codes_are_understood_by_their_words() {
        let vllm = "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens.";
        check(
            json!({"object": "error", "message": vllm, "type": "BadRequestError", "code": 400}),
            Some(Fault::ContextLength),
        );
        let llama = "the request exceeds the available context size, try increasing it";
        let llama = json!({"error": {"code": 400, "message": llama, "type": "exceed_context_size_error"}});
        check(llama, Some(Fault::ContextLength));
        let studio =
            "The number of tokens to keep from the initial prompt is greater than the context length.";
        check(json!({"error": studio}), Some(Fault::ContextLength));
        check(json!({"error": "'response_format.type' must be 'json_schema' or 'text'"}), None);
    }
}
