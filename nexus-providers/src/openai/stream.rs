//! Completion events from the chunks of a streamed chat completion.

use std::collections::VecDeque;

use nexus_core::Result;
use nexus_core::llm::{CompletionEvent, FinishReason, ProviderErrorKind};

use super::response::{ABSENT, Choice, WireReply, finish, settle};
use super::tool_calls::Calls;
use super::usage::WireUsage;
use crate::http::thoughts::ThoughtSplitter;
use crate::http::{Assembler, SseEvent, Vendor};

/// Reader of chunks until `[DONE]`.
///
/// The finish reason completes an answer, and usage follows it. An answer that ends at `[DONE]` without a finish
/// reason ends unknown: nothing says that it is whole.
/// Tool calls are emitted at the end, because only then they are known to be complete.
#[derive(Debug)]
pub(super) struct ChatStream {
    vendor: Vendor,
    calls: Calls,
    finish: Option<FinishReason>,
    refused: bool,
    content: ThoughtSplitter,
}

impl ChatStream {
    pub(super) fn new(vendor: Vendor, calls: Calls) -> Self {
        Self { vendor, calls, finish: None, refused: false, content: ThoughtSplitter::default() }
    }

    fn choice(&mut self, choice: Choice, pieces: &mut VecDeque<CompletionEvent>) -> Result<()> {
        let reason = choice.reason().map(|reason| finish(reason, &self.vendor)).transpose()?;
        let mut words = choice.delta.unwrap_or_default();
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        pieces.extend(said(words.thought()).map(CompletionEvent::Reasoning));
        pieces.extend(said(words.content).into_iter().flat_map(|content| self.content.push(&content)));
        if let Some(refusal) = said(words.refusal) {
            self.refused = true;
            pieces.extend(self.content.finish());
            pieces.push_back(CompletionEvent::Text(refusal));
        }
        words.tool_calls.unwrap_or_default().into_iter().for_each(|part| self.calls.add(part));
        self.finish = reason.or(self.finish.take());
        Ok(())
    }

    fn close(&mut self, finish: FinishReason, pieces: &mut VecDeque<CompletionEvent>) -> Result<()> {
        pieces.extend(self.content.finish());
        let finish = settle(finish, self.refused, !self.calls.is_empty());
        pieces.extend(self.calls.finish()?.into_iter().map(CompletionEvent::ToolCall));
        pieces.push_back(CompletionEvent::Finish(finish));
        Ok(())
    }
}

impl Assembler for ChatStream {
    type Frame = SseEvent;

    fn frame(&mut self, event: SseEvent, pieces: &mut VecDeque<CompletionEvent>) -> Result<()> {
        if event.data.trim_ascii() == b"[DONE]" {
            let finish = self.finish.take().unwrap_or_else(|| FinishReason::unknown(ABSENT));
            return self.close(finish, pieces);
        }
        let mut chunk: WireReply = self.vendor.parse(&event.data)?;
        chunk.check(&self.vendor)?;
        if let Some(choice) = chunk.choice() {
            self.choice(choice, pieces)?;
        }
        pieces.extend(chunk.usage.and_then(WireUsage::buckets).map(CompletionEvent::Usage));
        Ok(())
    }

    fn end(&mut self, pieces: &mut VecDeque<CompletionEvent>) -> Result<()> {
        if let Some(finish) = self.finish.take() {
            return self.close(finish, pieces);
        }
        pieces.extend(self.content.finish());
        Err(self.vendor.error(ProviderErrorKind::Truncated))
    }
}

#[cfg(test)]
mod tests;
