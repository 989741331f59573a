//! [`JsonBody`]: the extractor of a JSON body within bounds of size and time.

use std::time::Duration;

use axum::RequestExt as _;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use nexus_core::{Error, Result};
use tokio::time::timeout;

use crate::error::{ApiError, codes};
use crate::state::AppState;

/// Largest body, in bytes. A question of any 10,000 characters fits.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// Unparsed JSON body; no bytes for a request without one.
///
/// It is rejected as [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) if its content type is another, or if it is
/// too large, too slow or cut off.
#[derive(Debug)]
pub(crate) struct JsonBody(pub(crate) Bytes);

impl FromRequest<AppState> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, server: &AppState) -> Result<Self, ApiError> {
        Ok(Self(read(request, server.limits.body).await?))
    }
}

/// Reads a JSON body that arrives within `deadline`.
async fn read(request: Request, deadline: Duration) -> Result<Bytes> {
    if announced(request.headers()) > MAX_BODY_BYTES {
        return Err(too_large());
    }
    let named = is_json(request.headers());
    let read = timeout(deadline, request.extract::<Bytes, _>());
    let body = read.await.map_err(|_| too_slow(deadline))?.map_err(|rejection| {
        match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            _ => Error::invalid("cannot read the body to its end").with_code(codes::BODY_UNREADABLE),
        }
    })?;
    if named || body.is_empty() { Ok(body) } else { Err(not_json()) }
}

/// Returns the announced length; 0 without one.
fn announced(headers: &HeaderMap) -> usize {
    headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or_default()
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence =
        headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).and_then(|kind| kind.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn too_slow(deadline: Duration) -> Error {
    Error::invalid(format!("the body did not arrive within {} seconds", deadline.as_secs_f64()))
        .with_code(codes::BODY_TOO_SLOW)
}

fn too_large() -> Error {
    Error::invalid(format!("a body has at most {MAX_BODY_BYTES} bytes")).with_code(codes::BODY_TOO_LARGE)
}

fn not_json() -> Error {
    Error::invalid("the content type of the body is not JSON")
        .with_code(codes::UNSUPPORTED_MEDIA_TYPE)
        .with_hint("send `content-type: application/json`")
}
