//! [`KillSwitch`]: refuses model calls of a scope, set by hand or tripped by an [`AutoTripRule`], until it is rearmed.

use serde::{Deserialize, Serialize};

use super::{Call, CallStatus};
use crate::audit::{Kind, Payload};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::money::NanoUsd;
use crate::quota::Consumer;

/// Audit event of a tripped kill switch, by hand or automatic.
pub(crate) const TRIPPED: Kind = Kind::new("shutoff.tripped");

/// Actor of an automatic trip in audit records.
pub(super) const AUTO_TRIP: &str = "system:kill-switch";

/// Scope of a kill switch.
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

impl KillSwitchScope {
    /// Returns the scope as facts of an audit record.
    pub(crate) fn facts(&self) -> Payload {
        match self {
            Self::Global => Payload::new().token("scope", "global"),
            Self::Tenant(_) => Payload::new().token("scope", "tenant"),
            Self::User(id) => Payload::new().token("scope", "user").token("user", id),
        }
    }

    /// Returns the key in a list of kill switches: `global`, `tenant:ID` or `user:ID`, in this order.
    pub fn key(&self) -> String {
        match self {
            Self::Global => "global".to_owned(),
            Self::Tenant(id) => format!("tenant:{id}"),
            Self::User(id) => format!("user:{id}"),
        }
    }

    /// Checks that `tenant` may trip and rearm the scope's switch: that of all tenants, its own and those of its users.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `STOP_OF_OTHER_TENANT`.
    pub fn check_tenant(&self, tenant: &str) -> Result<()> {
        match self {
            Self::Tenant(id) if id != tenant => {
                Err(Error::invalid("a kill switch applies to the tenant that trips it")
                    .with_code("STOP_OF_OTHER_TENANT"))
            }
            Self::Global | Self::Tenant(_) | Self::User(_) => Ok(()),
        }
    }

    /// Returns the scopes whose hourly statistics count the calls of a consumer.
    pub fn counted_for(consumer: &Consumer) -> [Self; 2] {
        [Self::Tenant(consumer.tenant.clone()), Self::User(consumer.user.clone())]
    }
}

/// Kill switch of one scope. While it is tripped, the scope's calls are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillSwitch {
    /// The scope whose calls are refused.
    #[serde(flatten)]
    pub scope: KillSwitchScope,
    /// The cause.
    pub cause: KillSwitchCause,
    /// The time at which it tripped.
    pub since: Timestamp,
    /// The time at which it expires; `None` holds until it is rearmed.
    pub until: Option<Timestamp>,
}

/// Cause of a tripped kill switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum KillSwitchCause {
    /// Set by hand.
    Switch {
        /// The reason, in the operator's words.
        reason: String,
    },
    /// Spending within the hour exceeded the rule.
    Spend {
        /// The amount spent.
        spent: NanoUsd,
    },
    /// The share of failed calls within the hour exceeded the rule.
    Errors {
        /// The number of failed calls.
        failed: u64,
        /// The number of all calls.
        calls: u64,
    },
}

impl KillSwitch {
    /// Returns the facts of an audit record: scope, cause with its figures, and end. A reason is text, so that its
    /// hash stands for it.
    pub(crate) fn facts(&self) -> Payload {
        let facts = match &self.cause {
            KillSwitchCause::Switch { reason } => self.scope.facts().sha256("reason", reason),
            KillSwitchCause::Spend { spent } => {
                self.scope.facts().token("cause", "spend").money("spent", *spent)
            }
            KillSwitchCause::Errors { failed, calls } => {
                self.scope.facts().token("cause", "errors").count("failed", *failed).count("calls", *calls)
            }
        };
        self.until.iter().fold(facts, |facts, until| facts.time("until", *until))
    }

