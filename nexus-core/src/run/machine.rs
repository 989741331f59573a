//! The state machine of a run, without I/O: [`step`] says what an input leads to, [`next_effect`] what to do next.
//!
//! A driver carries out effects and feeds back what came of them; everything that must be recorded together
//! comes out of one step. So a run can be tested without a runtime and taken up after a restart.
//!
//! - `said`: what a model says; `spoken`: the answer aloud.

mod model_output;
mod speech;

use model_output::said;
use speech::{spoken, unspoken};

use super::event::{Answer, EventBody, Metadata};
use super::model::{Outcome, Phase, Run};
use crate::audit::{self, Draft, Kind, Payload};
use crate::clock::Timestamp;
use crate::document::model::Failure;
use crate::error::{Error, ErrorKind, Result};
use crate::grounding::{Citation, Evidence};
use crate::llm::{Abstention, CompletionEvent, MessageRole};
use crate::policy::{Decision, Effect as PolicyEffect};
use crate::retrieve::Retrieved;
use crate::session::Message;
use crate::speech::Speech;

const DECIDED: Kind = Kind::new("policy.decided");
const SHOWN: Kind = Kind::new("passages.shown");

/// A run with what its answer consists of so far.
#[derive(Clone, Debug)]
pub struct State {
    /// The run.
    pub run: Run,
    /// The passages the model is shown; empty until they are known.
    pub evidence: Vec<Evidence>,
    /// What the model has said to this driver.
    pub answer: Answer,
    /// What the user was shown, by this driver or one before it. A model that is asked again after a restart must
    /// say the same words first, and they are not shown twice.
    pub shown: Answer,
}

impl State {
    /// The state of a run that has just been accepted.
    pub fn new(run: Run) -> Self {
        Self { run, evidence: Vec::new(), answer: Answer::default(), shown: Answer::default() }
    }

    /// The state of a run as its records tell it: the passages it showed, and the events of its journal.
    pub fn resumed<'e>(
        run: Run,
        evidence: Vec<Evidence>,
        journal: impl IntoIterator<Item = &'e EventBody>,
    ) -> Self {
        let mut shown = Answer::default();
        for event in journal {
            if let EventBody::Delta { text } = event {
                shown.text.push_str(text);
            } else if let EventBody::Citation(citation) = event {
                shown.citations.push(citation.clone());
            }
        }
        // What was told whole is not asked for again; it may still have to be spoken.
        let is_told = matches!(run.phase, Phase::AwaitingSpeech { .. });
        let answer = if is_told { shown.clone() } else { Answer::default() };
        Self { run, evidence, answer, shown }
    }
}

/// What is to be done next. Each is done again after a restart that came before its result was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStep {
    /// Ask the policy.
    Decide,
    /// Find passages.
    Retrieve,
    /// Let the model answer.
    Generate,
    /// Speak the answer.
    Speak,
}

impl RunStep {
    /// The claim key of this effect of a run: the same whenever it is tried again.
    pub fn id(self, run: &Run) -> String {
        let name = match self {
            Self::Decide => "decide",
            Self::Retrieve => "retrieve",
            Self::Generate => "generate",
            Self::Speak => "speak",
        };
        format!("{}/{name}/0", run.id)
    }
}

/// What to do next with a run in `phase`; nothing when it is over.
pub fn next_effect(phase: &Phase) -> Option<RunStep> {
    match phase {
        Phase::Accepted => Some(RunStep::Decide),
        Phase::Authorised => Some(RunStep::Retrieve),
        Phase::Retrieved => Some(RunStep::Generate),
        Phase::AwaitingSpeech { .. } => Some(RunStep::Speak),
        Phase::Closed { .. } => None,
    }
}

/// What came of an effect, or from outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// The policy decided.
    Decided(Decision),
    /// The search ended.
    Retrieved {
        /// What it found.
        retrieved: Retrieved,
        /// The evidence to show: the hits that fit the model, numbered.
        evidence: Vec<Evidence>,
        /// The model that is to answer.
        model: String,
        /// Whether the user is told everything that was found.
        debug: bool,
    },
    /// The model said something; all that was at hand.
    ModelOutput(Vec<CompletionEvent>),
    /// The answer was spoken.
    SpeechReady(Speech),
    /// A cap of the run is used up; why, in a sentence for the user.
    BudgetExceeded(String),
    /// Something broke.
    Failed(Failure),
    /// Somebody cancelled the run.
    Cancelled,
}

