//! State machine of a run, without I/O: [`step`] applies an input, [`next_effect`] returns the next step to carry
//! out.
//!
//! A driver carries out steps and feeds their results back as inputs; a single call returns all changes that must be
//! recorded together. So a run can be tested without a runtime and resumed after a restart.
//!
//! - `model_output`: output of the model; `speech`: speech of the answer.

mod model_output;
mod speech;

use model_output::said;
use speech::{spoken, unspoken};

use super::content::{Fingerprints, JournalDigest};
use super::event::{Answer, EventBody, Metadata};
use super::model::{Outcome, Phase, Run};
use crate::audit::{self, Draft, Kind, Payload};
use crate::clock::Timestamp;
use crate::corpus::AnswerRelease;
use crate::error::{Error, ErrorKind, Failure, Result};
use crate::grounding::{Citation, Evidence};
use crate::llm::{Abstention, CompletionEvent, MessageRole, TextMark, extractive};
use crate::policy::{Decision, Effect as PolicyEffect};
use crate::retrieve::Retrieved;
use crate::session::Message;
use crate::speech::Speech;

const DECIDED: Kind = Kind::new("policy.decided");
const SHOWN: Kind = Kind::new("passages.shown");

/// Run with its answer so far.
#[derive(Clone, Debug)]
pub struct State {
    /// Run.
    pub run: Run,
    /// Passages for the prompt; empty until they are known.
    pub evidence: Vec<Evidence>,
    /// Output of the model to this driver.
    pub answer: Answer,
    /// Output already emitted to the user, by this driver or an earlier one. A model that is called again after a
    /// restart must repeat it first, and it is not emitted twice.
    pub shown: Answer,
    /// Digest of the events that are recorded, or about to be.
    journal: JournalDigest,
}

impl State {
    /// Returns the state of a newly accepted run.
    pub fn new(run: Run) -> Self {
        let journal = JournalDigest::default().with(&accepted(&run));
        Self { run, evidence: Vec::new(), answer: Answer::default(), shown: Answer::default(), journal }
    }

    /// Returns whether nothing of the answer may be shown before its end.
    fn is_withheld(&self) -> bool {
        self.run.answers == AnswerRelease::Strict
    }

    /// Restores the state of a run from its records: the evidence, and the events of its journal.
    pub fn resumed<'e>(
        run: Run,
        evidence: Vec<Evidence>,
        journal: impl IntoIterator<Item = &'e EventBody>,
    ) -> Self {
        let (mut shown, mut digest) = (Answer::default(), JournalDigest::default());
        for event in journal {
            digest = digest.with(event);
            if let EventBody::Delta { text } = event {
                shown.text.push_str(text);
            } else if let EventBody::Citation(citation) = event {
                shown.citations.push(citation.clone());
            }
        }
        // A completely emitted answer is not generated again; it may still lack speech.
        let is_emitted = matches!(run.phase, Phase::AwaitingSpeech { .. });
        let answer = if is_emitted { shown.clone() } else { Answer::default() };
        Self { run, evidence, answer, shown, journal: digest }
    }
}

/// Step of a run that the driver carries out. A step is repeated after a restart that came before its result was
/// recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStep {
    /// Evaluate the policy.
    Decide,
    /// Retrieve passages.
    Retrieve,
    /// Generate the answer.
    Generate,
    /// Synthesise speech of the answer.
    Speak,
}

