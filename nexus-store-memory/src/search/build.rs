//! Builds: work on indexes that is too much for a search.
//!
//! A search takes up what little changed since the last one by itself. What is more (an index that is made anew after a
//! restore, the vectors of a large corpus after a start) is built once, on threads and connections of its own, while the
//! searches that need it wait away from the threads that read; others are not held up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use nexus_core::{Error, ErrorKind, Result};
use tokio::sync::watch;

use crate::search::vector::Space;

/// How long a search waits for a build before it says that there is one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// When a search that gave up waiting is worth another try.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    /// The catalogue of a corpus.
    Catalogue(i64),
    /// The text index of a corpus.
    Text(i64),
    /// The codes of a corpus's vectors of one model and length.
    Vectors(Space),
}

/// How much of a build its caller does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// What takes a few milliseconds: for threads that others wait for.
    Little,
    /// All of it.
    Full,
}

/// Why an index does not serve a search.
#[derive(Debug)]
pub(crate) enum NotReady {
    /// It is newer than the search's snapshot: the search begins again on a newer one.
    Overtaken,
    /// It is to be built first.
    Behind(Task),
    /// It cannot be used.
    Failed(Error),
}

impl From<Error> for NotReady {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Takes the lock under which an index is built; nothing when another has it and the effort is little.
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

/// How a build ended; nothing while it runs.
type Outcome = Option<Result<(), String>>;

/// The builds that are under way.
#[derive(Debug, Default)]
pub(crate) struct Builds {
    running: Arc<Mutex<Running>>,
}

type Running = HashMap<Task, watch::Receiver<Outcome>>;

/// A build as those see it who need it.
pub(crate) struct Build {
    outcome: watch::Receiver<Outcome>,
    /// The duty to carry it out, for who asked first.
    pub(crate) duty: Option<Duty>,
}

/// The duty to carry a build out. A duty that is dropped ends the build as failed.
pub(crate) struct Duty {
    task: Task,
    running: Arc<Mutex<Running>>,
    outcome: watch::Sender<Outcome>,
    ended: Result<(), String>,
}

impl Builds {
    /// The build of `task` that is under way, or a new one.
    pub(crate) fn join(&self, task: Task) -> Build {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = running.get(&task) {
            return Build { outcome: outcome.clone(), duty: None };
        }
        let (sender, outcome) = watch::channel(None);
        running.insert(task, outcome.clone());
        let ended = Err("the build was given up".to_owned());
        let duty = Duty { task, running: Arc::clone(&self.running), outcome: sender, ended };
        Build { outcome, duty: Some(duty) }
    }
}

impl Duty {
    /// Ends the build.
    pub(crate) fn end(mut self, outcome: &Result<()>) {
        self.ended = outcome.as_ref().map_err(Error::report).copied();
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        // First no longer under way, then ended: a search that is still behind asks for another build.
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.task);
        self.outcome.send_replace(Some(std::mem::replace(&mut self.ended, Ok(()))));
    }
}

impl Build {
    /// Waits until the build has ended.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) with `INDEX_BUILDING` when it takes longer than `patience`, with
    /// `INDEX_UNAVAILABLE` when it failed.
    pub(crate) async fn ended(mut self, patience: Duration) -> Result<()> {
        let ended = self.outcome.wait_for(Option::is_some);
        match tokio::time::timeout(patience, ended).await {
            Err(_) => Err(Error::new(ErrorKind::Unavailable, "the index of the corpus is being built")
                .code("INDEX_BUILDING")
                .hint("try again when it is done; other corpora can be searched meanwhile")
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
    Error::new(ErrorKind::Unavailable, "the index of the corpus could not be built").code("INDEX_UNAVAILABLE")
}
