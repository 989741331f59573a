//! Limits on a call: [`checks`] selects them, [`admit`] decides, [`reserve`] yields the rows to write. All are pure.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::amounts::too_large;
use super::{Cap, LimitKey, LimitMode, Limits, Meter, MeterAmounts, ScopeKind, Window, Zone};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::money::NanoUsd;

/// Consumer of a call: the ids that limits of each scope apply to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// The tenant.
    pub tenant: String,
    /// The organisation, where there is one.
    pub organisation: Option<String>,
    /// The user.
    pub user: String,
    /// The investigation, where there is one.
    pub investigation: Option<String>,
    /// The run, where there is one.
    pub run: Option<String>,
}

impl Consumer {
    fn id(&self, scope: ScopeKind) -> Option<&str> {
        match scope {
            ScopeKind::Tenant => Some(&self.tenant),
            ScopeKind::Organisation => self.organisation.as_deref(),
            ScopeKind::User => Some(&self.user),
            ScopeKind::Investigation => self.investigation.as_deref(),
            ScopeKind::Run => self.run.as_deref(),
        }
    }
}

/// Key of a counter within its tenant. A counter holds the reserved and the settled amount of every meter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CounterKey {
    /// The kind of consumer.
    pub scope: ScopeKind,
    /// The consumer's id.
    pub id: String,
    /// The model, or `*` for all together.
    pub model: String,
    /// The window's name, see [`Window::id`].
    pub window: String,
}

/// Window name of the counter of a run's chat calls over all time. A run's own cap on calls leaves out embeddings and
/// text-to-speech.
pub const ANSWERS: &str = "total/answers";

/// End of the windows that count questions alone, such as `m/2026-03/answers`.
pub const OF_ANSWERS: &str = "/answers";

/// Returns the check of a cap on the calls of `tenant` that answer, in the month of `now`, on a counter of its own.
pub fn monthly_answers(tenant: &str, cap: Cap, now: Timestamp, zone: &Zone) -> LimitCheck {
    let window = Window::Month;
    LimitCheck {
        key: CounterKey {
            scope: ScopeKind::Tenant,
            id: tenant.to_owned(),
            model: "*".to_owned(),
            window: window.id(now, zone) + OF_ANSWERS,
        },
        meter: Meter::Calls,
        window,
        cap,
        mode: LimitMode::Enforce,
        resets_at: window.ends(now, zone),
    }
}

/// Check of one limit for one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitCheck {
    /// The counter that is checked, and that counts the call.
    pub key: CounterKey,
    /// The meter.
    pub meter: Meter,
    /// The kind of window, for people.
    pub window: Window,
    /// The cap.
    pub cap: Cap,
    /// The enforcement mode.
    pub mode: LimitMode,
    /// The end of the counter's window.
    pub resets_at: Option<Timestamp>,
}

/// Returns the checks of a call of `model` by `consumer`, in the order in which counters are locked. A limit that
/// [is replaced](Limits::is_replaced_for) for the consumer is not checked.
pub fn checks(
    limits: &Limits,
    consumer: &Consumer,
    model: &str,
    now: Timestamp,
    zone: &Zone,
) -> Vec<LimitCheck> {
    let applies = |subject: &LimitKey, id: &str| {
        subject.id.as_deref().is_none_or(|only| only == id)
            && subject.model.as_deref().is_none_or(|only| only == model)
    };
    let mut checks: Vec<LimitCheck> = limits
        .iter()
        .filter_map(|limit| {
            let subject = limit.subject;
            let id = consumer.id(subject.scope).filter(|id| applies(&subject, id))?.to_owned();
            if limits.is_replaced_for(&subject, &id) {
                return None;
            }
            let window = subject.window;
            Some(LimitCheck {
                key: CounterKey {
                    scope: subject.scope,
                    id,
                    model: subject.model.unwrap_or_else(|| "*".to_owned()),
                    window: window.id(now, zone),
                },
                meter: subject.meter,
                window,
                cap: limit.cap,
                mode: limit.mode,
                resets_at: window.ends(now, zone),
            })
        })
        .collect();
    checks.sort_by(|a, b| (&a.key, a.meter).cmp(&(&b.key, b.meter)));
    checks
}

/// State of a counter: reserved and settled amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterState {
    /// The amounts reserved by calls in flight.
    pub reserved: MeterAmounts,
    /// The charges of settled calls.
    pub settled: MeterAmounts,
}

impl CounterState {
    /// Returns the reserved and settled amount of `meter`, saturating.
    pub fn of(&self, meter: Meter) -> u64 {
        self.reserved.of(meter).saturating_add(self.settled.of(meter))
    }
}

/// Refusal of a call by a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The kind of consumer.
    pub scope: ScopeKind,
    /// The consumer's id.
    pub id: String,
    /// The model, or `*`.
    pub model: String,
    /// The meter.
    pub meter: Meter,
    /// The time window.
    pub window: Window,
    /// The cap.
    pub limit: u64,
    /// The reserved and settled amount; also 0 where the caller may not see it.
    pub used: u64,
    /// The upper bound of the call.
    pub wanted: u64,
    /// The end of the window; `None` for a run or an investigation.
    pub resets_at: Option<Timestamp>,
}

