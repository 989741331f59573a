//! Run model: [`Run`], its [`Phase`] and its [`Outcome`].

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::cache::CacheUse;
use crate::clock::Timestamp;
use crate::corpus::AnswerRelease;
use crate::error::{Error, Failure, Result};
use crate::id::{CorpusId, DocumentId, RequestId, RunId, SessionId, check_name};
use crate::llm::Abstention;
use crate::money::NanoUsd;
use crate::policy::Decision;
use crate::principal::{Principal, TenantId};
use crate::retrieve::{Filter, MAX_QUESTION_CHARS, MAX_TOP_K};

/// Budget of a run, for its embedding, its answer with all attempts, retries and fallbacks, and its speech. An absent
/// cap is no cap; an accepted cap is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// Maximum number of calls to an answering model; 0 allows none. Calls for embeddings and speech do not count.
    pub max_llm_calls: Option<u32>,
    /// Maximum cost units; 0 allows no call.
    pub max_cost_units: Option<u64>,
    /// Maximum cost in money; 0 allows only free calls.
    pub max_cost: Option<NanoUsd>,
}

/// Question to one corpus, with its options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// Question text, 1 to [`MAX_QUESTION_CHARS`] characters.
    pub question: String,
    /// Corpus to search.
    pub corpus: CorpusId,
    /// Options and limits.
    #[serde(flatten)]
    pub options: AskOptions,
}

/// Options of a question. The default searches all that the principal may read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskOptions {
    /// Number of passages to retrieve; by default the corpus's own.
    pub top_k: Option<usize>,
    /// Filter on the metadata of documents.
    pub filter: Option<Filter>,
    /// Tags that a document must all have.
    pub document_tags: Vec<String>,
    /// Documents to search; all if empty.
    pub documents: Vec<DocumentId>,
    /// Display name of the run; by default the beginning of the question.
    pub title: Option<String>,
    /// Labels of the run.
    pub tags: BTreeSet<String>,
    /// Budget of the run.
    pub budget: Budget,
    /// Configured name of the provider; by default that of the tenant's route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Model to call; by default the provider's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether to synthesise speech of the answer. A failure to do so never fails the answer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub speak: bool,
    /// Use of the answer cache.
    #[serde(skip_serializing_if = "CacheUse::is_default")]
    pub cache: CacheUse,
}

impl Ask {
    /// Validates sizes and names.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), naming the invalid value.
    pub fn check(&self) -> Result<()> {
        check_question(&self.question)?;
        if self.options.top_k.is_some_and(|k| !(1..=MAX_TOP_K).contains(&k)) {
            return Err(Error::invalid(format!("`top_k` is 1 to {MAX_TOP_K}")).with_code("INVALID_TOP_K"));
        }
        self.options.title.iter().try_for_each(|title| check_name("title", title))?;
        self.options.tags.iter().chain(&self.options.document_tags).try_for_each(|tag| check_name("tag", tag))
    }

    /// Returns the title, or the beginning of the question.
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
    // A byte count rejects oversized input without walking it.
    let too_long = question.len() > MAX_QUESTION_CHARS * 4 || question.chars().count() > MAX_QUESTION_CHARS;
    if too_long || question.trim().is_empty() {
        let message = format!("a question has 1 to {MAX_QUESTION_CHARS} characters");
        return Err(Error::invalid(message).with_code("INVALID_QUESTION"));
    }
    Ok(())
}

/// Phase of a run. The next step follows from it alone, so that a run can be resumed after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// The run is recorded; the policy decision is next.
    Accepted,
    /// The policy allowed it; retrieval is next.
    Authorised,
    /// The passages are recorded; the model call is next.
    Retrieved,
    /// The answer is recorded and emitted; speech synthesis is next.
    #[serde(rename = "answered")]
    AwaitingSpeech {
        /// Salted hash of the answer, for the audit record of the run's end.
        commit: String,
        /// Number of citations in the answer.
        citations: usize,
    },
    /// The run is over.
    Closed {
        /// Outcome of the run.
        outcome: Outcome,
    },
}

