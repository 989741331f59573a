//! What clients send: the body of a question, and where a stream broke off.

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

/// The largest body, in bytes. A question of 10,000 characters fits, whatever they are.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// The most passages a client may ask for.
const MAX_TOP_K: usize = 50;
/// The header by which a client says which event it saw last.
const LAST_EVENT_ID: &str = "last-event-id";

/// The body of `POST /v1/run`, as it is written.
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

/// A question, checked as far as HTTP is concerned.
#[derive(Debug, PartialEq)]
pub(crate) struct RunRequest {
    pub(crate) session: SessionId,
    pub(crate) corpus: CorpusId,
    pub(crate) message: String,
    /// The corpus's own default unless told, which is 5 unless somebody changed it.
    pub(crate) top_k: Option<usize>,
    /// Whether the answer is to be spoken as well.
    pub(crate) audio: bool,
}

impl RunRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with a code that says what is wrong.
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        // A derived reader would also take an array of the fields in order.
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

/// Says where a body is wrong, but repeats nothing of it.
fn unread(error: serde_json::Error) -> Error {
    let place = format!("line {}, column {}", error.line(), error.column());
    if error.is_data() {
        misfit(format!("the body is not a question, at {place}")).because(error)
    } else {
        Error::invalid(format!("the body is not JSON, at {place}")).code(codes::MALFORMED_JSON).because(error)
    }
}

fn misfit(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid(message).code("INVALID_BODY").hint(
        "the fields are `session_id`, `corpus_id` and `message` (text), and optionally `top_k` (1 to 50) and `audio` (`true` or `false`)",
    )
}

/// The bytes of a JSON body that arrives within `deadline`, empty if there is none.
///
/// # Errors
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) for a body that is not called JSON, too large, too slow or
/// cut off.
pub(crate) async fn json_body(request: Request, deadline: Duration) -> Result<Bytes> {
    if announced(request.headers()) > MAX_BODY_BYTES {
        return Err(too_large());
    }
    let named = is_json(request.headers());
    let read = timeout(deadline, request.extract::<Bytes, _>());
    let body = read.await.map_err(|_| too_slow(deadline))?.map_err(|rejection| {
        match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            _ => Error::invalid("the body could not be read to its end").code(codes::BODY_UNREADABLE),
        }
    })?;
    if named || body.is_empty() { Ok(body) } else { Err(not_json()) }
}

/// The length that a client announces; 0 when it does not.
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
    Error::invalid("the body is not called JSON")
        .code(codes::UNSUPPORTED_MEDIA_TYPE)
        .hint("send `content-type: application/json`")
}

/// The event that a client saw last: the id under which it was sent, `<run_id>:<seq>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastEvent {
    pub(crate) run: RunId,
    pub(crate) seq: u64,
}

impl LastEvent {
    /// How an event's id is written.
    pub(crate) fn id(run: &RunId, seq: u64) -> String {
        format!("{run}:{seq}")
    }

    /// Reads the header `Last-Event-ID`; nothing without one.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_LAST_EVENT_ID`.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>> {
        let Some(header) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
        let read = || {
            let (run, seq) = header.to_str().ok()?.rsplit_once(':')?;
            let last = Self { run: RunId::parse(run).ok()?, seq: seq.parse().ok()? };
            // A number has other spellings, such as `+1` and `01`, under which nothing was sent.
            (Self::id(&last.run, last.seq).as_bytes() == header.as_bytes()).then_some(last)
        };
        read().map(Some).ok_or_else(unknown_event)
    }
}

/// The error for an event that was never sent.
pub(crate) fn unknown_event() -> Error {
    Error::invalid("`Last-Event-ID` is not the id of an event of this server")
        .code(codes::INVALID_LAST_EVENT_ID)
        .hint("send the `id` of the last event you received, as it was, or leave the header out to ask anew")
}
