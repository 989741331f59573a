//! One physical attempt: asks the vendor within the deadlines, relays what comes, and says how it ended.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;
use tracing::field::Empty;

use super::call::CallEvent;
use super::plan::PlannedAttempt;
use super::settings::Deadlines;
use crate::error::{Error, Result};
use crate::llm::{Completion, CompletionEvent, CompletionStream, ProviderErrorKind};

/// How long after the answer's end its connection may take to end as well, so that it can be used again.
const LINGER: Duration = Duration::from_millis(500);

/// How the answer is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// As it is made.
    Streaming,
    /// In one piece.
    Unary,
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum AttemptEnd {
    /// With an answer.
    Answered,
    /// With an error.
    Failed(Error),
    /// By its caller.
    Cancelled,
}

/// What came of an attempt.
#[derive(Debug)]
pub(super) struct AttemptResult {
    pub(super) ended: AttemptEnd,
    /// What the model said.
    pub(super) reply: Completion,
    /// When the vendor's first event came.
    pub(super) first_event: Option<Instant>,
    /// Whether something of the answer was passed on, after which no other attempt can be made.
    pub(super) output_started: bool,
}

/// What an attempt needs beside the request.
#[derive(Debug)]
pub(super) struct AttemptContext<'a> {
    pub(super) mode: Mode,
    pub(super) deadlines: Deadlines,
    /// When everything must be over.
    pub(super) until: Instant,
    pub(super) max_answer_bytes: usize,
    pub(super) out: &'a mpsc::UnboundedSender<CallEvent>,
    pub(super) cancelled: watch::Receiver<bool>,
}

/// Makes one attempt.
pub(super) async fn attempt(this: &PlannedAttempt, mut line: AttemptContext<'_>) -> AttemptResult {
    let mut outcome = AttemptResult {
        ended: AttemptEnd::Cancelled,
        reply: Completion::empty(),
        first_event: None,
        output_started: false,
    };
    let span = tracing::info_span!(
        "gen_ai.chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = this.candidate.provider.name(),
        gen_ai.request.model = this.candidate.model.as_str(),
        gen_ai.request.max_tokens = this.request.max_tokens,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        error.type = Empty,
    );
    let mut cancelled = line.cancelled.clone();
    let listened = tokio::select! {
        biased;
        () = until_cancelled(&mut cancelled) => None,
        listened = read_stream(this, &mut line, &mut outcome).instrument(span.clone()) => Some(listened),
    };
    outcome.ended = match listened {
        None => AttemptEnd::Cancelled,
        Some(Ok(())) => AttemptEnd::Answered,
        Some(Err(error)) => {
            span.record("error.type", error.stable_code());
            AttemptEnd::Failed(error)
        }
    };
    if let Some(usage) = &outcome.reply.usage {
        span.record("gen_ai.usage.input_tokens", usage.input());
        span.record("gen_ai.usage.output_tokens", usage.output());
    }
    outcome
}

/// Resolves when the call is cancelled, and never when nobody can cancel it any more.
pub(super) async fn until_cancelled(cancelled: &mut watch::Receiver<bool>) {
    if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn read_stream(
    this: &PlannedAttempt,
    line: &mut AttemptContext<'_>,
    outcome: &mut AttemptResult,
) -> Result<()> {
    let begun = Instant::now();
    let first = (begun + line.deadlines.first_event).min(line.until);
    let mut pieces = tokio::time::timeout_at(first, begin(this, line.mode)).await.map_err(|_| silent())??;
    let mut bytes = 0_usize;
    loop {
        let until = match outcome.first_event {
            None => first,
            Some(_) => (Instant::now() + line.deadlines.idle).min(line.until),
        };
        let next = tokio::time::timeout_at(until, pieces.next()).await.map_err(|_| silent())?;
        let piece = next.ok_or_else(cut_off)??;
        outcome.first_event.get_or_insert_with(Instant::now);
        if let CompletionEvent::Text(text) | CompletionEvent::Reasoning(text) = &piece {
            bytes = bytes.saturating_add(text.len());
        }
        if bytes > line.max_answer_bytes {
            return Err(ProviderErrorKind::Protocol.error("the model's answer is too long"));
        }
        if matches!(piece, CompletionEvent::Finish(_)) {
            outcome.reply.add(piece);
            break;
        }
        if matches!(
            piece,
            CompletionEvent::Text(_) | CompletionEvent::Citation(_) | CompletionEvent::ToolCall(_)
        ) {
            outcome.output_started = true;
            // Nobody may be listening any more, and the answer is read all the same.
            let _ = line.out.send(CallEvent::Piece(piece.clone()));
        }
        outcome.reply.add(piece);
    }
    // What comes after the end is not an answer; the connection is read out so that it can be used again.
    let _ = timeout(LINGER, async { while pieces.next().await.is_some() {} }).await;
    Ok(())
}

async fn begin(this: &PlannedAttempt, mode: Mode) -> Result<CompletionStream> {
    let (provider, request) = (&this.candidate.provider, this.request.clone());
    match mode {
        Mode::Streaming => provider.stream(request).await,
        Mode::Unary => {
            let reply = provider.complete(request).await?;
            Ok(stream::iter(reply.into_pieces().into_iter().map(Ok)).boxed())
        }
    }
}

fn silent() -> Error {
    ProviderErrorKind::Timeout.error("the model did not answer in time")
}

fn cut_off() -> Error {
    ProviderErrorKind::Truncated.error("the model stopped in the middle of its answer")
}
