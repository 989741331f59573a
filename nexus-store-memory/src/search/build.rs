//! Index builds: work on indexes that exceeds the budget of a search.
//!
//! A search applies small changes to an index by itself. Larger work (an index that is rebuilt after a restore, the
//! vectors of a large corpus after a start) is built once, on separate threads and connections, while the searches
//! that need it wait away from the reader threads; other searches are not delayed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use nexus_core::{Error, ErrorKind, Result};
use tokio::sync::watch;

use crate::search::vector::Space;

/// Time that a search waits for a build before it reports `INDEX_BUILDING`.
pub(crate) const BUILD_TIMEOUT: Duration = Duration::from_secs(30);

/// Delay after which a search that timed out may retry.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Index to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    /// Live versions of a corpus.
    LiveVersions(i64),
    /// Text index of a corpus.
    Text(i64),
    /// Codes of a corpus's vectors of one model and length.
    Vectors(Space),
}

/// Share of a build that its caller does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// A few milliseconds of work: for threads that serve other callers.
    Little,
    /// The whole build.
    Full,
}

/// Reason why an index does not serve a search.
#[derive(Debug)]
pub(crate) enum NotReady {
    /// The index is newer than the search's snapshot: the search restarts on a newer one.
    Overtaken,
    /// The index must be built first.
    Behind(Task),
    /// The index cannot be used.
    Failed(Error),
}

impl From<Error> for NotReady {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Takes the build lock of an index; returns none when another thread holds it and the effort is little.
pub(crate) fn begin<T>(building: &Mutex<T>, effort: Effort) -> Option<MutexGuard<'_, T>> {
    match effort {
        Effort::Full => Some(building.lock().unwrap_or_else(PoisonError::into_inner)),
        Effort::Little => match building.try_lock() {
            Ok(held) => Some(held),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        },
    }
}

/// Result of a build; none while it runs.
type Outcome = Option<Result<(), String>>;

/// Builds in progress.
#[derive(Debug, Default)]
pub(crate) struct Builds {
    running: Arc<Mutex<Running>>,
}

type Running = HashMap<Task, watch::Receiver<Outcome>>;

/// Handle of a build for the searches that need it.
pub(crate) struct Build {
    outcome: watch::Receiver<Outcome>,
    /// Guard of the first caller, which carries out the build.
    pub(crate) guard: Option<BuildGuard>,
}

/// Guard of the caller that carries out a build. A guard that is dropped before [`BuildGuard::end`] ends it as failed.
pub(crate) struct BuildGuard {
    task: Task,
    running: Arc<Mutex<Running>>,
    outcome: watch::Sender<Outcome>,
    ended: Result<(), String>,
}

impl Builds {
    /// Joins the build of `task` in progress, or registers a new one.
    pub(crate) fn join(&self, task: Task) -> Build {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = running.get(&task) {
            return Build { outcome: outcome.clone(), guard: None };
        }
        let (sender, outcome) = watch::channel(None);
        running.insert(task, outcome.clone());
        let ended = Err("the build was abandoned".to_owned());
        let guard = BuildGuard { task, running: Arc::clone(&self.running), outcome: sender, ended };
        Build { outcome, guard: Some(guard) }
    }
}

impl BuildGuard {
    /// Ends the build.
    pub(crate) fn end(mut self, outcome: &Result<()>) {
        self.ended = outcome.as_ref().map_err(Error::report).copied();
    }
}

impl Drop for BuildGuard {
    fn drop(&mut self) {
        // The build is removed before it ends: a search that is still behind then requests another one.
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.task);
        self.outcome.send_replace(Some(std::mem::replace(&mut self.ended, Ok(()))));
    }
}

impl Build {
    /// Waits until the build has ended.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) with `INDEX_BUILDING` when it takes longer than `timeout`, with
    /// `INDEX_UNAVAILABLE` when it failed.
    pub(crate) async fn ended(mut self, timeout: Duration) -> Result<()> {
        let ended = self.outcome.wait_for(Option::is_some);
        match tokio::time::timeout(timeout, ended).await {
            Err(_) => Err(Error::new(ErrorKind::Unavailable, "the index of the corpus is being built")
                .with_code("INDEX_BUILDING")
                .with_hint("try again when it is done; other corpora can be searched meanwhile")
                .with_retry_after(RETRY_AFTER)),
            Ok(Ok(outcome)) => match outcome.as_ref() {
                Some(Err(cause)) => Err(failed().with("cause", cause)),
                Some(Ok(())) | None => Ok(()),
            },
            Ok(Err(_)) => Err(failed()),
        }
    }
}

fn failed() -> Error {
    Error::new(ErrorKind::Unavailable, "the index of the corpus could not be built")
        .with_code("INDEX_UNAVAILABLE")
}
