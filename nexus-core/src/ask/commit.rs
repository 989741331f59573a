//! Durable steps of runs: each is recorded exactly once, however long the store is unavailable.
//!
//! A step whose outcome is unknown may have been recorded. The version of the run decides: a second try of such a
//! step is a conflict, and the stored run shows whether the first succeeded.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::audit::UnsealedRecords;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::run::Event;
use crate::run::machine::{Changes, State};
use crate::run::model::Run;
use crate::run::registry::DriverGuard;
use crate::run::store::RunTransition;
use crate::store_retry::{is_transient, pause, within};

/// Timeout for one try of a step. A step that times out may still be recorded.
const TRY_DEADLINE: Duration = Duration::from_secs(5);

impl Engine {
    /// Records one step, and returns the state that includes it. Retries while the store is unavailable: for at most
    /// `limit`, or for the life of this process. Subscribers are notified when that takes long.
    ///
    /// # Errors
    /// Those of the store that a retry does not mend; [`Conflict`](ErrorKind::Conflict) when another driver has
    /// advanced the run, with `OWNER_LOST` when another process has taken it over; [`Unavailable`](ErrorKind::Unavailable) past `limit`, when the step may or may not be
    /// recorded.
    pub(super) async fn record(
        &self,
        mut state: State,
        changes: Changes,
        driving: &mut DriverGuard,
        limit: Option<Duration>,
    ) -> Result<State> {
        let advance = self.next_version(&mut state.run, changes);
        let (began, mut tries, mut outcome_unknown) = (Instant::now(), 0, false);
        loop {
            let error = match self.try_record(&advance, outcome_unknown).await {
                Ok(()) => break,
                Err(error) if !is_transient(&error) => return Err(error),
                Err(error) => error,
            };
            outcome_unknown = true;
            if limit.is_some_and(|limit| began.elapsed() >= limit) {
                return Err(error);
            }
            if tries == 0 {
                tracing::warn!(run = %state.run.id, error = %error.report(), "a step of a run waits for the store");
            }
            if began.elapsed() >= self.settings.record_deadline {
                driving.stalled();
            }
            tokio::select! {
                () = self.tasks.stopping() => return Err(stopped()),
                () = tokio::time::sleep(pause(tries)) => {}
            }
            tries += 1;
        }
        driving.recorded(state.run.next_seq);
        Ok(state)
    }

    /// Increments the version of `run`, and assembles the transition to record.
    fn next_version(&self, run: &mut Run, changes: Changes) -> RunTransition {
        run.version += 1;
        let events: Vec<Event> = (run.next_seq..)
            .zip(changes.events)
            .map(|(seq, body)| Event { request_id: run.request_id.clone(), seq, body })
            .collect();
        run.next_seq += events.len() as u64;
        RunTransition {
            run: run.clone(),
            events,
            evidence: changes.evidence,
            messages: changes.messages,
            audio: changes.audio,
            lease: self.gateway.lease(),
            audit: UnsealedRecords::new(Arc::clone(&self.sealer), changes.audit),
        }
    }

    /// Tries once. `outcome_unknown` says that an earlier try may have been recorded.
    async fn try_record(&self, advance: &RunTransition, outcome_unknown: bool) -> Result<()> {
        let deadline = TRY_DEADLINE.min(self.settings.record_deadline);
        match within(deadline, self.runs.advance(advance.clone())).await {
            Err(conflict) if outcome_unknown && conflict.kind() == ErrorKind::Conflict => {
                let run = &advance.run;
                match within(deadline, self.runs.run(run.tenant(), &run.id)).await {
                    Ok(stored) if stored == *run => Ok(()),
                    Ok(_) => Err(conflict),
                    Err(error) if error.kind() == ErrorKind::NotFound => Err(conflict),
                    Err(error) => Err(error),
                }
            }
            answer => answer,
        }
    }
}

/// Returns the error for subscribers of a run that waits for the store.
pub(crate) fn stalled() -> Error {
    Error::new(ErrorKind::Unavailable, "the run waits for the store, which cannot be used at the moment")
        .with_code("RUN_STALLED")
        .with_hint("the run goes on once the store can be used again; follow it then")
        .with_retry_after(Duration::from_secs(1))
}

pub(super) fn stopped() -> Error {
    Error::new(ErrorKind::Unavailable, "Nexus is shutting down").with_code("SHUTTING_DOWN")
}
