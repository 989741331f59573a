//! Leaving a sick provider alone: [`Breaker`], a state machine without a clock of its own, and the [`Breakers`] of all
//! integrations.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::metrics;
use super::settings::BreakerPolicy;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::llm::Fault;

/// Whether a provider may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It may.
    Open,
    /// Not before so long.
    Shut(Duration),
}

/// How a call went, as far as it tells of the provider's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It answered, or refused for a reason that is not its own.
    Well,
    /// It failed.
    Sick,
    /// It will go on failing, as an account without money does.
    Lost,
    /// The call says nothing, as one that was cancelled.
    Unclear,
}

impl Health {
    /// What a call that ended with `error` tells.
    pub(super) fn after(error: &Error) -> Self {
        match Fault::of(error) {
            Some(Fault::Billing) => Self::Lost,
            Some(fault) if fault.trips_breaker() => Self::Sick,
            Some(_) => Self::Well,
            None => Self::Unclear,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Timestamp },
    HalfOpen { trials: u32 },
}

/// The breaker of one integration.
#[derive(Debug)]
struct Breaker(State);

impl Breaker {
    fn pass(&mut self, now: Timestamp, policy: &BreakerPolicy) -> Passage {
        match self.0 {
            State::Closed { .. } => Passage::Open,
            State::Open { until } if now < until => Passage::Shut(until.since(now)),
            State::Open { .. } => {
                self.0 = State::HalfOpen { trials: 1 };
                Passage::Open
            }
            State::HalfOpen { trials } if trials < policy.trials.max(1) => {
                self.0 = State::HalfOpen { trials: trials + 1 };
                Passage::Open
            }
            State::HalfOpen { .. } => Passage::Shut(policy.open),
        }
    }

    /// Takes note of how a call went. Says which state it became, if it is another one.
    fn note(&mut self, now: Timestamp, policy: &BreakerPolicy, health: Health) -> Option<&'static str> {
        let open = State::Open { until: now.plus(policy.open) };
        let before = std::mem::discriminant(&self.0);
        self.0 = match (self.0, health) {
            (_, Health::Well) => State::Closed { failures: 0 },
            (_, Health::Lost) | (State::HalfOpen { .. }, Health::Sick) => open,
            (State::Closed { failures }, Health::Sick) if failures + 1 >= policy.failures.max(1) => open,
            (State::Closed { failures }, Health::Sick) => State::Closed { failures: failures + 1 },
            // Calls that began before it opened do not keep it open for longer.
            (State::Open { until }, Health::Sick) => State::Open { until },
            (State::HalfOpen { trials }, Health::Unclear) => {
                State::HalfOpen { trials: trials.saturating_sub(1) }
            }
            (state @ (State::Closed { .. } | State::Open { .. }), Health::Unclear) => state,
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
    /// Whether `integration` may be asked now. Each `Open` is owed a [`Breakers::note`].
    pub(super) fn pass(&self, integration: &str, now: Timestamp, policy: &BreakerPolicy) -> Passage {
        self.with(integration, |breaker| breaker.pass(now, policy))
    }

    /// Takes note of how a call to `integration` went.
    pub(super) fn note(&self, integration: &str, now: Timestamp, policy: &BreakerPolicy, health: Health) {
        if let Some(state) = self.with(integration, |breaker| breaker.note(now, policy, health)) {
            metrics::breaker_changed(integration, state);
            tracing::warn!(integration, ?health, "the breaker of an integration changed its state");
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

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: BreakerPolicy = BreakerPolicy { failures: 3, open: Duration::from_secs(30), trials: 1 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn opened() -> Breakers {
        let breakers = Breakers::default();
        for _ in 0..3 {
            assert_eq!(breakers.pass("p", at(0), &POLICY), Passage::Open);
            breakers.note("p", at(0), &POLICY, Health::Sick);
        }
        breakers
    }

    #[test]
    fn three_failures_in_a_row_open_it_for_that_integration_only() {
        let breakers = opened();
        assert_eq!(breakers.pass("p", at(10), &POLICY), Passage::Shut(Duration::from_secs(20)));
        assert_eq!(breakers.pass("q", at(10), &POLICY), Passage::Open);
    }

    #[test]
    fn a_success_in_between_begins_the_count_anew() {
        let breakers = Breakers::default();
        for health in [Health::Sick, Health::Sick, Health::Well, Health::Sick, Health::Sick] {
            breakers.note("p", at(0), &POLICY, health);
        }
        assert_eq!(breakers.pass("p", at(0), &POLICY), Passage::Open);
    }

    #[test]
    fn after_the_pause_one_trial_decides() {
        let breakers = opened();
        assert_eq!(breakers.pass("p", at(30), &POLICY), Passage::Open);
        assert!(matches!(breakers.pass("p", at(30), &POLICY), Passage::Shut(_)));
        breakers.note("p", at(31), &POLICY, Health::Sick);
        assert_eq!(breakers.pass("p", at(32), &POLICY), Passage::Shut(Duration::from_secs(29)));
        assert_eq!(breakers.pass("p", at(61), &POLICY), Passage::Open);
        breakers.note("p", at(61), &POLICY, Health::Well);
        assert_eq!(breakers.pass("p", at(61), &POLICY), Passage::Open);
    }

    #[test]
    fn a_trial_that_was_cancelled_lets_another_try() {
        let breakers = opened();
        assert_eq!(breakers.pass("p", at(30), &POLICY), Passage::Open);
        breakers.note("p", at(30), &POLICY, Health::Unclear);
        assert_eq!(breakers.pass("p", at(30), &POLICY), Passage::Open);
    }

    #[test]
    fn an_account_without_money_opens_it_at_once() {
        let breakers = Breakers::default();
        breakers.note("p", at(0), &POLICY, Health::Lost);
        assert!(matches!(breakers.pass("p", at(0), &POLICY), Passage::Shut(_)));
    }
}
