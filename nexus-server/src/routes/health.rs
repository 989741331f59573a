//! Health probes: liveness of the process, and readiness of the store.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::error::ApiError;
use crate::state::AppState;

const OK: ([(axum::http::HeaderName, &str); 1], &str) =
    ([(CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#);

/// Liveness probe: the process answers.
pub(super) async fn live() -> impl IntoResponse {
    OK
}

/// Readiness probe: the store can be read and written.
pub(super) async fn ready(State(server): State<AppState>) -> Result<impl IntoResponse, ApiError> {
    server.nexus.ready().await?;
    Ok(OK)
}