/// What a step leads to: all of it is recorded together.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// What the user is told.
    pub events: Vec<EventBody>,
    /// The passages to keep with the run.
    pub evidence: Option<Vec<Evidence>>,
    /// What was said in the session.
    pub messages: Vec<Message>,
    /// The answer aloud, to keep with the run.
    pub audio: Option<Speech>,
    /// What the audit chain says.
    pub audit: Vec<Draft>,
}

/// The changes that make a run exist.
pub fn open(run: &Run) -> Changes {
    let accepted = EventBody::Accepted {
        run_id: run.id.clone(),
        session_id: run.session_id.clone(),
        corpus_id: run.ask.corpus.clone(),
    };
    let payload = Payload::new()
        .id("corpus", &run.ask.corpus)
        .id("session", &run.session_id)
        .hash("question_commit", commit(run, "question", &run.ask.question))
        .token("software", concat!("nexus/", env!("CARGO_PKG_VERSION")));
    let question = message(run, MessageRole::User, run.ask.question.clone(), Vec::new(), run.created_at);
    Changes {
        events: vec![accepted],
        messages: vec![question],
        audit: vec![draft(run, Kind::CHAIN_OPEN, run.created_at).with_payload(payload)],
        evidence: None,
        audio: None,
    }
}

/// Applies `input` to `state`. A run that is over stays as it is.
///
/// # Errors
/// [`Unexpected`](ErrorKind::Unexpected) when the input does not fit the phase: a defect of the driver.
pub fn step(state: &mut State, input: Input, now: Timestamp) -> Result<Changes> {
    if matches!(state.run.phase, Phase::Closed { .. }) {
        return Ok(Changes::default());
    }
    let mut changes = Changes::default();
    match (state.run.phase.clone(), input) {
        (Phase::AwaitingSpeech { commit, citations }, Input::SpeechReady(speech)) => {
            spoken(state, Ok(speech), &commit, citations, now, &mut changes);
        }
        (
            Phase::AwaitingSpeech { commit, citations },
            input @ (Input::Failed(_) | Input::BudgetExceeded(_) | Input::Cancelled),
        ) => {
            spoken(state, Err(unspoken(input)), &commit, citations, now, &mut changes);
        }
        (_, Input::Cancelled) => close(state, Outcome::Cancelled, now, &mut changes),
        (_, Input::Failed(failure)) => close(state, Outcome::Failed { failure }, now, &mut changes),
        (_, Input::BudgetExceeded(reason)) => close(state, Outcome::OverQuota { reason }, now, &mut changes),
        (Phase::Accepted, Input::Decided(decision)) => decided(state, decision, now, &mut changes),
        (Phase::Authorised, Input::Retrieved { retrieved, evidence, model, debug }) => {
            found(state, retrieved, evidence, model, debug, now, &mut changes);
        }
        (Phase::Retrieved, Input::ModelOutput(pieces)) => {
            for piece in pieces {
                said(state, piece, now, &mut changes);
            }
        }
        (phase, input) => {
            return Err(Error::new(ErrorKind::Unexpected, "a run got an input that does not fit its phase")
                .with("phase", format!("{phase:?}"))
                .with("input", format!("{input:?}").chars().take(80).collect::<String>()));
        }
    }
    state.run.updated_at = now;
    Ok(changes)
}

fn decided(state: &mut State, decision: Decision, now: Timestamp, changes: &mut Changes) {
    state.run.policy_version.clone_from(&decision.policy_version);
    let effect = match decision.effect {
        PolicyEffect::Allow => "allow",
        PolicyEffect::Deny => "deny",
        PolicyEffect::RequireApproval => "require_approval",
    };
    let payload = Payload::new().token("effect", effect).count("rules", decision.rules.len());
    changes.audit.push(draft(&state.run, DECIDED, now).with_payload(payload));
    match decision.effect {
        PolicyEffect::Allow => state.run.phase = Phase::Authorised,
        PolicyEffect::Deny => close(state, Outcome::Refused { decision }, now, changes),
        PolicyEffect::RequireApproval => close(state, Outcome::NeedsApproval { decision }, now, changes),
    }
}

