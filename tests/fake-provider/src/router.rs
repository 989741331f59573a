//! Router of the scripted vendors' paths.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{any, get, post};
use serde_json::json;

use crate::call::{Call, plain};
use crate::refusal::{Kind, Refusal};
use crate::server::Server;
use crate::{anthropic, gemini, ollama, openai};

/// Returns the routes of all dialects, and the log's own.
pub(crate) fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(openai::chat))
        .route("/v1/embeddings", post(openai::embeddings))
        .route("/v1/audio/speech", post(openai::speech))
        .route("/v1/models", get(openai::models))
        .route("/v1/models/{target}", get(openai::model).post(gemini::generate))
        .route("/v1/messages", post(anthropic::messages))
        .route("/v1beta/models", get(gemini::models))
        .route("/v1beta/models/{target}", get(gemini::model).post(gemini::generate))
        .route(
            "/v1/projects/{project}/locations/{location}/publishers/{publisher}/models/{target}",
            post(gemini::generate),
        )
        .route(
            "/v1beta1/projects/{project}/locations/{location}/publishers/{publisher}/models/{target}",
            post(gemini::generate),
        )
        .route("/api/chat", post(ollama::chat))
        .route("/api/embed", post(ollama::embed))
        .route("/api/tags", get(ollama::tags))
        .route("/api/version", get(ollama::version))
        .route("/_scripted/log", get(log).delete(clear))
        .fallback(any(unknown))
        .method_not_allowed_fallback(unknown)
        .with_state(server)
}

async fn log(State(server): State<Arc<Server>>) -> Response {
    plain(&json!(server.log.snapshot()))
}

async fn clear(State(server): State<Arc<Server>>) -> Response {
    server.log.clear();
    plain(&json!({ "cleared": true }))
}

async fn unknown(call: Call) -> Response {
    call.refuse(&Refusal::new(Kind::NotFound, "the scripted provider has no such path"))
}
