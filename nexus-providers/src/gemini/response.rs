//! Completion events from the chunks of a streamed answer: [`Chunks`]. A unary answer is a single chunk.

use std::collections::VecDeque;

use nexus_core::Result;
use nexus_core::llm::{
    CallSignature, Completion, CompletionEvent, FinishReason, ProviderErrorKind, ToolCall,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::classify;
use super::usage::UsageMetadata;
use crate::http::finish::{Finish, FinishTable, finish_reason};
use crate::http::{Assembler, ErrorResponse, SseEvent, Vendor, counts};

/// Prefix of ids that the adapter generates.
const MADE_UP: &str = "gemini_call_";

/// Prefix of Gemini's signatures, which keeps them from other vendors and other vendors' signatures from Gemini.
const SIGNED: &str = "gemini:";

/// Finish reasons of Gemini, from the `FinishReason` of its API reference, and the words that its compatible servers share with
/// OpenAI. Malformed calls, unsupported languages and `OTHER` are unknown reasons: they tell nothing of the text before.
const FINISH: FinishTable = &[
    ("stop", Finish::Complete),
    ("max_tokens", Finish::Length),
    ("length", Finish::Length),
    ("safety", Finish::Filter),
    ("recitation", Finish::Filter),
    ("blocklist", Finish::Filter),
    ("prohibited_content", Finish::Filter),
    ("spii", Finish::Filter),
    ("model_armor", Finish::Filter),
    ("image_safety", Finish::Filter),
    ("image_prohibited_content", Finish::Filter),
];

/// Returns the thought signature of a call, if it is Gemini's.
pub(super) fn signature(call: &ToolCall) -> Option<&str> {
    call.signature.as_ref()?.as_str().strip_prefix(SIGNED)
}

/// Whether the adapter generated `id`.
pub(super) fn is_made_up(id: &str) -> bool {
    id.starts_with(MADE_UP)
}

/// Reader of chunks. The wire has no terminal event: a chunk with a finish reason completes an answer.
#[derive(Debug)]
pub(super) struct Chunks {
    vendor: Vendor,
    /// Number of tool calls in the conversation, and in this answer.
    calls: usize,
    own_calls: usize,
    finish_reason: Option<String>,
    is_blocked: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Chunk {
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Feedback>,
    #[serde(deserialize_with = "counts::usage")]
    usage_metadata: Option<UsageMetadata>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Candidate {
    index: u64,
    content: Content,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    parts: Vec<Part>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Part {
    text: Option<String>,
    thought: bool,
    function_call: Option<Function>,
    thought_signature: Option<String>,
}

#[derive(Deserialize)]
struct Function {
    id: Option<String>,
    name: String,
    #[serde(default)]
    args: Map<String, Value>,
}

impl Chunks {
    /// Creates a reader for a conversation with `calls` tool calls.
    pub(super) fn new(vendor: &Vendor, calls: usize) -> Self {
        Self { vendor: vendor.clone(), calls, own_calls: 0, finish_reason: None, is_blocked: false }
    }

    /// Converts a single chunk to a completion.
    ///
    /// # Errors
    /// As a stream.
    pub(super) fn reply(mut self, chunk: &[u8]) -> Result<Completion> {
        let mut reply = Completion::empty();
        for piece in self.read(chunk)? {
            reply.add(piece);
        }
        reply.finish = self.finish()?;
        Ok(reply)
    }

    /// Returns the completion events of a chunk.
    fn read(&mut self, chunk: &[u8]) -> Result<Vec<CompletionEvent>> {
        let chunk: Chunk = self.vendor.parse(chunk)?;
        if let Some(error) = &chunk.error {
            return Err(ErrorResponse::in_answer(error).into_error(&self.vendor, classify));
        }
        // A count that contradicts itself is absent: the answer is paid for, and good.
        let usage = chunk.usage_metadata.and_then(|metadata| metadata.usage().unwrap_or_default());
        let mut pieces = Vec::new();
        // A request asks for one candidate only.
        for candidate in chunk.candidates.into_iter().filter(|candidate| candidate.index == 0) {
            pieces.extend(candidate.content.parts.into_iter().filter_map(|part| self.part(part)));
            self.finish_reason = candidate.finish_reason.or(self.finish_reason.take());
        }
        self.is_blocked |= chunk.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
        pieces.extend(usage.map(CompletionEvent::Usage));
        Ok(pieces)
    }

    fn part(&mut self, part: Part) -> Option<CompletionEvent> {
        let Part { text, thought, function_call, thought_signature } = part;
        if let Some(Function { id, name, args }) = function_call {
            let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("{MADE_UP}{}", self.calls));
            (self.calls, self.own_calls) = (self.calls + 1, self.own_calls + 1);
            let signature =
                thought_signature.map(|signature| CallSignature::new(format!("{SIGNED}{signature}")));
            let arguments = Value::Object(args).to_string();
            return Some(CompletionEvent::ToolCall(ToolCall { id, name, arguments, signature }));
        }
        let text = text.filter(|text| !text.is_empty())?;
        Some(if thought { CompletionEvent::Reasoning(text) } else { CompletionEvent::Text(text) })
    }

    /// Maps the finish reason at the end of the answer. A blocked prompt has no answer, and is billed.
    fn finish(&self) -> Result<FinishReason> {
        let truncated = || self.vendor.error(ProviderErrorKind::Truncated);
        match self.finish_reason.as_deref() {
            None if self.is_blocked => Ok(FinishReason::ContentFilter),
            None => Err(truncated()),
            Some(word) => {
                let reason = finish_reason(FINISH, word).ok_or_else(truncated)?;
                let is_call = reason == FinishReason::Complete && self.own_calls > 0;
                Ok(if is_call { FinishReason::ToolCalls } else { reason })
            }
        }
    }
}

impl Assembler for Chunks {
    type Frame = SseEvent;

    fn frame(&mut self, event: SseEvent, pieces: &mut VecDeque<CompletionEvent>) -> Result<()> {
        pieces.extend(self.read(&event.data)?);
        Ok(())
    }

    fn end(&mut self, pieces: &mut VecDeque<CompletionEvent>) -> Result<()> {
        pieces.push_back(CompletionEvent::Finish(self.finish()?));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
