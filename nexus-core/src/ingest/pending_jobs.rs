//! Runs of the jobs that wait in the queue: [`PendingJobs`].

use std::future::{Future, IntoFuture, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::{BoxFuture, join_all};

use super::job_counts::JobCounts;
use crate::engine::Engine;
use crate::error::Result;

/// Run of the pending ingestion jobs, from [`Nexus::run_pending_jobs`](crate::Nexus::run_pending_jobs); it begins when it
/// is awaited.
#[derive(Debug)]
#[must_use = "jobs run when this is awaited"]
pub struct PendingJobs {
    engine: Arc<Engine>,
}

impl PendingJobs {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// Runs jobs until none is left or `stop` resolves. Then no further job begins, and those in progress are finished.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn until(self, stop: impl Future<Output = ()>) -> Result<JobCounts> {
        let is_stopped = AtomicBool::new(false);
        let workers = (0..self.engine.settings.max_ingests.max(1)).map(|_| self.work(&is_stopped));
        let mut workers = pin!(join_all(workers));
        let ended = tokio::select! {
            biased;
            ended = &mut workers => ended,
            () = stop => {
                is_stopped.store(true, Ordering::Relaxed);
                workers.await
            }
        };
        // A worker that fails does not interrupt the jobs of the others.
        ended.into_iter().sum()
    }

    /// Runs one job after the other.
    async fn work(&self, is_stopped: &AtomicBool) -> Result<JobCounts> {
        let mut counts = JobCounts::default();
        while !self.engine.tasks.is_stopping() && !is_stopped.load(Ordering::Relaxed) {
            match self.engine.run_next_job().await? {
                Some(end) => counts.add(end),
                None => break,
            }
        }
        Ok(counts)
    }
}

impl IntoFuture for PendingJobs {
    type Output = Result<JobCounts>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.until(pending()))
    }
}
