//! Events of a run: the one [`Event`] type of the library, the CLI and the event stream.

use serde::{Deserialize, Serialize};

use super::model::Outcome;
use crate::document::PassageKey;
use crate::error::Failure;
use crate::grounding::{Citation, Evidence};
use crate::id::{CorpusId, RequestId, RunId, SessionId};
use crate::llm::TextMark;
use crate::retrieve::{Hit, SearchMode};
use crate::usage::Usage;

/// Event of a run, as it is journalled and streamed: `{"type", "request_id", "seq", "data"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Request that started the run.
    pub request_id: RequestId,
    /// Position in the run's journal, from 0, without gaps.
    pub seq: u64,
    /// Type and data of an event.
    #[serde(flatten)]
    pub body: EventBody,
}

/// Type and data of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum EventBody {
    /// The question was admitted and recorded.
    #[serde(rename = "request.accepted")]
    Accepted {
        /// Run identifier.
        run_id: RunId,
        /// Session of the run.
        session_id: SessionId,
        /// Corpus that the run searches.
        corpus_id: CorpusId,
    },
    /// All hits of the search, with their scores; sent only where debug events are enabled.
    #[serde(rename = "debug.retrieval")]
    Retrieval {
        /// Hits, best first.
        hits: Vec<Hit>,
    },
    /// The sources of the answer, before its text.
    #[serde(rename = "metadata")]
    Metadata(Metadata),
    /// The next part of the answer's text.
    #[serde(rename = "token.delta")]
    Delta {
        /// Text to append.
        text: String,
    },
    /// The citation of the text before it.
    #[serde(rename = "citation")]
    Citation(Citation),
    /// The whole answer.
    #[serde(rename = "message.final")]
    Final(Answer),
    /// The answer's speech is ready to be fetched.
    #[serde(rename = "audio.ready")]
    AudioReady {
        /// Path of the audio on a server, from its root.
        audio_url: String,
        /// Identifier of the audio: the run's.
        audio_id: RunId,
        /// Media type of the audio.
        mime: String,
    },
    /// Speech synthesis failed. The answer stays valid.
    #[serde(rename = "audio.error")]
    AudioError {
        /// Error code, always `TTS_ERROR`.
        code: String,
        /// Reason, in a sentence for the user.
        message: String,
    },
    /// The end of a run that did not fail, also of one that was refused.
    #[serde(rename = "done")]
    Done {
        /// Outcome of the run.
        outcome: Outcome,
    },
    /// The end of a run that failed.
    #[serde(rename = "error")]
    Error(Failure),
}

impl EventBody {
    /// Returns the event's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "request.accepted",
            Self::Retrieval { .. } => "debug.retrieval",
            Self::Metadata(_) => "metadata",
            Self::Delta { .. } => "token.delta",
            Self::Citation(_) => "citation",
            Self::Final(_) => "message.final",
            Self::AudioReady { .. } => "audio.ready",
            Self::AudioError { .. } => "audio.error",
            Self::Done { .. } => "done",
            Self::Error(_) => "error",
        }
    }

    /// Returns the whole answer, for the event that holds it.
    pub const fn final_answer(&self) -> Option<&Answer> {
        if let Self::Final(answer) = self { Some(answer) } else { None }
    }

    /// Returns whether no event follows this one.
    pub const fn is_last(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Error(_))
    }
}

/// Retrieval metadata: how the passages were found and which the model sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Model that answers.
    pub model: String,
    /// Text that was searched for, where it is not the question alone: that of a follow-up, with what it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_text: Option<String>,
    /// Search mode; `lexical` when no embedder is configured.
    pub search_mode: SearchMode,
    /// Whether fewer passages were visible than requested.
    pub under_filled: bool,
    /// Number of documents of the corpus that were not searchable yet, of those that the caller may see.
    #[serde(default)]
    pub documents_in_flight: u64,
    /// Passages in the model's prompt.
    pub sources: Vec<ShownSource>,
}

/// Passage in the model's prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownSource {
    /// Citation number.
    pub number: u32,
    /// Passage key.
    pub passage: PassageKey,
    /// Display name of its document.
    pub source_name: String,
    /// Page on which it begins.
    pub page: Option<u32>,
    /// Fused score.
    pub score: f32,
}

impl From<&Evidence> for ShownSource {
    fn from(evidence: &Evidence) -> Self {
        Self {
            number: evidence.number,
            passage: evidence.passage.clone(),
            source_name: evidence.source_name.clone(),
            page: evidence.page,
            score: evidence.score,
        }
    }
}

/// Complete answer of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Text, with `[1]` where it cites; empty when there is none.
    pub text: String,
    /// Citations, in order of appearance.
    pub citations: Vec<Citation>,
    /// Usage that the model reported, if any.
    pub usage: Option<Usage>,
    /// Mark of a text that is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<TextMark>,
    /// Nearest passage, which is no answer: of an abstention for which a passage came close.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Citation>,
}
