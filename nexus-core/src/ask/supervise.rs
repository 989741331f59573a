//! Run supervision: each unfinished run of this process has a driver, and never two.
//!
//! A run gets its first driver when it is recorded. The watcher starts another for a run whose driver ended too early.
//! [`Nexus::resume`](crate::Nexus::resume) claims the runs whose owner is gone, and so does this process from then on,
//! as long as it lives.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::commit::stopped;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Failure, Result};
use crate::owner::is_owner_lost;
use crate::policy::Decision;
use crate::principal::Principal;
use crate::run::machine::{Input, State, open, step};
use crate::run::model::Run;
use crate::run::registry::{Cancelling, DriverGuard, RunKey};
use crate::run::store::Journal;
use crate::run::{Event, EventBody};
use crate::store_retry::is_transient;
use crate::system::{CancelRequest, OpenRun};

/// Poll interval at which a process looks for cancel requests from others and for runs without a driver, while it has
/// runs.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);
/// Number of journal events per read.
const JOURNAL_PAGE: usize = 1_000;
/// Number of drivers in a row that may end without recording anything before the run is ended as failed.
const MAX_FAILURES: u32 = 3;
/// Timeout for recording a new question, after which its caller gets `RUN_NOT_ACCEPTED`.
const ACCEPT_DEADLINE: Duration = Duration::from_secs(3);

