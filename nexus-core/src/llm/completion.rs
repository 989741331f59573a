//! Complete answer of a model: [`Completion`].

use futures::StreamExt as _;
use serde::{Deserialize, Serialize};

use super::{CompletionEvent, CompletionStream, FinishReason, ProviderErrorKind, ToolCall};
use crate::error::Result;
use crate::grounding::Citation;
use crate::usage::Usage;

/// Complete answer of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// Text of the answer.
    pub text: String,
    /// Citations that the model reports.
    pub citations: Vec<Citation>,
    /// Reasoning of the model. Never part of the answer.
    pub reasoning: String,
    /// Tool calls of the model.
    pub tool_calls: Vec<ToolCall>,
    /// Tokens consumed, where the vendor reported them.
    pub usage: Option<Usage>,
    /// Reason why the answer ended.
    pub finish: FinishReason,
}

impl Completion {
    /// Reads a stream to its end.
    ///
    /// # Errors
    /// The stream's own; [`ProviderErrorKind::Truncated`] when it ended without [`CompletionEvent::Finish`].
    pub async fn collect(mut pieces: CompletionStream) -> Result<Self> {
        let mut reply = Self::empty();
        let mut ended = false;
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            ended |= matches!(piece, CompletionEvent::Finish(_));
            reply.add(piece);
        }
        if ended {
            Ok(reply)
        } else {
            Err(ProviderErrorKind::Truncated.error("the model stopped in the middle of its answer"))
        }
    }

    /// Returns a completion without content.
    pub fn empty() -> Self {
        Self {
            text: String::new(),
            citations: Vec::new(),
            reasoning: String::new(),
            tool_calls: Vec::new(),
            usage: None,
            finish: FinishReason::Complete,
        }
    }

    /// Adds the next event.
    pub fn add(&mut self, piece: CompletionEvent) {
        match piece {
            CompletionEvent::Text(text) => self.text.push_str(&text),
            CompletionEvent::Citation(citation) => self.citations.push(citation),
            CompletionEvent::Reasoning(text) => self.reasoning.push_str(&text),
            CompletionEvent::ToolCall(call) => self.tool_calls.push(call),
            CompletionEvent::Usage(usage) => self.usage = Some(usage),
            CompletionEvent::Finish(finish) => self.finish = finish,
        }
    }

    /// Returns the same answer as stream events, in the order of a stream.
    pub fn into_pieces(self) -> Vec<CompletionEvent> {
        let mut pieces = Vec::with_capacity(self.citations.len() + self.tool_calls.len() + 4);
        let text = |text: String| (!text.is_empty()).then_some(text);
        pieces.extend(text(self.reasoning).map(CompletionEvent::Reasoning));
        pieces.extend(text(self.text).map(CompletionEvent::Text));
        pieces.extend(self.citations.into_iter().map(CompletionEvent::Citation));
        pieces.extend(self.tool_calls.into_iter().map(CompletionEvent::ToolCall));
        pieces.extend(self.usage.map(CompletionEvent::Usage));
        pieces.push(CompletionEvent::Finish(self.finish));
        pieces
    }
}
