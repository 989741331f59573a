//! Stops: the kill switch, and the shutoff that latches by itself. A [`Stop`] holds until it is taken back.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::money::NanoUsd;

/// What a stop shuts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "scope", content = "id", rename_all = "snake_case")]
pub enum StopScope {
    /// Every tenant.
    Global,
    /// One tenant.
    Tenant(String),
    /// One user of the tenant.
    User(String),
}

/// Calls are refused, for a stated reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// What is shut.
    #[serde(flatten)]
    pub scope: StopScope,
    /// Why.
    pub cause: StopCause,
    /// Since when.
    pub since: Timestamp,
    /// Until when; until it is taken back unless told.
    pub until: Option<Timestamp>,
}

/// Why calls are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum StopCause {
    /// Somebody threw the switch.
    Switch {
        /// Why, in their words.
        reason: String,
    },
    /// More was spent within the hour than is allowed.
    Spend {
        /// How much was spent.
        spent: NanoUsd,
    },
    /// More calls failed within the hour than is allowed.
    Errors {
        /// How many failed.
        failed: u64,
        /// Of how many.
        calls: u64,
    },
}

impl Stop {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// The sentence for the user, who learns what their own calls came to, and not what those of others did.
    pub fn sentence(&self) -> String {
        let what = match &self.scope {
            StopScope::Global => "calls to models are shut off",
            StopScope::Tenant(_) => "the tenant's calls to models are shut off",
            StopScope::User(_) => "the user's calls to models are shut off",
        };
        let why = match &self.cause {
            StopCause::Switch { .. } => "by the kill switch".to_owned(),
            StopCause::Spend { .. } if !self.is_of_user() => {
                "after more was spent within an hour than is allowed".to_owned()
            }
            StopCause::Errors { .. } if !self.is_of_user() => {
                "after more calls failed within an hour than is allowed".to_owned()
            }
            StopCause::Spend { spent } => format!("after {spent} were spent within an hour"),
            StopCause::Errors { failed, calls } => {
                format!("after {failed} of {calls} calls failed within an hour")
            }
        };
        format!("{what} {why}")
    }

    fn is_of_user(&self) -> bool {
        matches!(self.scope, StopScope::User(_))
    }

    /// The stop without what the calls of others came to.
    #[must_use]
    pub fn without_figures(mut self) -> Self {
        self.cause = match self.cause {
            StopCause::Spend { .. } if !self.is_of_user() => StopCause::Spend { spent: NanoUsd::ZERO },
            StopCause::Errors { .. } if !self.is_of_user() => StopCause::Errors { failed: 0, calls: 0 },
            cause @ (StopCause::Switch { .. } | StopCause::Spend { .. } | StopCause::Errors { .. }) => cause,
        };
        self
    }
}

/// When a scope is shut by itself. What is absent never shuts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShutoffRule {
    /// The most a tenant may spend within an hour.
    pub tenant_spend: Option<NanoUsd>,
    /// The most a user may spend within an hour.
    pub user_spend: Option<NanoUsd>,
    /// The largest share of calls that may fail within an hour, in percent, for tenants and users alike.
    pub error_percent: Option<u32>,
    /// Failures are not judged before so many calls.
    pub error_min_calls: u64,
    /// How long a shutoff lasts, in seconds; until it is taken back unless told.
    pub lasts_seconds: Option<u32>,
}

/// What a scope did within one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourTally {
    /// What was spent.
    pub spent: NanoUsd,
    /// Calls that ended.
    pub calls: u64,
    /// Those of them that failed.
    pub failed: u64,
}

impl ShutoffRule {
    /// Whether a scope with this hour is to be shut, and why.
    pub fn judge(&self, scope: &StopScope, hour: &HourTally) -> Option<StopCause> {
        let most = match scope {
            StopScope::Global => None,
            StopScope::Tenant(_) => self.tenant_spend,
            StopScope::User(_) => self.user_spend,
        };
        if most.is_some_and(|most| hour.spent > most) {
            return Some(StopCause::Spend { spent: hour.spent });
        }
        let percent = u128::from(self.error_percent?);
        let too_many = u128::from(hour.failed) * 100 > u128::from(hour.calls) * percent;
        (hour.calls >= self.error_min_calls.max(1) && too_many)
            .then_some(StopCause::Errors { failed: hour.failed, calls: hour.calls })
    }

    /// The stop that the rule means.
    pub fn stop(&self, scope: StopScope, cause: StopCause, now: Timestamp) -> Stop {
        let lasts = self.lasts_seconds.map(|seconds| std::time::Duration::from_secs(seconds.into()));
        Stop { scope, cause, since: now, until: lasts.map(|lasts| now.plus(lasts)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shutoff_latches_above_its_limit_and_not_at_it() {
        let rule = ShutoffRule {
            user_spend: Some(NanoUsd::from_nanos(10)),
            error_percent: Some(50),
            error_min_calls: 4,
            ..ShutoffRule::default()
        };
        let (user, tenant) = (StopScope::User("ada".to_owned()), StopScope::Tenant("acme".to_owned()));
        let hour = |spent, calls, failed| HourTally { spent: NanoUsd::from_nanos(spent), calls, failed };
        assert_eq!(rule.judge(&user, &hour(10, 1, 0)), None);
        assert!(matches!(rule.judge(&user, &hour(11, 1, 0)), Some(StopCause::Spend { .. })));
        assert_eq!(rule.judge(&tenant, &hour(11, 1, 0)), None);
        assert_eq!(rule.judge(&tenant, &hour(0, 3, 3)), None);
        assert_eq!(rule.judge(&tenant, &hour(0, 4, 2)), None);
        assert!(matches!(rule.judge(&tenant, &hour(0, 4, 3)), Some(StopCause::Errors { .. })));
    }

    #[test]
    fn a_shutoff_without_a_time_holds_until_it_is_taken_back() {
        let at = Timestamp::from_micros;
        let cause = StopCause::Switch { reason: "drill".to_owned() };
        let forever = ShutoffRule::default().stop(StopScope::Global, cause.clone(), at(0));
        assert!(forever.holds(at(i64::MAX)));
        let minute = ShutoffRule { lasts_seconds: Some(60), ..ShutoffRule::default() };
        let stop = minute.stop(StopScope::Global, cause, at(0));
        assert!(stop.holds(at(59_999_999)) && !stop.holds(at(60_000_000)));
    }
}
