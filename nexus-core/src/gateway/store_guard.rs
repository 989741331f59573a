//! Asking the store within a deadline: [`StoreGuard`]. A store that hangs admits nothing and holds nobody up, and the log says
//! once that it is out of reach and once that it is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::error::{Error, ErrorKind, Result};

/// When to come back to a store that did not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Whether the store answers, as the last step that was asked of it tells.
#[derive(Debug, Default)]
pub(super) struct StoreGuard {
    lost: AtomicBool,
}

impl StoreGuard {
    /// Waits for a step of the store, for so long at most. A step that is given up may still be taken.
    ///
    /// # Errors
    /// Those of the step; [`Unavailable`](ErrorKind::Unavailable) with `LEDGER_UNAVAILABLE` when time is up.
    pub(super) async fn call<T>(
        &self,
        patience: Duration,
        step: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let answer = timeout(patience, step).await.unwrap_or_else(|_| Err(timed_out()));
        self.note(answer.as_ref().err());
        answer
    }

    fn note(&self, error: Option<&Error>) {
        match error {
            Some(error) if error.is_retryable() && !self.lost.swap(true, Ordering::Relaxed) => {
                tracing::error!(error = %error.report(), "the ledger is out of reach: no call is admitted");
            }
            None if self.lost.swap(false, Ordering::Relaxed) => {
                tracing::info!("the ledger is in reach again");
            }
            // It is as it was, or its no has nothing to do with its health.
            Some(_) | None => {}
        }
    }
}

fn timed_out() -> Error {
    Error::new(ErrorKind::Unavailable, "the ledger did not answer in time")
        .code("LEDGER_UNAVAILABLE")
        .hint("try again later")
        .with_retry_after(RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_hangs_is_not_waited_for() {
        let reach = StoreGuard::default();
        let hangs = std::future::pending::<Result<()>>();
        let error = reach.call(Duration::from_secs(5), hangs).await.unwrap_err();
        assert_eq!((error.stable_code(), error.retry_after()), ("LEDGER_UNAVAILABLE", Some(RETRY_AFTER)));
        assert!(error.is_retryable() && reach.lost.load(Ordering::Relaxed));
        reach.call(Duration::from_secs(5), async { Ok(()) }).await.unwrap();
        assert!(!reach.lost.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_no_of_the_store_does_not_mean_that_it_is_gone() {
        let reach = StoreGuard::default();
        let no = async { Err::<(), _>(Error::not_found("there is no such call")) };
        assert_eq!(reach.call(Duration::from_secs(5), no).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(!reach.lost.load(Ordering::Relaxed));
    }
}
