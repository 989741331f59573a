//! `POST /v1/run`: asks a question and streams the run's events, or resumes an interrupted stream.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use nexus_core::run::Run;
use nexus_core::{CorpusId, Error, ErrorKind, RequestId, Result, SessionId};
use serde::Deserialize;

use crate::error::{ApiError, codes};
use crate::extract::{JsonBody, LastEventId, unknown_event};
use crate::sse;
use crate::state::AppState;

/// Largest `top_k` of a request.
const MAX_TOP_K: usize = 50;

/// Body of `POST /v1/run` before validation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunBody {
    session_id: String,
    corpus_id: String,
    message: String,
    top_k: Option<usize>,
    #[serde(default)]
    audio: bool,
}

/// Validated body of `POST /v1/run`.
#[derive(Debug, PartialEq)]
struct RunRequest {
    session: SessionId,
    corpus: CorpusId,
    message: String,
    /// Number of passages; by default that of the corpus, which is 5 at its creation.
    top_k: Option<usize>,
    /// Whether to add speech output.
    audio: bool,
}

impl RunRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with a code for each kind of defect.
    fn parse(body: &[u8]) -> Result<Self> {
        // A derived `Deserialize` would also accept an array of the fields in order.
        if body.trim_ascii_start().first().is_some_and(|first| *first == b'[') {
            return Err(misfit("the body is not a JSON object"));
        }
        let body: RunBody = serde_json::from_slice(body).map_err(unread)?;
        if body.top_k.is_some_and(|k| !(1..=MAX_TOP_K).contains(&k)) {
            return Err(Error::invalid(format!("`top_k` is 1 to {MAX_TOP_K}")).with_code("INVALID_TOP_K"));
        }
        Ok(Self {
            session: SessionId::parse(body.session_id)?,
            corpus: CorpusId::parse(body.corpus_id)?,
            message: body.message,
            top_k: body.top_k,
            audio: body.audio,
        })
    }
}

/// Returns an error with the position of a defect, and without text of the body.
fn unread(error: serde_json::Error) -> Error {
    let place = format!("line {}, column {}", error.line(), error.column());
    if error.is_data() {
        misfit(format!("cannot parse the body as a question at {place}")).because(error)
    } else {
        Error::invalid(format!("cannot parse the body as JSON at {place}"))
            .with_code(codes::MALFORMED_JSON)
            .because(error)
    }
}

fn misfit(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid(message).with_code("INVALID_BODY").with_hint(
        "the fields are `session_id`, `corpus_id` and `message` (text), and optionally `top_k` (1 to 50) and `audio` (`true` or `false`)",
    )
}

/// Asks a question, or resumes a stream when the client sends `Last-Event-ID`.
pub(super) async fn run(
    State(server): State<AppState>,
    Extension(id): Extension<RequestId>,
    last: Option<LastEventId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
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
async fn resume(server: &AppState, last: &LastEventId, asked: Option<&RunRequest>) -> Result<Response> {
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
        .with_code("RESUME_MISMATCH")
        .with_hint("omit the header to ask a new question, or omit the body to resume")
}
