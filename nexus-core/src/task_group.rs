//! Tasks with an owner: nothing that Nexus spawns outlives the [`TaskGroup`] it belongs to.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// A set of tasks that end together.
#[derive(Debug)]
pub(crate) struct TaskGroup {
    set: Mutex<JoinSet<()>>,
    stop: watch::Sender<bool>,
}

impl Default for TaskGroup {
    fn default() -> Self {
        Self { set: Mutex::new(JoinSet::new()), stop: watch::Sender::new(false) }
    }
}

impl TaskGroup {
    /// Runs `task` until it ends or the set is shut down for good.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        while set.try_join_next().is_some() {}
        set.spawn(task);
    }

    /// As [`TaskGroup::spawn`], for work that must not be begun once the set was asked to end: it is dropped then.
    pub(crate) fn spawn_unless_stopping(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        while set.try_join_next().is_some() {}
        // INVARIANT: the flag is raised before the set is taken, which needs this lock, so that no task slips in between
        // to be awaited by nobody.
        if !self.is_stopping() {
            set.spawn(task);
        }
    }

    /// Resolves once the set is asked to end. Long-lived tasks wait for it beside their work.
    pub(crate) fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.subscribe();
        async move {
            // An error means that the owner is gone, which is a stop as well.
            let _ = stop.wait_for(|stopping| *stopping).await;
        }
    }

    /// Whether the set was asked to end.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Asks every task to end, waits for `deadline`, and aborts those that still run. Says whether all ended by
    /// themselves.
    pub(crate) async fn shutdown(&self, deadline: Duration) -> bool {
        self.stop.send_replace(true);
        let mut set = self.take();
        let drained = timeout(deadline, async {
            // What ends may have begun something in its place, such as a settlement that takes longer.
            while !set.is_empty() {
                while set.join_next().await.is_some() {}
                set = self.take();
            }
        });
        let drained = drained.await.is_ok();
        set.shutdown().await;
        self.take().shutdown().await;
        drained
    }

    fn take(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.set.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
