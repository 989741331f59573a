//! Counting provider: counts its requests, and the polls of its streams.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures::Stream;
use nexus_core::Result;
use nexus_core::llm::{Completion, CompletionEvent, CompletionStream, LlmProvider, Request};

/// Counts so far.
#[derive(Debug, Default)]
pub(crate) struct Work {
    asked: AtomicU64,
    polls: AtomicU64,
    late: AtomicU64,
}

impl Work {
    /// Returns the number of requests.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Returns the number of polls.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::SeqCst)
    }

    /// Returns the number of polls after an error or the end.
    pub(crate) fn late(&self) -> u64 {
        self.late.load(Ordering::SeqCst)
    }
}

/// The provider.
#[derive(Debug)]
pub(crate) struct Counted<P> {
    /// Inner provider.
    pub(crate) inner: P,
    /// Counts of its work.
    pub(crate) work: Arc<Work>,
}

#[async_trait]
impl<P: LlmProvider> LlmProvider for Counted<P> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn model(&self) -> &str {
        self.inner.model()
    }

    async fn stream(&self, request: Request) -> Result<CompletionStream> {
        self.work.asked.fetch_add(1, Ordering::SeqCst);
        let inner = self.inner.stream(request).await?;
        Ok(Box::pin(Pieces { inner, ended: false, work: Arc::clone(&self.work) }))
    }

    async fn complete(&self, request: Request) -> Result<Completion> {
        self.work.asked.fetch_add(1, Ordering::SeqCst);
        self.inner.complete(request).await
    }
}

struct Pieces {
    inner: CompletionStream,
    ended: bool,
    work: Arc<Work>,
}

impl Stream for Pieces {
    type Item = Result<CompletionEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.work.polls.fetch_add(1, Ordering::SeqCst);
        self.work.late.fetch_add(u64::from(self.ended), Ordering::SeqCst);
        let polled = self.inner.as_mut().poll_next(context);
        self.ended |= matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }
}
