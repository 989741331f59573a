//! Ingestion: turns uploaded bytes into searchable passages.
//!
//! A submission is durable before it is acknowledged. A worker of this or another process runs its job, and a
//! document succeeds only after the store has committed its passages.

mod job_counts;
mod lease_renewal;
mod pending_jobs;
mod prechunked;
mod submit;
mod worker;

pub use job_counts::JobCounts;
pub use pending_jobs::PendingJobs;
pub use prechunked::{PASSAGES_CONTENT_TYPE, PrechunkedPassage};
pub use submit::{DOCUMENT_REINDEX, DOCUMENT_WRITE};
