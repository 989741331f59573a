//! Ollama's wire: chat as lines of JSON, embeddings, and the list of models. It needs no key.

mod chat;
mod embed;
mod stream;

use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::call::{Call, settle};
use crate::log::Billed;
use crate::openai::listed;
use crate::refusal::{Kind, Refusal};

/// Creation time of everything: replies depend on the request alone.
const CREATED: &str = "2026-01-01T00:00:00.000000Z";
/// Duration of a token in the reported durations, in nanoseconds.
const TOKEN_NANOS: u64 = 1_000_000;

/// Answers `POST /api/chat`.
pub(crate) async fn chat(call: Call) -> Response {
    settle(call, chat::read, chat::answer).await
}

/// Answers `POST /api/embed`.
pub(crate) async fn embed(call: Call) -> Response {
    embed::answer(call).await
}

/// Answers `GET /api/tags`.
pub(crate) async fn tags(call: Call) -> Response {
    let models = crate::MODELS.map(|model| {
        json!({
            "name": model, "model": model, "modified_at": CREATED, "size": 1,
            "digest": "0000000000000000000000000000000000000000000000000000000000000000",
            "details": {
                "parent_model": "", "format": "scripted", "family": "scripted", "families": ["scripted"],
                "parameter_size": "0B", "quantization_level": "none",
            },
        })
    });
    listed(call, &json!({ "models": models }))
}

/// Answers `GET /api/version`.
pub(crate) async fn version(call: Call) -> Response {
    listed(call, &json!({ "version": "0.0.0-scripted" }))
}

/// Returns the body of an error.
pub(crate) fn error(refusal: &Refusal) -> Value {
    // There are no codes: clients recognise an error by its words.
    if refusal.kind == Kind::Context {
        return json!({ "error": "the input length exceeds the context length" });
    }
    json!({ "error": refusal.message })
}

/// Returns the counts of the last line.
fn counts(billed: &Billed) -> Map<String, Value> {
    let (prompt, output) = (billed.all_input(), billed.all_output());
    let mut counts = Map::new();
    let mut count = |name: &str, value: u64| counts.insert(name.to_owned(), value.into());
    count("prompt_eval_count", prompt);
    if billed.cache_read > 0 {
        count("prompt_eval_cached_count", billed.cache_read);
    }
    count("eval_count", output);
    counts
}

/// Returns the durations, reported with or without counts.
fn durations(billed: &Billed) -> Map<String, Value> {
    let (prompt, output) = (billed.all_input() * TOKEN_NANOS, billed.all_output() * TOKEN_NANOS);
    let mut durations = Map::new();
    let mut duration = |name: &str, value: u64| durations.insert(name.to_owned(), value.into());
    duration("total_duration", TOKEN_NANOS + prompt + output);
    duration("load_duration", TOKEN_NANOS);
    duration("prompt_eval_duration", prompt);
    duration("eval_duration", output);
    durations
}
