//! The HTTP shell as its clients see it: through the router, over real sockets, and as the real binary.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a failed expectation is a failed test"
)]

mod audio;
mod binary;
mod connections;
mod env_file;
mod fixture;
mod refusals;
mod reload;
mod resume;
mod routes;
mod run;
mod sockets;
mod stop;
