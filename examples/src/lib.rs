//! Runnable examples of Nexus: `cargo run -p nexus-examples --example quickstart`.
