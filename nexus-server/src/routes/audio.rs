//! `GET /v1/audio/{audio_id}.mp3`: audio of an answer, for principals that may see its run.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use nexus_core::{Error, Result, RunId};

use crate::error::ApiError;
use crate::state::AppState;

/// Returns the audio. The path ends in `mp3` for the sake of clients; the content type names the actual format.
pub(super) async fn audio(
    State(server): State<AppState>,
    file: std::result::Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(file) = file.map_err(|_| nothing())?;
    let run = file.strip_suffix(".mp3").and_then(|id| RunId::parse(id).ok()).ok_or_else(nothing)?;
    let speech = server.nexus.audio(&server.caller, &run).await?;
    let headers = [(CONTENT_TYPE, speech.mime.as_str()), (CACHE_CONTROL, "private, no-store")];
    Ok((headers, speech.bytes).into_response())
}

fn nothing() -> Error {
    Error::not_found("there is no such audio").with_code("AUDIO_NOT_FOUND")
}
