//! Error classes of Anthropic's error types, and of their messages where the type is ambiguous.

use nexus_core::llm::ProviderErrorKind;

use crate::http::ErrorResponse;

/// Returns the error kind of an error response, or of an `error` event within a stream, where the status is
/// ambiguous.
pub(super) fn classify(refusal: &ErrorResponse) -> Option<ProviderErrorKind> {
    match refusal.text("/error/type") {
        "authentication_error" | "permission_error" => Some(ProviderErrorKind::Authentication),
        "billing_error" => Some(ProviderErrorKind::Billing),
        "request_too_large" => Some(ProviderErrorKind::ContextLength),
        // Only the message tells a prompt that exceeds the context window, a spending limit of the account, and
        // exhausted credit.
        "invalid_request_error"
            if refusal.says(&["prompt is too long", "exceed context limit", "context window"]) =>
        {
            Some(ProviderErrorKind::ContextLength)
        }
        "invalid_request_error" if refusal.says(&["api usage limits", "credit balance is too low"]) => {
            Some(ProviderErrorKind::Billing)
        }
        "invalid_request_error" if refusal.says(&["content filtering policy"]) => {
            Some(ProviderErrorKind::ContentFilter)
        }
        "invalid_request_error" | "not_found_error" => Some(ProviderErrorKind::InvalidRequest),
        "rate_limit_error" if refusal.text("/error/details/error_code") == "enforced_spend_limit_reached" => {
            Some(ProviderErrorKind::Billing)
        }
        "rate_limit_error" => Some(ProviderErrorKind::RateLimited),
        "overloaded_error" => Some(ProviderErrorKind::Overloaded),
        "timeout_error" => Some(ProviderErrorKind::Timeout),
        _ => (refusal.status.as_u16() == 413).then_some(ProviderErrorKind::ContextLength),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(status: u16, body: Value, expected: Option<ProviderErrorKind>) {
        let refusal = ErrorResponse { status: StatusCode::from_u16(status).unwrap(), body };
        assert_eq!(classify(&refusal), expected);
    }

    fn error(kind: &str, message: &str) -> Value {
        json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})
    }

    #[test]
    fn each_type_has_its_fault() {
        check(
            401,
            error("authentication_error", "invalid x-api-key"),
            Some(ProviderErrorKind::Authentication),
        );
        check(403, error("permission_error", "no"), Some(ProviderErrorKind::Authentication));
        check(402, error("billing_error", "no"), Some(ProviderErrorKind::Billing));
        check(404, error("not_found_error", "model: claude-0"), Some(ProviderErrorKind::InvalidRequest));
        check(413, error("request_too_large", "no"), Some(ProviderErrorKind::ContextLength));
        check(429, error("rate_limit_error", "slow down"), Some(ProviderErrorKind::RateLimited));
        check(500, error("api_error", "Internal server error"), None);
        check(504, error("timeout_error", "no"), Some(ProviderErrorKind::Timeout));
        check(529, error("overloaded_error", "Overloaded"), Some(ProviderErrorKind::Overloaded));
        check(400, error("an_error_of_next_year", "no"), None);
        check(413, Value::Null, Some(ProviderErrorKind::ContextLength));
    }

    #[test]
    fn a_limit_of_spending_is_no_rate() {
        let details = json!({"error_code": "enforced_spend_limit_reached"});
        let body = json!({"error": {"type": "rate_limit_error", "message": "no", "details": details}});
        check(429, body, Some(ProviderErrorKind::Billing));
        let own = "You have reached your specified API usage limits. You will regain access on 2026-12-01.";
        check(400, error("invalid_request_error", own), Some(ProviderErrorKind::Billing));
        let credit = "Your credit balance is too low to access the Anthropic API.";
        check(400, error("invalid_request_error", credit), Some(ProviderErrorKind::Billing));
    }

    #[test]
    fn a_prompt_that_does_not_fit_and_filtered_content_are_told_from_a_wrong_request() {
        let long = "prompt is too long: 213462 tokens > 200000 maximum";
        check(400, error("invalid_request_error", long), Some(ProviderErrorKind::ContextLength));
        let both = "input length and `max_tokens` exceed context limit: 199000 + 8000 > 200000";
        check(400, error("invalid_request_error", both), Some(ProviderErrorKind::ContextLength));
        let filtered = "Output blocked by content filtering policy";
        check(400, error("invalid_request_error", filtered), Some(ProviderErrorKind::ContentFilter));
        let wrong = "messages.0: user messages must have non-empty content";
        check(400, error("invalid_request_error", wrong), Some(ProviderErrorKind::InvalidRequest));
    }
}
