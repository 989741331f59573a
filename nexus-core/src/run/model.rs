//! A [`Run`]: one question, where it stands, and what became of it.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::cache::CacheUse;
use crate::clock::Timestamp;
use crate::document::model::Failure;
use crate::error::{Error, Result};
use crate::id::{CorpusId, DocumentId, RequestId, RunId, SessionId, check_name};
use crate::llm::Abstention;
use crate::money::NanoUsd;
use crate::policy::Decision;
use crate::principal::{Principal, TenantId};
use crate::retrieve::{Filter, MAX_QUESTION_CHARS, MAX_TOP_K};

/// What a run may consume with everything that is done for it: the vector of its question, its answer with all attempts,
/// retries and fallbacks, and its speech. An absent cap is no cap; what is accepted here is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// The most calls to a model that answers; 0 allows none. Calls for vectors and speech are not counted.
    pub max_llm_calls: Option<u32>,
    /// The most cost units; 0 allows no call.
    pub max_cost_units: Option<u64>,
    /// The most money; 0 allows only what is free.
    pub max_cost: Option<NanoUsd>,
}

/// What is asked, of which corpus, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The question, 1 to [`MAX_QUESTION_CHARS`] characters.
    pub question: String,
    /// Where to look.
    pub corpus: CorpusId,
    /// How to look, and within which limits.
    #[serde(flatten)]
    pub options: AskOptions,
}

/// How a question is asked. The default asks all that the principal may read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskOptions {
    /// How many passages to look at; the corpus's own default unless told.
    pub top_k: Option<usize>,
    /// Only documents whose metadata satisfy this.
    pub filter: Option<Filter>,
    /// Only documents with all of these tags.
    pub document_tags: Vec<String>,
    /// Only these documents; all if empty.
    pub documents: Vec<DocumentId>,
    /// What people call the run; the question's beginning unless told.
    pub title: Option<String>,
    /// Labels of the run.
    pub tags: BTreeSet<String>,
    /// What it may consume.
    pub budget: Budget,
    /// The provider to ask, by the name it is configured under; that of the tenant's route unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model to ask for; the provider's default unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether the answer is to be spoken as well. What fails about that never fails the answer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub speak: bool,
    /// Whether the answer to an equal question may serve.
    #[serde(skip_serializing_if = "CacheUse::is_default")]
    pub cache: CacheUse,
}

impl Ask {
    /// Checks sizes and names.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), saying what is wrong.
    pub fn check(&self) -> Result<()> {
        check_question(&self.question)?;
        if self.options.top_k.is_some_and(|k| !(1..=MAX_TOP_K).contains(&k)) {
            return Err(Error::invalid(format!("`top_k` is 1 to {MAX_TOP_K}")).code("INVALID_TOP_K"));
        }
        self.options.title.iter().try_for_each(|title| check_name("title", title))?;
        self.options.tags.iter().chain(&self.options.document_tags).try_for_each(|tag| check_name("tag", tag))
    }

    /// The title, or the beginning of the question.
    pub fn title_or_question(&self) -> String {
        let begin = || crate::id::clean_name(&self.question.chars().take(80).collect::<String>());
        self.options.title.clone().unwrap_or_else(begin)
    }
}

/// Checks that `question` has 1 to [`MAX_QUESTION_CHARS`] characters.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_QUESTION`.
pub fn check_question(question: &str) -> Result<()> {
    // A byte count settles the hopeless cases without walking them.
    let too_long = question.len() > MAX_QUESTION_CHARS * 4 || question.chars().count() > MAX_QUESTION_CHARS;
    if too_long || question.trim().is_empty() {
        let message = format!("a question has 1 to {MAX_QUESTION_CHARS} characters");
        return Err(Error::invalid(message).code("INVALID_QUESTION"));
    }
    Ok(())
}

/// Where a run stands. What comes next follows from it alone, so a run can be taken up after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Recorded; the policy is to be asked.
    Accepted,
    /// Allowed; passages are to be found.
    Authorised,
    /// The passages are recorded; the model is to answer.
    Retrieved,
    /// The answer is recorded and told; it is to be spoken.
    #[serde(rename = "answered")]
    AwaitingSpeech {
        /// The fingerprint of the answer, for the record of the run's end.
        commit: String,
        /// How many citations the answer has.
        citations: usize,
    },
    /// Over.
    Closed {
        /// What became of it.
        outcome: Outcome,
    },
}

/// What became of a question. All but `Failed` are answers of a kind; none of them is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It was answered, with citations.
    Answered,
    /// The passages do not hold the answer.
    Abstained {
        /// Why.
        reason: Abstention,
    },
    /// The policy said no.
    Refused {
        /// What it said.
        decision: Decision,
    },
    /// The answer was withheld.
    Blocked {
        /// Why, in a sentence for the user.
        reason: String,
    },
    /// Somebody must approve first.
    NeedsApproval {
        /// What the policy said.
        decision: Decision,
    },
    /// A quota or a cap is used up.
    OverQuota {
        /// Which, in a sentence for the user.
        reason: String,
    },
    /// Somebody cancelled it.
    Cancelled,
    /// Something broke.
    Failed {
        /// What, in a form for the user.
        failure: Failure,
    },
}

impl Outcome {
    /// The outcome's name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Abstained { .. } => "abstained",
            Self::Refused { .. } => "refused",
            Self::Blocked { .. } => "blocked",
            Self::NeedsApproval { .. } => "needs_approval",
            Self::OverQuota { .. } => "over_quota",
            Self::Cancelled => "cancelled",
            Self::Failed { .. } => "failed",
        }
    }
}

/// The states a list of runs can be narrowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Not over.
    Running,
    /// Over.
    Closed,
}

impl FromStr for RunState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "running" => Ok(Self::Running),
            "closed" => Ok(Self::Closed),
            _ => Err(Error::invalid("no such run state").hint("one of: running, closed")),
        }
    }
}

/// One question and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The request that began it.
    pub request_id: RequestId,
    /// Who asks.
    pub principal: Principal,
    /// The conversation it belongs to.
    pub session_id: SessionId,
    /// What is asked.
    pub ask: Ask,
    /// What people call it.
    pub title: String,
    /// Where it stands.
    #[serde(flatten)]
    pub phase: Phase,
    /// Grows with every change; guards against two drivers.
    pub version: u64,
    /// The `seq` of the next event.
    pub next_seq: u64,
    /// The version of the policy that decided on it, or was in force when it was accepted.
    pub policy_version: String,
    /// Random text that salts the fingerprints of question and answer in the audit chain.
    pub salt: String,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// When it was over.
    pub completed_at: Option<Timestamp>,
}

impl Run {
    /// The tenant it belongs to.
    pub fn tenant(&self) -> &TenantId {
        self.principal.tenant()
    }

    /// What became of it, once it is over.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            Phase::Closed { outcome } => Some(outcome),
            Phase::Accepted | Phase::Authorised | Phase::Retrieved | Phase::AwaitingSpeech { .. } => None,
        }
    }

    /// Whether it is over or not.
    pub fn state(&self) -> RunState {
        if self.outcome().is_some() { RunState::Closed } else { RunState::Running }
    }
}
