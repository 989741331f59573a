//! The answerer that quotes: [`Extractive`], the offline default.
//!
//! It picks the sentences of the evidence that answer, and quotes them to the letter. It knows no meaning: it compares
//! words. It never invents text, so the evidence is data to it in the strictest sense: whatever a document says,
//! the most it can do is be quoted.

mod passage;
mod question;
mod score;
mod select;
mod words;

use async_trait::async_trait;
use futures::{StreamExt, stream};

use super::{Abstention, Completion, Finish, LlmProvider, Piece, Request};
use crate::error::Result;
use crate::grounding::Evidence;
use crate::usage::Usage;

pub use select::{Quote, Selection, select};

/// The least confidence that is answered with.
pub const DEFAULT_THRESHOLD: f32 = 0.35;

/// Answers with sentences of the evidence, or not at all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extractive {
    threshold: f32,
}

impl Default for Extractive {
    fn default() -> Self {
        Self { threshold: DEFAULT_THRESHOLD }
    }
}

impl Extractive {
    /// Answers only with at least this confidence, from 0, always, to 1, hardly ever.
    #[must_use]
    pub fn with_threshold(self, threshold: f32) -> Self {
        Self { threshold }
    }

    fn answer(self, request: &Request) -> Vec<Piece> {
        if request.evidence.is_empty() {
            return vec![
                Piece::Usage(Usage::default()),
                Piece::Finish(Finish::Abstained(Abstention::NoPassages)),
            ];
        }
        let selection = select(&request.question, &request.evidence);
        if selection.quotes.is_empty() || selection.confidence < self.threshold {
            return vec![
                Piece::Usage(Usage::default()),
                Piece::Finish(Finish::Abstained(Abstention::NotInPassages)),
            ];
        }
        let mut pieces = Vec::with_capacity(selection.quotes.len() * 2 + 2);
        for quote in &selection.quotes {
            if let Some(evidence) = request.evidence.get(quote.passage) {
                say(evidence, quote, &mut pieces);
            }
        }
        pieces.extend([Piece::Usage(Usage::default()), Piece::Finish(Finish::Complete)]);
        pieces
    }
}

fn say(evidence: &Evidence, quote: &Quote, pieces: &mut Vec<Piece>) {
    let separator = match (pieces.is_empty(), quote.own_line) {
        (true, _) => "",
        (false, true) => "\n",
        (false, false) => " ",
    };
    let Some(words) = evidence.text.get(quote.range.clone()) else { return };
    pieces.push(Piece::Text(format!("{separator}{words} [{}]", evidence.number)));
    pieces.extend(evidence.cite(words, quote.range.clone(), quote.score).map(Piece::Citation));
}

#[async_trait]
impl LlmProvider for Extractive {
    fn name(&self) -> &'static str {
        "extractive"
    }

    fn model(&self) -> &'static str {
        "extractive-1"
    }

    async fn stream(&self, request: Request) -> Result<Completion> {
        Ok(stream::iter(self.answer(&request).into_iter().map(Ok)).boxed())
    }
}
