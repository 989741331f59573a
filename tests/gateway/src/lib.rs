//! Tests of the governed model boundary: the real engine, the real store and the real clients of vendors, against a
//! scripted vendor that keeps a bill of its own. The tests are in `tests/`, and `GUARANTEES.md` says what each proves; here is
//! what they share.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "this crate is test code: a failed expectation is a failed test"
)]

pub mod fixture;
