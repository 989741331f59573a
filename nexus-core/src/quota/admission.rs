//! Whether a call is admitted: [`checks`] says what to look at, [`admit`] decides. Both are pure; a store calls
//! [`admit`] inside the transaction that also reserves.

use serde::{Deserialize, Serialize};

use super::{Cap, LimitKey, LimitMode, Limits, Meter, MeterAmounts, ScopeKind, Window, Zone};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::money::NanoUsd;

/// Who consumes: the ids that limits of each scope apply to.
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

/// Names a counter within its tenant. A counter holds what is reserved and what is settled, of every meter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CounterKey {
    /// Whose consumption.
    pub scope: ScopeKind,
    /// Which of them.
    pub id: String,
    /// The model, or `*` for all together.
    pub model: String,
    /// The window's name, see [`Window::id`].
    pub window: String,
}

/// The window's name of the counter of a run's calls that answer, for all time: a run's own cap on calls leaves out those for
/// vectors and speech.
pub const ANSWERS: &str = "total/answers";

/// One limit, applied to one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitCheck {
    /// The counter that is looked at, and counts the call.
    pub key: CounterKey,
    /// What is counted.
    pub meter: Meter,
    /// The kind of window, for people.
    pub window: Window,
    /// How much there may be.
    pub cap: Cap,
    /// What happens beyond.
    pub mode: LimitMode,
    /// When the counter's window ends.
    pub resets_at: Option<Timestamp>,
}

/// The limits that apply to a call of `model` by `consumer`, in a stable order: the order in which counters are locked.
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

/// What a counter says: how much is spoken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterState {
    /// By calls that are not over.
    pub reserved: MeterAmounts,
    /// By calls that are.
    pub settled: MeterAmounts,
}

impl CounterState {
    /// How much of `meter` is spoken for, at most the largest number there is.
    pub fn of(&self, meter: Meter) -> u64 {
        self.reserved.of(meter).saturating_add(self.settled.of(meter))
    }
}

/// Why a call is refused: which limit, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Whose limit.
    pub scope: ScopeKind,
    /// Which of them.
    pub id: String,
    /// The model, or `*`.
    pub model: String,
    /// What is counted.
    pub meter: Meter,
    /// Over which time.
    pub window: Window,
    /// How much there may be.
    pub limit: u64,
    /// How much is spoken for; 0 as well where that is hidden from whoever is refused.
    pub used: u64,
    /// How much the call would have taken at most.
    pub wanted: u64,
    /// When the window ends; never for a run or an investigation.
    pub resets_at: Option<Timestamp>,
}

impl Refusal {
    /// The sentence for the user.
    pub fn sentence(&self) -> String {
        let show = |amount| match self.meter {
            Meter::Money => NanoUsd::from_nanos(i64::try_from(amount).unwrap_or(i64::MAX)).to_string(),
            Meter::Calls | Meter::Tokens | Meter::CostUnits => {
                format!("{amount} {}", self.meter.as_str().replace('_', " "))
            }
        };
        let model = if self.model == "*" { String::new() } else { format!(" on `{}`", self.model) };
        let resets = self.resets_at.map(|at| format!("; it resets at {at}")).unwrap_or_default();
        let used = if self.used == 0 { String::new() } else { format!("{} are used, ", show(self.used)) };
        format!(
            "the {}'s limit of {} {}{model} would be exceeded: {used}the call may take {}{resets}",
            self.scope,
            show(self.limit),
            self.window.words(),
            show(self.wanted),
        )
    }

    /// Whether the counter is of the caller's own consumption; an investigation's is where it `is_of_run` of the caller.
    pub(crate) fn is_own(&self, is_of_run: bool) -> bool {
        match self.scope {
            ScopeKind::User | ScopeKind::Run => true,
            ScopeKind::Investigation => is_of_run,
            ScopeKind::Tenant | ScopeKind::Organisation => false,
        }
    }

    /// The stable code: `BUDGET_EXCEEDED` for money and cost units, `RATE_LIMITED` within a day, else `QUOTA_EXCEEDED`.
    pub fn code(&self) -> &'static str {
        match (self.meter, self.window) {
            (Meter::Money | Meter::CostUnits, _) => "BUDGET_EXCEEDED",
            (Meter::Calls | Meter::Tokens, Window::Seconds(_)) => "RATE_LIMITED",
            (Meter::Calls | Meter::Tokens, _) => "QUOTA_EXCEEDED",
        }
    }

    /// The refusal as an error, for callers that know no other no.
    pub fn to_error(&self, now: Timestamp) -> Error {
        let error = Error::new(ErrorKind::RateLimited, self.sentence()).code(self.code());
        match self.resets_at {
            Some(at) => error.with_retry_after(at.since(now)),
            None => error,
        }
    }
}

/// Whether a call is admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuotaDecision {
    /// It is.
    Admitted {
        /// The limits that it would have broken if they were enforced.
        shadowed: Vec<Refusal>,
    },
    /// It is not, and nothing is reserved anywhere.
    Refused(Refusal),
}

/// Decides whether `wanted` fits under every check. `used` tells how the counters stand.
///
/// What cannot be added up is refused.
pub fn admit(
    checks: &[LimitCheck],
    wanted: &MeterAmounts,
    used: impl Fn(&CounterKey) -> CounterState,
) -> QuotaDecision {
    let mut shadowed = Vec::new();
    for check in checks {
        let Cap::Limited(limit) = check.cap else { continue };
        let (taken, more) = (used(&check.key).of(check.meter), wanted.of(check.meter));
        // A cap of nothing admits nothing, not even a call that takes nothing of the meter.
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

#[cfg(test)]
mod tests;
