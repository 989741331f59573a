//! Unary message, and the content blocks and stop reasons that it shares with a streamed one.

use nexus_core::Result;
use nexus_core::llm::{Completion, CompletionEvent, FinishReason, ProviderErrorKind, ToolCall};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::thinking::{RawBlock, Thoughts};
use super::usage::Counts;
use crate::http::Vendor;

/// Unary message.
#[derive(Deserialize)]
pub(super) struct Message {
    content: Vec<RawBlock>,
    stop_reason: Option<String>,
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
    /// [`ProviderErrorKind::Protocol`] for malformed content or usage, and as [`finish`].
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
        let usage = self.usage.unwrap_or_default().usage();
        reply.usage = usage.map_err(|what| vendor.protocol(what))?;
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

/// Maps a stop reason.
///
/// # Errors
/// [`ProviderErrorKind::Truncated`] for a paused turn, which only server tools cause; [`ProviderErrorKind::Protocol`]
/// for an unknown reason.
pub(super) fn finish(stop_reason: Option<&str>, vendor: &Vendor) -> Result<FinishReason> {
    match stop_reason {
        Some("end_turn" | "stop_sequence") => Ok(FinishReason::Complete),
        Some("max_tokens" | "model_context_window_exceeded") => Ok(FinishReason::Length),
        Some("tool_use") => Ok(FinishReason::ToolCalls),
        Some("refusal") => Ok(FinishReason::ContentFilter),
        Some("pause_turn") => {
            Err(vendor.error(ProviderErrorKind::Truncated).with("stop_reason", "pause_turn"))
        }
        _ => Err(vendor.protocol("unknown stop_reason")),
    }
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
        assert_eq!(ProviderErrorKind::of(&end("bored").unwrap_err()), Some(ProviderErrorKind::Protocol));
        assert!(finish(None, &Vendor::new("anthropic")).is_err());
    }
}