    /// Returns whether the switch refuses calls at `now`.
    pub fn is_tripped(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Returns whether the switch, which trips automatically, takes the place of the `present` one of its scope. A tripped
    /// switch stays, with its own cause and end.
    pub fn replaces(&self, present: Option<&Self>) -> bool {
        !present.is_some_and(|present| present.is_tripped(self.since))
    }

    /// Returns the sentence for the user. It holds figures of the user's own calls only.
    pub fn sentence(&self) -> String {
        let what = match &self.scope {
            KillSwitchScope::Global => "calls to models are blocked",
            KillSwitchScope::Tenant(_) => "the tenant's calls to models are blocked",
            KillSwitchScope::User(_) => "the user's calls to models are blocked",
        };
        let why = match &self.cause {
            KillSwitchCause::Switch { .. } => "by the kill switch".to_owned(),
            KillSwitchCause::Spend { .. } if !self.is_of_user() => {
                "by the kill switch after spending exceeded its hourly limit".to_owned()
            }
            KillSwitchCause::Errors { .. } if !self.is_of_user() => {
                "by the kill switch after call failures exceeded their hourly limit".to_owned()
            }
            KillSwitchCause::Spend { spent } => {
                format!("by the kill switch after {spent} were spent within an hour")
            }
            KillSwitchCause::Errors { failed, calls } => {
                format!("by the kill switch after {failed} of {calls} calls failed within an hour")
            }
        };
        format!("{what} {why}")
    }

    fn is_of_user(&self) -> bool {
        matches!(self.scope, KillSwitchScope::User(_))
    }

    /// Returns the switch without figures of other users' calls.
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

/// Rule that trips the kill switch of a scope automatically. An absent threshold never trips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutoTripRule {
    /// Upper bound of a tenant's spending within an hour.
    pub tenant_spend: Option<NanoUsd>,
    /// Upper bound of a user's spending within an hour.
    pub user_spend: Option<NanoUsd>,
    /// Upper bound of the share of calls that fail within an hour, in percent, for tenants and users alike.
    pub error_percent: Option<u32>,
    /// Minimum number of calls before the error share counts.
    pub error_min_calls: u64,
    /// Duration of an automatic trip, in seconds; `None` holds until it is rearmed.
    pub lasts_seconds: Option<u32>,
}

/// Statistics of one scope within one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourlyStats {
    /// The amount spent.
    pub spent: NanoUsd,
    /// Calls that ended.
    pub calls: u64,
    /// Calls that failed.
    pub failed: u64,
}

impl HourlyStats {
    /// Length of an hour in microseconds.
    const HOUR: i64 = 3_600_000_000;

    /// Returns the share of a call that has ended.
    pub(super) fn of(call: &Call) -> Self {
        Self { spent: call.cost, calls: 1, failed: u64::from(call.status == CallStatus::Failed) }
    }

    /// Returns the number of the hour that contains `at`, from 1970.
    pub fn hour(at: Timestamp) -> i64 {
        at.as_micros().div_euclid(Self::HOUR)
    }
}

impl AutoTripRule {
    /// Returns the kill switch that a scope's statistics of this hour trip, if they do.
    pub fn trip(&self, scope: KillSwitchScope, hour: &HourlyStats, now: Timestamp) -> Option<KillSwitch> {
        let cause = self.cause_to_trip(&scope, hour)?;
        Some(self.kill_switch(scope, cause, now))
    }

    /// Returns the cause to trip the switch of a scope with these hourly statistics, if there is one.
    fn cause_to_trip(&self, scope: &KillSwitchScope, hour: &HourlyStats) -> Option<KillSwitchCause> {
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

    /// Returns the kill switch that the rule trips.
    fn kill_switch(&self, scope: KillSwitchScope, cause: KillSwitchCause, now: Timestamp) -> KillSwitch {
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
    fn a_tripped_switch_stays_and_an_expired_one_is_replaced() {
        let at = Timestamp::from_micros;
        let rule = AutoTripRule { user_spend: Some(NanoUsd::ZERO), ..AutoTripRule::default() };
        let hour = HourlyStats { spent: NanoUsd::from_nanos(1), calls: 1, failed: 0 };
        let user = KillSwitchScope::User("ada".to_owned());
        let tripped = rule.trip(user.clone(), &hour, at(60)).unwrap();
        assert_eq!((tripped.since, tripped.until), (at(60), None));
        assert_eq!(rule.trip(user, &HourlyStats::default(), at(60)), None);
        assert!(tripped.replaces(None));
        assert!(!tripped.replaces(Some(&KillSwitch { until: Some(at(61)), ..tripped.clone() })));
        assert!(tripped.replaces(Some(&KillSwitch { until: Some(at(60)), ..tripped.clone() })));
    }

    #[test]
    fn the_switch_of_another_tenant_is_out_of_reach() {
        let check = |scope: KillSwitchScope| scope.check_tenant("acme").map_err(|error| error.code());
        assert_eq!(check(KillSwitchScope::Global), Ok(()));
        assert_eq!(check(KillSwitchScope::User("globex".to_owned())), Ok(()));
        assert_eq!(check(KillSwitchScope::Tenant("acme".to_owned())), Ok(()));
        assert_eq!(check(KillSwitchScope::Tenant("globex".to_owned())), Err("STOP_OF_OTHER_TENANT"));
    }

    #[test]
    fn a_shutoff_without_a_time_holds_until_it_is_taken_back() {
        let at = Timestamp::from_micros;
        let cause = KillSwitchCause::Switch { reason: "drill".to_owned() };
        let forever = AutoTripRule::default().kill_switch(KillSwitchScope::Global, cause.clone(), at(0));
        assert!(forever.is_tripped(at(i64::MAX)));
        let minute = AutoTripRule { lasts_seconds: Some(60), ..AutoTripRule::default() };
        let switch = minute.kill_switch(KillSwitchScope::Global, cause, at(0));
        assert!(switch.is_tripped(at(59_999_999)) && !switch.is_tripped(at(60_000_000)));
    }
}
