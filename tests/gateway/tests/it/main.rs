//! Tests of the gateway under every fault of its vendors, callers and operators.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod admission;
mod cache;
mod caps;
mod crash;
mod embeddings;
mod estimates;
mod failover;
mod guarantees;
mod idempotency;
mod ledger_vs_vendor;
mod metrics;
mod owners;
mod reconcile;
mod recovery;
mod replies;
mod speech;
mod store;
mod streams;
mod windows;

use nexus_gateway_tests::fixture;
