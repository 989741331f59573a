//! Run driver: carries out the steps of the state machine and records each before a client sees it.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::watch;

use super::speech_text::strip_citation_markers;
use crate::access::Authorised;
use crate::audit::Digest;
use crate::document::model::Passage;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Failure, Result};
use crate::gateway::{Admission, CallRefusal, CallStream, ModelCall, Origin, RunCaps};
use crate::grounding::Evidence;
use crate::llm::prompt::Prompt;
use crate::llm::{CompletionEvent, ProviderErrorKind, Request, Turn};
use crate::owner::is_owner_lost;
use crate::policy::Decision;
use crate::run::machine::{Found, Input, RunStep, State, next_effect, step};
use crate::run::model::Run;
use crate::run::registry::DriverGuard;
use crate::search::Search;
use crate::session::{Message, follow_up};
use crate::store_retry::{is_not_admitted, is_transient, retry, within};

/// Timeout for one read of a session's history.
const HISTORY_DEADLINE: Duration = Duration::from_secs(5);
/// Maximum number of earlier messages in a prompt; twelve together with the question.
const HISTORY_MESSAGES: usize = 11;
/// Maximum number of completion events per recorded step.
const BATCH: usize = 64;

/// Streamed answer, in batches of the events at hand: more arrive while one batch is being recorded.
type Batches = BoxStream<'static, Vec<Result<CompletionEvent>>>;

/// Model stream of a run, once the model was called, and an error that followed valid events.
#[derive(Default)]
struct ModelStream {
    batches: Option<Batches>,
    error: Option<Error>,
    cancel: Option<watch::Sender<bool>>,
}

impl ModelStream {
    /// Cancels the call to the model, if there is one.
    fn cancel(&self) {
        if let Some(cancel) = &self.cancel {
            cancel.send_replace(true);
        }
    }
}

impl Engine {
    /// Drives a run until it is over (`true`) or until this driver can make no more progress (`false`). A driver whose
    /// process has lost the run to another stops without an outcome. `decision` is the policy's, where this process
    /// has made it.
    pub(super) async fn drive(
        &self,
        mut state: State,
        mut decision: Option<Decision>,
        driving: &mut DriverGuard,
    ) -> bool {
        let mut cancelled = driving.cancelled();
        let mut stream = ModelStream::default();
        while let Some(effect) = next_effect(&state.run.phase) {
            // Only the step can be interrupted, never the recording of its result.
            let result = tokio::select! {
                biased;
                _ = cancelled.wait_for(|cancelled| *cancelled) => {
                    stream.cancel();
                    Ok(Input::Cancelled)
                }
                () = self.tasks.stopping() => return false,
                result = self.carry_out(effect, &state, &mut decision, &mut stream) => result,
            };
            let input = result.unwrap_or_else(|error| {
                tracing::warn!(run = %state.run.id, error = %error.report(), "a run failed");
                Input::Failed(Failure::from(&error))
            });
            let version = state.run.version;
            match self.apply(state, input, driving).await {
                Ok(next) => state = next,
                Err(error) => {
                    stop_driving(driving, version, &error);
                    return false;
                }
            }
        }
        true
    }

    async fn carry_out(
        &self,
        effect: RunStep,
        state: &State,
        decision: &mut Option<Decision>,
        stream: &mut ModelStream,
    ) -> Result<Input> {
        match effect {
            RunStep::Decide => Ok(Input::Decided(self.decided(&state.run, decision).await?.clone())),
            RunStep::Retrieve => {
                let allowed = self.decided(&state.run, decision).await?.clone();
                self.retrieve(&state.run, Authorised::new(&state.run.principal, allowed, ())?).await
            }
            RunStep::Generate => self.read_model_stream(state, stream).await,
            RunStep::Speak => self.speak(state).await,
        }
    }

