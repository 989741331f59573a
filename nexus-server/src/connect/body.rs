//! Bodies that tell their connection's [`Activity`] when they end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::activity::Activity;

/// Which body ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// That of a request.
    Request,
    /// That of a response.
    Response,
}

/// A body that tells when it was read to its end or given up.
#[derive(Debug)]
pub(super) struct Told<B> {
    inner: B,
    part: Part,
    activity: Arc<Activity>,
}

impl<B> Told<B> {
    pub(super) fn new(inner: B, part: Part, activity: &Arc<Activity>) -> Self {
        Self { inner, part, activity: Arc::clone(activity) }
    }
}

impl<B> Drop for Told<B> {
    fn drop(&mut self) {
        match self.part {
            Part::Request => self.activity.body_ended(),
            Part::Response => self.activity.answered(),
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Told<B> {
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
