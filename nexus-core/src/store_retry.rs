//! Retries of store operations while the store is unavailable: transient errors and backoff.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::error::{Error, ErrorKind, Result};

/// First pause between two tries, doubled after each further failure.
const MIN_PAUSE: Duration = Duration::from_millis(20);
/// Maximum pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Returns whether a retry of the operation may succeed: the store is open, and unavailable at the moment.
pub(crate) fn is_transient(error: &Error) -> bool {
    error.is_retryable() && error.code() != "STORE_CLOSED"
}

/// Returns whether a model call failed because the store did not admit it, so that nothing was sent to a vendor.
pub(crate) fn is_not_admitted(error: &Error) -> bool {
    let by_store = error.code().starts_with("STORE_") || error.code() == "DISK_FULL";
    by_store && is_transient(error)
}

/// Returns the pause after failure `number`, from 0.
pub(crate) fn pause(number: u32) -> Duration {
    MIN_PAUSE.saturating_mul(1 << number.min(8)).min(MAX_PAUSE)
}

/// Waits for a store operation until the deadline. An abandoned operation may still take effect.
///
/// # Errors
/// Those of the operation; [`Unavailable`](ErrorKind::Unavailable) with `STORE_TIMEOUT`.
pub(crate) async fn within<T>(deadline: Duration, step: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(deadline, step).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Unavailable, "the store did not answer in time").with_code("STORE_TIMEOUT"))
    })
}

/// Retries `step` until it succeeds, fails with an error that `again` rejects, or `deadline` has passed.
///
/// # Errors
/// Those of the step.
pub(crate) async fn retry<T, F>(
    deadline: Duration,
    again: impl Fn(&Error) -> bool,
    mut step: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let (began, mut tries) = (Instant::now(), 0);
    loop {
        match step().await {
            Err(error) if again(&error) && began.elapsed() < deadline => {
                tracing::debug!(error = %error.report(), "retrying a store operation");
                tokio::time::sleep(pause(tries)).await;
                tries += 1;
            }
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn lost() -> Error {
        Error::new(ErrorKind::Unavailable, "lost").with_code("STORE_LOST")
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_is_taken_again_while_the_store_is_out_of_reach_and_no_longer() {
        let tries = AtomicUsize::new(0);
        let step = |succeeds_at: usize, error: fn() -> Error| {
            let number = tries.fetch_add(1, Ordering::SeqCst) + 1;
            async move { if number == succeeds_at { Ok(number) } else { Err(error()) } }
        };
        let long = Duration::from_mins(1);
        assert_eq!(retry(long, is_transient, || step(5, lost)).await.unwrap(), 5);
        tries.store(0, Ordering::SeqCst);
        let refused = retry(long, is_transient, || step(5, || Error::invalid("no"))).await.unwrap_err();
        assert_eq!((refused.kind(), tries.load(Ordering::SeqCst)), (ErrorKind::InvalidInput, 1));
        let began = Instant::now();
        assert_eq!(retry(long, is_transient, || step(0, lost)).await.unwrap_err().code(), "STORE_LOST");
        assert!(began.elapsed() >= long && began.elapsed() <= long + MAX_PAUSE);
    }

    #[test]
    fn a_closed_store_is_not_waited_for_and_a_vendor_is_no_store() {
        let error = |code| Error::new(ErrorKind::Unavailable, "out of reach").with_code(code);
        for (code, transient, not_admitted) in [
            ("STORE_LOST", true, true),
            ("DISK_FULL", true, true),
            ("STORE_CLOSED", false, false),
            ("LEDGER_UNAVAILABLE", true, false),
            ("PROVIDERS_UNAVAILABLE", true, false),
        ] {
            assert_eq!(
                (is_transient(&error(code)), is_not_admitted(&error(code))),
                (transient, not_admitted)
            );
        }
    }
}
