//! Integration tests of the providers, one module for each feature.

#[cfg(feature = "documents")]
mod documents;
