//! OpenAI's wire: chat completions, embeddings, speech and models, with the fields that its own clients read.

mod chat;
mod embeddings;
mod speech;
mod stream;

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use serde_json::{Value, json};

use crate::call::{Call, settle};
use crate::dialect::Dialect;
use crate::log::Billed;
use crate::refusal::{Kind, Refusal};

/// Creation time of everything: replies depend on the request alone.
const CREATED: u64 = 1_767_225_600;
const SYSTEM: &str = "fp_scripted";

/// Answers `POST /v1/chat/completions`.
pub(crate) async fn chat(call: Call) -> Response {
    settle(call, chat::read, chat::answer).await
}

/// Answers `POST /v1/embeddings`.
pub(crate) async fn embeddings(call: Call) -> Response {
    embeddings::answer(call).await
}

/// Answers `POST /v1/audio/speech`.
pub(crate) async fn speech(call: Call) -> Response {
    speech::answer(call).await
}

/// Answers `GET /v1/models`, which Anthropic has as well.
pub(crate) async fn models(call: Call) -> Response {
    let body = if call.dialect == Dialect::Anthropic {
        crate::anthropic::models()
    } else {
        json!({ "object": "list", "data": crate::MODELS.map(about) })
    };
    listed(call, &body)
}

/// Answers `GET /v1/models/<name>`: every name is a model.
pub(crate) async fn model(call: Call) -> Response {
    let body = about(&call.target);
    listed(call, &body)
}

/// Answers with a list that needs a key and costs nothing.
pub(crate) fn listed(mut call: Call, body: &Value) -> Response {
    let target = if call.target.is_empty() { crate::MODELS[0].to_owned() } else { call.target.clone() };
    match call.begin(&target, false) {
        Ok(()) => call.done(body),
        Err(refusal) => call.refuse(&refusal),
    }
}

fn about(model: &str) -> Value {
    json!({ "id": model, "object": "model", "created": CREATED, "owned_by": "scripted" })
}

/// Returns the body of an error.
pub(crate) fn error(refusal: &Refusal) -> Value {
    let (kind, code) = words(refusal.kind);
    json!({ "error": {
        "message": refusal.message, "type": kind, "param": refusal.field, "code": code,
    } })
}

/// Returns an error's `type` and `code`.
fn words(kind: Kind) -> (&'static str, Option<&'static str>) {
    match kind {
        Kind::Context => ("invalid_request_error", Some("context_length_exceeded")),
        Kind::Blocked => ("invalid_request_error", Some("content_policy_violation")),
        Kind::Unauthorised => ("invalid_request_error", Some("invalid_api_key")),
        Kind::NotFound => ("invalid_request_error", Some("model_not_found")),
        Kind::Billing => ("billing_error", Some("billing_not_active")),
        Kind::RateLimited => ("requests", Some("rate_limit_exceeded")),
        Kind::Quota => ("insufficient_quota", Some("insufficient_quota")),
        Kind::Unavailable | Kind::Overloaded => ("server_error", Some("service_unavailable")),
        Kind::Internal | Kind::Other(500..) => ("server_error", None),
        Kind::Invalid | Kind::Prefill | Kind::Forbidden | Kind::TooLarge | Kind::Other(_) | Kind::Html(_) => {
            ("invalid_request_error", None)
        }
    }
}

/// Returns the headers of every response.
pub(crate) fn headers(id: u64) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers: Vec<_> = [
        ("openai-version", "2020-10-01"),
        ("openai-organization", "scripted"),
        ("openai-processing-ms", "1"),
        ("x-ratelimit-limit-requests", "1000000"),
        ("x-ratelimit-limit-tokens", "1000000000"),
        ("x-ratelimit-remaining-requests", "999999"),
        ("x-ratelimit-remaining-tokens", "999999999"),
        ("x-ratelimit-reset-requests", "1ms"),
        ("x-ratelimit-reset-tokens", "1ms"),
    ]
    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
    .into();
    if let Ok(id) = HeaderValue::from_str(&format!("req_scripted_{id}")) {
        headers.push((HeaderName::from_static("x-request-id"), id));
    }
    headers
}

/// Returns usage in the form of chat completions: the parts are included in the whole.
fn usage(billed: &Billed) -> Value {
    let (prompt, completion) = (billed.all_input() + billed.tool_prompt, billed.all_output());
    let mut prompt_details = json!({ "cached_tokens": billed.cache_read, "audio_tokens": billed.audio_in });
    if billed.cache_write > 0
        && let Some(details) = prompt_details.as_object_mut()
    {
        details.insert("cache_write_tokens".to_owned(), billed.cache_write.into());
    }
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": {
            "reasoning_tokens": billed.reasoning,
            "audio_tokens": billed.audio_out,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}
