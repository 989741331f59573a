//! Bodies that report their end to their connection's [`Activity`].

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::activity::Activity;

/// Message to which a body belongs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// Request.
    Request,
    /// Response.
    Response,
}

/// Body that reports its end, read or abandoned.
#[derive(Debug)]
pub(super) struct TrackedBody<B> {
    inner: B,
    part: Part,
    activity: Arc<Activity>,
}

impl<B> TrackedBody<B> {
    pub(super) fn new(inner: B, part: Part, activity: &Arc<Activity>) -> Self {
        Self { inner, part, activity: Arc::clone(activity) }
    }
}

impl<B> Drop for TrackedBody<B> {
    fn drop(&mut self) {
        match self.part {
            Part::Request => self.activity.body_ended(),
            Part::Response => self.activity.answered(),
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for TrackedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        if matches!((self.part, &frame), (Part::Request, Poll::Ready(None | Some(Err(_))))) {
            self.activity.body_ended();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
