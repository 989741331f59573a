//! Drives runs: carries out the effects of the state machine and records each step before anyone is told.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use super::Event;
use super::aloud::aloud;
use super::machine::{Changes, Effect, Input, State, next_effect, open, step};
use super::model::Run;
use super::registry::Active;
use super::store::{Advance, CancelRequest, Journal};
use crate::audit::Pending;
use crate::document::model::Failure;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{Granted, ModelCall, Origin, Refused, RunCaps};
use crate::grounding::Evidence;
use crate::llm::prompt::Prompt;
use crate::llm::{Fault, Piece, Request, Turn};
use crate::policy::{Action, Resource};
use crate::search::Search;
use crate::session::{Message, follow_up};

/// How often the owner of a store looks for cancel requests of other processes, while it has runs.
const CANCEL_POLL: Duration = Duration::from_millis(250);
/// How many messages of a session a model may be told.
const HISTORY_MESSAGES: usize = 12;
/// How many events of a journal are read at once.
const JOURNAL_PAGE: usize = 1_000;
/// How many pieces of an answer are recorded in one step, at most.
const BATCH: usize = 64;

/// A streamed answer, in batches of what is at hand: while one is being recorded, more comes in.
type Batches = BoxStream<'static, Vec<Result<Piece>>>;

/// The model's side of a run: its stream, once it was asked, and an error that came after good pieces.
#[derive(Default)]
struct Stream {
    batches: Option<Batches>,
    error: Option<Error>,
    cancel: Option<watch::Sender<bool>>,
}

impl Stream {
    /// Ends the call to the model, if there is one.
    fn cancel(&self) {
        if let Some(cancel) = &self.cancel {
            cancel.send_replace(true);
        }
    }
}

impl Engine {
    /// Records that `run` exists and starts to drive it.
    ///
    /// A task of the engine does both, so that a caller who goes away in between leaves no run that nobody drives.
    pub(crate) async fn begin(self: &Arc<Self>, run: Run, slot: OwnedSemaphorePermit) -> Result<()> {
        let (tell, told) = oneshot::channel();
        let engine = Arc::clone(self);
        self.tasks.spawn(async move {
            let state = State::new(run);
            let changes = open(&state.run);
            let begun = engine.record(state, changes).await.map(|state| engine.launch(state, slot));
            // Nobody may be listening any more.
            let _ = tell.send(begun);
        });
        told.await.map_err(|_| stopped())?
    }

    /// Takes up every run that a process before this one left unfinished; says how many there were.
    pub(crate) async fn resume_runs(self: &Arc<Self>) -> Result<usize> {
        let mut taken = 0;
        // What was asked of the process before this one is asked of this one.
        let cancels = self.store.take_cancel_requests().await?;
        for run in self.store.unfinished().await? {
            if self.runs.follow(run.tenant(), &run.id).is_none() {
                let slot = self.runs.wait_for_slot().await?;
                let state = self.reload(run).await?;
                self.launch(state, slot);
                self.hand_out(&cancels);
                taken += 1;
            }
        }
        Ok(taken)
    }

    async fn reload(&self, run: Run) -> Result<State> {
        let evidence = self.store.evidence(run.tenant(), &run.id).await?;
        let mut events: Vec<Event> = Vec::new();
        loop {
            let from = events.len() as u64;
            match self.store.journal(run.tenant(), &run.id, from, JOURNAL_PAGE).await? {
                Journal::Events(page) if !page.is_empty() => events.extend(page),
                Journal::Events(_) | Journal::Pruned => break,
            }
        }
        Ok(State::resumed(run, evidence, events.iter().map(|event| &event.body)))
    }

    fn launch(self: &Arc<Self>, state: State, slot: OwnedSemaphorePermit) {
        let (active, watch) = self.runs.enter(&state.run);
        if watch {
            let engine = Arc::clone(self);
            self.tasks.spawn(async move { engine.watch_for_cancels().await });
        }
        let engine = Arc::clone(self);
        self.tasks.spawn(async move {
            let run = state.run.clone();
            engine.drive(state, &active).await;
            engine.runs.leave(&run);
            drop(slot);
        });
    }