fn found(
    state: &mut State,
    retrieved: Retrieved,
    evidence: Vec<Evidence>,
    model: String,
    debug: bool,
    now: Timestamp,
    changes: &mut Changes,
) {
    let hashes = evidence.iter().map(|shown| audit::Digest::of(shown.text.as_bytes()));
    let payload = Payload::new()
        .ids("documents", evidence.iter().map(|shown| &shown.passage.document))
        .hashes("passages", hashes)
        .count("permitted", retrieved.permitted)
        .token("model", &model);
    changes.audit.push(draft(&state.run, SHOWN, now).with_payload(payload));
    changes.events.push(EventBody::Metadata(Metadata {
        model,
        search_mode: retrieved.mode,
        under_filled: retrieved.under_filled,
        sources: evidence.iter().map(Into::into).collect(),
    }));
    if debug {
        changes.events.push(EventBody::Retrieval { hits: retrieved.hits });
    }
    changes.evidence = Some(evidence.clone());
    state.evidence = evidence;
    if state.evidence.is_empty() {
        close(state, Outcome::Abstained { reason: Abstention::NoPassages }, now, changes);
    } else {
        state.run.phase = Phase::Retrieved;
    }
}

/// Tells the whole answer to the user and the session.
fn emit_final_answer(state: &State, now: Timestamp, changes: &mut Changes) -> Answer {
    let answer = state.answer.clone();
    let (text, citations) = (answer.text.clone(), answer.citations.clone());
    changes.messages.push(message(&state.run, MessageRole::Assistant, text, citations, now));
    changes.events.push(EventBody::Final(answer.clone()));
    answer
}

/// Ends the run. All endings but a failure tell the user the whole answer, which is empty unless there is one.
fn close(state: &mut State, outcome: Outcome, now: Timestamp, changes: &mut Changes) {
    let answer = match &outcome {
        Outcome::Answered => emit_final_answer(state, now, changes),
        Outcome::Failed { failure } => {
            changes.events.push(EventBody::Error(failure.clone()));
            Answer::default()
        }
        Outcome::Abstained { .. }
        | Outcome::Refused { .. }
        | Outcome::Blocked { .. }
        | Outcome::NeedsApproval { .. }
        | Outcome::OverQuota { .. }
        | Outcome::Cancelled => {
            let nothing = Answer { usage: state.answer.usage, ..Answer::default() };
            changes.events.push(EventBody::Final(nothing.clone()));
            nothing
        }
    };
    let payload = Payload::new()
        .token("outcome", outcome.as_str())
        .count("citations", answer.citations.len())
        .hash("answer_commit", commit(&state.run, "answer", &answer.text));
    changes.audit.push(draft(&state.run, Kind::CHAIN_CLOSE, now).with_payload(payload));
    if !matches!(outcome, Outcome::Failed { .. }) {
        changes.events.push(EventBody::Done { outcome: outcome.clone() });
    }
    state.run.phase = Phase::Closed { outcome };
    state.run.completed_at = Some(now);
}

fn draft(run: &Run, kind: Kind, now: Timestamp) -> Draft {
    Draft::new(&run.principal, run.id.as_str(), kind, run.policy_version.as_str(), now)
        .with_correlation(&run.request_id)
}

fn message(
    run: &Run,
    speaker: MessageRole,
    text: String,
    citations: Vec<Citation>,
    at: Timestamp,
) -> Message {
    Message { run: run.id.clone(), speaker, text, citations, at }
}

/// A hash that binds the run to a text which the audit chain does not hold. The salt is kept with the run, so
/// that erasing the run leaves a hash that nobody can guess texts against.
fn commit(run: &Run, what: &str, text: &str) -> audit::Digest {
    audit::Digest::salted(&format!("run/{what}"), &run.salt, text)
}

#[cfg(test)]
mod tests;
