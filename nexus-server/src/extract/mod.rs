//! Extractors of requests, which check the form of a request before a route sees it.

mod json_body;
mod last_event_id;

pub(crate) use json_body::{JsonBody, MAX_BODY_BYTES};
pub(crate) use last_event_id::{LastEventId, unknown_event};
