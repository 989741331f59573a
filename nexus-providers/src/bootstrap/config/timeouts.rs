//! `[deadlines]`, `[retry]` and `[breaker]`: how long a provider is waited for, and how often it is asked.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use nexus_core::gateway::{BreakerPolicy, Deadlines, RetryPolicy};
use serde::Deserialize;

/// How long a whole call may take unless told, in milliseconds.
const TOTAL_MS: u64 = 120_000;

/// How long a model may take, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadlinesConfig {
    /// From sending to the vendor's first event; 120,000 unless told.
    pub first_event_ms: Option<NonZeroU64>,
    /// Between two events; 60,000 unless told.
    pub idle_ms: Option<NonZeroU64>,
    /// For the whole call with all its attempts; 120,000 unless told.
    pub total_ms: Option<NonZeroU64>,
    /// For the ledger to take one step, such as an admission; 5,000 unless told.
    pub store_ms: Option<NonZeroU64>,
}

impl DeadlinesConfig {
    pub(super) fn deadlines(&self) -> Deadlines {
        let usual = Deadlines::default();
        let told = |ms: Option<NonZeroU64>| ms.map(|ms| Duration::from_millis(ms.get()));
        Deadlines {
            first_event: told(self.first_event_ms).unwrap_or(usual.first_event),
            idle: told(self.idle_ms).unwrap_or(usual.idle),
            total: told(self.total_ms).unwrap_or(Duration::from_millis(TOTAL_MS)),
            store: told(self.store_ms).unwrap_or(usual.store),
        }
    }
}

/// How often a provider is asked again.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryConfig {
    /// How often each provider is asked at most, the first time included; 3 unless told.
    pub attempts: Option<NonZeroU32>,
    /// How long to wait before the second attempt, in milliseconds; 500 unless told. It doubles each time.
    pub backoff_ms: Option<u64>,
    /// The longest wait, in milliseconds; 8,000 unless told.
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

/// When a provider that keeps failing is left alone.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// After so many failures in a row; 3 unless told.
    pub failures: Option<NonZeroU32>,
    /// For so many seconds; 30 unless told.
    pub open_seconds: Option<u64>,
    /// How many calls may then try it at once; 1 unless told.
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