impl RunStep {
    /// Returns the idempotency key of this step of a run: the same on every retry.
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

/// Returns the next step of a run in `phase`; `None` when it is over.
pub fn next_effect(phase: &Phase) -> Option<RunStep> {
    match phase {
        Phase::Accepted => Some(RunStep::Decide),
        Phase::Authorised => Some(RunStep::Retrieve),
        Phase::Retrieved => Some(RunStep::Generate),
        Phase::AwaitingSpeech { .. } => Some(RunStep::Speak),
        Phase::Closed { .. } => None,
    }
}

/// Result of the retrieval.
#[derive(Clone, Debug)]
pub struct Found {
    /// Text that was searched for, where it is not the question alone.
    pub search_text: Option<String>,
    /// Retrieved hits.
    pub retrieved: Retrieved,
    /// Evidence for the prompt: the hits that fit the model, numbered.
    pub evidence: Vec<Evidence>,
    /// Model that answers.
    pub model: String,
    /// Whether to emit all hits to the user.
    pub debug: bool,
}

/// Input of the state machine: the result of a step, or an outside event.
#[derive(Clone, Debug)]
pub enum Input {
    /// Decision of the policy.
    Decided(Decision),
    /// Result of the retrieval.
    Retrieved(Found),
    /// Events of the model's output; all that were at hand.
    ModelOutput(Vec<CompletionEvent>),
    /// Speech of the answer.
    SpeechReady(Speech),
    /// A cap of the run is exhausted; the reason, in a sentence for the user.
    BudgetExceeded(String),
    /// The step failed.
    Failed(Failure),
    /// The run was cancelled.
    Cancelled,
}

/// Changes that one transition records together.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Events for the user.
    pub events: Vec<EventBody>,
    /// Evidence to store with the run.
    pub evidence: Option<Vec<Evidence>>,
    /// New messages of the session.
    pub messages: Vec<Message>,
    /// Speech to store with the run.
    pub audio: Option<Speech>,
    /// Drafts of audit records.
    pub audit: Vec<Draft>,
}

/// Returns the changes that create a run.
pub fn open(run: &Run) -> Changes {
    let prints = Fingerprints(&run.salt);
    let payload = Payload::new()
        .id("corpus", &run.ask.corpus)
        .id("session", &run.session_id)
        .hash("question_commit", prints.question(&run.ask))
        .hash("request_commit", prints.request(run))
        .hash("principal_commit", prints.principal(run))
        .token("software", concat!("nexus/", env!("CARGO_PKG_VERSION")));
    let question = Answer { text: run.ask.question.clone(), ..Answer::default() };
    let question = message(run, MessageRole::User, question, run.created_at);
    Changes {
        events: vec![accepted(run)],
        messages: vec![question],
        audit: vec![draft(run, Kind::CHAIN_OPEN, run.created_at).with_payload(payload)],
        evidence: None,
        audio: None,
    }
}

/// Returns the first event of a run.
fn accepted(run: &Run) -> EventBody {
    EventBody::Accepted {
        run_id: run.id.clone(),
        session_id: run.session_id.clone(),
        corpus_id: run.ask.corpus.clone(),
    }
}

/// Applies `input` to `state` and returns the changes to record. A run that is over does not change.
///
/// # Errors
/// [`Unexpected`](ErrorKind::Unexpected) when the input does not fit the phase, which is a defect of the driver.
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
        (Phase::Authorised, Input::Retrieved(retrieval)) => found(state, retrieval, now, &mut changes),
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
    state.journal = state.journal.with_all(&changes.events);
    Ok(changes)
}

fn decided(state: &mut State, decision: Decision, now: Timestamp, changes: &mut Changes) {
    state.run.policy_version.clone_from(&decision.policy_version);
    let payload =
        Payload::new().token("effect", decision.effect.as_str()).count("rules", decision.rules.len());
    changes.audit.push(draft(&state.run, DECIDED, now).with_payload(payload));
    match decision.effect {
        PolicyEffect::Allow => state.run.phase = Phase::Authorised,
        PolicyEffect::Deny => close(state, Outcome::Refused { decision }, now, changes),
        PolicyEffect::RequireApproval => close(state, Outcome::NeedsApproval { decision }, now, changes),
    }
}

