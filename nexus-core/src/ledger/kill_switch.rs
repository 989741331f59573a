//! Stops: the kill switch, and the shutoff that latches by itself. A [`Stop`] holds until it is taken back.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::money::NanoUsd;

/// What a stop shuts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "scope", content = "id", rename_all = "snake_case")]
pub enum KillSwitchScope {
    /// Every tenant.
    Global,
    /// One tenant.
    Tenant(String),
    /// One user of the tenant.
    User(String),
}

/// Calls are refused, for a stated reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillSwitch {
    /// What is shut.
    #[serde(flatten)]
    pub scope: KillSwitchScope,
    /// Why.
    pub cause: KillSwitchCause,
    /// Since when.
    pub since: Timestamp,
    /// Until when; until it is taken back unless told.
    pub until: Option<Timestamp>,
}

/// Why calls are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum KillSwitchCause {
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

impl KillSwitch {
    /// Whether it holds at `now`.
    pub fn is_tripped(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// The sentence for the user, who learns what their own calls came to, and not what those of others did.
    pub fn sentence(&self) -> String {
        let what = match &self.scope {
            KillSwitchScope::Global => "calls to models are shut off",
            KillSwitchScope::Tenant(_) => "the tenant's calls to models are shut off",
            KillSwitchScope::User(_) => "the user's calls to models are shut off",
        };
        let why = match &self.cause {
            KillSwitchCause::Switch { .. } => "by the kill switch".to_owned(),
            KillSwitchCause::Spend { .. } if !self.is_of_user() => {
                "after more was spent within an hour than is allowed".to_owned()
            }
            KillSwitchCause::Errors { .. } if !self.is_of_user() => {
                "after more calls failed within an hour than is allowed".to_owned()
            }
            KillSwitchCause::Spend { spent } => format!("after {spent} were spent within an hour"),
            KillSwitchCause::Errors { failed, calls } => {
                format!("after {failed} of {calls} calls failed within an hour")
            }
        };
        format!("{what} {why}")
    }

    fn is_of_user(&self) -> bool {
        matches!(self.scope, KillSwitchScope::User(_))
    }

    /// The stop without what the calls of others came to.
    #[must_use]
    pub fn without_figures(mut self) -> Self {
        self.cause = match self.cause {
            KillSwitchCause::Spend { .. } if !self.is_of_user() => {
                KillSwitchCause::Spend { spent: NanoUsd::ZERO }
            }
            KillSwitchCause::Errors { .. } if !self.is_of_user() => {
                KillSwitchCause::Errors { failed: 0, calls: 0 }
            }
            cause @ (KillSwitchCause::Switch { .. }
            | KillSwitchCause::Spend { .. }
            | KillSwitchCause::Errors { .. }) => cause,
        };
        self
    }
}

/// When a scope is shut by itself. What is absent never shuts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutoTripRule {
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
pub struct HourlyStats {
    /// What was spent.
    pub spent: NanoUsd,
    /// Calls that ended.
    pub calls: u64,
    /// Those of them that failed.
    pub failed: u64,
}

impl AutoTripRule {
    /// Whether a scope with this hour is to be shut, and why.
    pub fn cause_to_trip(&self, scope: &KillSwitchScope, hour: &HourlyStats) -> Option<KillSwitchCause> {
        let most = match scope {
            KillSwitchScope::Global => None,
            KillSwitchScope::Tenant(_) => self.tenant_spend,
            KillSwitchScope::User(_) => self.user_spend,
        };
        if most.is_some_and(|most| hour.spent > most) {
            return Some(KillSwitchCause::Spend { spent: hour.spent });
        }
        let percent = u128::from(self.error_percent?);
        let too_many = u128::from(hour.failed) * 100 > u128::from(hour.calls) * percent;
        (hour.calls >= self.error_min_calls.max(1) && too_many)
            .then_some(KillSwitchCause::Errors { failed: hour.failed, calls: hour.calls })
    }

    /// The stop that the rule means.
    pub fn kill_switch(&self, scope: KillSwitchScope, cause: KillSwitchCause, now: Timestamp) -> KillSwitch {
        let lasts = self.lasts_seconds.map(|seconds| std::time::Duration::from_secs(seconds.into()));
        KillSwitch { scope, cause, since: now, until: lasts.map(|lasts| now.plus(lasts)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shutoff_latches_above_its_limit_and_not_at_it() {
        let rule = AutoTripRule {
            user_spend: Some(NanoUsd::from_nanos(10)),
            error_percent: Some(50),
            error_min_calls: 4,
            ..AutoTripRule::default()
        };
        let (user, tenant) =
            (KillSwitchScope::User("ada".to_owned()), KillSwitchScope::Tenant("acme".to_owned()));
        let hour = |spent, calls, failed| HourlyStats { spent: NanoUsd::from_nanos(spent), calls, failed };
        assert_eq!(rule.cause_to_trip(&user, &hour(10, 1, 0)), None);
        assert!(matches!(rule.cause_to_trip(&user, &hour(11, 1, 0)), Some(KillSwitchCause::Spend { .. })));
        assert_eq!(rule.cause_to_trip(&tenant, &hour(11, 1, 0)), None);
        assert_eq!(rule.cause_to_trip(&tenant, &hour(0, 3, 3)), None);
        assert_eq!(rule.cause_to_trip(&tenant, &hour(0, 4, 2)), None);
        assert!(matches!(rule.cause_to_trip(&tenant, &hour(0, 4, 3)), Some(KillSwitchCause::Errors { .. })));
    }

    #[test]
    fn a_shutoff_without_a_time_holds_until_it_is_taken_back() {
        let at = Timestamp::from_micros;
        let cause = KillSwitchCause::Switch { reason: "drill".to_owned() };
        let forever = AutoTripRule::default().kill_switch(KillSwitchScope::Global, cause.clone(), at(0));
        assert!(forever.is_tripped(at(i64::MAX)));
        let minute = AutoTripRule { lasts_seconds: Some(60), ..AutoTripRule::default() };
        let stop = minute.kill_switch(KillSwitchScope::Global, cause, at(0));
        assert!(stop.is_tripped(at(59_999_999)) && !stop.is_tripped(at(60_000_000)));
    }
}
