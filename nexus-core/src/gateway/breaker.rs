//! Circuit breakers: a provider that keeps failing is not asked for a while. [`Breaker`] is the state machine of one
//! integration, without a clock of its own; a [`BreakerPermit`] lets one attempt through and reports its outcome.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::metrics;
use super::settings::BreakerPolicy;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::llm::ProviderErrorKind;

/// Whether a provider may be asked.
#[derive(Debug)]
pub(super) enum BreakerDecision {
    /// It may be asked once.
    Allow(BreakerPermit),
    /// It may not be asked before this time has passed.
    Reject(Duration),
}

/// The outcome of an attempt, as far as it tells of the provider's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BreakerOutcome {
    /// The provider answered, or refused for a reason in the request.
    Success,
    /// The provider failed.
    Failure,
    /// The provider will go on failing, as with an account without money.
    PersistentFailure,
    /// The attempt tells nothing of the provider's health, as one that was cancelled.
    Ignored,
}

impl BreakerOutcome {
    /// The outcome of an attempt that ended with `error`.
    pub(super) fn after(error: &Error) -> Self {
        match ProviderErrorKind::of(error) {
            Some(ProviderErrorKind::Billing) => Self::PersistentFailure,
            Some(kind) if kind.trips_breaker() => Self::Failure,
            Some(_) => Self::Success,
            None => Self::Ignored,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Timestamp },
    HalfOpen { half_open_calls: u32 },
}

/// The breaker of one integration.
#[derive(Debug)]
struct Breaker(State);

impl Breaker {
    /// Lets a call through, or returns the time for which the circuit stays open.
    fn try_acquire(&mut self, now: Timestamp, policy: &BreakerPolicy) -> Result<(), Duration> {
        match self.0 {
            State::Closed { .. } => Ok(()),
            State::Open { until } if now < until => Err(until.since(now)),
            State::Open { .. } => {
                self.0 = State::HalfOpen { half_open_calls: 1 };
                Ok(())
            }
            State::HalfOpen { half_open_calls: calls } if calls < policy.half_open_calls.max(1) => {
                self.0 = State::HalfOpen { half_open_calls: calls + 1 };
                Ok(())
            }
            State::HalfOpen { .. } => Err(policy.open_for),
        }
    }

    /// Records an outcome; returns the new state where it changed.
    fn record(
        &mut self,
        now: Timestamp,
        policy: &BreakerPolicy,
        outcome: BreakerOutcome,
    ) -> Option<&'static str> {
        let open = State::Open { until: now.plus(policy.open_for) };
        let before = std::mem::discriminant(&self.0);
        self.0 = match (self.0, outcome) {
            (_, BreakerOutcome::Success) => State::Closed { failures: 0 },
            (_, BreakerOutcome::PersistentFailure) | (State::HalfOpen { .. }, BreakerOutcome::Failure) => {
                open
            }
            (State::Closed { failures }, BreakerOutcome::Failure)
                if failures + 1 >= policy.failures.max(1) =>
            {
                open
            }
            (State::Closed { failures }, BreakerOutcome::Failure) => State::Closed { failures: failures + 1 },
            // Calls that began before it opened do not keep it open for longer.
            (State::Open { until }, BreakerOutcome::Failure) => State::Open { until },
            (State::HalfOpen { half_open_calls: calls }, BreakerOutcome::Ignored) => {
                State::HalfOpen { half_open_calls: calls.saturating_sub(1) }
            }
            (state @ (State::Closed { .. } | State::Open { .. }), BreakerOutcome::Ignored) => state,
        };
        (before != std::mem::discriminant(&self.0)).then_some(match self.0 {
            State::Closed { .. } => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } => "half_open",
        })
    }
}

/// The breakers of this process, by integration.
#[derive(Debug, Default)]
pub(super) struct Breakers(Mutex<HashMap<String, Breaker>>);

impl Breakers {
    /// Whether `integration` may be asked now.
    pub(super) fn try_acquire(
        self: &Arc<Self>,
        integration: String,
        now: Timestamp,
        policy: &BreakerPolicy,
    ) -> BreakerDecision {
        match self.with(&integration, |breaker| breaker.try_acquire(now, policy)) {
            Err(wait) => BreakerDecision::Reject(wait),
            Ok(()) => BreakerDecision::Allow(BreakerPermit {
                breakers: Arc::clone(self),
                integration,
                policy: *policy,
                began: now,
                is_reported: false,
            }),
        }
    }

    /// Records the outcome of an attempt at `integration`.
    fn record(&self, integration: &str, now: Timestamp, policy: &BreakerPolicy, outcome: BreakerOutcome) {
        if let Some(state) = self.with(integration, |breaker| breaker.record(now, policy, outcome)) {
            metrics::breaker_changed(integration, state);
            tracing::warn!(integration, ?outcome, "the breaker of an integration changed its state");
        }
    }

