//! The answerer that quotes: [`Extractive`], the offline default.
//!
//! It picks the sentences of the evidence that answer, and quotes them to the letter, each followed by its marker. It
//! knows no meaning: it compares words. Whatever a document says, the most it can do is be quoted.
//!
//! - `words`: the few words it knows, by language.
//! - `question`: the question's terms, and the kind of answer it wants.
//! - `passage`: the sentences of the evidence, and which of those terms they hold.
//! - `echo`: sentences that repeat each other or the question.
//! - `score`: how well each sentence covers the question.
//! - `select`: which are quoted, in which order, and how confident that is.
//! - `speech`: the quotes as pieces of a streamed answer.

mod answer;
mod lexicon;
mod passage;
mod question;
mod repetition;
mod score;
mod select;

use async_trait::async_trait;
use futures::{StreamExt, stream};

use super::{Abstention, CompletionEvent, CompletionStream, FinishReason, LlmProvider, ModelInfo, Request};
use crate::error::Result;

pub use select::{Quote, Selection, select};

/// The least confidence that is answered with.
///
/// The confidence is the share of the question's words that the best sentence says, counted in part where its
/// headings or the sentence before say them; less for short questions, and for a sentence without a number where one was
/// asked for. Questions that passages about their very subject do not answer are told from answered ones best, counting
/// both kinds of mistake alike, by a threshold of 0.45 to 0.48; the program `answers` in `benches` prints the curve.
pub const DEFAULT_THRESHOLD: f32 = 0.45;

/// Answers with sentences of the evidence, or not at all.
///
/// Equal requests get equal answers. Nothing is emitted but slices of the evidence, markers such as `[1]` and the white
/// space between them.
///
/// ```
/// use nexus_core::llm::{Extractive, LlmProvider};
///
/// let careful = Extractive::default().with_threshold(0.6);
/// assert_eq!(careful.name(), "extractive");
/// ```
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
    /// Answers only with at least this confidence: from 0, always, to 1, hardly ever.
    #[must_use]
    pub fn with_threshold(self, threshold: f32) -> Self {
        Self { threshold }
    }

    fn answer(self, request: &Request) -> Vec<CompletionEvent> {
        let selection = select(&request.question, &request.evidence);
        if request.evidence.is_empty() {
            answer::abstain(request, Abstention::NoPassages)
        } else if selection.quotes.is_empty() || selection.confidence < self.threshold {
            answer::abstain(request, Abstention::NotInPassages)
        } else {
            answer::quote(request, &selection.quotes)
        }
    }
}

#[async_trait]
impl LlmProvider for Extractive {
    fn name(&self) -> &'static str {
        "extractive"
    }

    fn model(&self) -> &'static str {
        "extractive-1"
    }

    fn info(&self, _model: &str) -> ModelInfo {
        ModelInfo { is_local: true, ..ModelInfo::default() }
    }

    async fn stream(&self, request: Request) -> Result<CompletionStream> {
        Ok(stream::iter(self.answer(&request).into_iter().map(Ok)).boxed())
    }
}

#[cfg(test)]
mod tests;
