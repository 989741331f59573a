//! Retries with exponential backoff: [`retry_after`] decides whether the same provider is asked again, and when. It is pure.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::settings::RetryPolicy;
use crate::error::Error;
use crate::llm::ProviderErrorKind;

/// The longest wait that a vendor may ask for; beyond it the call is not retried, as in the vendors' own clients.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(2);

/// The wait before the provider that failed with `error` in attempt `number` of `call` is asked again; none where it is
/// not: because the error is permanent, no attempt is left, or the wait would end after `left`.
///
/// The vendor's own word on retries wins over the kind of the error.
pub(super) fn retry_after(
    policy: &RetryPolicy,
    call: &str,
    number: u32,
    error: &Error,
    left: Duration,
) -> Option<Duration> {
    let kind = ProviderErrorKind::of(error)?;
    let is_retryable = error.retry().unwrap_or(kind.is_retryable());
    let asked = error.retry_after();
    if !is_retryable || number >= policy.attempts || asked.is_some_and(|asked| asked > MAX_RETRY_AFTER) {
        return None;
    }
    Some(wait(policy, call, number, asked)).filter(|wait| *wait < left)
}

/// The wait after attempt `number` of `call`. The time that the vendor asks for is honoured, beyond the policy's longest
/// wait too; without one, each wait is twice the one before, less up to a quarter, so that callers who failed together do
/// not come back together.
fn wait(policy: &RetryPolicy, call: &str, number: u32, asked: Option<Duration>) -> Duration {
    let doubled = policy.backoff.saturating_mul(2_u32.saturating_pow(number.saturating_sub(1).min(16)));
    let wait = doubled.min(policy.max_backoff);
    let spread = wait.mul_f64(0.25 * chance(call, number));
    asked.unwrap_or_default().max(wait.saturating_sub(spread))
}

/// A number from 0 to 1 that differs from call to call.
fn chance(call: &str, number: u32) -> f64 {
    let digest = Sha256::digest(format!("{call}/{number}"));
    digest.first().map_or(0.0, |byte| f64::from(*byte) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_lose_a_quarter_at_most() {
        let policy = RetryPolicy::default();
        for (number, longest) in [(1, 500), (2, 1_000), (3, 2_000), (5, 8_000), (60, 8_000)] {
            let wait = wait(&policy, "call", number, None);
            let longest = Duration::from_millis(longest);
            assert!(wait <= longest && wait >= longest.mul_f64(0.75), "{number}: {wait:?}");
        }
    }

    #[test]
    fn what_the_vendor_asks_for_is_honoured() {
        let minute = Duration::from_mins(1);
        assert_eq!(wait(&RetryPolicy::default(), "call", 1, Some(minute)), minute);
    }

    const CALM: Duration = Duration::from_mins(10);

    #[test]
    fn the_vendors_word_on_trying_again_wins_over_the_fault() {
        for fault in ProviderErrorKind::ALL {
            let tried =
                |error: &Error| retry_after(&RetryPolicy::default(), "call", 1, error, CALM).is_some();
            assert_eq!(tried(&fault.error("no")), fault.is_retryable(), "{fault:?}");
            assert!(tried(&fault.error("no").with_retry(true)), "{fault:?}");
            assert!(!tried(&fault.error("no").with_retry(false)), "{fault:?}");
        }
        assert_eq!(
            retry_after(&RetryPolicy::default(), "call", 1, &Error::invalid("no").with_retry(true), CALM),
            None
        );
    }

    #[test]
    fn attempts_and_time_are_never_exceeded_whatever_the_vendor_says() {
        let policy = RetryPolicy::default();
        let asks = |wait: Duration| {
            ProviderErrorKind::RateLimited.error("no").with_retry(true).with_retry_after(wait)
        };
        assert_eq!(retry_after(&policy, "call", policy.attempts, &asks(Duration::ZERO), CALM), None);
        assert_eq!(retry_after(&policy, "call", 1, &asks(MAX_RETRY_AFTER), CALM), Some(MAX_RETRY_AFTER));
        assert_eq!(retry_after(&policy, "call", 1, &asks(MAX_RETRY_AFTER), MAX_RETRY_AFTER), None);
        assert_eq!(
            retry_after(&policy, "call", 1, &asks(MAX_RETRY_AFTER + Duration::from_millis(1)), CALM),
            None
        );
    }
}