/// Outcome of a run. None of the variants is an error; all but `Failed` are answers of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The question was answered: completely, and with a citation of a passage that was shown.
    Answered,
    /// The reply cites no passage.
    Uncited,
    /// The reply has no end that the vendor calls complete.
    Incomplete {
        /// Reason: `max_tokens`, `tool_calls`, or `finish_unknown:` with the vendor's word.
        reason: String,
    },
    /// The passages do not contain the answer.
    Abstained {
        /// Reason.
        reason: Abstention,
    },
    /// The policy denied the run.
    Refused {
        /// Decision of the policy.
        decision: Decision,
    },
    /// The answer was withheld.
    Blocked {
        /// Reason, in a sentence for the user.
        reason: String,
    },
    /// The policy requires an approval first.
    NeedsApproval {
        /// Decision of the policy.
        decision: Decision,
    },
    /// A quota or a cap is exhausted.
    OverQuota {
        /// Exhausted limit, in a sentence for the user.
        reason: String,
    },
    /// The run was cancelled.
    Cancelled,
    /// The run failed.
    Failed {
        /// Failure, as shown to the user.
        failure: Failure,
    },
}

impl Outcome {
    /// Returns the outcome's name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Uncited => "uncited",
            Self::Incomplete { .. } => "incomplete",
            Self::Abstained { .. } => "abstained",
            Self::Refused { .. } => "refused",
            Self::Blocked { .. } => "blocked",
            Self::NeedsApproval { .. } => "needs_approval",
            Self::OverQuota { .. } => "over_quota",
            Self::Cancelled => "cancelled",
            Self::Failed { .. } => "failed",
        }
    }

    /// Returns the sentence for the user on a reply that is no answer.
    pub fn reply_sentence(&self) -> Option<String> {
        match self {
            Self::Uncited => Some("the model's reply cites no passage, so nothing proves it".to_owned()),
            Self::Incomplete { reason } if reason == "max_tokens" => {
                Some("the model's reply was cut off at its token limit (max_tokens)".to_owned())
            }
            Self::Incomplete { reason } => Some(format!("the model's reply is incomplete ({reason})")),
            Self::Abstained { reason } => Some(reason.sentence().to_owned()),
            Self::Answered
            | Self::Refused { .. }
            | Self::Blocked { .. }
            | Self::NeedsApproval { .. }
            | Self::OverQuota { .. }
            | Self::Cancelled
            | Self::Failed { .. } => None,
        }
    }
}

/// State by which a list of runs can be filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// The run is not over.
    Running,
    /// The run is over.
    Closed,
}

impl FromStr for RunState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "running" => Ok(Self::Running),
            "closed" => Ok(Self::Closed),
            _ => Err(Error::invalid("no such run state").with_hint("one of: running, closed")),
        }
    }
}

/// Run: one question with its state and outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Identifier.
    pub id: RunId,
    /// Request that started it.
    pub request_id: RequestId,
    /// Principal that asked the question.
    pub principal: Principal,
    /// Session that it belongs to.
    pub session_id: SessionId,
    /// Question and options.
    pub ask: Ask,
    /// Display name.
    pub title: String,
    /// Current phase.
    #[serde(flatten)]
    pub phase: Phase,
    /// Version, incremented by every change; guards against two drivers.
    pub version: u64,
    /// `seq` of the next event.
    pub next_seq: u64,
    /// Version of the policy that decided on it, or that was in force when it was accepted.
    pub policy_version: String,
    /// Release of the model's words, as the corpus had it when the run was accepted.
    #[serde(default, skip_serializing_if = "AnswerRelease::is_lenient")]
    pub answers: AnswerRelease,
    /// Random salt of the hashes of question and answer in the audit chain.
    pub salt: String,
    /// Time of acceptance.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Time of completion.
    pub completed_at: Option<Timestamp>,
}

impl Run {
    crate::public_in_tests! {
        /// Returns the run's tenant.
        fn tenant(&self) -> &TenantId {
            self.principal.tenant()
        }
    }

    /// Returns the run's outcome, once it is over.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            Phase::Closed { outcome } => Some(outcome),
            Phase::Accepted | Phase::Authorised | Phase::Retrieved | Phase::AwaitingSpeech { .. } => None,
        }
    }

    /// Returns whether the run is over.
    pub fn state(&self) -> RunState {
        if self.outcome().is_some() { RunState::Closed } else { RunState::Running }
    }
}
