//! Extractive answerer: [`Extractive`], the offline default.
//!
//! It picks the sentences of the evidence that answer, and quotes them verbatim, each followed by its marker. It
//! compares words and knows no meaning, so a document can at most be quoted.
//!
//! - `lexicon`: the words it knows, by language.
//! - `question`: the question's terms, and the expected kind of answer.
//! - `passage`: the sentences of the evidence, and the question's terms in each.
//! - `repetition`: sentences that repeat each other or the question.
//! - `score`: coverage of the question by each sentence.
//! - `select`: choice, order and confidence of the quotes.
//! - `answer`: the quotes as events of a streamed answer.

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

/// Default confidence below which the answerer abstains.
///
/// The confidence is the share of the question's words in the best sentence, counted in part where only its headings
/// or the sentence before hold them; less for short questions, and for a sentence without a number when the question
/// asks for one. A threshold of 0.45 to 0.48 best separates answered questions from those that passages on their very
/// subject do not answer, counting both kinds of mistake alike; the program `answers` in `benches` prints the curve.
pub const DEFAULT_THRESHOLD: f32 = 0.45;

/// Provider that answers with sentences of the evidence, or abstains.
///
/// Equal requests get equal answers. The output holds only slices of the evidence, markers such as `[1]` and the white
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
    /// Sets the least confidence of an answer, where a request names none: from 0, always, to 1, hardly ever.
    #[must_use]
    pub fn with_threshold(self, threshold: f32) -> Self {
        Self { threshold }
    }

    fn answer(self, request: &Request) -> Vec<CompletionEvent> {
        let selection = select(&request.question, &request.evidence);
        let threshold = request.grounding_threshold.unwrap_or(self.threshold);
        if request.evidence.is_empty() {
            answer::abstain(request, Abstention::NoPassages)
        } else if selection.quotes.is_empty() || selection.confidence < threshold {
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
