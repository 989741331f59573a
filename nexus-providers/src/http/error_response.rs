//! Error responses: their class, and the details that an error keeps.

use std::time::SystemTime;

use nexus_core::Error;
use nexus_core::llm::ProviderErrorKind;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::Vendor;
use super::retry_after::{retry_after, should_retry};

/// Maps an error response by a vendor's own codes or messages; `None` where the status is unambiguous.
pub(crate) type Classify = fn(&ErrorResponse) -> Option<ProviderErrorKind>;

/// Headers with a vendor's request id.
const REQUEST_IDS: [&str; 3] = ["x-request-id", "request-id", "apim-request-id"];

/// Error response.
#[derive(Debug)]
pub(crate) struct ErrorResponse {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// JSON body, null for any other.
    pub(crate) body: Value,
}

impl ErrorResponse {
    /// Parses the body. Gemini wraps that of a stream in an array.
    pub(super) fn new(status: StatusCode, body: &[u8]) -> Self {
        let body = match serde_json::from_slice(body) {
            Ok(Value::Array(mut bodies)) if !bodies.is_empty() => bodies.swap_remove(0),
            Ok(body) => body,
            Err(_) => Value::Null,
        };
        Self { status, body }
    }

    /// Creates an error response from an error within a response of status 200: with the status of its own code, or
    /// 500.
    pub(crate) fn in_answer(error: &Value) -> Self {
        let code = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
        let status =
            code.and_then(|code| StatusCode::from_u16(code).ok()).filter(|status| status.as_u16() >= 400);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, body: serde_json::json!({ "error": error }) }
    }

    /// Returns a text of the body by its JSON pointer, empty if absent.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the vendor's message, empty if absent.
    pub(crate) fn message(&self) -> &str {
        let places = ["/error/message", "/error", "/message", "/detail"];
        places.into_iter().map(|pointer| self.text(pointer)).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// Whether the message contains one of `phrases`, in any case.
    pub(crate) fn says(&self, phrases: &[&str]) -> bool {
        let message = self.message().to_lowercase();
        phrases.iter().any(|phrase| message.contains(phrase))
    }

    /// Converts to an error.
    pub(crate) fn into_error(self, vendor: &Vendor, classify: Classify) -> Error {
        self.into_error_with(vendor, classify, &HeaderMap::new())
    }

    /// Converts to an error, with the hints of the response's headers.
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

/// Maps a status. 409 is a transient lock, as in the vendors' own clients; a redirect is not followed, since it would
/// forward the key.
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
