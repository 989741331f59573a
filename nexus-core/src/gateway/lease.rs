//! The lease of this process on its runs and calls: one small write renews it for all of them, several times within its
//! length, and none is written while there are none. No call waits for it: a call begins with a lease of its own.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Gateway, Inner};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::OwnerId;
use crate::owner::OwnerLease;

/// The shortest interval between two renewals.
const MIN_INTERVAL: Duration = Duration::from_millis(10);
/// The number of renewals within a lease.
const RENEWALS: u32 = 3;

/// This process as the owner of runs and calls.
#[derive(Debug)]
pub(super) struct Owner {
    /// The owner of the runs and calls that this process begins.
    pub(super) id: OwnerId,
    /// The owner of the calls that this process ends for owners that are gone. It has a name of its own, so that such a call
    /// is never taken for one that a task of this process works on.
    pub(super) recovery: OwnerId,
    length: Duration,
    is_renewing: AtomicBool,
    /// Whether this process has ever had work.
    has_worked: AtomicBool,
}

impl Owner {
    /// An owner with leases of a given length.
    pub(super) fn new(id: String, length: Duration) -> Result<Self> {
        let recovery = OwnerId::parse(format!("{id}/recovery"))?;
        let (is_renewing, has_worked) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { id: OwnerId::parse(id)?, recovery, length, is_renewing, has_worked })
    }

    /// The lease from `now` on.
    pub(super) fn lease(&self, now: Timestamp) -> OwnerLease {
        OwnerLease { owner: self.id.clone(), until: now.plus(self.length) }
    }

    /// The lease from `now` on of the calls that recovery ends.
    pub(super) fn recovery_lease(&self, now: Timestamp) -> OwnerLease {
        OwnerLease { owner: self.recovery.clone(), until: now.plus(self.length) }
    }

    fn interval(&self) -> Duration {
        (self.length / RENEWALS).max(MIN_INTERVAL)
    }
}

impl Gateway {
    /// The owner of the runs and calls that this process begins.
    pub(crate) fn owner(&self) -> &OwnerId {
        &self.inner.owner.id
    }

    /// The lease from now on.
    pub(crate) fn lease(&self) -> OwnerLease {
        self.inner.owner.lease(self.inner.clock.now())
    }

    /// The interval at which the lease is renewed, and at which expired leases of others are looked for.
    pub(crate) fn renewal_interval(&self) -> Duration {
        self.inner.owner.interval()
    }

    /// Starts to renew the lease, unless this process does already. Called after the write that began or claimed work.
    pub(crate) fn start_lease_renewal(&self) {
        self.inner.start_lease_renewal();
    }

    /// Renews the lease now, and returns it. An owner renews before it claims, so that it does not claim its own work.
    ///
    /// # Errors
    /// Those of a store.
    pub(crate) async fn renew_lease(&self) -> Result<OwnerLease> {
        let lease = self.inner.owner.lease(self.inner.clock.now());
        self.inner.renew(&lease).await?;
        Ok(lease)
    }

    /// Awaits the end of the tasks of this process, and renews the lease meanwhile.
    pub(crate) async fn renewing<T>(&self, tasks: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            ended = tasks => ended,
            never = self.inner.renew_periodically() => match never {},
        }
    }

    /// Ends the lease, so that other processes can take over at once what is left.
    pub(crate) async fn release_lease(&self) {
        let (inner, owner) = (&self.inner, &self.inner.owner);
        if !owner.has_worked.load(Ordering::SeqCst) {
            return;
        }
        for id in [&owner.id, &owner.recovery] {
            let timeout = inner.current().settings.deadlines.store;
            if let Err(error) = inner.store_guard.call(timeout, inner.system.release(id)).await {
                log_failure(&error, "the lease of this process could not be released");
            }
        }
    }
}

impl Inner {
    /// Starts the task that renews the lease until no work is left, unless there is one. Called after the write that began
    /// or claimed work, so that the last renewal of a task that ends came before it.
    pub(super) fn start_lease_renewal(self: &Arc<Self>) {
        self.owner.has_worked.store(true, Ordering::SeqCst);
        if self.owner.is_renewing.swap(true, Ordering::SeqCst) {
            return;
        }
        let (inner, interval) = (Arc::downgrade(self), self.owner.interval());
        let stopping = self.tasks.stopping();
        self.tasks.spawn_unless_stopping(async move {
            tokio::pin!(stopping);
            loop {
                tokio::select! {
                    () = &mut stopping => return,
                    () = tokio::time::sleep(interval) => {}
                }
                // The task does not keep the gateway alive.
                let Some(inner) = inner.upgrade() else { return };
                // Work that begins from here on starts another task.
                inner.owner.is_renewing.store(false, Ordering::SeqCst);
                if !inner.has_work().await || inner.owner.is_renewing.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        });
    }

    async fn renew_periodically(&self) -> Infallible {
        loop {
            tokio::time::sleep(self.owner.interval()).await;
            self.has_work().await;
        }
    }

    /// Renews the lease, and says whether this process has work. While the store fails, it may have. A store that does not
    /// answer is waited for: no caller waits here.
    async fn has_work(&self) -> bool {
        let renewed = self.system.renew(&self.owner.lease(self.clock.now())).await;
        renewed.unwrap_or_else(|error| {
            log_failure(&error, "the lease of this process could not be renewed");
            true
        })
    }

    pub(super) async fn renew(&self, lease: &OwnerLease) -> Result<bool> {
        let timeout = self.current().settings.deadlines.store;
        self.store_guard.call(timeout, self.system.renew(lease)).await
    }
}

fn log_failure(error: &Error, what: &'static str) {
    tracing::warn!(error = %error.report(), what);
}
