//! Which runs are driven: each that exists and is not over gets a driver, and never two.
//!
//! A run gets its first driver when it is recorded. One whose driver ended too early is taken up again by the watcher, and
//! those that an earlier process left by [`Nexus::resume`](crate::Nexus::resume).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::commit::stopped;
use super::machine::{Input, State, open, step};
use super::model::Run;
use super::registry::{Cancelling, Driving, RunKey};
use super::store::{CancelRequest, Journal};
use super::{Event, EventBody};
use crate::document::model::Failure;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::store_retry::is_transient;

/// How often the owner of a store looks for cancel requests of other processes and for runs without a driver, while it
/// has runs.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);
/// How many events of a journal are read at once.
const JOURNAL_PAGE: usize = 1_000;
/// How many drivers in a row may end without recording anything before the run is given up as failed.
const MAX_FAILURES: u32 = 3;
/// How long a question waits for the store before its caller is told that it was not accepted.
const ACCEPT_DEADLINE: Duration = Duration::from_secs(3);

impl Engine {
    /// Records that `run` exists and starts to drive it.
    ///
    /// A task of the engine does both, so that a caller who goes away in between leaves no run without a driver.
    pub(crate) async fn begin(self: &Arc<Self>, run: Run, slot: OwnedSemaphorePermit) -> Result<()> {
        let mut driving = self.runs.claim(run.tenant(), &run.id).ok_or_else(taken)?;
        let (tell, told) = oneshot::channel();
        let engine = Arc::clone(self);
        self.tasks.spawn(async move {
            let state = State::new(run);
            let changes = open(&state.run);
            // The listener may be gone already.
            let limit = ACCEPT_DEADLINE.min(engine.settings.record_deadline);
            match engine.record(state.clone(), changes, &mut driving, Some(limit)).await {
                Ok(state) => {
                    engine.watch();
                    engine.launch(state, driving, slot);
                    let _ = tell.send(Ok(()));
                }
                Err(error) => {
                    let in_doubt = is_transient(&error);
                    let _ = tell.send(Err(error));
                    if in_doubt {
                        engine.withdraw(state.run, &mut driving).await;
                    }
                    driving.over();
                }
            }
        });
        told.await.map_err(|_| stopped())?
    }

    /// Ends a run of which its caller was told that it was not accepted, in case that it was recorded all the same.
    async fn withdraw(&self, mut run: Run, driving: &mut Driving) {
        (run.version, run.next_seq) = (1, open(&run).events.len() as u64);
        let failure = Failure::from(&not_accepted());
        match self.close_as_failed(State::new(run), failure, driving).await {
            Ok(()) => {
                tracing::info!(run = %driving.key().1, "a question that was not accepted was withdrawn");
            }
            // It was never recorded.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => tracing::error!(error = %error.report(), "a question could not be withdrawn"),
        }
    }

    async fn close_as_failed(&self, mut state: State, failure: Failure, driving: &mut Driving) -> Result<()> {
        let changes = step(&mut state, Input::Failed(failure), self.clock.now())?;
        self.record(state, changes, driving, None).await.map(drop)
    }

    /// Takes up every run that a process before this one left unfinished; says how many there were. One that cannot be
    /// read at the moment is left to the watcher.
    pub(crate) async fn resume_runs(self: &Arc<Self>) -> Result<usize> {
        let mut taken = 0;
        // What was asked of the process before this one is asked of this one.
        self.deliver(&self.store.take_cancel_requests().await?);
        self.watch();
        for run in self.store.unfinished().await? {
            let Some(driving) = self.runs.claim(run.tenant(), &run.id) else { continue };
            let slot = self.runs.wait_for_slot().await?;
            taken += usize::from(self.take_up(driving, slot).await);
        }
        Ok(taken)
    }

