//! `[limits]` and `[shutoff]`: how much may be consumed, and when everything ends.

use std::num::NonZeroU32;

use nexus_core::gateway::InvestigationPolicy;
use nexus_core::ledger::AutoTripRule;
use nexus_core::quota::{Cap, Limit, LimitKey, LimitMode, Limits, Meter, ScopeKind, Window, Zone};
use nexus_core::{NanoUsd, Result};
use serde::{Deserialize, Deserializer};

use super::money::{Usd, UsdCap};

/// How much may be consumed by anybody, unless limits are set at run time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// What a user may spend in a month; 25 dollars unless told.
    pub user_monthly_usd: Option<UsdCap>,
    /// What an investigation may spend in all; 0.30 dollars unless told.
    pub investigation_usd: Option<UsdCap>,
    /// What happens when an investigation's money runs out; `block` unless told.
    pub investigation_policy: OnExhaustion,
    /// How long the window of rate limits is in which tenants' quotas count calls, in seconds; 60 unless told.
    pub rate_window_seconds: Option<NonZeroU32>,
    /// Where days and months begin, as an IANA name; `UTC` unless told.
    pub zone: Zone,
    /// Further limits; one with the subject of an earlier one takes its place.
    pub rules: Vec<LimitConfig>,
}

/// What happens when an investigation's money runs out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExhaustion {
    /// Its calls are refused.
    #[default]
    Block,
    /// The route's `cheaper` model is asked.
    Degrade,
}

impl From<OnExhaustion> for InvestigationPolicy {
    fn from(policy: OnExhaustion) -> Self {
        match policy {
            OnExhaustion::Block => Self::Block,
            OnExhaustion::Degrade => Self::Degrade,
        }
    }
}

/// One limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitConfig {
    /// Whose consumption.
    pub scope: ScopeKind,
    /// Only that of this one; that of each unless told.
    #[serde(default)]
    pub id: Option<String>,
    /// Only of this model; of all together unless told.
    #[serde(default)]
    pub model: Option<String>,
    /// What is counted: `calls`, `tokens` or `cost_units`. Not with `usd`.
    #[serde(default)]
    pub meter: Option<Meter>,
    /// Over which time: `minute`, `hour`, `day`, `month`, `total` or seconds such as `90s`.
    #[serde(deserialize_with = "window")]
    pub window: Window,
    /// How much there may be; -1 is unlimited.
    #[serde(default)]
    pub cap: Option<Cap>,
    /// How much may be spent, in the place of `meter` and `cap`.
    #[serde(default)]
    pub usd: Option<UsdCap>,
    /// What happens at the limit; `enforce` unless told, `shadow` only records it.
    #[serde(default)]
    pub mode: LimitMode,
}

fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Window, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

impl LimitConfig {
    /// The limit that is meant.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_CONFIG` when it says too little or too much.
    pub(super) fn limit(&self) -> Result<Limit> {
        let (meter, cap) = match (self.meter, self.cap, self.usd) {
            (None | Some(Meter::Money), None, Some(UsdCap(cap))) => (Meter::Money, cap),
            (Some(meter), Some(cap), None) if meter != Meter::Money => (meter, cap),
            _ => {
                return Err(super::invalid("a limit has either `usd`, or `meter` and `cap`")
                    .hint("money is `usd`; other meters are `calls`, `tokens` and `cost_units`"));
            }
        };
        let subject = LimitKey {
            scope: self.scope,
            id: self.id.clone(),
            model: self.model.clone(),
            meter,
            window: self.window,
        };
        Ok(Limit { subject, cap, mode: self.mode })
    }
}

impl LimitsConfig {
    /// The limits in force for everybody.
    pub(super) fn limits(&self) -> Result<Limits> {
        let money = |scope, window, cap: Option<UsdCap>| {
            cap.map(|UsdCap(cap)| Limit::new(scope, Meter::Money, window, cap))
        };
        let usual = [
            money(ScopeKind::User, Window::Month, self.user_monthly_usd),
            money(ScopeKind::Investigation, Window::Total, self.investigation_usd),
        ];
        let rules = self.rules.iter().map(LimitConfig::limit).collect::<Result<Vec<Limit>>>()?;
        Ok(Limits::default().with(usual.into_iter().flatten()).with(rules))
    }

    /// How long the rate window is, in seconds.
    pub(super) fn rate_window(&self) -> u32 {
        self.rate_window_seconds.map_or(60, NonZeroU32::get)
    }
}

/// When a scope is shut by itself. What is absent never shuts.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShutoffConfig {
    /// The most a tenant may spend within an hour.
    pub tenant_hourly_usd: Option<Usd>,
    /// The most a user may spend within an hour.
    pub user_hourly_usd: Option<Usd>,
    /// The largest share of calls that may fail within an hour, in percent.
    pub error_percent: Option<u8>,
    /// Failures are not judged before so many calls; 20 unless told.
    pub error_min_calls: Option<u64>,
    /// How long a shutoff lasts, in seconds; until it is taken back unless told.
    pub lasts_seconds: Option<NonZeroU32>,
}

impl ShutoffConfig {
    /// The rule that is meant.
    pub(super) fn rule(&self) -> Result<AutoTripRule> {
        if self.error_percent.is_some_and(|percent| percent > 100) {
            return Err(super::invalid("`error_percent` is a share, from 0 to 100"));
        }
        let amount = |usd: Option<Usd>| -> Option<NanoUsd> { usd.map(|Usd(amount)| amount) };
        Ok(AutoTripRule {
            tenant_spend: amount(self.tenant_hourly_usd),
            user_spend: amount(self.user_hourly_usd),
            error_percent: self.error_percent.map(u32::from),
            error_min_calls: self.error_min_calls.unwrap_or(20),
            lasts_seconds: self.lasts_seconds.map(NonZeroU32::get),
        })
    }
}
