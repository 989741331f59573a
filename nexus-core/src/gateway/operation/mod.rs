//! Operations: [`ModelOperation`] is the part of a call that differs between chat, embeddings and speech.
//!
//! An operation knows its candidates, its upper bound of tokens, and how one attempt is made. Limits, prices,
//! reservations and records belong to the [call task](super::call_task), which governs every operation alike.
//!
//! - `chat`: answers of language models, streamed or whole, with the answer cache.
//! - `embeddings`: vectors of texts, with the embedding cache.
//! - `speech`: text-to-speech.
//!
//! A new operation is a file here with a function on [`Gateway`](super::Gateway) that starts its task, and a variant of
//! [`Operation`].

mod chat;
mod embeddings;
mod speech;

use std::fmt;

use async_trait::async_trait;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout_at};
use tracing::Span;

use super::plan::PlannedAttempt;
use super::routing::{Candidate, Route, Routing};
use super::settings::{Deadlines, GatewaySettings};
use crate::error::{Error, Result};
use crate::hex;
use crate::ledger::Operation;
use crate::llm::ProviderErrorKind;
use crate::principal::Principal;
use crate::usage::Usage;

/// A request to a model. It owns its data, so that its call outlives the caller.
#[async_trait]
pub(super) trait ModelOperation: Sized + Send + Sync + 'static {
    /// The operation's name in ledger, records and metrics.
    const OPERATION: Operation;

    /// The prefix of the names of its circuit breakers.
    const SERVICE: &'static str;

    /// Whether a run's cap on answers counts it.
    const IS_ANSWER: bool = false;

    /// Whether its candidates can be more than one.
    const HAS_FALLBACKS: bool = false;

    /// The port of its providers.
    type Provider: Clone + fmt::Debug + Send + Sync + 'static;

    /// The product of a successful attempt.
    type Answer: Send + 'static;

    /// The providers and models to ask by the tenant's route, in order.
    ///
    /// # Errors
    /// As [`Routing::candidates`].
    fn candidates(&self, route: &Route, routing: &Routing) -> Result<Vec<Candidate<Self::Provider>>>;

    /// The candidate that is asked when an investigation's cap on money refuses the others.
    fn degraded(&self, _route: &Route, _routing: &Routing) -> Option<Candidate<Self::Provider>> {
        None
    }

    /// Whether the model runs within this process, so that nothing leaves it.
    fn is_in_process(&self) -> bool {
        false
    }

    /// Whether the answer is streamed to the caller.
    fn is_streamed(&self) -> bool {
        false
    }

    /// The caller's idempotency key.
    fn idempotency_key(&self) -> Option<&str> {
        None
    }

    /// A fingerprint of the request and of `caller`.
    ///
    /// # Errors
    /// [`Unexpected`](crate::ErrorKind::Unexpected) for a request that is no JSON.
    fn digest(&self, caller: &Principal) -> Result<String>;

    /// The most tokens that the prompt can be billed as.
    fn max_input_tokens(&self) -> u64;

    /// The most tokens that `candidate` may answer with.
    fn max_output_tokens(&self, _candidate: &Candidate<Self::Provider>, _settings: &GatewaySettings) -> u32 {
        0
    }

    /// The most output tokens that `answer` can be billed as, where the provider reports no usage.
    fn output_bound(&self, _planned: &PlannedAttempt<Self::Provider>, _answer: &Self::Answer) -> Usage {
        Usage::default()
    }

    /// Makes one attempt within its deadlines.
    async fn attempt(
        &self,
        planned: &PlannedAttempt<Self::Provider>,
        context: &AttemptContext,
    ) -> AttemptResult<Self::Answer>;

    /// Resolves when the caller cancels the call; never for an operation that cannot be cancelled.
    async fn cancelled(&self) {
        std::future::pending::<()>().await;
    }
}

/// Bounds of one attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttemptContext {
    pub(super) deadlines: Deadlines,
    /// The deadline of the whole call.
    pub(super) until: Instant,
    pub(super) max_answer_bytes: usize,
}

/// The result of one attempt.
#[derive(Debug)]
pub(super) struct AttemptResult<A> {
    pub(super) end: AttemptEnd<A>,
    /// When the vendor's first event came.
    pub(super) first_event: Option<Instant>,
    /// Whether a part of the answer reached the caller, after which no other attempt can be made.
    pub(super) output_started: bool,
}

/// The end of one attempt.
#[derive(Debug)]
pub(super) enum AttemptEnd<A> {
    /// The provider answered.
    Answered(Answered<A>),
    /// The provider answered, and bills it, but the answer cannot be used.
    Unusable {
        /// The reason.
        error: Error,
        /// The consumption, where the provider reported it.
        usage: Option<Usage>,
    },
    /// The provider failed.
    Failed(Error),
    /// The caller cancelled the call.
    Cancelled,
}

/// An answer that is not settled yet.
#[derive(Debug)]
pub(super) struct Answered<A> {
    pub(super) answer: A,
    /// The consumption, where the provider reported it.
    pub(super) usage: Option<Usage>,
}

/// Awaits a request that is answered in one piece, within the deadline for the first event.
async fn await_unary<A>(
    context: &AttemptContext,
    request: impl Future<Output = Result<AttemptEnd<A>>> + Send,
) -> AttemptResult<A> {
    let until = (Instant::now() + context.deadlines.first_event).min(context.until);
    let end = timeout_at(until, request).await.unwrap_or_else(|_| Err(timed_out()));
    AttemptResult { end: end.unwrap_or_else(AttemptEnd::Failed), first_event: None, output_started: false }
}

/// The error for a provider that missed a deadline.
fn timed_out() -> Error {
    ProviderErrorKind::Timeout.error("the model did not answer in time")
}

/// The SHA-256 of `request` as JSON.
fn fingerprint(request: &impl Serialize) -> Result<String> {
    let request = serde_json::to_vec(request)
        .map_err(|error| Error::unexpected("a request could not be written").because(error))?;
    Ok(hex::encode(Sha256::digest(request).as_slice()))
}

/// Notes in `span` the error of a failed request.
fn record_error<T>(span: &Span, result: Result<T>) -> Result<T> {
    result.inspect_err(|error| {
        span.record("error.type", error.code());
    })
}
