//! Ingestion: from bytes that a caller brings to passages that can be found.
//!
//! A submission is durable before it is acknowledged; the job behind it is done by a worker, here or in another
//! process, and a document counts as done only after the store has committed its passages.

mod lease_renewal;
mod prechunked;
mod submit;
mod worker;

pub use prechunked::{PASSAGES_CONTENT_TYPE, PrechunkedPassage};
