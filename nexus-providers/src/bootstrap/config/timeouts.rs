//! `[deadlines]`, `[retry]` and `[breaker]`: deadlines, retries and the circuit breaker of calls.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use nexus_core::gateway::{BreakerPolicy, Deadlines, RetryPolicy};
use serde::Deserialize;

/// Deadlines of a call, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadlinesConfig {
    /// Timeout of the vendor's first event; 120,000 by default.
    pub first_event_ms: Option<NonZeroU64>,
    /// Timeout between two events; 60,000 by default.
    pub idle_ms: Option<NonZeroU64>,
    /// Deadline of the call with all its attempts; 120,000 by default.
    pub total_ms: Option<NonZeroU64>,
    /// Timeout of one step of the ledger, such as an admission; 5,000 by default.
    pub store_ms: Option<NonZeroU64>,
}

impl DeadlinesConfig {
    pub(super) fn deadlines(&self) -> Deadlines {
        let usual = Deadlines::default();
        let timeout = |ms: Option<NonZeroU64>| ms.map(|ms| Duration::from_millis(ms.get()));
        Deadlines {
            first_event: timeout(self.first_event_ms).unwrap_or(usual.first_event),
            idle: timeout(self.idle_ms).unwrap_or(usual.idle),
            total: timeout(self.total_ms).unwrap_or(usual.total),
            store: timeout(self.store_ms).unwrap_or(usual.store),
        }
    }
}

/// Retries of a provider.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryConfig {
    /// Maximum of attempts for each provider, the first included; 3 by default.
    pub attempts: Option<NonZeroU32>,
    /// Delay before the second attempt, in milliseconds; 500 by default. It doubles each time.
    pub backoff_ms: Option<u64>,
    /// Upper bound on the delay, in milliseconds; 8,000 by default.
    pub longest_ms: Option<u64>,
}

impl RetryConfig {
    pub(super) fn policy(&self) -> RetryPolicy {
        let usual = RetryPolicy::default();
        RetryPolicy {
            attempts: self.attempts.map_or(usual.attempts, NonZeroU32::get),
            backoff: self.backoff_ms.map_or(usual.backoff, Duration::from_millis),
            max_backoff: self.longest_ms.map_or(usual.max_backoff, Duration::from_millis),
        }
    }
}

/// Circuit breaker of a provider.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// Consecutive failures that open the circuit; 3 by default.
    pub failures: Option<NonZeroU32>,
    /// Seconds for which the circuit stays open; 30 by default.
    pub open_seconds: Option<u64>,
    /// Concurrent calls of the half-open circuit; 1 by default.
    pub trials: Option<NonZeroU32>,
}

impl BreakerConfig {
    pub(super) fn policy(&self) -> BreakerPolicy {
        let usual = BreakerPolicy::default();
        BreakerPolicy {
            failures: self.failures.map_or(usual.failures, NonZeroU32::get),
            open_for: self.open_seconds.map_or(usual.open_for, Duration::from_secs),
            half_open_calls: self.trials.map_or(usual.half_open_calls, NonZeroU32::get),
        }
    }
}