    /// Returns the decision on the run. A driver that resumes a run of another process makes it anew, since a decision
    /// is no proof in another process.
    async fn decided<'d>(&self, run: &Run, decision: &'d mut Option<Decision>) -> Result<&'d Decision> {
        if decision.is_none() {
            *decision = Some(self.decide_ask(&run.principal, &run.ask, &run.request_id).await?);
        }
        decision.as_ref().ok_or_else(|| Error::unexpected("a run has no decision"))
    }

    /// Synthesises the speech of a run's answer.
    async fn speak(&self, state: &State) -> Result<Input> {
        let run = &state.run;
        let text = strip_citation_markers(&state.answer.text);
        match self.gateway.speak(&run.principal, &origin(run), text).await? {
            Admission::Granted(speech) => Ok(Input::SpeechReady(speech)),
            Admission::Refused(refused) => Ok(Input::BudgetExceeded(refused.sentence())),
        }
    }

    /// Searches for the run's question, and selects the passages that fit the model.
    async fn retrieve(&self, run: &Run, allowed: Authorised<()>) -> Result<Input> {
        let history = self.history(run).await?;
        let text = follow_up(&run.ask.question, &history);
        let search_text = (text != run.ask.question).then(|| text.clone());
        let search = Search {
            corpus: run.ask.corpus.clone(),
            text,
            vector: None,
            top_k: run.ask.options.top_k,
            filter: run.ask.options.filter.clone(),
            tags: run.ask.options.document_tags.clone(),
            documents: run.ask.options.documents.clone(),
            explain: false,
        };
        let retrieved = match self.search_to_answer(allowed, &origin(run), search).await? {
            Admission::Granted(retrieved) => retrieved,
            Admission::Refused(refused) => return self.not_granted(&refused),
        };
        retrieved.hits.iter().try_for_each(|hit| check_unchanged(&hit.passage))?;
        let request = self.prompt(run, Evidence::number(retrieved.hits.clone()), history)?;
        let options = &run.ask.options;
        let (provider, model) = (options.provider.as_deref(), options.model.as_deref());
        let (_, model) = self.gateway.answers_with(run.tenant(), provider, model).await?;
        let debug = self.settings.debug_events;
        Ok(Input::Retrieved(Found { search_text, retrieved, evidence: request.evidence, model, debug }))
    }

    /// Returns the session's messages before this run's question. They are the same on every read, so that a retried
    /// request to the model is the same too and is answered from the stored result.
    async fn history(&self, run: &Run) -> Result<Vec<Message>> {
        let read = || self.sessions.history(run.tenant(), &run.session_id, &run.id, HISTORY_MESSAGES);
        let read = || within(HISTORY_DEADLINE, read());
        retry(self.settings.record_deadline, is_transient, read).await
    }

    fn prompt(&self, run: &Run, evidence: Vec<Evidence>, history: Vec<Message>) -> Result<Request> {
        let turns = history.into_iter().map(|message| Turn::said(message.role, message.text));
        Prompt::new(run.ask.question.clone(), evidence)
            .with_history(turns.collect())
            .assemble(&self.settings.prompt)
    }

    /// Reads the next batch of the model's output, and calls the model if there is no stream yet.
    async fn read_model_stream(&self, state: &State, stream: &mut ModelStream) -> Result<Input> {
        if let Some(error) = stream.error.take() {
            return Err(error);
        }
        if stream.batches.is_none() {
            let request = self.prompt(&state.run, state.evidence.clone(), self.history(&state.run).await?)?;
            let answer = match self.ask_model(&state.run, request).await? {
                Admission::Granted(answer) => answer,
                Admission::Refused(refused) => return self.not_granted(&refused),
            };
            stream.cancel = Some(answer.canceller());
            stream.batches = Some(answer.ready_chunks(BATCH).boxed());
        }
        let Some(batches) = &mut stream.batches else { return Err(cut_off()) };
        let mut pieces = Vec::new();
        for piece in batches.next().await.ok_or_else(cut_off)? {
            match piece {
                Ok(piece) => pieces.push(piece),
                Err(error) => {
                    stream.error = Some(error);
                    break;
                }
            }
        }
        Ok(Input::ModelOutput(pieces))
    }

    /// Calls the model, and retries while the ledger is unavailable: nothing is sent before a call is admitted, and
    /// the idempotency key keeps the retries one call.
    async fn ask_model(&self, run: &Run, request: Request) -> Result<Admission<CallStream>> {
        let ask = || self.gateway.stream(&run.principal, model_call(run, request.clone()));
        let again = |error: &Error| is_not_admitted(error) || error.code() == "LEDGER_UNAVAILABLE";
        retry(self.settings.record_deadline, again, ask).await
    }

    /// Maps the refusal of a model call to the run's input.
    fn not_granted(&self, refused: &CallRefusal) -> Result<Input> {
        match refused {
            CallRefusal::PriceUnknown { .. } => Err(refused.to_error(self.clock.now())),
            CallRefusal::Limit(_) | CallRefusal::KillSwitch(_) | CallRefusal::MaxCostExceeded { .. } => {
                Ok(Input::BudgetExceeded(refused.sentence()))
            }
        }
    }

    async fn apply(&self, mut state: State, input: Input, driving: &mut DriverGuard) -> Result<State> {
        let changes = step(&mut state, input, self.clock.now())?;
        self.record(state, changes, driving, None).await
    }
}

/// Prepares the end of a driver whose step after `version` could not be recorded.
fn stop_driving(driving: &mut DriverGuard, version: u64, error: &Error) {
    let run = &driving.key().1;
    if is_owner_lost(error) {
        tracing::warn!(%run, "another process has taken over a run");
        driving.lost();
        return;
    }
    tracing::error!(%run, error = %error.report(), "a step of a run could not be recorded");
    if error.kind() == ErrorKind::Conflict {
        driving.overtaken(version);
    }
}

/// Returns the origin of a run's calls for embeddings and speech. The run's caps on money and cost units include
/// them.
fn origin(run: &Run) -> Origin {
    Origin {
        correlation_id: Some(run.request_id.to_string()),
        investigation: Some(run.session_id.to_string()),
        run: Some(caps(run)),
        allowance: None,
    }
}

/// Returns the caps on all calls of a run.
fn caps(run: &Run) -> RunCaps {
    let budget = &run.ask.options.budget;
    RunCaps {
        id: run.id.clone(),
        max_calls: budget.max_llm_calls,
        max_cost_units: budget.max_cost_units,
        max_cost: budget.max_cost,
    }
}

/// Returns the call that answers a run. Its idempotency key is the same on every retry, so that it is charged once.
fn model_call(run: &Run, request: Request) -> ModelCall {
    let options = &run.ask.options;
    ModelCall {
        request: Request { model: options.model.clone(), ..request },
        provider: options.provider.clone(),
        idempotency_key: Some(RunStep::Generate.id(run)),
        correlation_id: Some(run.request_id.to_string()),
        investigation: Some(run.session_id.to_string()),
        max_cost: options.budget.max_cost,
        run: Some(caps(run)),
        corpus: Some(run.ask.corpus.clone()),
        cache: options.cache,
    }
}

/// Checks that the text of a passage is the one that was ingested: only such a text is shown to a model.
fn check_unchanged(passage: &Passage) -> Result<()> {
    if Digest::of(&passage.text).to_string() == passage.hash {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Corrupt, "a stored passage differs from the text that was ingested")
        .with_code("CONTENT_CHANGED")
        .with_hint("verify the records with `nexus runs verify --all`, then ingest the document again")
        .with("passage", &passage.key))
}

fn cut_off() -> Error {
    ProviderErrorKind::Truncated.error("the model stopped in the middle of its answer")
}