impl Refusal {
    /// Returns the sentence for the user.
    pub fn sentence(&self) -> String {
        let show = |amount| match self.meter {
            Meter::Money => NanoUsd::from_nanos(i64::try_from(amount).unwrap_or(i64::MAX)).to_string(),
            Meter::Calls | Meter::Tokens | Meter::CostUnits => {
                format!("{amount} {}", self.meter.as_str().replace('_', " "))
            }
        };
        let model = if self.model == "*" { String::new() } else { format!(" on `{}`", self.model) };
        let resets = self.resets_at.map(|at| format!("; the limit resets at {at}")).unwrap_or_default();
        let used = if self.used == 0 { String::new() } else { format!("{} are used, ", show(self.used)) };
        format!(
            "the {}'s limit of {} {}{model} would be exceeded: {used}the call may take {}{resets}",
            self.scope,
            show(self.limit),
            self.window.words(),
            show(self.wanted),
        )
    }

    /// Returns whether the counter counts the caller's own consumption. An investigation's counter does where it
    /// `is_of_run` of the caller.
    pub(crate) fn is_own(&self, is_of_run: bool) -> bool {
        match self.scope {
            ScopeKind::User | ScopeKind::Run => true,
            ScopeKind::Investigation => is_of_run,
            ScopeKind::Tenant | ScopeKind::Organisation => false,
        }
    }

    /// Returns the stable code: `BUDGET_EXCEEDED` for money and cost units, `RATE_LIMITED` for windows of seconds,
    /// else `QUOTA_EXCEEDED`.
    pub fn code(&self) -> &'static str {
        match (self.meter, self.window) {
            (Meter::Money | Meter::CostUnits, _) => "BUDGET_EXCEEDED",
            (Meter::Calls | Meter::Tokens, Window::Seconds(_)) => "RATE_LIMITED",
            (Meter::Calls | Meter::Tokens, _) => "QUOTA_EXCEEDED",
        }
    }

    /// Returns the refusal as an error, for operations whose result has no room for a refusal.
    pub fn to_error(&self, now: Timestamp) -> Error {
        let error = Error::new(ErrorKind::RateLimited, self.sentence()).with_code(self.code());
        match self.resets_at {
            Some(at) => error.with_retry_after(at.since(now)),
            None => error,
        }
    }
}

/// Decision on a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuotaDecision {
    /// The call is admitted.
    Admitted {
        /// The shadow limits that the call exceeds.
        shadowed: Vec<Refusal>,
    },
    /// The call is refused, and nothing is reserved.
    Refused(Refusal),
}

/// Decides whether `wanted` fits within every check. `used` returns the state of a counter.
///
/// A sum that overflows is refused.
pub fn admit(
    checks: &[LimitCheck],
    wanted: &MeterAmounts,
    used: impl Fn(&CounterKey) -> CounterState,
) -> QuotaDecision {
    let mut shadowed = Vec::new();
    for check in checks {
        let Cap::Limited(limit) = check.cap else { continue };
        let (taken, more) = (used(&check.key).of(check.meter), wanted.of(check.meter));
        // A cap of zero admits nothing, not even a call that takes zero of the meter.
        if limit > 0 && taken.checked_add(more).is_some_and(|sum| sum <= limit) {
            continue;
        }
        let refusal = Refusal {
            scope: check.key.scope,
            id: check.key.id.clone(),
            model: check.key.model.clone(),
            meter: check.meter,
            window: check.window,
            limit,
            used: taken,
            wanted: more,
            resets_at: check.resets_at,
        };
        match check.mode {
            LimitMode::Enforce => return QuotaDecision::Refused(refusal),
            LimitMode::Shadow => shadowed.push(refusal),
        }
    }
    QuotaDecision::Admitted { shadowed }
}

/// Reservation of an attempt on its counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The counters that hold it, in the order of their keys. A settlement releases it from these, even if limits and
    /// windows have changed since.
    pub counters: Vec<ReservedCounter>,
    /// The shadow limits that the attempt exceeds.
    pub shadowed: Vec<Refusal>,
}

/// Counter that holds a reservation, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservedCounter {
    /// The key.
    pub key: CounterKey,
    /// The end of its window.
    pub ends_at: Option<Timestamp>,
    /// The state with the reservation.
    pub state: CounterState,
}

/// Reserves `wanted` on every counter of `checks`, or on none. A counter without a state is empty.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) with `COUNT_TOO_LARGE` for a sum that overflows.
pub fn reserve(
    checks: &[LimitCheck],
    wanted: &MeterAmounts,
    states: &BTreeMap<CounterKey, CounterState>,
) -> Result<ControlFlow<Refusal, Reservation>> {
    let state = |key: &CounterKey| states.get(key).copied().unwrap_or_default();
    let shadowed = match admit(checks, wanted, state) {
        QuotaDecision::Refused(refusal) => return Ok(ControlFlow::Break(refusal)),
        QuotaDecision::Admitted { shadowed } => shadowed,
    };
    let mut counters: BTreeMap<&CounterKey, ReservedCounter> = BTreeMap::new();
    for LimitCheck { key, resets_at, .. } in checks {
        if !counters.contains_key(key) {
            let before = state(key);
            let reserved = before.reserved.checked_add(wanted).ok_or_else(too_large)?;
            let state = CounterState { reserved, ..before };
            counters.insert(key, ReservedCounter { key: key.clone(), ends_at: *resets_at, state });
        }
    }
    Ok(ControlFlow::Continue(Reservation { counters: counters.into_values().collect(), shadowed }))
}

#[cfg(test)]
mod tests;