    /// Hands the cancel requests of other processes to the runs they are for, until no run is left.
    async fn watch_for_cancels(&self) {
        while !self.runs.stop_watching_if_idle() {
            tokio::select! {
                () = self.tasks.stopping() => return,
                () = tokio::time::sleep(CANCEL_POLL) => {}
            }
            match self.store.take_cancel_requests().await {
                Ok(requests) => self.hand_out(&requests),
                Err(error) => tracing::warn!(error = %error.report(), "cancel requests could not be read"),
            }
        }
    }

    fn hand_out(&self, requests: &[CancelRequest]) {
        for request in requests {
            self.runs.cancel(request.principal.tenant(), &request.run);
        }
    }

    async fn drive(&self, mut state: State, active: &Active) {
        let mut cancelled = active.cancelled.subscribe();
        let mut stream = Stream::default();
        while let Some(effect) = next_effect(&state.run.phase) {
            // Only the effect can be interrupted, never the recording of what came of it.
            let result = tokio::select! {
                biased;
                _ = cancelled.wait_for(|cancelled| *cancelled) => {
                    stream.cancel();
                    Ok(Input::Cancelled)
                }
                () = self.tasks.stopping() => return,
                result = self.carry_out(effect, &state, &mut stream) => result,
            };
            let input = result.unwrap_or_else(|error| {
                tracing::warn!(run = %state.run.id, error = %error.report(), "a run failed");
                Input::Failed(Failure::from(&error))
            });
            match self.apply(state, input).await {
                Ok(next) => state = next,
                // It stays unfinished, and is taken up after a restart.
                Err(error) => {
                    return tracing::error!(error = %error.report(), "a step of a run could not be recorded");
                }
            }
            active.recorded.send_replace(state.run.next_seq);
        }
    }

    async fn carry_out(&self, effect: Effect, state: &State, stream: &mut Stream) -> Result<Input> {
        match effect {
            Effect::Decide => {
                let resource = Resource::corpus(&state.run.ask.corpus);
                Ok(Input::Decided(self.decide(&state.run.principal, Action::RunCreate, resource).await?))
            }
            Effect::Retrieve => self.find(&state.run).await,
            Effect::Generate => self.listen(state, stream).await,
            Effect::Speak => self.speak(state).await,
        }
    }

    /// Speaks the answer of a run.
    async fn speak(&self, state: &State) -> Result<Input> {
        let run = &state.run;
        let text = aloud(&state.answer.text);
        match self.gateway.speak(&run.principal, &origin(run), text).await? {
            Granted::Yes(speech) => Ok(Input::Spoken(speech)),
            Granted::No(refused) => Ok(Input::OverBudget(refused.sentence())),
        }
    }

    /// Searches for what the run asks, and chooses what fits the model.
    async fn find(&self, run: &Run) -> Result<Input> {
        let history = self.history(run).await?;
        let search = Search {
            corpus: run.ask.corpus.clone(),
            text: follow_up(&run.ask.question, &history),
            vector: None,
            top_k: run.ask.options.top_k,
            filter: run.ask.options.filter.clone(),
            tags: run.ask.options.document_tags.clone(),
            documents: run.ask.options.documents.clone(),
            explain: false,
        };
        let retrieved = match self.search_to_answer(&run.principal, &origin(run), search).await? {
            Granted::Yes(retrieved) => retrieved,
            Granted::No(refused) => return self.not_granted(&refused),
        };
        let request = self.prompt(run, Evidence::number(retrieved.hits.clone()), history)?;
        let options = &run.ask.options;
        let (_, model) =
            self.gateway.answers_with(run.tenant(), options.provider.as_deref(), options.model.as_deref())?;
        let debug = self.settings.debug_events;
        Ok(Input::Found { retrieved, evidence: request.evidence, model, debug })
    }

