//! Recorded request, byte for byte: [`Recorded`], for tests that assert on requests.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use serde_json::Value;

/// Request as it arrived, credentials included.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Number of its entry in the log.
    pub id: u64,
    /// Method.
    pub method: Method,
    /// Path, as it came.
    pub path: String,
    /// Query, without the question mark; empty without one.
    pub query: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Recorded {
    /// Returns a header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the body as JSON; null when it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
