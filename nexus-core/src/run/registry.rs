//! The runs of this process: how many there may be, who follows them, and how to cancel them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::model::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::id::RunId;
use crate::principal::TenantId;

type RunKey = (TenantId, RunId);

/// The runs that this process drives.
#[derive(Debug)]
pub(crate) struct Registry {
    slots: Arc<Semaphore>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    runs: HashMap<RunKey, Active>,
    watched: bool,
}

/// One run that is being driven.
#[derive(Clone, Debug)]
pub(crate) struct Active {
    /// The `seq` after the last recorded event.
    pub(crate) recorded: watch::Sender<u64>,
    /// Whether somebody wants it to end.
    pub(crate) cancelled: watch::Sender<bool>,
}

impl Registry {
    pub(crate) fn new(max: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))), table: Mutex::default() }
    }

    /// The right to drive one more run, now or never.
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).try_acquire_owned().map_err(|_| busy())
    }

    /// The right to drive one more run, once there is room.
    pub(crate) async fn wait_for_slot(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).acquire_owned().await.map_err(|_| busy())
    }

    /// Enters a run. The second value says whether somebody must begin to watch for cancel requests.
    pub(crate) fn enter(&self, run: &Run) -> (Active, bool) {
        let active =
            Active { recorded: watch::Sender::new(run.next_seq), cancelled: watch::Sender::new(false) };
        self.with(|table| {
            table.runs.insert(key(run), active.clone());
            (active, !std::mem::replace(&mut table.watched, true))
        })
    }

    /// Removes a run that is no longer driven.
    pub(crate) fn leave(&self, run: &Run) {
        self.with(|table| table.runs.remove(&key(run)));
    }

    /// Whether no run is left to watch. If so, the next one to enter is told to watch again.
    pub(crate) fn stop_watching_if_idle(&self) -> bool {
        self.with(|table| {
            table.watched = !table.runs.is_empty();
            !table.watched
        })
    }

    /// Follows a run of this process.
    pub(crate) fn follow(&self, tenant: &TenantId, run: &RunId) -> Option<watch::Receiver<u64>> {
        self.with(|table| table.runs.get(&(tenant.clone(), run.clone())).map(|run| run.recorded.subscribe()))
    }

    /// Asks a run of this process to end; says whether there is such a run.
    pub(crate) fn cancel(&self, tenant: &TenantId, run: &RunId) -> bool {
        let active = self.with(|table| table.runs.get(&(tenant.clone(), run.clone())).cloned());
        active.is_some_and(|run| {
            run.cancelled.send_replace(true);
            true
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Table) -> T) -> T {
        look(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn key(run: &Run) -> RunKey {
    (run.tenant().clone(), run.id.clone())
}

fn busy() -> Error {
    Error::new(ErrorKind::Unavailable, "too many questions are being answered")
        .code("SERVICE_BUSY")
        .hint("try again in a moment, or raise `RUN_MAX_CONCURRENCY`")
        .with_retry_after(Duration::from_secs(1))
}
