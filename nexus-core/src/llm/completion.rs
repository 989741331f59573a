//! An answer in one piece: [`Reply`].

use futures::StreamExt as _;
use serde::{Deserialize, Serialize};

use super::{CompletionEvent, CompletionStream, FinishReason, ProviderErrorKind, ToolCall};
use crate::error::Result;
use crate::grounding::Citation;
use crate::usage::Usage;

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// Its text.
    pub text: String,
    /// What the model says that it rests on.
    pub citations: Vec<Citation>,
    /// What the model thought. Never part of the answer.
    pub reasoning: String,
    /// The tools it called.
    pub tool_calls: Vec<ToolCall>,
    /// What it consumed, where the vendor said so.
    pub usage: Option<Usage>,
    /// How it ended.
    pub finish: FinishReason,
}

impl Completion {
    /// Reads a stream to its end.
    ///
    /// # Errors
    /// The stream's own; [`Fault::Truncated`] when it ended without [`Piece::Finish`].
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

    /// A reply that says nothing yet.
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

    /// Adds the next piece.
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

    /// The same answer as pieces of a stream, in the order of a stream.
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
