//! Completion events from the events of a streamed message: [`Events`].

use std::collections::{BTreeMap, VecDeque};

use nexus_core::Result;
use nexus_core::llm::{CompletionEvent, ProviderErrorKind, ToolCall};
use serde::Deserialize;
use serde_json::Value;

use super::error::classify;
use super::response::{Block, finish, text_piece};
use super::thinking::{RawBlock, Thoughts};
use super::usage::Counts;
use crate::http::{Assembler, ErrorResponse, SseEvent, Vendor, counts};

/// Reader of a stream. Unknown event types are skipped, as the vendor requires.
#[derive(Debug)]
pub(super) struct Events {
    vendor: Vendor,
    counts: Counts,
    calls: BTreeMap<u64, ToolCall>,
    /// Incomplete thinking blocks by their index in the content.
    thinking: BTreeMap<u64, RawBlock>,
    thoughts: Thoughts,
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        index: u64,
        content_block: RawBlock,
    },
    ContentBlockDelta {
        index: u64,
        delta: Delta,
    },
    ContentBlockStop {
        index: u64,
    },
    MessageDelta {
        delta: Stop,
        #[serde(default, deserialize_with = "counts::usage")]
        usage: Option<Counts>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Start {
    #[serde(default, deserialize_with = "counts::usage")]
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Stop {
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(rename = "signature_delta")]
    Signature { signature: String },
    /// Citations, and unknown types.
    #[serde(other)]
    Other,
}

impl Events {
    /// Creates a reader for an answer of `model`.
    pub(super) fn new(vendor: &Vendor, model: &str) -> Self {
        Self {
            vendor: vendor.clone(),
            counts: Counts::default(),
            calls: BTreeMap::new(),
            thinking: BTreeMap::new(),
            thoughts: Thoughts::of(model),
            stop_reason: None,
        }
    }

    fn usage(&mut self, counts: Option<Counts>) -> Option<CompletionEvent> {
        self.counts.update(counts?);
        // A count that contradicts itself is absent: the answer is paid for, and good.
        self.counts.usage().unwrap_or_default().map(CompletionEvent::Usage)
    }

    /// Starts a block. The arguments of a tool call follow in deltas, so the call is emitted once it is complete.
    fn begin(&mut self, index: u64, raw: RawBlock) -> Result<Option<CompletionEvent>> {
        let block = Block::read(&raw, &self.vendor)?;
        Ok(match block {
            Block::ToolUse { id, name, input } => {
                let arguments =
                    if input.is_empty() { String::new() } else { Value::Object(input).to_string() };
                self.calls.insert(index, ToolCall { id, name, arguments, signature: None });
                None
            }
            Block::Text { .. } => {
                self.thoughts.said();
                block.piece()
            }
            Block::Thinking { .. } | Block::Other => {
                self.thinking.insert(index, raw);
                block.piece()
            }
        })
    }

    fn grow(&mut self, index: u64, delta: Delta) -> Option<CompletionEvent> {
        match delta {
            Delta::Text { text } => text_piece(text, CompletionEvent::Text),
            Delta::Thinking { thinking } => {
                if let Some(Value::String(words)) = self.thought(index, "thinking") {
                    words.push_str(&thinking);
                }
                text_piece(thinking, CompletionEvent::Reasoning)
            }
            Delta::Signature { signature } => {
                if let Some(field) = self.thought(index, "signature") {
                    *field = signature.into();
                }
                None
            }
            Delta::InputJson { partial_json } => {
                // Arguments of server tools belong to no call of the request.
                if let Some(call) = self.calls.get_mut(&index) {
                    call.arguments.push_str(&partial_json);
                }
                None
            }
            Delta::Other => None,
        }
    }

    /// Returns a field of the thinking block at `index`, created empty if absent.
    fn thought(&mut self, index: u64, field: &str) -> Option<&mut Value> {
        Some(self.thinking.get_mut(&index)?.entry(field).or_insert_with(|| String::new().into()))
    }

    fn close(&mut self, index: u64) -> Option<CompletionEvent> {
        if let Some(block) = self.thinking.remove(&index) {
            self.thoughts.add(block);
        }
        let mut call = self.calls.remove(&index)?;
        call.signature = self.thoughts.seal();
        if call.arguments.is_empty() {
            call.arguments.push_str("{}");
        }
        Some(CompletionEvent::ToolCall(call))
    }

    fn stop(&self) -> Result<CompletionEvent> {
        if !self.calls.is_empty() {
            return Err(self.vendor.protocol("the stream ended within a tool call"));
        }
        finish(self.stop_reason.as_deref(), &self.vendor).map(CompletionEvent::Finish)
    }
}

impl Assembler for Events {
    type Frame = SseEvent;

    fn frame(&mut self, event: SseEvent, pieces: &mut VecDeque<CompletionEvent>) -> Result<()> {
        let piece = match self.vendor.parse(&event.data)? {
            Event::MessageStart { message: Start { usage } } => self.usage(usage),
            Event::ContentBlockStart { index, content_block } => self.begin(index, content_block)?,
            Event::ContentBlockDelta { index, delta } => self.grow(index, delta),
            Event::ContentBlockStop { index } => self.close(index),
            Event::MessageDelta { delta: Stop { stop_reason }, usage } => {
                self.stop_reason = stop_reason.or(self.stop_reason.take());
                self.usage(usage)
            }
            Event::MessageStop => Some(self.stop()?),
            Event::Error { error } => {
                return Err(ErrorResponse::in_answer(&error).into_error(&self.vendor, classify));
            }
            Event::Other => None,
        };
        pieces.extend(piece);
        Ok(())
    }

    /// Only `message_stop` completes an answer.
    fn end(&mut self, _: &mut VecDeque<CompletionEvent>) -> Result<()> {
        Err(self.vendor.error(ProviderErrorKind::Truncated))
    }
}

#[cfg(test)]
mod tests;
