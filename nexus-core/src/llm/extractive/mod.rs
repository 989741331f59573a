//! Extractive answerer: [`Extractive`], the offline default.
//!
//! It picks the sentences of the evidence that answer, and quotes them verbatim, each followed by its marker. It
//! compares words and knows no meaning, so a document can at most be quoted.
//!
//! One question goes one way: it is read (`question`), each sentence becomes a candidate with what stands around it
//! (`unit`), a candidate that does not meet the `requirements` is no answer, the others get a `score`, the best are
//! quoted (`select`), and the answerer abstains below a threshold. Neither other passages nor their order change the
//! score of a candidate.
//!
//! - `lexicon`: the words it knows, by language; `named`: names, identifiers and other named things.
//! - `question`: the question's terms, modifiers and expected kind of answer; `focus`: what it counts, and the property
//!   that it asks for.
//! - `unit`: the sentences of a passage, with headings, lead-ins and what they lean on; `table`: the cells of a row.
//! - `requirements`: what an answer must hold; `score`: how probably a candidate answers.
//! - `select`: choice and order of the quotes; `contradiction`: sentences that say another value of the same subject;
//!   `repetition`: sentences that repeat each other or the question.
//! - `answer`: the quotes as events of a streamed answer.

mod answer;
mod contradiction;
mod focus;
mod lexicon;
mod named;
mod question;
mod repetition;
mod requirements;
mod score;
mod select;
mod table;
mod unit;

use async_trait::async_trait;
use futures::{StreamExt, stream};

use super::{
    Abstention, CompletionEvent, CompletionStream, FinishReason, LlmProvider, ModelInfo, Request, Turn,
    with_reference,
};
use crate::error::Result;
use crate::grounding::{Citation, Evidence};

pub use score::{FEATURES, NAMES, WEIGHTS};
pub use select::{Candidate, Quote, Selection, candidates, select};

/// Default confidence below which the answerer abstains.
///
/// The confidence is the probability that the best sentence answers, by what it shares with the question. The threshold
/// abstains from a quarter of the questions that could be answered, of those on which the weights were fitted; the
/// program `answers` in `benches` prints the curve.
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
    /// Sets the least confidence of an answer, where a request names none: from 0, for each sentence that meets the
    /// requirements of the question, to 1, hardly ever.
    #[must_use]
    pub fn with_threshold(self, threshold: f32) -> Self {
        Self { threshold }
    }

    fn answer(self, request: &Request) -> Vec<CompletionEvent> {
        let asked: Vec<&str> =
            request.history.iter().filter(|turn| turn.is_question()).map(Turn::text).collect();
        let selection = select(&with_reference(&request.question, &asked), &request.evidence);
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

/// Returns the sentence of `evidence` that comes closest to an answer to `question`, where one comes close.
pub fn nearest(question: &str, evidence: &[Evidence]) -> Option<Citation> {
    let quote = select(question, evidence).nearest?;
    let passage = evidence.get(quote.passage)?;
    passage.cite(passage.text.get(quote.range.clone())?, quote.range, quote.score)
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