    fn with<T>(&self, integration: &str, look: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(breaker) = breakers.get_mut(integration) {
            return look(breaker);
        }
        let breaker = breakers.entry(integration.to_owned());
        look(breaker.or_insert(Breaker(State::Closed { failures: 0 })))
    }
}

/// The permit to ask an integration once. A half-open breaker waits for the report of its permit, so a permit that is
/// dropped, because its call was cancelled, refused or aborted, reports itself as ignored.
#[derive(Debug)]
pub(super) struct BreakerPermit {
    breakers: Arc<Breakers>,
    integration: String,
    policy: BreakerPolicy,
    began: Timestamp,
    is_reported: bool,
}

impl BreakerPermit {
    /// Reports the attempt's outcome.
    pub(super) fn report(mut self, now: Timestamp, outcome: BreakerOutcome) {
        self.is_reported = true;
        self.breakers.record(&self.integration, now, &self.policy, outcome);
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if !self.is_reported {
            self.breakers.record(&self.integration, self.began, &self.policy, BreakerOutcome::Ignored);
        }
    }
}

/// The error for a call whose providers all have an open circuit, the first of them for `wait`.
pub(super) fn circuit_open(wait: Duration) -> Error {
    Error::new(ErrorKind::Unavailable, "the circuit breaker of every provider that may be asked is open")
        .with_code("PROVIDERS_UNAVAILABLE")
        .with_retry_after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: BreakerPolicy =
        BreakerPolicy { failures: 3, open_for: Duration::from_secs(30), half_open_calls: 1 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    /// A permit to ask `integration` at a time; the wait where there is none.
    fn trial(breakers: &Arc<Breakers>, integration: &str, seconds: i64) -> Result<BreakerPermit, Duration> {
        match breakers.try_acquire(integration.to_owned(), at(seconds), &POLICY) {
            BreakerDecision::Allow(trial) => Ok(trial),
            BreakerDecision::Reject(wait) => Err(wait),
        }
    }

    fn is_allowed(breakers: &Arc<Breakers>, integration: &str, seconds: i64) -> bool {
        trial(breakers, integration, seconds).is_ok()
    }

    fn opened() -> Arc<Breakers> {
        let breakers = Arc::new(Breakers::default());
        for _ in 0..3 {
            trial(&breakers, "p", 0).unwrap().report(at(0), BreakerOutcome::Failure);
        }
        breakers
    }

    #[test]
    fn three_failures_in_a_row_open_it_for_that_integration_only() {
        let breakers = opened();
        assert_eq!(trial(&breakers, "p", 10).unwrap_err(), Duration::from_secs(20));
        assert!(is_allowed(&breakers, "q", 10));
    }

    #[test]
    fn a_success_in_between_begins_the_count_anew() {
        let breakers = Arc::new(Breakers::default());
        for health in [
            BreakerOutcome::Failure,
            BreakerOutcome::Failure,
            BreakerOutcome::Success,
            BreakerOutcome::Failure,
            BreakerOutcome::Failure,
        ] {
            trial(&breakers, "p", 0).unwrap().report(at(0), health);
        }
        assert!(is_allowed(&breakers, "p", 0));
    }

    #[test]
    fn after_the_pause_one_trial_decides() {
        let breakers = opened();
        let first = trial(&breakers, "p", 30).unwrap();
        assert!(!is_allowed(&breakers, "p", 30));
        first.report(at(31), BreakerOutcome::Failure);
        assert_eq!(trial(&breakers, "p", 32).unwrap_err(), Duration::from_secs(29));
        trial(&breakers, "p", 61).unwrap().report(at(61), BreakerOutcome::Success);
        assert!(is_allowed(&breakers, "p", 61));
    }

    #[test]
    fn a_trial_that_is_dropped_without_a_word_lets_another_try() {
        let breakers = opened();
        let first = trial(&breakers, "p", 30).unwrap();
        assert!(!is_allowed(&breakers, "p", 30));
        drop(first);
        trial(&breakers, "p", 30).unwrap().report(at(30), BreakerOutcome::Ignored);
        assert!(is_allowed(&breakers, "p", 30));
    }

    #[test]
    fn a_trial_is_reported_once() {
        let (breakers, policy) = (opened(), BreakerPolicy { half_open_calls: 2, ..POLICY });
        let pass = || match breakers.try_acquire("p".to_owned(), at(30), &policy) {
            BreakerDecision::Allow(trial) => Some(trial),
            BreakerDecision::Reject(_) => None,
        };
        let (first, second) = (pass().unwrap(), pass().unwrap());
        assert!(pass().is_none());
        first.report(at(30), BreakerOutcome::Ignored);
        let third = pass().unwrap();
        assert!(pass().is_none(), "the first trial gave back two places");
        drop((second, third));
    }

    #[test]
    fn an_account_without_money_opens_it_at_once() {
        let breakers = Arc::new(Breakers::default());
        trial(&breakers, "p", 0).unwrap().report(at(0), BreakerOutcome::PersistentFailure);
        assert!(!is_allowed(&breakers, "p", 0));
    }
}
