//! Unary message, and the content blocks and stop reasons that it shares with a streamed one.

use nexus_core::Result;
use nexus_core::llm::{Completion, CompletionEvent, FinishReason, ProviderErrorKind, ToolCall};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::thinking::{RawBlock, Thoughts};
use super::usage::Counts;
use crate::http::finish::{Finish, FinishTable, finish_reason};
use crate::http::{Vendor, counts};

/// Unary message.
#[derive(Deserialize)]
pub(super) struct Message {
    content: Vec<RawBlock>,
    stop_reason: Option<String>,
    #[serde(default, deserialize_with = "counts::usage")]
    usage: Option<Counts>,
}

/// Content block, complete or as its start event.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block {
    Text {
        #[serde(default)]
        text: String,
    },
    Thinking {
        #[serde(default)]
        thinking: String,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Map<String, Value>,
    },
    /// Server tools of the vendor, redacted thinking, and unknown types.
    #[serde(other)]
    Other,
}

impl Message {
    /// Converts the message of `model` to a completion.
    ///
    /// # Errors
    /// [`ProviderErrorKind::Protocol`] for malformed content, and as [`finish`].
    pub(super) fn reply(self, vendor: &Vendor, model: &str) -> Result<Completion> {
        let mut reply = Completion::empty();
        let mut thoughts = Thoughts::of(model);
        for raw in self.content {
            let mut piece = Block::read(&raw, vendor)?.piece();
            match &mut piece {
                Some(CompletionEvent::Text(_)) => thoughts.said(),
                Some(CompletionEvent::ToolCall(call)) => call.signature = thoughts.seal(),
                _ => thoughts.add(raw),
            }
            if let Some(piece) = piece {
                reply.add(piece);
            }
        }
        // A count that contradicts itself is absent: the answer is paid for, and good.
        reply.usage = self.usage.unwrap_or_default().usage().unwrap_or_default();
        reply.finish = finish(self.stop_reason.as_deref(), vendor)?;
        Ok(reply)
    }
}

impl Block {
    /// Parses a block.
    ///
    /// # Errors
    /// [`ProviderErrorKind::Protocol`] for a block that does not match its type.
    pub(super) fn read(raw: &RawBlock, vendor: &Vendor) -> Result<Self> {
        Self::deserialize(raw).map_err(|_| vendor.protocol("a malformed content block"))
    }

    /// Returns the completion event of the block, if it has one.
    pub(super) fn piece(self) -> Option<CompletionEvent> {
        match self {
            Self::Text { text } => text_piece(text, CompletionEvent::Text),
            Self::Thinking { thinking } => text_piece(thinking, CompletionEvent::Reasoning),
            Self::ToolUse { id, name, input } => Some(CompletionEvent::ToolCall(ToolCall {
                id,
                name,
                arguments: Value::Object(input).to_string(),
                signature: None,
            })),
            Self::Other => None,
        }
    }
}

/// Returns `text` as an event, `None` where it is empty.
pub(super) fn text_piece(text: String, piece: fn(String) -> CompletionEvent) -> Option<CompletionEvent> {
    (!text.is_empty()).then(|| piece(text))
}

/// Stop reasons of Anthropic, from its API reference. Only server tools cause `pause_turn`, and no request has them.
const STOP: FinishTable = &[
    ("end_turn", Finish::Complete),
    ("stop_sequence", Finish::Complete),
    ("stop", Finish::Complete),
    ("max_tokens", Finish::Length),
    ("model_context_window_exceeded", Finish::Length),
    ("length", Finish::Length),
    ("tool_use", Finish::Tools),
    ("refusal", Finish::Filter),
    ("content_filter", Finish::Filter),
    ("pause_turn", Finish::Failure),
];

/// Maps a stop reason; a message without one ends by an unknown reason.
///
/// # Errors
/// [`ProviderErrorKind::Truncated`] for a paused turn.
pub(super) fn finish(stop_reason: Option<&str>, vendor: &Vendor) -> Result<FinishReason> {
    let word = stop_reason.unwrap_or("none");
    let paused = || vendor.error(ProviderErrorKind::Truncated).with("stop_reason", "pause_turn");
    finish_reason(STOP, word).ok_or_else(paused)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::thinking::{Unsealed, unseal};
    use super::*;

    fn reply(message: Value) -> Result<Completion> {
        serde_json::from_value::<Message>(message)
            .unwrap()
            .reply(&Vendor::new("anthropic"), "claude-sonnet-5-5")
    }

    #[test]
    fn a_message_holds_text_thinking_calls_and_usage() {
        let reply = reply(json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5",
            "content": [
                {"type": "thinking", "thinking": "Look it up.", "signature": "EqQB"},
                {"type": "redacted_thinking", "data": "EmwK"},
                {"type": "text", "text": "I shall "},
                {"type": "text", "text": "look.", "citations": null},
                {"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {"zone": "UTC"}}
            ],
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": {"input_tokens": 12, "output_tokens": 30, "output_tokens_details": {"thinking_tokens": 10}}
        }));
        let reply = reply.unwrap();
        assert_eq!((reply.text.as_str(), reply.reasoning.as_str()), ("I shall look.", "Look it up."));
        assert_eq!(reply.tool_calls[0].arguments, r#"{"zone":"UTC"}"#);
        let Unsealed { before, after } = unseal(&reply.tool_calls[0], "claude-sonnet-5-5");
        let thought = json!({"type": "thinking", "thinking": "Look it up.", "signature": "EqQB"});
        assert_eq!(before, [thought, json!({"type": "redacted_thinking", "data": "EmwK"})]);
        assert!(after.is_empty());
        assert_eq!(reply.usage.unwrap().total(), Some(42));
        assert_eq!(reply.finish, FinishReason::ToolCalls);
    }

    #[test]
    fn usage_that_is_absent_stays_absent() {
        let reply = reply(json!({"content": [], "stop_reason": "end_turn"})).unwrap();
        assert_eq!(reply.usage, None);
    }

    #[test]
    fn each_reason_to_stop_has_its_end() {
        let end = |reason: &str| finish(Some(reason), &Vendor::new("anthropic"));
        assert_eq!(end("end_turn").unwrap(), FinishReason::Complete);
        assert_eq!(end("stop_sequence").unwrap(), FinishReason::Complete);
        assert_eq!(end("max_tokens").unwrap(), FinishReason::Length);
        assert_eq!(end("model_context_window_exceeded").unwrap(), FinishReason::Length);
        assert_eq!(end("tool_use").unwrap(), FinishReason::ToolCalls);
        assert_eq!(end("refusal").unwrap(), FinishReason::ContentFilter);
        assert_eq!(
            ProviderErrorKind::of(&end("pause_turn").unwrap_err()),
            Some(ProviderErrorKind::Truncated)
        );
        assert_eq!(end("END_TURN").unwrap(), FinishReason::Complete);
        assert_eq!(end("bored").unwrap(), FinishReason::unknown("bored"));
        assert_eq!(finish(None, &Vendor::new("anthropic")).unwrap(), FinishReason::unknown("none"));
    }
}
