//! The store behind a deadline: [`StoreGuard`], and steps whose outcome is unknown because the store failed or did not
//! answer.
//!
//! A store that hangs admits nothing and holds no caller up. A step that was given up may still be taken, so a call that it
//! may have begun is ended: nothing stays reserved for an attempt that was never made. A settlement is not given up while
//! this process lives, because only this process knows the vendor's bill: it is tried again until the store answers. A call
//! that the store refuses to end is left to [recovery](super::recovery).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::FusedFuture as _;
use tokio::time::{Instant, timeout};

use super::Inner;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{BeginCall, BeginResult, Settlement};
use crate::owner::is_owner_lost;

/// The time after which a caller may try a store again that did not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The health of the store, as its last step showed it. The log says once that the store is out of reach, and once that it
/// is back.
#[derive(Debug, Default)]
pub(super) struct StoreGuard {
    is_lost: AtomicBool,
}

/// The reason why the next attempt of a call was not admitted.
pub(super) enum RetryError {
    /// A limit or a kill switch refused it, and the attempt before has ended.
    Refused(Error),
    /// The store failed, and it is unknown which attempt it has open.
    OutcomeUnknown(Error),
}

/// The reason why a call is not settled.
#[derive(Debug)]
enum Unsettled {
    /// The store is unavailable, and may answer later.
    Unavailable(Error),
    /// The store refuses to end the call this way.
    Refused(Error),
}

impl StoreGuard {
    /// Awaits a step of the store, for `deadline` at most. A step that is given up may still be taken.
    ///
    /// # Errors
    /// Those of the step; [`Unavailable`](ErrorKind::Unavailable) with `LEDGER_UNAVAILABLE` past the deadline.
    pub(super) async fn call<T>(
        &self,
        deadline: Duration,
        step: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let result = timeout(deadline, step).await.unwrap_or_else(|_| Err(timed_out()));
        self.note(result.as_ref().err());
        result
    }

    fn note(&self, error: Option<&Error>) {
        match error {
            Some(error) if error.is_retryable() && !self.is_lost.swap(true, Ordering::Relaxed) => {
                tracing::error!(error = %error.report(), "the ledger is out of reach: no call is admitted");
            }
            None if self.is_lost.swap(false, Ordering::Relaxed) => {
                tracing::info!("the ledger is in reach again");
            }
            // The health is unchanged, or the error is a refusal, which tells nothing of it.
            Some(_) | None => {}
        }
    }
}

impl Inner {
    /// Begins a call within the store's deadline. When that fails, the call is not made; a call that the store begins all
    /// the same is ended with `abandoned` as soon as the store answers.
    pub(super) async fn begin_or_abandon(
        self: &Arc<Self>,
        begin: BeginCall,
        abandoned: Settlement,
        deadline: Duration,
    ) -> Result<BeginResult> {
        let inner = Arc::clone(self);
        let mut step = Box::pin(async move { inner.quota.begin(begin).await }).fuse();
        let begun = self.store_guard.call(deadline, &mut step).await;
        self.start_lease_renewal();
        let error = match begun {
            Ok(begun) => return Ok(begun),
            Err(error) if error.is_retryable() => error,
            Err(error) => return Err(error),
        };
        let inner = Arc::clone(self);
        self.tasks.spawn(async move {
            let late = if step.is_terminated() { None } else { Some(step.await) };
            if matches!(late, None | Some(Err(_) | Ok(BeginResult::Admitted { .. }))) {
                inner.settle_until_stored(vec![abandoned], deadline).await;
            }
        });
        Err(error)
    }

    /// Settles a call. While the store is unavailable, the settlement is tried again for as long as this process lives; the
    /// caller waits no longer than the store's deadline.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) with `LEDGER_UNAVAILABLE`; [`Conflict`](ErrorKind::Conflict) with
    /// `OWNER_LOST` when another process has taken over the call.
    pub(super) async fn settle_call(self: &Arc<Self>, settlement: Settlement) -> Result<()> {
        self.settle_first_fitting(vec![settlement]).await
    }