impl Engine {
    /// Records a new `run` and starts its driver, which acts on the policy's `decision`.
    ///
    /// A task of the engine does both, so that a caller who disconnects in between leaves no run without a driver.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        run: Run,
        decision: Decision,
        slot: OwnedSemaphorePermit,
    ) -> Result<()> {
        let mut driving = self.active_runs.claim(run.tenant(), &run.id).ok_or_else(taken)?;
        let (accepted, acceptance) = oneshot::channel();
        let engine = Arc::clone(self);
        self.tasks.spawn(async move {
            let state = State::new(run);
            let changes = open(&state.run);
            // The caller may have disconnected.
            let limit = ACCEPT_DEADLINE.min(engine.settings.record_deadline);
            let recorded = engine.record(state.clone(), changes, &mut driving, Some(limit)).await;
            engine.gateway.start_lease_renewal();
            match recorded {
                Ok(state) => {
                    engine.watch();
                    engine.launch(state, Some(decision), driving, slot);
                    let _ = accepted.send(Ok(()));
                }
                Err(error) => {
                    let outcome_unknown = is_transient(&error);
                    let _ = accepted.send(Err(error));
                    if outcome_unknown {
                        engine.withdraw(state.run, &mut driving).await;
                    }
                    driving.over();
                }
            }
        });
        acceptance.await.map_err(|_| stopped())?
    }

    /// Ends a run that its caller was refused, in case it was recorded all the same.
    async fn withdraw(&self, mut run: Run, driving: &mut DriverGuard) {
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

    async fn close_as_failed(
        &self,
        mut state: State,
        failure: Failure,
        driving: &mut DriverGuard,
    ) -> Result<()> {
        let changes = step(&mut state, Input::Failed(failure), self.clock.now())?;
        self.record(state, changes, driving, None).await.map(drop)
    }

    /// Claims at most `limit` runs whose owner is gone, and returns the number of those that this process did not know.
    /// The watcher starts their drivers.
    pub(crate) async fn claim_runs(self: &Arc<Self>, limit: usize) -> Result<usize> {
        let lease = self.gateway.renew_lease().await?;
        // A claim whose answer is lost may have claimed runs, which the next one finds.
        let is_unlisted = self.has_unlisted_runs.swap(true, Ordering::SeqCst);
        let claimed = self.system.claim_runs(&lease, self.clock.now(), limit).await?;
        let runs =
            if claimed > 0 || is_unlisted { self.system.unfinished(&lease.owner).await? } else { Vec::new() };
        self.has_unlisted_runs.store(false, Ordering::SeqCst);
        let mut new = 0;
        for OpenRun { tenant, run } in runs {
            let tenant = Principal::system(tenant, "recovery")?.tenant().clone();
            new += usize::from(self.active_runs.adopt((tenant, run)));
        }
        if new > 0 {
            self.gateway.start_lease_renewal();
            self.watch();
        }
        Ok(new)
    }

    /// Ends the calls and claims the runs of owners that are gone from now on, until shutdown. There is one such task.
    pub(crate) fn take_over_periodically(self: &Arc<Self>) {
        if self.takes_over.swap(true, Ordering::SeqCst) {
            return;
        }
        let (engine, interval) = (Arc::downgrade(self), self.gateway.renewal_interval());
        let stopping = self.tasks.stopping();
        self.tasks.spawn_unless_stopping(async move {
            tokio::pin!(stopping);
            loop {
                tokio::select! {
                    () = &mut stopping => return,
                    () = tokio::time::sleep(interval) => {}
                }
                // The task does not keep the engine alive.
                let Some(engine) = engine.upgrade() else { return };
                if let Err(error) = engine.take_over().await {
                    tracing::warn!(error = %error.report(), "the work of other processes could not be looked for");
                }
            }
        });
    }

    /// Ends the calls of owners that are gone, and claims as many of their runs as there are free slots.
    async fn take_over(self: &Arc<Self>) -> Result<()> {
        self.gateway.recover().await?;
        match self.active_runs.free_slots() {
            0 => Ok(()),
            free => self.claim_runs(free).await.map(drop),
        }
    }

    /// Resumes a run where its records end, and returns whether a driver was started. A run that cannot be read now
    /// is left to the watcher.
    async fn take_up(self: &Arc<Self>, mut driving: DriverGuard, slot: OwnedSemaphorePermit) -> bool {
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
                self.launch(state, None, driving, slot);
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

    /// Ends as failed a run on which no driver makes progress.
    async fn abandon(&self, state: State, mut driving: DriverGuard, slot: OwnedSemaphorePermit) {
        match self.close_as_failed(state, Failure::from(&abandoned()), &mut driving).await {
            Ok(()) => driving.over(),
            Err(error) => {
                tracing::error!(error = %error.report(), "a run could not be ended as failed");
                if is_owner_lost(&error) {
                    driving.lost();
                }
            }
        }
        drop(slot);
    }

    async fn reload(&self, (tenant, id): &RunKey) -> Result<State> {
        let run = self.runs.run(tenant, id).await?;
        let evidence = self.runs.evidence(tenant, id).await?;
        let mut events: Vec<Event> = Vec::new();
        loop {
            let from = events.len() as u64;
            match self.runs.journal(tenant, id, from, JOURNAL_PAGE).await? {
                Journal::Events(page) if !page.is_empty() => events.extend(page),
                Journal::Events(_) | Journal::Pruned => break,
            }
        }
        Ok(State::resumed(run, evidence, events.iter().map(|event: &Event| -> &EventBody { &event.body })))
    }

    fn launch(
        self: &Arc<Self>,
        state: State,
        decision: Option<Decision>,
        mut driving: DriverGuard,
        slot: OwnedSemaphorePermit,
    ) {
        let engine = Arc::clone(self);
        self.tasks.spawn(async move {
            if engine.drive(state, decision, &mut driving).await {
                driving.over();
            }
            drop(slot);
        });
    }

    /// Claims a run that is to be cancelled if its owner is gone, unless this process has driven no run so far: then it
    /// may be one that only reads.
    pub(crate) async fn claim_cancelled(self: &Arc<Self>) -> Result<()> {
        if self.active_runs.has_watched() {
            self.claim_runs(usize::MAX).await?;
            self.watch();
        }
        Ok(())
    }

    /// Starts the watcher, unless it runs already.
    pub(crate) fn watch(self: &Arc<Self>) {
        if self.active_runs.begin_watching() {
            let engine = Arc::clone(self);
            self.tasks.spawn(async move { engine.watch_runs().await });
        }
    }

    /// Delivers cancel requests of other processes and starts drivers for runs without one, until no run is left.
    async fn watch_runs(self: &Arc<Self>) {
        loop {
            match self.system.take_cancel_requests(self.gateway.owner()).await {
                Ok(requests) => self.deliver(&requests),
                Err(error) => tracing::warn!(error = %error.report(), "cancel requests could not be read"),
            }
            for (tenant, run) in self.active_runs.due() {
                // Without a free slot, the next poll takes the run over.
                let Ok(slot) = self.active_runs.acquire_slot() else { break };
                if let Some(driving) = self.active_runs.claim(&tenant, &run) {
                    self.take_up(driving, slot).await;
                }
            }
            if self.active_runs.stop_watching_if_idle() {
                return;
            }
            tokio::select! {
                () = self.tasks.stopping() => return,
                () = tokio::time::sleep(WATCH_INTERVAL) => {}
            }
        }
    }

    fn deliver(&self, requests: &[CancelRequest]) {
        for request in requests {
            let (tenant, run) = (request.principal.tenant(), &request.run);
            if self.active_runs.cancel(tenant, run) == Cancelling::NotDriven {
                self.active_runs.cancel_next(tenant, run);
            }
        }
    }
}

fn taken() -> Error {
    Error::unexpected("a new run has the id of one that is being driven")
}

fn not_accepted() -> Error {
    Error::new(ErrorKind::Unavailable, "the question could not be recorded in time, and was withdrawn")
        .with_code("RUN_NOT_ACCEPTED")
        .with_hint("ask again")
}

fn abandoned() -> Error {
    Error::new(ErrorKind::Unexpected, "the run failed several times at the same step")
        .with_code("RUN_ABANDONED")
        .with_hint("ask again")
}
