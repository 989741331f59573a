//! The lease of a job while its worker is at work: [`KeptLease`] gives signs of life, however long a step of the work takes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::document::model::Stage;
use crate::document::store::Lease;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::store_retry::{is_transient, pause};

/// The shortest time between two signs of life.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// A lease that a task of its own extends until this is dropped, or the lease is lost.
#[derive(Debug)]
pub(super) struct KeptLease {
    stage: watch::Sender<Stage>,
    lost: watch::Receiver<bool>,
}

impl KeptLease {
    /// Says what the work has come to, with a sign of life at once.
    pub(super) fn enter(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    /// Resolves when the lease is lost: the job may be another worker's from now on.
    pub(super) async fn lost(&self) -> Error {
        let mut lost = self.lost.clone();
        // An error means that the task was ended, and nobody extends the lease any more.
        let _ = lost.wait_for(|lost| *lost).await;
        Error::new(ErrorKind::Conflict, "another worker has the job, or it is over").code("LEASE_LOST")
    }
}

impl Engine {
    /// Extends `lease` from now on.
    pub(super) fn keep_lease(self: &Arc<Self>, lease: &Lease) -> KeptLease {
        let (stage, mut working) = watch::channel(Stage::Reading);
        let (tell, lost) = watch::channel(false);
        let (engine, lease) = (Arc::clone(self), lease.clone());
        let mut until = Instant::now() + self.settings.job_lease;
        self.tasks.spawn(async move {
            let mut ticks = interval((engine.settings.job_lease / 3).max(MIN_INTERVAL));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.tick().await;
            loop {
                tokio::select! {
                    changed = working.changed() => if changed.is_err() { return },
                    _ = ticks.tick() => {}
                }
                let stage = *working.borrow_and_update();
                let Some(extended) = engine.extend(&lease, stage, until).await else {
                    tell.send_replace(true);
                    return;
                };
                until = extended;
            }
        });
        KeptLease { stage, lost }
    }

    /// Gives one sign of life, and tries again while the store is out of reach and the lease goes on. Says until when
    /// the lease goes on then; nothing when it is lost.
    async fn extend(&self, lease: &Lease, stage: Stage, until: Instant) -> Option<Instant> {
        let extend = self.settings.job_lease;
        let mut tries = 0;
        loop {
            let began = Instant::now();
            let heartbeat = self.store.heartbeat(lease, stage, self.clock.now(), extend);
            match timeout(extend, heartbeat).await {
                Ok(Ok(())) => return Some(began + extend),
                Ok(Err(error)) if is_transient(&error) && Instant::now() < until => {
                    tracing::warn!(job = %lease.job.id, error = %error.report(), "a lease could not be extended yet");
                }
                Ok(Err(_)) | Err(_) => return None,
            }
            tokio::time::sleep(pause(tries)).await;
            tries += 1;
        }
    }
}
