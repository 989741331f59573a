//! One attempt at a chat provider: asks it within the deadlines, relays its events, and says how it ended.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Instrument as _;
use tracing::field::Empty;

use super::{Chat, Mode};
use crate::error::{Error, Result};
use crate::gateway::call::CallEvent;
use crate::gateway::operation::{
    Answered, AttemptContext, AttemptEnd, AttemptResult, ModelOperation as _, timed_out,
};
use crate::gateway::plan::PlannedAttempt;
use crate::llm::{Completion, CompletionEvent, CompletionStream, ProviderErrorKind};
use crate::usage::Usage;

/// The time that a connection may take to end after its answer, so that it can be used again.
const LINGER: Duration = Duration::from_millis(500);

/// The part of an answer that has come so far.
struct Partial {
    reply: Completion,
    first_event: Option<Instant>,
    output_started: bool,
}

impl Chat {
    /// Makes one attempt, until it ends or the call is cancelled.
    pub(super) async fn attempt_chat(
        &self,
        planned: &PlannedAttempt,
        context: &AttemptContext,
    ) -> AttemptResult<Completion> {
        let mut partial = Partial { reply: Completion::empty(), first_event: None, output_started: false };
        let span = tracing::info_span!(
            "gen_ai.chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = planned.candidate.kind.as_str(),
            gen_ai.request.model = planned.candidate.model.as_str(),
            gen_ai.request.max_tokens = planned.max_output_tokens,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            error.type = Empty,
        );
        let read = tokio::select! {
            biased;
            () = self.cancelled() => None,
            read = self.read_stream(planned, context, &mut partial).instrument(span.clone()) => Some(read),
        };
        let Partial { mut reply, first_event, output_started } = partial;
        reply.usage = reply.usage.filter(|usage| is_believable(usage, &reply));
        if let Some(usage) = &reply.usage {
            span.record("gen_ai.usage.input_tokens", usage.input());
            span.record("gen_ai.usage.output_tokens", usage.output());
        }
        let end = match read {
            None => AttemptEnd::Cancelled,
            Some(Ok(())) => {
                let usage = reply.usage;
                AttemptEnd::Answered(Answered { answer: reply, usage })
            }
            Some(Err(error)) => {
                span.record("error.type", error.code());
                AttemptEnd::Failed(error)
            }
        };
        AttemptResult { end, first_event, output_started }
    }

    /// Reads the provider's events into `partial`, and relays those that belong to the answer.
    async fn read_stream(
        &self,
        planned: &PlannedAttempt,
        context: &AttemptContext,
        partial: &mut Partial,
    ) -> Result<()> {
        let first = (Instant::now() + context.deadlines.first_event).min(context.until);
        let mut events = timeout_at(first, self.open_stream(planned)).await.map_err(|_| timed_out())??;
        let mut bytes = 0_usize;
        loop {
            let until = match partial.first_event {
                None => first,
                Some(_) => (Instant::now() + context.deadlines.idle).min(context.until),
            };
            let next = timeout_at(until, events.next()).await.map_err(|_| timed_out())?;
            let event = next.ok_or_else(cut_off)??;
            partial.first_event.get_or_insert_with(Instant::now);
            if let CompletionEvent::Text(text) | CompletionEvent::Reasoning(text) = &event {
                bytes = bytes.saturating_add(text.len());
            }
            if bytes > context.max_answer_bytes {
                return Err(ProviderErrorKind::Protocol.error("the model's answer is too long"));
            }
            if matches!(event, CompletionEvent::Finish(_)) {
                partial.reply.add(event);
                break;
            }
            if matches!(
                event,
                CompletionEvent::Text(_) | CompletionEvent::Citation(_) | CompletionEvent::ToolCall(_)
            ) {
                partial.output_started = true;
                self.send(CallEvent::Piece(event.clone()));
            }
            partial.reply.add(event);
        }
        // Events after the end are no answer; the connection is read out so that it can be used again.
        let _ = timeout(LINGER, async { while events.next().await.is_some() {} }).await;
        Ok(())
    }

    async fn open_stream(&self, planned: &PlannedAttempt) -> Result<CompletionStream> {
        let (provider, request) = (&planned.candidate.provider, planned.request_of(&self.call.request));
        match self.mode {
            Mode::Streaming => provider.stream(request).await,
            Mode::Unary => {
                let reply = provider.complete(request).await?;
                Ok(stream::iter(reply.into_pieces().into_iter().map(Ok)).boxed())
            }
        }
    }
}

/// Returns whether a vendor's count can be that of `reply`: an answer that has content was not made of no tokens. A count
/// that cannot is taken as not reported, so that the answer is charged at its upper bound and not at nothing.
fn is_believable(usage: &Usage, reply: &Completion) -> bool {
    let has_content = !reply.text.is_empty() || !reply.reasoning.is_empty() || !reply.tool_calls.is_empty();
    !has_content || usage.output() != Some(0)
}

fn cut_off() -> Error {
    ProviderErrorKind::Truncated.error("the model stopped in the middle of its answer")
}
