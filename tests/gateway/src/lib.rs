//! Tests of the gateway: the real engine, the real store and the real clients of vendors, against a scripted vendor
//! that keeps a bill of its own. The tests are in `tests/`, `GUARANTEES.md` lists what each proves, and this crate
//! holds their fixture.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "this crate is test code: a failed expectation is a failed test"
)]

pub mod fixture;
