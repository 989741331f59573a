//! Run registry of this process: its concurrency limit, the driver of each run, progress for subscribers, and
//! cancellation.
//!
//! INVARIANT: a run has one driver at a time. The right to drive it is a [`DriverGuard`], taken before the run is read
//! and released at any end of the driver.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::id::RunId;
use crate::principal::TenantId;

/// Delay before the next driver of a run after a driver that ended too early; doubled each time.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// Maximum delay before the next driver of a run.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// Tenant and id of a run.
pub(crate) type RunKey = (TenantId, RunId);

/// Registry of the runs that this process drives.
#[derive(Debug)]
pub(crate) struct RunRegistry {
    slots: Arc<Semaphore>,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    runs: HashMap<RunKey, Active>,
    /// Unfinished runs without a driver, as far as this process knows.
    orphans: HashMap<RunKey, Orphan>,
    /// Runs without a driver that the next driver must cancel.
    cancels: HashSet<RunKey>,
    watched: bool,
    has_watched: bool,
    last_token: u64,
}

/// Recording progress of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// `seq` after the last recorded event.
    pub(crate) recorded: u64,
    /// Whether a step has waited for the store for longer than the record deadline.
    pub(crate) stalled: bool,
    /// Whether another process has taken over the run.
    pub(crate) lost: bool,
}

/// Run with a driver.
#[derive(Clone, Debug)]
struct Active {
    /// Distinguishes this driver from another of the same run.
    token: u64,
    progress: watch::Sender<Progress>,
    cancelled: watch::Sender<bool>,
}

/// Unfinished run whose driver has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orphan {
    /// Number of drivers in a row that recorded nothing.
    pub(crate) failures: u32,
    /// Version known to the last driver, where another driver seems to have advanced the run.
    pub(crate) known: Option<u64>,
    due: Instant,
}

impl Orphan {
    /// Returns an orphan without an earlier driver in this process.
    fn new() -> Self {
        Self { failures: 0, known: None, due: Instant::now() }
    }
}

/// Result of a request to cancel a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancelling {
    /// The driver of the run ends it.
    Driven,
    /// The driver of the run ends it once the store is available, which it has not been for long.
    Stalled,
    /// This process does not drive the run.
    NotDriven,
}

