//! Integration tests of the providers, one module for each feature.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests may fail like tests"
)]

#[cfg(feature = "documents")]
mod documents;
#[cfg(feature = "openai")]
mod http;
