//! `POST /v1/run`: asks a question and streams the run's events, or resumes an interrupted stream.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use nexus_core::run::Run;
use nexus_core::{Error, ErrorKind, RequestId, Result};

use crate::error::ApiError;
use crate::sse;
use crate::state::AppState;
use crate::wire::{LastEvent, RunRequest, json_body, unknown_event};

/// Asks a question, or resumes a stream when the client sends `Last-Event-ID`.
pub(super) async fn run(
    State(server): State<AppState>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, ApiError> {
    let last = LastEvent::of(request.headers())?;
    let body = json_body(request, server.limits.body).await?;
    Ok(match last {
        None => ask(&server, id, RunRequest::parse(&body)?).await?,
        Some(last) if body.is_empty() => resume(&server, &last, None).await?,
        Some(last) => resume(&server, &last, Some(&RunRequest::parse(&body)?)).await?,
    })
}

async fn ask(server: &AppState, id: RequestId, asked: RunRequest) -> Result<Response> {
    let question =
        server.nexus.ask(&server.caller, asked.message).corpus(asked.corpus).session(asked.session);
    let question = match asked.top_k {
        Some(top_k) => question.top_k(top_k),
        None => question,
    };
    let run = question.speak(asked.audio).request_id(id.clone()).start().await?;
    Ok(sse::respond(server, run.id().clone(), id, 0, run.events()))
}

/// Streams the events after `last`. A client that sends its question again must send the one that began the run.
async fn resume(server: &AppState, last: &LastEvent, asked: Option<&RunRequest>) -> Result<Response> {
    let run = server.nexus.run(&server.caller, &last.run).await?;
    if last.seq >= run.next_seq {
        return Err(unknown_event());
    }
    if asked.is_some_and(|asked| !is_same(asked, &run)) {
        return Err(other_question());
    }
    if run.outcome().is_some() && last.seq + 1 == run.next_seq {
        // The client has received the last event; this status makes an `EventSource` stop reconnecting.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events = server.nexus.events(&server.caller, &run.id, last.seq + 1).await?;
    Ok(sse::respond(server, run.id, run.request_id, last.seq, events))
}

fn is_same(asked: &RunRequest, run: &Run) -> bool {
    asked.session == run.session_id
        && asked.corpus == run.ask.corpus
        && asked.top_k == run.ask.options.top_k
        && asked.audio == run.ask.options.speak
        && asked.message.replace('\0', "\u{FFFD}") == run.ask.question
}

fn other_question() -> Error {
    Error::new(ErrorKind::Conflict, "`Last-Event-ID` belongs to the run of another question")
        .code("RESUME_MISMATCH")
        .hint("omit the header to ask a new question, or omit the body to resume")
}
