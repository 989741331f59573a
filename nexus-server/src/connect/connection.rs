//! Service of one connection, over HTTP/1.1 alone.
//!
//! It uses hyper's builder for that version: a builder that detects versions would serve HTTP/2 as soon as any crate
//! in the tree enables that feature of hyper.

use std::error::Error as _;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::Response;
use futures::FutureExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::ConnectionLimits;
use super::activity::{Activity, Phase};
use super::body::{Part, TrackedBody};
use super::refusal_log::Incident;
use super::stream::Watched;
use crate::serve::LINGER;

/// Buffer limit of a connection, in bytes: a larger head is refused with 431.
const MAX_BUFFER_BYTES: usize = 64 * 1024;

/// Marker of a request on a connection that may only probe health.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OverCapacity;

/// Serves the requests of one client until it disconnects or a limit is exceeded, and returns that limit.
///
/// When `stopping` turns true, the request in flight is answered, and no other request is read.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    router: Router,
    probes_only: bool,
    activity: Arc<Activity>,
    limits: ConnectionLimits,
    mut stopping: watch::Receiver<bool>,
) -> Option<Incident> {
    let stream = TokioIo::new(Watched::new(stream, Arc::clone(&activity), limits.write));
    let routes = TowerToHyperService::new(router);
    let answer = service_fn(|request: Request<Incoming>| {
        let request = received(request, probes_only, &activity);
        routes
            .call(request)
            .map(|response| response.map(|response| responded(response, probes_only, &activity)))
    });
    let mut http = http1::Builder::new();
    http.max_buf_size(MAX_BUFFER_BYTES);
    let mut connection = pin!(http.serve_connection(stream, answer));
    let mut stop = None;
    loop {
        let deadline = earlier(activity.deadline(&limits), stop.filter(|_| is_waiting(&activity)));
        tokio::select! {
            biased;
            served = connection.as_mut() => return served.err().filter(is_unread).map(|_| Incident::Unread),
            () = activity.changed() => {}
            () = activity.evicted() => return None,
            () = shutdown_requested(&mut stopping), if stop.is_none() => {
                stop = Some(Instant::now() + LINGER);
                connection.as_mut().graceful_shutdown();
            }
            () = until(deadline) => match (activity.deadline(&limits), activity.phase()) {
                _ if stop.is_some() => return None,
                // The client has read more of the response meanwhile.
                (Some(later), _) if later > Instant::now() => {}
                (_, Phase::Idle) => return Some(Incident::Idle),
                (_, Phase::Head | Phase::Body | Phase::Answering) => return Some(Incident::NoRequest),
            },
        }
    }
}

fn received(request: Request<Incoming>, probes_only: bool, activity: &Arc<Activity>) -> Request {
    activity.request(!request.body().is_end_stream());
    let mut request = request.map(|body| Body::new(TrackedBody::new(body, Part::Request, activity)));
    if probes_only {
        request.extensions_mut().insert(OverCapacity);
    }
    request
}

fn responded(response: Response, probes_only: bool, activity: &Arc<Activity>) -> Response<TrackedBody<Body>> {
    let mut response = response.map(|body| TrackedBody::new(body, Part::Response, activity));
    if probes_only {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn is_waiting(activity: &Activity) -> bool {
    matches!(activity.phase(), Phase::Head | Phase::Idle)
}

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    [a, b].into_iter().flatten().min()
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn shutdown_requested(stopping: &mut watch::Receiver<bool>) {
    // A dropped sender means that the server stops.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Returns whether a connection ended because its client did not read.
fn is_unread(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
}
