//! Lease renewal: [`LeaseRenewal`] renews the lease of a job while its worker runs, however long a step takes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::document::model::Stage;
use crate::document::store::Lease;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::store_retry::{is_transient, pause};

/// Minimum interval between two heartbeats.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// Lease that a task of its own renews until this value is dropped or the lease is lost.
#[derive(Debug)]
pub(super) struct LeaseRenewal {
    stage: watch::Sender<Stage>,
    lost: watch::Receiver<bool>,
}

impl LeaseRenewal {
    /// Sets the stage of the job and sends a heartbeat at once.
    pub(super) fn enter(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    /// Resolves when the lease is lost, after which another worker may have the job.
    pub(super) async fn lost(&self) -> Error {
        let mut lost = self.lost.clone();
        // An error means that the task has ended, so that the lease is no longer renewed.
        let _ = lost.wait_for(|lost| *lost).await;
        Error::new(ErrorKind::Conflict, "another worker has the job, or it is over").with_code("LEASE_LOST")
    }
}

impl Engine {
    /// Renews `lease` from now on.
    pub(super) fn start_lease_renewal(self: &Arc<Self>, lease: &Lease) -> LeaseRenewal {
        let (stage, mut working) = watch::channel(Stage::Reading);
        let (report_lost, lost) = watch::channel(false);
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
                    report_lost.send_replace(true);
                    return;
                };
                until = extended;
            }
        });
        LeaseRenewal { stage, lost }
    }

    /// Sends one heartbeat, and retries while the store is unavailable and the lease is valid. Returns the new end of
    /// the lease; `None` when it is lost.
    async fn extend(&self, lease: &Lease, stage: Stage, until: Instant) -> Option<Instant> {
        let extend = self.settings.job_lease;
        let mut tries = 0;
        loop {
            let began = Instant::now();
            let heartbeat = self.jobs.heartbeat(lease, stage, self.clock.now(), extend);
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
