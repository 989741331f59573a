//! The boundary under every fault that its vendors, callers and operators can make.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod admission;
mod cache;
mod caps;
mod claims;
mod crash;
mod embeddings;
mod estimates;
mod failover;
mod metrics;
mod oracle;
mod reconcile;
mod recovery;
mod sixty;
mod speech;
mod store;
mod streams;
mod windows;

use nexus_boundary::world;
