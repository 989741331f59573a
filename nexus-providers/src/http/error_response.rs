//! Answers that are not 2xx: what they mean, and what is kept of them.

use std::time::SystemTime;

use nexus_core::Error;
use nexus_core::llm::ProviderErrorKind;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::Vendor;
use super::retry_after::{retry_after, should_retry};

/// Tells the faults that only a vendor's own words or codes tell; nothing where the status says it all.
pub(crate) type Classify = fn(&ErrorResponse) -> Option<ProviderErrorKind>;

/// The headers that hold a vendor's id of a request.
const REQUEST_IDS: [&str; 3] = ["x-request-id", "request-id", "apim-request-id"];

/// An answer that refuses.
#[derive(Debug)]
pub(crate) struct ErrorResponse {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its body; null when that was not JSON.
    pub(crate) body: Value,
}

impl ErrorResponse {
    /// Reads a refusal's body. Gemini wraps that of a stream in an array.
    pub(super) fn new(status: StatusCode, body: &[u8]) -> Self {
        let body = match serde_json::from_slice(body) {
            Ok(Value::Array(mut bodies)) if !bodies.is_empty() => bodies.swap_remove(0),
            Ok(body) => body,
            Err(_) => Value::Null,
        };
        Self { status, body }
    }

    /// An error within an answer of status 200: the status that its own code names, or 500.
    pub(crate) fn in_answer(error: &Value) -> Self {
        let code = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
        let status =
            code.and_then(|code| StatusCode::from_u16(code).ok()).filter(|status| status.as_u16() >= 400);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, body: serde_json::json!({ "error": error }) }
    }

    /// A text in the body by its JSON pointer; empty where there is none.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// What the vendor says in words: empty where it says nothing.
    pub(crate) fn message(&self) -> &str {
        let places = ["/error/message", "/error", "/message", "/detail"];
        places.into_iter().map(|pointer| self.text(pointer)).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// Whether the words hold one of `phrases`, in any case.
    pub(crate) fn says(&self, phrases: &[&str]) -> bool {
        let message = self.message().to_lowercase();
        phrases.iter().any(|phrase| message.contains(phrase))
    }

    /// The error for it.
    pub(crate) fn into_error(self, vendor: &Vendor, classify: Classify) -> Error {
        self.into_error_with(vendor, classify, &HeaderMap::new())
    }

    /// The error for it, with what the answer's headers say.
    pub(super) fn into_error_with(self, vendor: &Vendor, classify: Classify, headers: &HeaderMap) -> Error {
        let fault = classify(&self).unwrap_or_else(|| by_status(self.status));
        let mut error = vendor.error_saying(fault, self.message()).with("status", self.status.as_u16());
        if let Some(id) = REQUEST_IDS.into_iter().find_map(|name| headers.get(name)?.to_str().ok()) {
            error = error.with("request_id", vendor.redact(id));
        }
        if let Some(helps) = should_retry(headers) {
            error = error.with_retry(helps);
        }
        match retry_after(headers, &self.body, SystemTime::now()) {
            Some(after) => error.with_retry_after(after),
            None => error,
        }
    }
}

/// What a status means by itself. 409 is a lock that will go, as the vendors' own clients have it; a redirect is not
/// followed, since the key would go with it.
fn by_status(status: StatusCode) -> ProviderErrorKind {
    match status.as_u16() {
        401 | 403 => ProviderErrorKind::Authentication,
        402 => ProviderErrorKind::Billing,
        408 | 504 | 524 => ProviderErrorKind::Timeout,
        429 => ProviderErrorKind::RateLimited,
        503 | 529 => ProviderErrorKind::Overloaded,
        409 | 425 | 500.. => ProviderErrorKind::Server,
        400.. => ProviderErrorKind::InvalidRequest,
        _ => ProviderErrorKind::Protocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_alone_means_the_same_for_every_vendor() {
        let table = [
            (302, ProviderErrorKind::Protocol),
            (400, ProviderErrorKind::InvalidRequest),
            (401, ProviderErrorKind::Authentication),
            (402, ProviderErrorKind::Billing),
            (403, ProviderErrorKind::Authentication),
            (404, ProviderErrorKind::InvalidRequest),
            (408, ProviderErrorKind::Timeout),
            (409, ProviderErrorKind::Server),
            (413, ProviderErrorKind::InvalidRequest),
            (422, ProviderErrorKind::InvalidRequest),
            (429, ProviderErrorKind::RateLimited),
            (500, ProviderErrorKind::Server),
            (502, ProviderErrorKind::Server),
            (503, ProviderErrorKind::Overloaded),
            (504, ProviderErrorKind::Timeout),
            (529, ProviderErrorKind::Overloaded),
        ];
        for (status, fault) in table {
            assert_eq!(by_status(StatusCode::from_u16(status).unwrap()), fault, "{status}");
        }
    }

    #[test]
    fn the_words_are_found_wherever_vendors_put_them() {
        for body in [
            r#"{"error":{"message":"no"}}"#,
            r#"{"error":"no"}"#,
            r#"{"message":"no"}"#,
            r#"{"detail":"no"}"#,
            r#"[{"error":{"message":"no"}}]"#,
        ] {
            assert_eq!(
                ErrorResponse::new(StatusCode::BAD_REQUEST, body.as_bytes()).message(),
                "no",
                "{body}"
            );
        }
        assert_eq!(ErrorResponse::new(StatusCode::BAD_GATEWAY, b"<html>").message(), "");
    }
}
