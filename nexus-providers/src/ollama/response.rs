//! Completion events from the lines of a streamed answer: [`Lines`]. A unary answer is a single line.

use std::collections::VecDeque;

use nexus_core::llm::{Completion, CompletionEvent, FinishReason, ProviderErrorKind, ToolCall};
use nexus_core::{Result, Usage};
use serde::Deserialize;
use serde_json::Value;

use super::error::classify;
use crate::http::counts::count;
use crate::http::finish::{Finish, FinishTable, finish_reason};
use crate::http::thoughts::ThoughtSplitter;
use crate::http::{Assembler, ErrorResponse, Vendor};

/// Reasons of Ollama to be done, from its API's documentation and its source. With `load` and `unload` the server loaded or
/// unloaded the model without a prompt.
const FINISH: FinishTable = &[
    ("stop", Finish::Complete),
    ("length", Finish::Length),
    ("limit", Finish::Length),
    ("load", Finish::Failure),
    ("unload", Finish::Failure),
];

/// Reader of lines.
#[derive(Debug)]
pub(super) struct Lines {
    vendor: Vendor,
    /// Number of tool calls in the conversation, and in this answer.
    calls: usize,
    own_calls: usize,
    content: ThoughtSplitter,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    message: Message,
    done: bool,
    done_reason: Option<String>,
    #[serde(deserialize_with = "count")]
    prompt_eval_count: Option<u64>,
    #[serde(deserialize_with = "count")]
    prompt_eval_cached_count: Option<u64>,
    #[serde(deserialize_with = "count")]
    eval_count: Option<u64>,
    error: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<String>,
    thinking: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Deserialize)]
struct Call {
    id: Option<String>,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Value,
}

impl Lines {
    /// Creates a reader for a conversation with `calls` tool calls.
    pub(super) fn new(vendor: &Vendor, calls: usize) -> Self {
        Self { vendor: vendor.clone(), calls, own_calls: 0, content: ThoughtSplitter::default() }
    }

    /// Converts a single line to a completion.
    ///
    /// # Errors
    /// The error kind of a line with `error`; [`ProviderErrorKind::Truncated`] if the line is not the last of an
    /// answer; [`ProviderErrorKind::Protocol`].
    pub(super) fn reply(mut self, line: &[u8]) -> Result<Completion> {
        let pieces = self.read(line)?;
        if !matches!(pieces.last(), Some(CompletionEvent::Finish(_))) {
            return Err(self.vendor.error(ProviderErrorKind::Truncated));
        }
        let mut reply = Completion::empty();
        for piece in pieces {
            reply.add(piece);
        }
        Ok(reply)
    }

    /// Returns the completion events of a line.
    fn read(&mut self, line: &[u8]) -> Result<Vec<CompletionEvent>> {
        let line: Line = self.vendor.parse(line)?;
        if let Some(error) = &line.error {
            return Err(ErrorResponse::in_answer(error).into_error(&self.vendor, classify));
        }
        // A count that contradicts itself is absent: the answer is paid for, and good.
        let usage = line.usage().unwrap_or_default();
        let Message { content, thinking, tool_calls } = line.message;
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let mut pieces: Vec<CompletionEvent> =
            said(thinking).map(CompletionEvent::Reasoning).into_iter().collect();
        pieces.extend(said(content).into_iter().flat_map(|content| self.content.push(&content)));
        for call in tool_calls.unwrap_or_default() {
            pieces.push(CompletionEvent::ToolCall(self.call(call)));
        }
        if line.done {
            pieces.extend(self.content.finish());
            pieces.extend(usage.map(CompletionEvent::Usage));
            pieces.push(CompletionEvent::Finish(self.finish(line.done_reason.as_deref())?));
        }
        Ok(pieces)
    }

    /// Converts a tool call. Older servers send no id, so one is generated that is new to the conversation.
    fn call(&mut self, call: Call) -> ToolCall {
        let Call { id, function: Function { name, arguments } } = call;
        let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{}", self.calls));
        (self.calls, self.own_calls) = (self.calls + 1, self.own_calls + 1);
        let arguments = match arguments {
            Value::Null => "{}".to_owned(),
            Value::String(text) => text,
            arguments @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                arguments.to_string()
            }
        };
        ToolCall { id, name, arguments, signature: None }
    }

    fn finish(&self, reason: Option<&str>) -> Result<FinishReason> {
        // The oldest servers send no reason.
        let word = reason.filter(|word| !word.is_empty()).unwrap_or("stop");
        let reason = finish_reason(FINISH, word);
        let reason = reason.ok_or_else(|| self.vendor.protocol("unsupported done_reason"))?;
        let is_call = reason == FinishReason::Complete && self.own_calls > 0;
        Ok(if is_call { FinishReason::ToolCalls } else { reason })
    }
}

impl Assembler for Lines {
    type Frame = Vec<u8>;

    fn frame(&mut self, line: Vec<u8>, pieces: &mut VecDeque<CompletionEvent>) -> Result<()> {
        pieces.extend(self.read(&line)?);
        Ok(())
    }

    /// Only a line with `done` completes an answer.
    fn end(&mut self, _: &mut VecDeque<CompletionEvent>) -> Result<()> {
        Err(self.vendor.error(ProviderErrorKind::Truncated))
    }
}

impl Line {
    /// Returns the usage. Without a count of the prompt there is none; a missing count of the answer is zero.
    fn usage(&self) -> Result<Option<Usage>, &'static str> {
        let Some(prompt) = self.prompt_eval_count else { return Ok(None) };
        let cached = self.prompt_eval_cached_count.unwrap_or(0);
        let uncached = prompt.checked_sub(cached).ok_or("more prompt_eval_cached_count than prompt")?;
        let output_text = self.eval_count.unwrap_or(0);
        Ok(Some(Usage { input_uncached: uncached, cache_read: cached, output_text, ..Usage::default() }))
    }
}

#[cfg(test)]
mod tests;