fn found(state: &mut State, retrieval: Found, now: Timestamp, changes: &mut Changes) {
    let Found { search_text, retrieved, evidence, model, debug } = retrieval;
    let hashes = evidence.iter().map(|shown| audit::Digest::of(shown.text.as_bytes()));
    let payload = Payload::new()
        .ids("documents", evidence.iter().map(|shown| &shown.passage.document))
        .hashes("passages", hashes)
        .hash("evidence_commit", Fingerprints(&state.run.salt).evidence(&evidence))
        .count("permitted", retrieved.permitted)
        .token("model", &model);
    changes.audit.push(draft(&state.run, SHOWN, now).with_payload(payload));
    changes.events.push(EventBody::Metadata(Metadata {
        model,
        search_text,
        search_mode: retrieved.mode,
        under_filled: retrieved.under_filled,
        documents_in_flight: retrieved.documents_in_flight,
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

/// Emits the complete text to the user and the session: the answer, or one with the mark of what it is instead.
fn emit_final_answer(state: &State, mark: Option<TextMark>, now: Timestamp, changes: &mut Changes) -> Answer {
    let answer = Answer { mark, ..state.answer.clone() };
    changes.messages.push(message(&state.run, MessageRole::Assistant, answer.clone(), now));
    changes.events.push(EventBody::Final(answer.clone()));
    answer
}

/// Ends the run. Every outcome but a failure emits the final answer, which is empty unless the question was answered, or
/// the corpus releases the marked text of an incomplete or uncited reply.
fn close(state: &mut State, outcome: Outcome, now: Timestamp, changes: &mut Changes) {
    let answer = match &outcome {
        Outcome::Answered => emit_final_answer(state, None, now, changes),
        Outcome::Uncited if !state.is_withheld() => {
            emit_final_answer(state, Some(TextMark::Uncited), now, changes)
        }
        Outcome::Incomplete { .. } if !state.is_withheld() => {
            emit_final_answer(state, Some(TextMark::Incomplete), now, changes)
        }
        Outcome::Failed { failure } => {
            changes.events.push(EventBody::Error(failure.clone()));
            Answer::default()
        }
        Outcome::Uncited
        | Outcome::Incomplete { .. }
        | Outcome::Abstained { .. }
        | Outcome::Refused { .. }
        | Outcome::Blocked { .. }
        | Outcome::NeedsApproval { .. }
        | Outcome::OverQuota { .. }
        | Outcome::Cancelled => {
            let nearest = nearest(state, &outcome);
            let nothing = Answer { usage: state.answer.usage, nearest, ..Answer::default() };
            changes.events.push(EventBody::Final(nothing.clone()));
            nothing
        }
    };
    if !matches!(outcome, Outcome::Failed { .. }) {
        changes.events.push(EventBody::Done { outcome: outcome.clone() });
    }
    let answer_commit = Fingerprints(&state.run.salt).answer(&answer.text);
    let payload = end_facts(state, &outcome, answer_commit, &answer.citations, changes);
    changes.audit.push(draft(&state.run, Kind::CHAIN_CLOSE, now).with_payload(payload));
    state.run.phase = Phase::Closed { outcome };
    state.run.completed_at = Some(now);
}

/// Returns the nearest of the passages that were shown, for a run that abstains from them.
fn nearest(state: &State, outcome: &Outcome) -> Option<Citation> {
    let abstains = matches!(outcome, Outcome::Abstained { .. });
    abstains.then(|| extractive::nearest(&state.run.ask.question, &state.evidence)).flatten()
}

/// Returns the facts of the record of a run's end, after its last event.
fn end_facts(
    state: &State,
    outcome: &Outcome,
    answer_commit: audit::Digest,
    citations: &[Citation],
    changes: &Changes,
) -> Payload {
    let prints = Fingerprints(&state.run.salt);
    Payload::new()
        .token("outcome", outcome.as_str())
        .count("citations", citations.len())
        .hash("answer_commit", answer_commit)
        .hash("citations_commit", prints.citations(citations))
        .hash("journal_commit", prints.journal(state.journal.with_all(&changes.events)))
}

fn draft(run: &Run, kind: Kind, now: Timestamp) -> Draft {
    Draft::new(&run.principal, run.id.as_str(), kind, run.policy_version.as_str(), now)
        .with_correlation(&run.request_id)
}

fn message(run: &Run, role: MessageRole, said: Answer, at: Timestamp) -> Message {
    let Answer { text, citations, mark, usage: _, nearest: _ } = said;
    Message { run: run.id.clone(), role, text, citations, mark, at }
}

#[cfg(test)]
mod tests;
