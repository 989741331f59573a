//! Stream of a run's events as server-sent events.
//!
//! The events come from the run's journal, so an interrupted stream can be resumed: each event has the id
//! `<run_id>:<seq>`, which a client sends back as `Last-Event-ID`. Frames outside the journal (heartbeats, and the
//! notice that a stream ends before its run) have no id and no `seq`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::response::sse::{Event as Frame, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{BoxStream, Stream, StreamExt as _, unfold};
use nexus_core::ask::EventStream;
use nexus_core::error::Failure;
use nexus_core::run::Event;
use nexus_core::{Clock, Error, ErrorKind, RequestId, Result, RunId, Timestamp};
use serde::Serialize;
use tokio::sync::watch;

use crate::extract::LastEventId;
use crate::state::AppState;

/// Code for a stream whose journal was erased.
const ERASED: &str = "RESUME_UNSUPPORTED";

/// Event stream of one client. It owns no task: when the client disconnects, it is dropped, and the run continues.
struct RunEventStream {
    events: BoxStream<'static, Result<Event>>,
    run: RunId,
    request: RequestId,
    /// `seq` of the last event that the client received.
    seq: u64,
    clock: Arc<dyn Clock>,
    heartbeat: Duration,
    stopping: watch::Receiver<bool>,
}

/// Returns a response that streams the events of `run` after `seq`.
pub(crate) fn respond(
    server: &AppState,
    run: RunId,
    request: RequestId,
    seq: u64,
    events: EventStream,
) -> Response {
    let feed = RunEventStream {
        events: events.into_stream().boxed(),
        run,
        request,
        seq,
        clock: Arc::clone(&server.clock),
        heartbeat: server.heartbeat,
        stopping: server.stopping.subscribe(),
    };
    let mut response = Sse::new(feed.frames()).into_response();
    // Proxies that buffer output would delay the answer.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

impl RunEventStream {
    fn frames(self) -> impl Stream<Item = std::result::Result<Frame, Infallible>> + Send + 'static {
        unfold(Some(self), |feed| async move {
            let mut feed = feed?;
            let (frame, goes_on) = feed.next().await?;
            Some((Ok(frame), goes_on.then_some(feed)))
        })
    }

    /// Returns the next frame, and whether another may follow. `None` after the run's last event.
    async fn next(&mut self) -> Option<(Frame, bool)> {
        let frame = tokio::select! {
            biased;
            event = self.events.next() => return Some(self.event_frame(event?)),
            () = stopped(&mut self.stopping) => (self.error_frame(&stopping()), false),
            () = tokio::time::sleep(self.heartbeat) => (self.heartbeat(), true),
        };
        Some(frame)
    }

    fn event_frame(&mut self, event: Result<Event>) -> (Frame, bool) {
        match event {
            Ok(event) => {
                self.seq = event.seq;
                let id = LastEventId::id(&self.run, event.seq);
                (frame(event.body.name(), &event).id(id), !event.body.is_last())
            }
            Err(error) if error.code() == ERASED => (self.erased_frame(&error), false),
            Err(error) => {
                tracing::error!(run = %self.run, error = %error.report(), "an event stream failed");
                (self.error_frame(&error), false)
            }
        }
    }

    fn heartbeat(&self) -> Frame {
        let beat = Heartbeat { ts: self.clock.now(), request_id: &self.request, seq: self.seq };
        frame("heartbeat", &beat)
    }

    fn erased_frame(&self, error: &Error) -> Frame {
        let data = Reason { reason: error.message(), hint: error.hint() };
        self.notice("resume.unsupported", &data)
    }

    fn error_frame(&self, error: &Error) -> Frame {
        self.notice("error", &Failure::from(error))
    }

    fn notice(&self, kind: &'static str, data: &impl Serialize) -> Frame {
        frame(kind, &Notice { request_id: &self.request, seq: self.seq, kind, data })
    }
}

#[derive(Serialize)]
struct Heartbeat<'f> {
    ts: Timestamp,
    request_id: &'f RequestId,
    seq: u64,
}

/// Payload of a frame outside the journal.
#[derive(Serialize)]
struct Notice<'f, T> {
    request_id: &'f RequestId,
    seq: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    data: &'f T,
}

#[derive(Serialize)]
struct Reason<'f> {
    reason: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'f str>,
}

fn frame(name: &'static str, data: &impl Serialize) -> Frame {
    Frame::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    if stopping.wait_for(|stopping| *stopping).await.is_err() {
        // The sender is dropped, so no shutdown can be requested.
        std::future::pending::<()>().await;
    }
}

fn stopping() -> Error {
    Error::new(ErrorKind::Unavailable, "the server is shutting down; the run continues after its restart")
        .with_code("SERVER_STOPPING")
        .with_hint("connect again with `Last-Event-ID`")
}