    /// What was said in the session before this run.
    async fn history(&self, run: &Run) -> Result<Vec<Message>> {
        let mut messages = self.store.messages(run.tenant(), &run.session_id, HISTORY_MESSAGES).await?;
        messages.retain(|message| message.run != run.id);
        Ok(messages)
    }

    fn prompt(&self, run: &Run, evidence: Vec<Evidence>, history: Vec<Message>) -> Result<Request> {
        let turns = history.into_iter().map(|message| Turn::said(message.speaker, message.text));
        Prompt::new(run.ask.question.clone(), evidence)
            .with_history(turns.collect())
            .assemble(&self.settings.prompt)
    }

    /// The next batch of what the model says. The model is asked when there is no stream yet.
    async fn listen(&self, state: &State, stream: &mut Stream) -> Result<Input> {
        if let Some(error) = stream.error.take() {
            return Err(error);
        }
        if stream.batches.is_none() {
            let request = self.prompt(&state.run, state.evidence.clone(), self.history(&state.run).await?)?;
            let answer =
                match self.gateway.stream(&state.run.principal, model_call(&state.run, request)).await? {
                    Granted::Yes(answer) => answer,
                    Granted::No(refused) => return self.not_granted(&refused),
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
        Ok(Input::Said(pieces))
    }

    /// What a call to a model that is refused means for its run.
    fn not_granted(&self, refused: &Refused) -> Result<Input> {
        match refused {
            Refused::Unpriced { .. } => Err(refused.to_error(self.clock.now())),
            Refused::Limit(_) | Refused::Stopped(_) | Refused::TooDear { .. } => {
                Ok(Input::OverBudget(refused.sentence()))
            }
        }
    }

    async fn apply(&self, mut state: State, input: Input) -> Result<State> {
        let changes = step(&mut state, input, self.clock.now())?;
        self.record(state, changes).await
    }

    /// Records one step, and returns the state with it counted.
    async fn record(&self, mut state: State, changes: Changes) -> Result<State> {
        let run = &mut state.run;
        run.version += 1;
        let events: Vec<Event> = (run.next_seq..)
            .zip(changes.events)
            .map(|(seq, body)| Event { request_id: run.request_id.clone(), seq, body })
            .collect();
        run.next_seq += events.len() as u64;
        let advance = Advance {
            run: run.clone(),
            events,
            evidence: changes.evidence,
            messages: changes.messages,
            audio: changes.audio,
            audit: Pending::new(Arc::clone(&self.sealer), changes.audit),
        };
        self.store.advance(advance).await?;
        Ok(state)
    }
}

/// What a run's calls besides its answer come from. The caps on its answer do not count them.
fn origin(run: &Run) -> Origin {
    Origin {
        correlation_id: Some(run.request_id.to_string()),
        investigation: Some(run.session_id.to_string()),
        run: Some(run.id.clone()),
    }
}

/// The call that answers a run. Its claim is the same whenever it is made again, so it is paid for once.
fn model_call(run: &Run, request: Request) -> ModelCall {
    let options = &run.ask.options;
    ModelCall {
        request: Request { model: options.model.clone(), ..request },
        provider: options.provider.clone(),
        idempotency_key: Some(Effect::Generate.id(run)),
        correlation_id: Some(run.request_id.to_string()),
        investigation: Some(run.session_id.to_string()),
        max_cost: options.budget.max_cost,
        run: Some(RunCaps {
            id: run.id.clone(),
            max_calls: options.budget.max_llm_calls,
            max_cost_units: options.budget.max_cost_units,
        }),
        corpus: Some(run.ask.corpus.clone()),
        cache: options.cache,
    }
}

fn stopped() -> Error {
    Error::new(ErrorKind::Unavailable, "Nexus is shutting down").code("SHUTTING_DOWN")
}

fn cut_off() -> Error {
    Fault::Truncated.error("the model stopped in the middle of its answer")
}