impl RunRegistry {
    pub(crate) fn new(max: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))), table: Arc::default() }
    }

    /// Acquires a slot for one more run, or fails at once.
    pub(crate) fn acquire_slot(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).try_acquire_owned().map_err(|_| busy())
    }

    /// Takes the right to drive a run, unless this process drives it already.
    pub(crate) fn claim(&self, tenant: &TenantId, run: &RunId) -> Option<DriverGuard> {
        let key = (tenant.clone(), run.clone());
        self.with(|table| {
            if table.runs.contains_key(&key) {
                return None;
            }
            table.last_token += 1;
            let progress = watch::Sender::new(Progress { recorded: 0, stalled: false, lost: false });
            let cancelled = watch::Sender::new(table.cancels.remove(&key));
            let active = Active { token: table.last_token, progress, cancelled };
            table.runs.insert(key.clone(), active.clone());
            let orphan = table.orphans.remove(&key);
            let failures = orphan.map_or(0, |orphan| orphan.failures);
            let known = orphan.and_then(|orphan| orphan.known);
            let table = Arc::clone(&self.table);
            Some(DriverGuard { table, key, active, failures, known, postponed: false, over: false })
        })
    }

    /// Returns the number of free slots.
    pub(crate) fn free_slots(&self) -> usize {
        self.slots.available_permits()
    }

    /// Adds a run of this process that needs a driver, which the watcher starts. Returns false for a run that is known
    /// already.
    pub(crate) fn adopt(&self, key: RunKey) -> bool {
        self.with(|table| {
            if table.runs.contains_key(&key) || table.orphans.contains_key(&key) {
                return false;
            }
            table.orphans.insert(key, Orphan::new());
            true
        })
    }

    /// Returns the runs without a driver whose delay is over.
    pub(crate) fn due(&self) -> Vec<RunKey> {
        let now = Instant::now();
        self.with(|table| {
            let due = table.orphans.iter().filter(|(_, orphan)| orphan.due <= now);
            due.map(|(key, _)| key.clone()).collect()
        })
    }

    /// Returns whether the caller must start the watcher, and marks it as started.
    pub(crate) fn begin_watching(&self) -> bool {
        self.with(|table| {
            table.has_watched = true;
            !std::mem::replace(&mut table.watched, true)
        })
    }

    /// Returns whether this process has had a watcher.
    pub(crate) fn has_watched(&self) -> bool {
        self.with(|table| table.has_watched)
    }

    /// Returns whether no run is left to watch. If so, the watcher ends, and the next run starts another.
    pub(crate) fn stop_watching_if_idle(&self) -> bool {
        self.with(|table| {
            table.watched = !table.runs.is_empty() || !table.orphans.is_empty();
            !table.watched
        })
    }

    /// Subscribes to the progress of a run of this process.
    pub(crate) fn subscribe(&self, tenant: &TenantId, run: &RunId) -> Option<watch::Receiver<Progress>> {
        self.with(|table| table.runs.get(&(tenant.clone(), run.clone())).map(|run| run.progress.subscribe()))
    }

    /// Requests the driver in this process to cancel a run.
    pub(crate) fn cancel(&self, tenant: &TenantId, run: &RunId) -> Cancelling {
        self.with(|table| match table.runs.get(&(tenant.clone(), run.clone())) {
            Some(run) => {
                run.cancelled.send_replace(true);
                if run.progress.borrow().stalled { Cancelling::Stalled } else { Cancelling::Driven }
            }
            None => Cancelling::NotDriven,
        })
    }

    /// Lets the next driver, which the watcher starts at once, cancel a run. The run may be over already.
    pub(crate) fn cancel_next(&self, tenant: &TenantId, run: &RunId) {
        let key = (tenant.clone(), run.clone());
        self.with(|table| {
            table.cancels.insert(key.clone());
            table.orphans.insert(key, Orphan::new());
        });
    }

    fn with<T>(&self, look: impl FnOnce(&mut Table) -> T) -> T {
        look(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Right to drive one run. Dropping it releases the right; unless the run is [over](DriverGuard::over), the watcher then
/// starts another driver.
#[derive(Debug)]
pub(crate) struct DriverGuard {
    table: Arc<Mutex<Table>>,
    key: RunKey,
    active: Active,
    failures: u32,
    known: Option<u64>,
    postponed: bool,
    over: bool,
}

impl DriverGuard {
    /// Returns the run's key.
    pub(crate) fn key(&self) -> &RunKey {
        &self.key
    }

    /// Returns the number of drivers before this one, in a row, that recorded nothing.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns the version from which another driver seems to have advanced the run.
    pub(crate) fn known(&self) -> Option<u64> {
        self.known
    }

    /// Subscribes to cancellation of the run.
    pub(crate) fn cancelled(&self) -> watch::Receiver<bool> {
        self.active.cancelled.subscribe()
    }

    /// Notifies subscribers that the events before `seq` are recorded.
    pub(crate) fn recorded(&mut self, seq: u64) {
        self.failures = 0;
        self.known = None;
        self.found(seq);
    }

    /// Notifies subscribers that an earlier driver recorded the events before `seq`.
    pub(crate) fn found(&self, seq: u64) {
        self.active.progress.send_replace(Progress { recorded: seq, stalled: false, lost: false });
    }

    /// Notifies subscribers that a step waits for the store.
    pub(crate) fn stalled(&self) {
        self.active.progress.send_modify(|progress| progress.stalled = true);
    }

    /// Marks the run as advanced by another driver from `version`.
    pub(crate) fn overtaken(&mut self, version: u64) {
        self.known = Some(version);
    }

    /// Releases the right for good, because another process has taken over the run. Subscribers follow its journal.
    pub(crate) fn lost(&mut self) {
        self.active.progress.send_modify(|progress| progress.lost = true);
        self.over = true;
    }

    /// Marks the driver as unable to start, which is no failure of the run.
    pub(crate) fn postpone(&mut self) {
        self.postponed = true;
    }

    /// Releases the right for good: the run needs no driver any more.
    pub(crate) fn over(mut self) {
        self.over = true;
    }
}

impl Drop for DriverGuard {
    fn drop(&mut self) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.runs.get(&self.key).is_some_and(|active| active.token == self.active.token) {
            table.runs.remove(&self.key);
        }
        if self.over {
            return;
        }
        if *self.active.cancelled.borrow() {
            table.cancels.insert(self.key.clone());
        }
        let wait = match self.known {
            Some(_) => MAX_RETRY_AFTER,
            None => RETRY_AFTER.saturating_mul(1 << self.failures.min(8)).min(MAX_RETRY_AFTER),
        };
        // Losing to another driver is no failure of this one.
        let failed = self.known.is_none() && !self.postponed;
        let failures = self.failures.saturating_add(u32::from(failed));
        let orphan = Orphan { failures, known: self.known, due: Instant::now() + wait };
        table.orphans.insert(self.key.clone(), orphan);
    }
}

fn busy() -> Error {
    Error::new(ErrorKind::Unavailable, "too many questions are being answered")
        .with_code("SERVICE_BUSY")
        .with_hint("try again in a moment, or raise `RUN_MAX_CONCURRENCY`")
        .with_retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::Principal;

    fn key() -> RunKey {
        let caller = Principal::user("acme", "ada").unwrap();
        (caller.tenant().clone(), RunId::parse("r").unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_has_one_driver_at_a_time_and_an_early_end_calls_for_the_next() {
        let (registry, (tenant, run)) = (RunRegistry::new(1), key());
        let first = registry.claim(&tenant, &run).unwrap();
        assert!(registry.claim(&tenant, &run).is_none());
        assert_eq!(registry.cancel(&tenant, &run), Cancelling::Driven);
        drop(first);
        assert_eq!(registry.cancel(&tenant, &run), Cancelling::NotDriven);
        assert!(registry.due().is_empty(), "not at once");
        assert!(!registry.stop_watching_if_idle());
        tokio::time::advance(RETRY_AFTER).await;
        assert_eq!(registry.due(), [key()]);
        let second = registry.claim(&tenant, &run).unwrap();
        assert!(registry.due().is_empty() && *second.cancelled().borrow(), "the cancel request is kept");
        assert_eq!(second.failures(), 1);
        second.over();
        assert!(registry.due().is_empty() && registry.stop_watching_if_idle());
        assert!(!*registry.claim(&tenant, &run).unwrap().cancelled().borrow());
    }

    #[tokio::test]
    async fn a_run_that_is_known_is_adopted_once_and_one_that_was_lost_gets_no_driver() {
        let (registry, (tenant, run)) = (RunRegistry::new(1), key());
        assert!(registry.adopt(key()) && !registry.adopt(key()));
        assert_eq!(registry.due(), [key()]);
        let mut driving = registry.claim(&tenant, &run).unwrap();
        assert!(!registry.adopt(key()));
        let followed = registry.subscribe(&tenant, &run).unwrap();
        driving.lost();
        drop(driving);
        assert!(followed.borrow().lost && registry.due().is_empty() && registry.stop_watching_if_idle());
    }

    #[tokio::test(start_paused = true)]
    async fn a_driver_that_records_something_is_no_failure() {
        let (registry, (tenant, run)) = (RunRegistry::new(1), key());
        for expected in [0, 1, 2] {
            let driving = registry.claim(&tenant, &run).unwrap();
            assert_eq!(driving.failures(), expected);
        }
        let mut driving = registry.claim(&tenant, &run).unwrap();
        let followed = registry.subscribe(&tenant, &run).unwrap();
        driving.stalled();
        assert_eq!(registry.cancel(&tenant, &run), Cancelling::Stalled);
        driving.recorded(7);
        assert_eq!(*followed.borrow(), Progress { recorded: 7, stalled: false, lost: false });
        drop(driving);
        assert!(followed.has_changed().is_err(), "subscribers learn that the driver has ended");
        let mut driving = registry.claim(&tenant, &run).unwrap();
        assert_eq!(driving.failures(), 1);
        driving.postpone();
        drop(driving);
        assert_eq!(registry.claim(&tenant, &run).unwrap().failures(), 1);
    }
}
