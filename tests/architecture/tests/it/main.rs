//! Invariants of the workspace as a whole.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod architecture;
mod contracts;
mod modules;
mod prose;
mod source;
mod tenants;
