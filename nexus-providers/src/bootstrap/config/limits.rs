//! `[limits]` and `[shutoff]`: limits of consumption, and automatic trips of the kill switch.

use std::num::NonZeroU32;

use nexus_core::gateway::InvestigationPolicy;
use nexus_core::ledger::AutoTripRule;
use nexus_core::quota::{Cap, Limit, LimitKey, LimitMode, Limits, Meter, ScopeKind, Window, Zone};
use nexus_core::{NanoUsd, Result};
use serde::{Deserialize, Deserializer};

use super::money::{Usd, UsdCap};

/// Default limits, which limits set at run time override.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Monthly spend of a user; 25 dollars by default.
    pub user_monthly_usd: Option<UsdCap>,
    /// Total spend of an investigation; 0.30 dollars by default.
    pub investigation_usd: Option<UsdCap>,
    /// Policy for an investigation over its budget; `block` by default.
    pub investigation_policy: OnExhaustion,
    /// Window of rate limits for the calls of tenants' quotas, in seconds; 60 by default.
    pub rate_window_seconds: Option<NonZeroU32>,
    /// Time zone of days and months, as an IANA name; `UTC` by default.
    pub zone: Zone,
    /// Further limits, each of which replaces an earlier one of the same key.
    pub rules: Vec<LimitConfig>,
}

/// Policy for an investigation over its budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExhaustion {
    /// Calls are refused.
    #[default]
    Block,
    /// The route's `cheaper` model replaces the requested one.
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

/// Single limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitConfig {
    /// Scope of the consumption.
    pub scope: ScopeKind,
    /// Id within the scope; each id by default.
    #[serde(default)]
    pub id: Option<String>,
    /// Model; all models together by default.
    #[serde(default)]
    pub model: Option<String>,
    /// Meter: `calls`, `tokens` or `cost_units`. Excludes `usd`.
    #[serde(default)]
    pub meter: Option<Meter>,
    /// Window: `minute`, `hour`, `day`, `month`, `total` or seconds such as `90s`.
    #[serde(deserialize_with = "window")]
    pub window: Window,
    /// Cap; -1 is unlimited.
    #[serde(default)]
    pub cap: Option<Cap>,
    /// Cap in dollars, in place of `meter` and `cap`.
    #[serde(default)]
    pub usd: Option<UsdCap>,
    /// Mode; `enforce` by default, `shadow` only records a violation.
    #[serde(default)]
    pub mode: LimitMode,
}

fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Window, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

impl LimitConfig {
    /// Converts to a limit.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_CONFIG` for missing or conflicting fields.
    pub(super) fn limit(&self) -> Result<Limit> {
        let (meter, cap) = match (self.meter, self.cap, self.usd) {
            (None | Some(Meter::Money), None, Some(UsdCap(cap))) => (Meter::Money, cap),
            (Some(meter), Some(cap), None) if meter != Meter::Money => (meter, cap),
            _ => {
                return Err(super::invalid("a limit has either `usd`, or `meter` and `cap`")
                    .with_hint("money is `usd`; other meters are `calls`, `tokens` and `cost_units`"));
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
    /// Returns the general limits.
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

    /// Returns the rate window in seconds.
    pub(super) fn rate_window(&self) -> u32 {
        self.rate_window_seconds.map_or(60, NonZeroU32::get)
    }
}

/// Thresholds that trip the kill switch of a scope automatically. An absent one never trips.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShutoffConfig {
    /// Hourly spend of a tenant.
    pub tenant_hourly_usd: Option<Usd>,
    /// Hourly spend of a user.
    pub user_hourly_usd: Option<Usd>,
    /// Share of failed calls within an hour, in percent.
    pub error_percent: Option<u8>,
    /// Minimum of calls for `error_percent`; 20 by default.
    pub error_min_calls: Option<u64>,
    /// Duration of a trip in seconds; until it is rearmed by default.
    pub lasts_seconds: Option<NonZeroU32>,
}

impl ShutoffConfig {
    /// Converts to a rule.
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