    /// Goes on with a run where its records end; says whether there was anything to do. What cannot be read now leaves the
    /// run to the watcher.
    async fn take_up(self: &Arc<Self>, mut driving: Driving, slot: OwnedSemaphorePermit) -> bool {
        let reloaded = self.reload(driving.key()).await;
        match reloaded {
            Ok(state) if state.run.outcome().is_some() => driving.over(),
            Ok(state) if driving.known().is_some_and(|known| known != state.run.version) => {
                driving.overtaken(state.run.version);
            }
            Ok(state) if driving.failures() >= MAX_FAILURES => {
                driving.found(state.run.next_seq);
                let engine = Arc::clone(self);
                self.tasks.spawn(async move { engine.abandon(state, driving, slot).await });
            }
            Ok(state) => {
                driving.found(state.run.next_seq);
                self.launch(state, driving, slot);
                return true;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => driving.over(),
            Err(error) => {
                driving.postpone();
                let run = &driving.key().1;
                tracing::warn!(%run, error = %error.report(), "an unfinished run could not be read");
            }
        }
        false
    }

    /// Ends a run as failed that no driver gets on with.
    async fn abandon(&self, state: State, mut driving: Driving, slot: OwnedSemaphorePermit) {
        match self.close_as_failed(state, Failure::from(&abandoned()), &mut driving).await {
            Ok(()) => driving.over(),
            Err(error) => tracing::error!(error = %error.report(), "a run could not be ended as failed"),
        }
        drop(slot);
    }

    async fn reload(&self, (tenant, id): &RunKey) -> Result<State> {
        let run = self.store.run(tenant, id).await?;
        let evidence = self.store.evidence(tenant, id).await?;
        let mut events: Vec<Event> = Vec::new();
        loop {
            let from = events.len() as u64;
            match self.store.journal(tenant, id, from, JOURNAL_PAGE).await? {
                Journal::Events(page) if !page.is_empty() => events.extend(page),
                Journal::Events(_) | Journal::Pruned => break,
            }
        }
        Ok(State::resumed(run, evidence, events.iter().map(|event: &Event| -> &EventBody { &event.body })))
    }

    fn launch(self: &Arc<Self>, state: State, mut driving: Driving, slot: OwnedSemaphorePermit) {
        let engine = Arc::clone(self);
        self.tasks.spawn(async move {
            if engine.drive(state, &mut driving).await {
                driving.over();
            }
            drop(slot);
        });
    }

    /// Starts the watcher, unless this process has driven no run so far: then the store may be another's.
    pub(crate) fn watch_if_owner(self: &Arc<Self>) {
        if self.runs.has_watched() {
            self.watch();
        }
    }

    /// Starts the watcher, unless there is one.
    pub(crate) fn watch(self: &Arc<Self>) {
        if self.runs.begin_watching() {
            let engine = Arc::clone(self);
            self.tasks.spawn(async move { engine.watch_runs().await });
        }
    }

    /// Delivers the cancel requests of other processes, and finds drivers for runs that have none, until no run is left.
    async fn watch_runs(self: &Arc<Self>) {
        loop {
            tokio::select! {
                () = self.tasks.stopping() => return,
                () = tokio::time::sleep(WATCH_INTERVAL) => {}
            }
            match self.store.take_cancel_requests().await {
                Ok(requests) => self.deliver(&requests),
                Err(error) => tracing::warn!(error = %error.report(), "cancel requests could not be read"),
            }
            for (tenant, run) in self.runs.due() {
                // Without room, the next look takes it up.
                let Ok(slot) = self.runs.acquire_slot() else { break };
                if let Some(driving) = self.runs.claim(&tenant, &run) {
                    self.take_up(driving, slot).await;
                }
            }
            if self.runs.stop_watching_if_idle() {
                return;
            }
        }
    }

    fn deliver(&self, requests: &[CancelRequest]) {
        for request in requests {
            let (tenant, run) = (request.principal.tenant(), &request.run);
            if self.runs.cancel(tenant, run) == Cancelling::NotDriven {
                self.runs.cancel_next(tenant, run);
            }
        }
    }
}

fn taken() -> Error {
    Error::unexpected("a new run has the id of one that is being driven")
}

fn not_accepted() -> Error {
    Error::new(ErrorKind::Unavailable, "the question could not be recorded in time, and was withdrawn")
        .code("RUN_NOT_ACCEPTED")
        .hint("ask again")
}

fn abandoned() -> Error {
    Error::new(ErrorKind::Unexpected, "the run broke off several times in the same place")
        .code("RUN_ABANDONED")
        .hint("ask again")
}
