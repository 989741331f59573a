//! Wire types of requests: the body of a question, and the header `Last-Event-ID`.

use std::time::Duration;

use axum::RequestExt as _;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use nexus_core::{CorpusId, Error, Result, RunId, SessionId};
use serde::Deserialize;
use tokio::time::timeout;

use crate::error::codes;

/// Largest body, in bytes. A question of any 10,000 characters fits.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// Largest `top_k` of a request.
const MAX_TOP_K: usize = 50;
/// Header with the id of the last event that a client received.
const LAST_EVENT_ID: &str = "last-event-id";

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
pub(crate) struct RunRequest {
    pub(crate) session: SessionId,
    pub(crate) corpus: CorpusId,
    pub(crate) message: String,
    /// Number of passages; by default that of the corpus, which is 5 at its creation.
    pub(crate) top_k: Option<usize>,
    /// Whether to add speech output.
    pub(crate) audio: bool,
}

impl RunRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with a code for each kind of defect.
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        // A derived `Deserialize` would also accept an array of the fields in order.
        if body.trim_ascii_start().first().is_some_and(|first| *first == b'[') {
            return Err(misfit("the body is not a JSON object"));
        }
        let body: RunBody = serde_json::from_slice(body).map_err(unread)?;
        if body.top_k.is_some_and(|k| !(1..=MAX_TOP_K).contains(&k)) {
            return Err(Error::invalid(format!("`top_k` is 1 to {MAX_TOP_K}")).code("INVALID_TOP_K"));
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
            .code(codes::MALFORMED_JSON)
            .because(error)
    }
}

fn misfit(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid(message).code("INVALID_BODY").hint(
        "the fields are `session_id`, `corpus_id` and `message` (text), and optionally `top_k` (1 to 50) and `audio` (`true` or `false`)",
    )
}

/// Reads a JSON body that arrives within `deadline`; returns no bytes for a request without one.
///
/// # Errors
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) for a body of another content type, or one that is too
/// large, too slow or cut off.
pub(crate) async fn json_body(request: Request, deadline: Duration) -> Result<Bytes> {
    if announced(request.headers()) > MAX_BODY_BYTES {
        return Err(too_large());
    }
    let named = is_json(request.headers());
    let read = timeout(deadline, request.extract::<Bytes, _>());
    let body = read.await.map_err(|_| too_slow(deadline))?.map_err(|rejection| {
        match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            _ => Error::invalid("cannot read the body to its end").code(codes::BODY_UNREADABLE),
        }
    })?;
    if named || body.is_empty() { Ok(body) } else { Err(not_json()) }
}

/// Returns the announced length; 0 without one.
fn announced(headers: &HeaderMap) -> usize {
    headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or_default()
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence =
        headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).and_then(|kind| kind.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn too_slow(deadline: Duration) -> Error {
    Error::invalid(format!("the body did not arrive within {} seconds", deadline.as_secs_f64()))
        .code(codes::BODY_TOO_SLOW)
}

fn too_large() -> Error {
    Error::invalid(format!("a body has at most {MAX_BODY_BYTES} bytes")).code(codes::BODY_TOO_LARGE)
}

fn not_json() -> Error {
    Error::invalid("the content type of the body is not JSON")
        .code(codes::UNSUPPORTED_MEDIA_TYPE)
        .hint("send `content-type: application/json`")
}

/// Id of the last event that a client received, `<run_id>:<seq>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastEvent {
    pub(crate) run: RunId,
    pub(crate) seq: u64,
}

impl LastEvent {
    /// Formats an event's id.
    pub(crate) fn id(run: &RunId, seq: u64) -> String {
        format!("{run}:{seq}")
    }

    /// Parses the header `Last-Event-ID`; returns `None` without one.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_LAST_EVENT_ID`.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>> {
        let Some(header) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
        let read = || {
            let (run, seq) = header.to_str().ok()?.rsplit_once(':')?;
            let last = Self { run: RunId::parse(run).ok()?, seq: seq.parse().ok()? };
            // `u64::from_str` also accepts `+1`, and `01` equals `1`; no event has such an id.
            (Self::id(&last.run, last.seq).as_bytes() == header.as_bytes()).then_some(last)
        };
        read().map(Some).ok_or_else(unknown_event)
    }
}

/// Returns the error for an event id that this server never sent.
pub(crate) fn unknown_event() -> Error {
    Error::invalid("`Last-Event-ID` is not the id of an event of this server")
        .code(codes::INVALID_LAST_EVENT_ID)
        .hint("send the `id` of the last event you received, unchanged, or omit the header to ask a new question")
}
