//! What was asked, byte for byte: [`Recorded`], for tests that assert on requests.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use serde_json::Value;

/// One request as it arrived, credentials included.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The number of its entry in the log.
    pub id: u64,
    /// Its method.
    pub method: Method,
    /// Its path, as it came.
    pub path: String,
    /// Its query, without the question mark; empty without one.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Recorded {
    /// A header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON; null when it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
