//! Google's wire, for Gemini with a key and for Vertex AI: one path for a model, ending in a verb.

mod content;
mod embeddings;
mod stream;

use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::call::{Call, settle};
use crate::dialect::parameter;
use crate::log::Billed;
use crate::openai::listed;
use crate::refusal::{Kind, Refusal, RetryHints};
use crate::script::Script;

/// Answers `POST …/models/<model>:<verb>`.
pub(crate) async fn generate(mut call: Call) -> Response {
    let (model, verb) = split(&call.target);
    let (model, stream) = (model.to_owned(), verb == "streamGenerateContent");
    match verb {
        "generateContent" | "streamGenerateContent" => {
            if blocked(&call, &model) {
                return content::blocked(call, &model, stream);
            }
            settle(call, |call| content::read(call, &model, stream), content::answer).await
        }
        "embedContent" | "batchEmbedContents" | "predict" => embeddings::answer(call).await,
        _ => {
            let refusal = Refusal::new(Kind::NotFound, format!("`{verb}` is not supported"));
            match call.begin(&model, false) {
                Ok(()) => call.refuse(&refusal),
                Err(refusal) => call.refuse(&refusal),
            }
        }
    }
}

/// Splits the last part of a path into model and verb. A script may have colons, so the last one counts.
fn split(target: &str) -> (&str, &str) {
    target.rsplit_once(':').unwrap_or((target, ""))
}

/// Returns whether the script blocks the prompt, which is no error here.
fn blocked(call: &Call, model: &str) -> bool {
    !call.key().is_empty()
        && Script::parse(model).is_ok_and(|script| script.faults.refusal == Some(Kind::Blocked))
}

/// Returns whether a stream has server-sent events; without `alt=sse` it is an array in pieces.
fn events(call: &Call) -> bool {
    parameter(&call.query, "alt") == Some("sse")
}

/// Answers `GET /v1beta/models`.
pub(crate) async fn models(call: Call) -> Response {
    listed(call, &json!({ "models": crate::MODELS.map(about) }))
}

/// Answers `GET /v1beta/models/<name>`: every name is a model.
pub(crate) async fn model(call: Call) -> Response {
    let body = about(&call.target);
    listed(call, &body)
}

fn about(model: &str) -> Value {
    json!({
        "name": format!("models/{model}"),
        "version": "1",
        "displayName": model,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "embedContent"],
    })
}

/// Returns the status and the body of an error. Google has no 402 and no 529.
pub(crate) fn error(refusal: &Refusal, hints: &RetryHints, array: bool) -> (u16, Value) {
    let (code, status) = words(refusal.kind);
    let mut details = Vec::new();
    if refusal.kind == Kind::Unauthorised {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID", "domain": "googleapis.com",
        }));
    }
    if refusal.kind == Kind::Billing {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "BILLING_DISABLED", "domain": "googleapis.com",
        }));
    }
    if refusal.kind == Kind::Quota {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{ "quotaId": "GenerateRequestsPerDayPerProjectPerModel", "quotaValue": "0" }],
        }));
    }
    if let Some(delay) = &hints.info {
        details.push(json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay }));
    }
    let mut error = json!({ "code": code, "message": refusal.message, "status": status });
    if refusal.kind == Kind::Context
        && let Some(error) = error.as_object_mut()
    {
        // This has no code: clients recognise it by these words.
        let words = "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).";
        error.insert("message".to_owned(), words.into());
    }
    if let Some(error) = error.as_object_mut()
        && !details.is_empty()
    {
        error.insert("details".to_owned(), details.into());
    }
    let body = json!({ "error": error });
    (code, if array { json!([body]) } else { body })
}

fn words(kind: Kind) -> (u16, &'static str) {
    let status = match kind {
        Kind::Unauthorised => return (401, "UNAUTHENTICATED"),
        Kind::Billing => return (403, "PERMISSION_DENIED"),
        Kind::Overloaded => return (503, "UNAVAILABLE"),
        Kind::Invalid | Kind::Context | Kind::Prefill | Kind::Blocked | Kind::TooLarge => "INVALID_ARGUMENT",
        Kind::Forbidden => "PERMISSION_DENIED",
        Kind::NotFound => "NOT_FOUND",
        Kind::RateLimited | Kind::Quota => "RESOURCE_EXHAUSTED",
        Kind::Unavailable => "UNAVAILABLE",
        Kind::Other(504) => "DEADLINE_EXCEEDED",
        Kind::Other(409) => "ABORTED",
        Kind::Internal | Kind::Other(500..) => "INTERNAL",
        Kind::Other(_) | Kind::Html(_) => "FAILED_PRECONDITION",
    };
    (kind.status(), status)
}

/// Returns the usage: the cache is within the prompt, the thoughts beside the candidates.
fn usage(billed: &Billed) -> Map<String, Value> {
    let mut usage = Map::new();
    let prompt = billed.all_input();
    usage.insert("promptTokenCount".to_owned(), prompt.into());
    if billed.cache_read > 0 {
        usage.insert("cachedContentTokenCount".to_owned(), billed.cache_read.into());
    }
    if billed.output > 0 {
        usage.insert("candidatesTokenCount".to_owned(), billed.output.into());
    }
    if billed.tool_prompt > 0 {
        usage.insert("toolUsePromptTokenCount".to_owned(), billed.tool_prompt.into());
    }
    if billed.reasoning > 0 {
        usage.insert("thoughtsTokenCount".to_owned(), billed.reasoning.into());
    }
    usage.insert("totalTokenCount".to_owned(), (prompt + billed.tool_prompt + billed.all_output()).into());
    let details = json!([{ "modality": "TEXT", "tokenCount": prompt }]);
    usage.insert("promptTokensDetails".to_owned(), details);
    usage
}
