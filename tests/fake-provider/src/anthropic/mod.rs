//! Anthropic's wire: messages, unary and as named events.

mod message;
mod stream;

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::call::{Call, settle};
use crate::log::Billed;
use crate::refusal::{Kind, Refusal};

/// Answers `POST /v1/messages`.
pub(crate) async fn messages(call: Call) -> Response {
    settle(call, message::read, message::answer).await
}

/// Returns the body of `GET /v1/models`.
pub(crate) fn models() -> Value {
    let models = crate::MODELS.map(|model| {
        json!({
            "type": "model", "id": model, "display_name": model, "created_at": "2026-01-01T00:00:00Z",
        })
    });
    json!({ "data": models, "has_more": false, "first_id": crate::MODELS[0], "last_id": crate::MODELS[1] })
}

/// Returns the body of an error.
pub(crate) fn error(refusal: &Refusal, id: u64) -> Value {
    let mut error = json!({ "type": kind(refusal.kind), "message": refusal.message });
    if refusal.kind == Kind::Quota
        && let Some(error) = error.as_object_mut()
    {
        error.insert("details".to_owned(), json!({ "error_code": "enforced_spend_limit_reached" }));
    }
    // These have no code: clients recognise them by their words.
    let words = [
        (Kind::Context, "prompt is too long: 200001 tokens > 200000 maximum"),
        (Kind::Blocked, "Output blocked by content filtering policy"),
    ];
    if let Some((_, words)) = words.into_iter().find(|(kind, _)| *kind == refusal.kind)
        && let Some(error) = error.as_object_mut()
    {
        error.insert("message".to_owned(), words.into());
    }
    json!({ "type": "error", "error": error, "request_id": request_id(id) })
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Unauthorised => "authentication_error",
        Kind::Billing => "billing_error",
        Kind::Forbidden => "permission_error",
        Kind::NotFound => "not_found_error",
        Kind::TooLarge => "request_too_large",
        Kind::RateLimited | Kind::Quota => "rate_limit_error",
        Kind::Overloaded => "overloaded_error",
        Kind::Other(504) => "timeout_error",
        Kind::Internal | Kind::Unavailable | Kind::Other(500..) => "api_error",
        Kind::Invalid | Kind::Context | Kind::Prefill | Kind::Blocked | Kind::Other(_) | Kind::Html(_) => {
            "invalid_request_error"
        }
    }
}

fn request_id(id: u64) -> String {
    format!("req_scripted{id}")
}

/// Returns the headers of every response.
pub(crate) fn headers(id: u64) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers: Vec<_> = [
        ("anthropic-organization-id", "scripted"),
        ("anthropic-ratelimit-requests-limit", "1000000"),
        ("anthropic-ratelimit-requests-remaining", "999999"),
        ("anthropic-ratelimit-tokens-limit", "1000000000"),
        ("anthropic-ratelimit-tokens-remaining", "999999999"),
    ]
    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
    .into();
    if let Ok(id) = HeaderValue::from_str(&request_id(id)) {
        headers.push((HeaderName::from_static("request-id"), id));
    }
    headers
}

/// Returns the usage, whose input does not contain the cache.
fn usage(billed: &Billed) -> Map<String, Value> {
    let mut usage = Map::new();
    usage.insert("input_tokens".to_owned(), billed.input.into());
    usage.insert(
        "cache_creation_input_tokens".to_owned(),
        (billed.cache_write + billed.cache_write_1h).into(),
    );
    usage.insert("cache_read_input_tokens".to_owned(), billed.cache_read.into());
    usage.insert(
        "cache_creation".to_owned(),
        json!({
            "ephemeral_5m_input_tokens": billed.cache_write,
            "ephemeral_1h_input_tokens": billed.cache_write_1h,
        }),
    );
    usage.insert("output_tokens".to_owned(), billed.all_output().into());
    searches(billed, &mut usage);
    usage.insert("service_tier".to_owned(), "standard".into());
    usage
}

fn searches(billed: &Billed, usage: &mut Map<String, Value>) {
    if billed.searches > 0 {
        usage.insert("server_tool_use".to_owned(), json!({ "web_search_requests": billed.searches }));
    }
}
