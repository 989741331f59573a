//! Middleware of every request: request id, origin check, capacity and error bodies, also where no route matches.

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use nexus_core::{Error, ErrorKind, RequestId, Result};

use crate::connect::OverCapacity;
use crate::error::ApiError;
use crate::origin_check;
use crate::state::AppState;

/// Header with the request id of the client, which the log repeats.
const REQUEST_ID: &str = "x-request-id";

/// Assigns the request id, rejects browsers, and writes the bodies of errors.
pub(crate) async fn request_context(
    State(server): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let (id, named) = match assign_request_id(&server, &request) {
        Ok(named) => named,
        Err(error) => return ApiError::from(error).into_response(),
    };
    let checked =
        origin_check::check(request.uri(), request.headers()).and_then(|()| check_capacity(&request));
    let response = match checked {
        Ok(()) => {
            request.extensions_mut().insert(id.clone());
            next.run(request).await
        }
        Err(error) => ApiError::from(error).into_response(),
    };
    let mut response = ApiError::with_body(response, &id);
    response.headers_mut().insert(REQUEST_ID, named);
    response
}

/// Refuses every request except health probes on a connection beyond the limit.
fn check_capacity(request: &Request) -> Result<()> {
    let is_probe = request.uri().path().starts_with("/health/");
    if is_probe || request.extensions().get::<OverCapacity>().is_none() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unavailable, "the server has too many connections")
        .with_code("SERVICE_BUSY")
        .with_hint("try again in a moment"))
}

/// Returns the client's request id if it is valid, else a new one, each also as a header value.
fn assign_request_id(server: &AppState, request: &Request) -> Result<(RequestId, HeaderValue)> {
    let given = request.headers().get(REQUEST_ID).and_then(|header| header.to_str().ok());
    let id = match given.map(RequestId::parse) {
        Some(Ok(id)) => id,
        Some(Err(_)) | None => RequestId::parse(server.ids.next())?,
    };
    let header = HeaderValue::from_str(id.as_str())
        .map_err(|error| Error::unexpected("a new request id does not fit a header").because(error))?;
    Ok((id, header))
}
