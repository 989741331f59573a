//! Scripted provider over real sockets, read by a client that trusts nothing.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_collect,
    reason = "a failed expectation is a failed test"
)]

mod binary;
mod client;
mod connections;
mod embeddings;
mod faults;
mod refusals;
mod replies;
mod scripts;
mod tools;
mod wires;
