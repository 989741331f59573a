//! The lines of a streamed answer, one after another, as pieces: [`Lines`]. An answer in one piece is one such line.

use std::collections::VecDeque;

use nexus_core::llm::{Completion, CompletionEvent, FinishReason, ProviderErrorKind, ToolCall};
use nexus_core::{Result, Usage};
use serde::Deserialize;
use serde_json::Value;

use super::error::classify;
use crate::http::{Assembler, ErrorResponse, Vendor};

/// Reads lines.
#[derive(Debug)]
pub(super) struct Lines {
    vendor: Vendor,
    /// How many calls the conversation holds, and how many of them are this answer's.
    calls: usize,
    own_calls: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    message: Message,
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    prompt_eval_cached_count: Option<u64>,
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
    /// Reads the answer to a request whose conversation holds so many calls of tools.
    pub(super) fn new(vendor: &Vendor, calls: usize) -> Self {
        Self { vendor: vendor.clone(), calls, own_calls: 0 }
    }

    /// The reply that a line is which came alone.
    ///
    /// # Errors
    /// What a line with `error` tells; [`Fault::Truncated`] if it is not the last of an answer; [`Fault::Protocol`].
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

    /// The pieces that a line holds.
    fn read(&mut self, line: &[u8]) -> Result<Vec<CompletionEvent>> {
        let line: Line = self.vendor.parse(line)?;
        if let Some(error) = &line.error {
            return Err(ErrorResponse::in_answer(error).into_error(&self.vendor, classify));
        }
        let usage = line.usage().map_err(|what| self.vendor.protocol(what))?;
        let Message { content, thinking, tool_calls } = line.message;
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let mut pieces: Vec<CompletionEvent> =
            said(thinking).map(CompletionEvent::Reasoning).into_iter().collect();
        pieces.extend(said(content).map(CompletionEvent::Text));
        for call in tool_calls.unwrap_or_default() {
            pieces.push(CompletionEvent::ToolCall(self.call(call)));
        }
        if line.done {
            pieces.extend(usage.map(CompletionEvent::Usage));
            pieces.push(CompletionEvent::Finish(self.finish(line.done_reason.as_deref())?));
        }
        Ok(pieces)
    }

    /// A call, whole. Older servers give calls no id: one is made that is new to the conversation.
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
        match reason {
            Some("length") => Ok(FinishReason::Length),
            // The oldest servers give no reason.
            None | Some("" | "stop") if self.own_calls > 0 => Ok(FinishReason::ToolCalls),
            None | Some("" | "stop") => Ok(FinishReason::Complete),
            // The model was loaded or unloaded, and nothing was asked of it.
            Some(_) => Err(self.vendor.protocol("a done_reason that is not an answer's")),
        }
    }
}

impl Assembler for Lines {
    type Frame = Vec<u8>;

    fn frame(&mut self, line: Vec<u8>, pieces: &mut VecDeque<CompletionEvent>) -> Result<()> {
        pieces.extend(self.read(&line)?);
        Ok(())
    }

    /// Only a line with `done` makes an answer whole.
    fn end(&mut self, _: &mut VecDeque<CompletionEvent>) -> Result<()> {
        Err(self.vendor.error(ProviderErrorKind::Truncated))
    }
}

impl Line {
    /// What was consumed. A server that leaves the prompt's count out did not count it, so there is no usage then; one
    /// that leaves the answer's count out had nothing to count.
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
