//! What a run tells its user: the one [`Event`] enum of the library, the CLI and the event stream.

use serde::{Deserialize, Serialize};

use super::model::Outcome;
use crate::document::PassageKey;
use crate::document::model::Failure;
use crate::grounding::{Citation, Evidence};
use crate::id::{CorpusId, RequestId, RunId, SessionId};
use crate::retrieve::{Hit, SearchMode};
use crate::usage::Usage;

/// One event of a run, as it is journalled and streamed: `{"type", "request_id", "seq", "data"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The request that began the run.
    pub request_id: RequestId,
    /// The place in the run's journal, from 0, without gaps.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum EventBody {
    /// The question was admitted and recorded.
    #[serde(rename = "request.accepted")]
    Accepted {
        /// The run.
        run_id: RunId,
        /// Its session.
        session_id: SessionId,
        /// The corpus it searches.
        corpus_id: CorpusId,
    },
    /// Everything the search found, with its scores; sent only where debug events are on.
    #[serde(rename = "debug.retrieval")]
    Retrieval {
        /// The hits, best first.
        hits: Vec<Hit>,
    },
    /// What the answer will rest on.
    #[serde(rename = "metadata")]
    Metadata(Metadata),
    /// The next words of the answer.
    #[serde(rename = "token.delta")]
    Delta {
        /// The words.
        text: String,
    },
    /// What the words before it rest on.
    #[serde(rename = "citation")]
    Citation(Citation),
    /// The whole answer.
    #[serde(rename = "message.final")]
    Final(Answer),
    /// The answer was spoken; the sound can be fetched.
    #[serde(rename = "audio.ready")]
    AudioReady {
        /// Where a server has it, from its root on.
        audio_url: String,
        /// What the sound is called: the run's id.
        audio_id: RunId,
        /// Its media type.
        mime: String,
    },
    /// The answer was not spoken. It holds all the same.
    #[serde(rename = "audio.error")]
    AudioError {
        /// Always `TTS_ERROR`.
        code: String,
        /// Why, in a sentence for the user.
        message: String,
    },
    /// The end of a run that ended well, or with a "no".
    #[serde(rename = "done")]
    Done {
        /// What became of the question.
        outcome: Outcome,
    },
    /// The end of a run that failed.
    #[serde(rename = "error")]
    Error(Failure),
}

impl EventBody {
    /// The event's name.
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

    /// Whether no event follows.
    pub const fn is_last(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Error(_))
    }
}

/// How the passages were found and which were shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The model that answers.
    pub model: String,
    /// Which arms the search used; `lexical` when no embedder is configured.
    pub search_mode: SearchMode,
    /// Whether fewer passages were permitted than asked for.
    pub under_filled: bool,
    /// The passages shown to the model.
    pub sources: Vec<ShownSource>,
}

/// A passage that was shown to the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownSource {
    /// The number by which it is cited.
    pub number: u32,
    /// Which passage.
    pub passage: PassageKey,
    /// What people call its document.
    pub source_name: String,
    /// The page it begins on.
    pub page: Option<u32>,
    /// The fused score.
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

/// The whole answer of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The answer's text, with `[1]` where it cites; empty when there is none.
    pub text: String,
    /// What it rests on, in order of appearance.
    pub citations: Vec<Citation>,
    /// What the model consumed, where it said so.
    pub usage: Option<Usage>,
}
