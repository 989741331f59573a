//! How long to wait before asking again: [`wait`], which is pure.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::settings::RetryPolicy;

/// How long to wait after attempt `number` of `call`. What the vendor asks for is honoured, beyond the policy's longest
/// wait too; without that, each wait is twice the one before, less up to a quarter, so that callers who failed together
/// do not come back together.
pub(super) fn wait(policy: &RetryPolicy, call: &str, number: u32, asked: Option<Duration>) -> Duration {
    let doubled = policy.backoff.saturating_mul(2_u32.saturating_pow(number.saturating_sub(1).min(16)));
    let wait = doubled.min(policy.longest);
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
}
