//! Tasks with an owner: no spawned task outlives its [`TaskGroup`].

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Group of tasks that end together.
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
    /// Runs `task` until it ends or the group is shut down.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        while set.try_join_next().is_some() {}
        set.spawn(task);
    }

    /// Runs `task` as [`TaskGroup::spawn`] does, or drops it when shutdown has begun.
    pub(crate) fn spawn_unless_stopping(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        while set.try_join_next().is_some() {}
        // INVARIANT: the flag is set before the set is taken, which needs this lock, so that every task spawned here
        // is awaited.
        if !self.is_stopping() {
            set.spawn(task);
        }
    }

    /// Resolves once shutdown begins. Long-lived tasks wait for it beside their work.
    pub(crate) fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.subscribe();
        async move {
            // An error means that the owner is gone, which is a shutdown as well.
            let _ = stop.wait_for(|stopping| *stopping).await;
        }
    }

    /// Returns whether shutdown has begun.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Asks every task to end, waits for `deadline`, and aborts those that still run. Returns whether all ended by
    /// themselves.
    pub(crate) async fn shutdown(&self, deadline: Duration) -> bool {
        self.stop.send_replace(true);
        let mut set = self.take();
        let drained = timeout(deadline, async {
            // An ending task may have spawned another, such as a settlement that takes longer.
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
