//! What a model is asked for besides answers: an [`ModelOperation`] knows its provider, its bound and how it is carried out,
//! and nothing of limits, prices or records.

mod embeddings;
mod speech;

use async_trait::async_trait;
use tracing::Span;

use crate::error::Result;
use crate::ledger::Operation;
use crate::principal::Principal;
use crate::usage::Usage;

/// A request that is answered at once. It owns what it needs, so that it outlives whoever made it.
#[async_trait]
pub(super) trait ModelOperation: Send + Sync + 'static {
    /// What it is for.
    const OPERATION: Operation;

    /// What the breakers of its providers are called by.
    const SERVICE: &'static str;

    /// What comes of it.
    type Product: Send + 'static;

    /// The provider's name, which is also its type where prices are looked up.
    fn provider(&self) -> &str;

    /// What the provider calls the model.
    fn model(&self) -> &str;

    /// Whether it costs nothing unless a price says otherwise.
    fn is_local(&self) -> bool;

    /// Whether it is done within this process.
    fn is_in_process(&self) -> bool {
        false
    }

    /// The most that it can be billed as, in tokens of a prompt.
    fn max_input_tokens(&self) -> u64;

    /// A fingerprint of everything that is asked and of who asks.
    ///
    /// # Errors
    /// [`Unexpected`](crate::ErrorKind::Unexpected) for what cannot be written.
    fn digest(&self, caller: &Principal) -> Result<String>;

    /// Makes one attempt.
    ///
    /// # Errors
    /// As [`Fault::error`](crate::llm::Fault::error) makes them.
    async fn attempt(&self) -> Result<OperationOutput<Self::Product>>;
}

/// What a provider answered.
#[derive(Debug)]
pub(super) struct OperationOutput<P> {
    /// What came of it; an error for an answer that was given, and billed, and is of no use.
    pub(super) product: Result<P>,
    /// What was consumed, where the provider said so.
    pub(super) usage: Option<Usage>,
}

/// What was made, after its span was told what went wrong.
fn record_error<T>(span: &Span, made: Result<T>) -> Result<T> {
    made.inspect_err(|error| {
        span.record("error.type", error.stable_code());
    })
}
