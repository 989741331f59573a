//! [`LastEventId`]: the extractor of the header `Last-Event-ID`, with which a client resumes a stream.

use axum::extract::OptionalFromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use nexus_core::{Error, Result, RunId};

use crate::error::{ApiError, codes};

/// Header with the id of the last event that a client received.
const HEADER: &str = "last-event-id";

/// Id of the last event that a client received, `<run_id>:<seq>`.
///
/// A request without the header has none; a header of another form is rejected as
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_LAST_EVENT_ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastEventId {
    pub(crate) run: RunId,
    pub(crate) seq: u64,
}

impl LastEventId {
    /// Formats an event's id.
    pub(crate) fn id(run: &RunId, seq: u64) -> String {
        format!("{run}:{seq}")
    }

    /// Parses the header.
    fn of(headers: &HeaderMap) -> Result<Option<Self>> {
        let Some(header) = headers.get(HEADER) else { return Ok(None) };
        let read = || {
            let (run, seq) = header.to_str().ok()?.rsplit_once(':')?;
            let last = Self { run: RunId::parse(run).ok()?, seq: seq.parse().ok()? };
            // `u64::from_str` also accepts `+1`, and `01` equals `1`; no event has such an id.
            (Self::id(&last.run, last.seq).as_bytes() == header.as_bytes()).then_some(last)
        };
        read().map(Some).ok_or_else(unknown_event)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for LastEventId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, ApiError> {
        Ok(Self::of(&parts.headers)?)
    }
}

/// Returns the error for an event id that this server never sent.
pub(crate) fn unknown_event() -> Error {
    Error::invalid("`Last-Event-ID` is not the id of an event of this server")
        .with_code(codes::INVALID_LAST_EVENT_ID)
        .with_hint("send the `id` of the last event you received, unchanged, or omit the header to ask a new question")
}
