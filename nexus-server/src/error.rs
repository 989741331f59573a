//! HTTP form of an [`Error`]: one table of status codes and one shape of body.
//!
//! A handler returns an [`ApiError`]. The [middleware](crate::middleware) writes its body, because only the middleware
//! knows the request id.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use nexus_core::error::Failure;
use nexus_core::{Error, ErrorKind, RequestId};
use serde::Serialize;

/// Codes of errors that only HTTP has.
pub(crate) mod codes {
    pub(crate) const BODY_TOO_LARGE: &str = "BODY_TOO_LARGE";
    pub(crate) const BODY_TOO_SLOW: &str = "BODY_TOO_SLOW";
    pub(crate) const BODY_UNREADABLE: &str = "BODY_UNREADABLE";
    pub(crate) const INVALID_LAST_EVENT_ID: &str = "INVALID_LAST_EVENT_ID";
    pub(crate) const MALFORMED_JSON: &str = "MALFORMED_JSON";
    pub(crate) const MALFORMED_REQUEST: &str = "MALFORMED_REQUEST";
    pub(crate) const METHOD_NOT_ALLOWED: &str = "METHOD_NOT_ALLOWED";
    pub(crate) const UNSUPPORTED_MEDIA_TYPE: &str = "UNSUPPORTED_MEDIA_TYPE";
}

/// Default of `Retry-After`, for an error without a delay of its own.
const RETRY_DEFAULT: Duration = Duration::from_secs(1);

/// Error response.
#[derive(Clone, Debug)]
pub(crate) struct ApiError(Arc<Error>);

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(Arc::new(error))
    }
}

impl IntoResponse for ApiError {
    /// Returns status and error without a body, which [`ApiError::with_body`] adds.
    fn into_response(self) -> Response {
        let mut response = status(&self.0).into_response();
        if let Some(after) = retry_after(&self.0) {
            response.headers_mut().insert(RETRY_AFTER, after);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl ApiError {
    /// Logs the error that `response` carries, and writes its body. An error response of a library gets the same body;
    /// other responses stay unchanged.
    pub(crate) fn with_body(mut response: Response, request: &RequestId) -> Response {
        let refusal = response.extensions_mut().remove::<Self>();
        let Some(Self(error)) = refusal.or_else(|| foreign(response.status())) else { return response };
        if response.status().is_server_error() {
            tracing::error!(%request, error = %error.report(), "a request could not be answered");
        } else {
            tracing::info!(%request, error = %error.report(), "a request was refused");
        }
        *response.body_mut() = Body::from(body(&error, request));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

#[derive(Serialize)]
struct Envelope<'e> {
    error: Explained<'e>,
}

#[derive(Serialize)]
struct Explained<'e> {
    #[serde(flatten)]
    failure: Failure,
    request_id: &'e RequestId,
}

/// Returns the error for a library's response that carries only a status.
fn foreign(status: StatusCode) -> Option<ApiError> {
    let error = if status.is_server_error() {
        Error::unexpected("the request could not be answered")
    } else if status.is_client_error() {
        Error::invalid("the request could not be read").with_code(codes::MALFORMED_REQUEST)
    } else {
        return None;
    };
    Some(error.into())
}

/// Returns the response body: code, message, hint and request id. Context and causes stay in the log.
fn body(error: &Error, request: &RequestId) -> String {
    let explained = Explained { failure: Failure::from(error), request_id: request };
    serde_json::to_string(&Envelope { error: explained }).unwrap_or_default()
}

/// Returns the status code. A new kind of error does not compile without an arm here.
pub(crate) fn status(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::InvalidInput => invalid(error.code()),
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Corrupt | ErrorKind::Unexpected => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Returns the status of invalid input: one of HTTP's own for a malformed request, 422 for invalid content.
fn invalid(code: &str) -> StatusCode {
    match code {
        codes::MALFORMED_JSON
        | codes::MALFORMED_REQUEST
        | codes::BODY_UNREADABLE
        | codes::INVALID_LAST_EVENT_ID => StatusCode::BAD_REQUEST,
        codes::METHOD_NOT_ALLOWED => StatusCode::METHOD_NOT_ALLOWED,
        codes::BODY_TOO_SLOW => StatusCode::REQUEST_TIMEOUT,
        codes::BODY_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        codes::UNSUPPORTED_MEDIA_TYPE => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// Returns `Retry-After` in whole seconds, rounded up, for errors that are transient.
fn retry_after(error: &Error) -> Option<HeaderValue> {
    let passes = matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::Unavailable);
    let after = error.retry_after().or(passes.then_some(RETRY_DEFAULT))?;
    Some(HeaderValue::from(after.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_has_its_status() {
        let table = [
            (ErrorKind::InvalidInput, 422),
            (ErrorKind::NotFound, 404),
            (ErrorKind::Denied, 403),
            (ErrorKind::Conflict, 409),
            (ErrorKind::RateLimited, 429),
            (ErrorKind::Timeout, 504),
            (ErrorKind::Unavailable, 503),
            (ErrorKind::Corrupt, 500),
            (ErrorKind::Unexpected, 500),
        ];
        for (kind, expected) in table {
            assert_eq!(status(&Error::new(kind, "no")).as_u16(), expected, "{kind:?}");
        }
    }

    #[test]
    fn what_http_cannot_read_has_a_status_of_its_own() {
        let table = [
            (codes::MALFORMED_JSON, 400),
            (codes::MALFORMED_REQUEST, 400),
            (codes::BODY_UNREADABLE, 400),
            (codes::INVALID_LAST_EVENT_ID, 400),
            (codes::METHOD_NOT_ALLOWED, 405),
            (codes::BODY_TOO_SLOW, 408),
            (codes::BODY_TOO_LARGE, 413),
            (codes::UNSUPPORTED_MEDIA_TYPE, 415),
        ];
        for (code, expected) in table {
            assert_eq!(status(&Error::invalid("no").with_code(code)).as_u16(), expected, "{code}");
        }
    }

    #[test]
    fn causes_and_context_never_reach_a_client() {
        let error = Error::unexpected("something broke")
            .with("path", "/secret/path")
            .because(std::io::Error::other("password=hunter2"));
        let told = body(&error, &RequestId::parse("r-1").unwrap());
        assert_eq!(told, r#"{"error":{"code":"UNEXPECTED","message":"something broke","request_id":"r-1"}}"#);
    }

    #[test]
    fn what_passes_by_itself_says_when_to_try_again() {
        let after = |error: &Error| retry_after(error).map(|after| after.to_str().unwrap().to_owned());
        let busy = Error::new(ErrorKind::Unavailable, "busy");
        assert_eq!(after(&busy).as_deref(), Some("1"));
        let busy = busy.with_retry_after(Duration::from_millis(1_200));
        assert_eq!(after(&busy).as_deref(), Some("2"));
        assert_eq!(after(&Error::invalid("no")), None);
    }
}
