//! Test kit of Nexus: the conformance suites that every [store], [cache], [policy] engine, [token counter](tokens) and
//! [clock] must pass, [fakes](fake) of clock and ids, and a [store with injected faults](faulty). Needs `nexus-core`
//! only, so that any implementation can use it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "this crate is test code: a failed expectation is a failed test"
)]

pub mod cache;
pub mod clock;
pub mod fake;
pub mod faulty;
pub mod policy;
pub mod store;
mod suite;
pub mod tokens;

pub use suite::run;