    /// As [`Inner::settle_call`], for a call whose open attempt is unknown: the first of the `possible` settlements that fits
    /// ends it. Each round tries all of them, because a step that was given up earlier may be taken late.
    pub(super) async fn settle_first_fitting(self: &Arc<Self>, possible: Vec<Settlement>) -> Result<()> {
        let deadline = self.current().settings.deadlines.store;
        let (began, mut tries) = (Instant::now(), 0);
        loop {
            let error = match self.try_settlements(&possible, deadline).await {
                Ok(()) => return Ok(()),
                Err(Unsettled::Unavailable(error)) => error,
                Err(Unsettled::Refused(error)) => {
                    self.leave_to_recovery(&possible, &error);
                    return Err(if is_owner_lost(&error) { error } else { unrecorded().because(error) });
                }
            };
            if began.elapsed() >= deadline {
                let inner = Arc::clone(self);
                self.tasks.spawn(async move { inner.settle_until_stored(possible, deadline).await });
                return Err(unrecorded().because(error));
            }
            tokio::time::sleep(retry_delay(tries)).await;
            tries += 1;
        }
    }

    /// Tries `possible` settlements until the store answers.
    async fn settle_until_stored(self: &Arc<Self>, possible: Vec<Settlement>, deadline: Duration) {
        let mut tries = 0;
        loop {
            match self.try_settlements(&possible, deadline).await {
                Ok(()) => return,
                Err(Unsettled::Unavailable(_)) => {}
                Err(Unsettled::Refused(error)) => return self.leave_to_recovery(&possible, &error),
            }
            tokio::time::sleep(retry_delay(tries)).await;
            tries += 1;
        }
    }

    /// Asks the store once for each of the `possible` settlements, until one ends the call.
    async fn try_settlements(&self, possible: &[Settlement], deadline: Duration) -> Result<(), Unsettled> {
        let mut conflict = None;
        for settlement in possible {
            match self.store_guard.call(deadline, self.quota.settle(settlement.clone())).await {
                Ok(_) => {
                    self.notify_settled();
                    return Ok(());
                }
                Err(error) if error.is_retryable() => return Err(Unsettled::Unavailable(error)),
                Err(error) if is_owner_lost(&error) => return Err(Unsettled::Refused(error)),
                // Another attempt is open than the one that this settlement ends.
                Err(error) if error.kind() == ErrorKind::Conflict => conflict = Some(error),
                Err(error) => return Err(Unsettled::Refused(error)),
            }
        }
        let none = || Error::unexpected("a call was to be ended in no way");
        Err(Unsettled::Refused(conflict.unwrap_or_else(none)))
    }

    /// Leaves a call to the recovery of this process. A call that the store does not have needs none, and one that another
    /// process has taken over is ended there.
    fn leave_to_recovery(self: &Arc<Self>, possible: &[Settlement], error: &Error) {
        let is_ours = error.kind() != ErrorKind::NotFound && !is_owner_lost(error);
        let Some(settlement) = possible.first().filter(|_| is_ours) else { return };
        tracing::error!(call = settlement.call, error = %error.report(), "a call could not be settled");
        self.recover_later(settlement.call.clone());
    }
}

/// The time to leave the store alone after its failure `number`, from 0.
fn retry_delay(number: u32) -> Duration {
    Duration::from_millis(20 << number.min(9))
}

/// The error for a call that is not in the ledger, or not with its end.
pub(super) fn unrecorded() -> Error {
    Error::new(ErrorKind::Unavailable, "the call could not be recorded").with_code("LEDGER_UNAVAILABLE")
}

fn timed_out() -> Error {
    Error::new(ErrorKind::Unavailable, "the ledger did not answer in time")
        .with_code("LEDGER_UNAVAILABLE")
        .with_hint("try again later")
        .with_retry_after(RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_is_not_waited_for() {
        let guard = StoreGuard::default();
        let hangs = std::future::pending::<Result<()>>();
        let error = guard.call(Duration::from_secs(5), hangs).await.unwrap_err();
        assert_eq!((error.code(), error.retry_after()), ("LEDGER_UNAVAILABLE", Some(RETRY_AFTER)));
        assert!(error.is_retryable() && guard.is_lost.load(Ordering::Relaxed));
        guard.call(Duration::from_secs(5), async { Ok(()) }).await.unwrap();
        assert!(!guard.is_lost.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_refusal_of_the_store_does_not_mean_that_it_is_out_of_reach() {
        let guard = StoreGuard::default();
        let refused = async { Err::<(), _>(Error::not_found("there is no such call")) };
        assert_eq!(
            guard.call(Duration::from_secs(5), refused).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
        assert!(!guard.is_lost.load(Ordering::Relaxed));
    }
}
