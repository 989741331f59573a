//! JSON form of a tenant's limits: [`TenantQuotas`]. Every accepted field is enforced; an unknown field is an error.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{Cap, CostUnits, Limit, Meter, ScopeKind, Window};
use crate::error::{Error, Result};

/// Quotas of a tenant.
///
/// ```
/// use nexus_core::quota::TenantQuotas;
///
/// let quotas = TenantQuotas::parse(r#"{
///     "limits": {"max_calls_per_day": 500},
///     "rate_limits": {"user_rpm": 20},
///     "llm_quotas": {"user": {"per_model": {"gpt-4o": {"max_tokens_per_day": 100000}}}},
///     "llm_cost_units_per_1k_tokens": {"gpt-4o": 3},
///     "llm_call_cost_units": 1
/// }"#)?;
/// assert_eq!(quotas.limits(60).len(), 3);
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantQuotas {
    /// Daily caps of the tenant over all models together.
    pub limits: Daily,
    /// Caps on calls in a rate window.
    pub rate_limits: RateLimits,
    /// Caps on single models.
    pub llm_quotas: ModelQuotas,
    /// Cost units for a thousand tokens, by model; `*` is every other model.
    pub llm_cost_units_per_1k_tokens: BTreeMap<String, u64>,
    /// Cost units for a call of a model without a rate.
    pub llm_call_cost_units: u64,
}

/// Daily caps. An absent meter is not capped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Daily {
    /// Tokens.
    pub max_tokens_per_day: Option<Cap>,
    /// Cost units.
    pub max_cost_units_per_day: Option<Cap>,
    /// Calls.
    pub max_calls_per_day: Option<Cap>,
}

/// Caps on calls in a rate window, whose length the operator sets. An absent scope is not capped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// Calls of the whole tenant.
    pub tenant_rpm: Option<Cap>,
    /// Calls of each organisation.
    pub org_rpm: Option<Cap>,
    /// Calls of each user.
    pub user_rpm: Option<Cap>,
}

/// Caps on single models, by scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelQuotas {
    /// Caps of the whole tenant.
    pub tenant: PerModel,
    /// Caps of each organisation.
    pub org: PerModel,
    /// Caps of each user.
    pub user: PerModel,
}

/// Caps by model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PerModel {
    /// The caps of each model.
    pub per_model: BTreeMap<String, Daily>,
}

impl TenantQuotas {
    /// Parses the JSON.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_QUOTAS`, which names line and column.
    pub fn parse(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|error| {
            Error::invalid(format!("cannot parse the tenant's quotas: {error}"))
                .with_code("INVALID_QUOTAS")
                .with_hint("caps are whole numbers: 0 allows nothing, -1 everything")
        })
    }

    /// Returns the quotas as limits, with rate windows of `rate_window_seconds`.
    pub fn limits(&self, rate_window_seconds: u32) -> Vec<Limit> {
        let window = Window::Seconds(NonZeroU32::new(rate_window_seconds).unwrap_or(NonZeroU32::MIN));
        let rates = [
            (ScopeKind::Tenant, self.rate_limits.tenant_rpm),
            (ScopeKind::Organisation, self.rate_limits.org_rpm),
            (ScopeKind::User, self.rate_limits.user_rpm),
        ];
        let rates = rates
            .into_iter()
            .filter_map(|(scope, cap)| cap.map(|cap| Limit::new(scope, Meter::Calls, window, cap)));
        let models = [
            (ScopeKind::Tenant, &self.llm_quotas.tenant),
            (ScopeKind::Organisation, &self.llm_quotas.org),
            (ScopeKind::User, &self.llm_quotas.user),
        ];
        let models = models.into_iter().flat_map(|(scope, quotas)| {
            let limits = move |(model, daily): (&String, &Daily)| {
                let model = model.clone();
                daily.limits(scope).map(move |limit| limit.for_model(model.clone())).collect::<Vec<_>>()
            };
            quotas.per_model.iter().flat_map(limits)
        });
        self.limits.limits(ScopeKind::Tenant).chain(rates).chain(models).collect()
    }

    /// Returns the rates of the tenant's own cost units.
    pub fn cost_units(&self) -> CostUnits {
        CostUnits {
            per_1k_tokens: self.llm_cost_units_per_1k_tokens.clone(),
            per_call: self.llm_call_cost_units,
        }
    }
}

impl Daily {
    fn limits(self, scope: ScopeKind) -> impl Iterator<Item = Limit> {
        [
            (Meter::Tokens, self.max_tokens_per_day),
            (Meter::CostUnits, self.max_cost_units_per_day),
            (Meter::Calls, self.max_calls_per_day),
        ]
        .into_iter()
        .filter_map(move |(meter, cap)| cap.map(|cap| Limit::new(scope, meter, Window::Day, cap)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_field_is_an_error_at_every_depth() {
        for json in [
            r#"{"limit": {}}"#,
            r#"{"limits": {"max_calls": 1}}"#,
            r#"{"rate_limits": {"rpm": 1}}"#,
            r#"{"llm_quotas": {"team": {}}}"#,
            r#"{"llm_quotas": {"user": {"per_model": {"m": {"max_calls": 1}}}}}"#,
            r#"{"rate_limits": {"user_rpm": -2}}"#,
        ] {
            assert_eq!(TenantQuotas::parse(json).unwrap_err().code(), "INVALID_QUOTAS", "{json}");
        }
    }

    #[test]
    fn each_cap_becomes_one_limit() {
        let json = r#"{
            "limits": {"max_tokens_per_day": 1, "max_cost_units_per_day": 2, "max_calls_per_day": 3},
            "rate_limits": {"tenant_rpm": 4, "org_rpm": 5, "user_rpm": 0},
            "llm_quotas": {
                "tenant": {"per_model": {"a": {"max_calls_per_day": 6}}},
                "org": {"per_model": {"a": {"max_tokens_per_day": 7}, "b": {"max_tokens_per_day": -1}}},
                "user": {"per_model": {"a": {"max_cost_units_per_day": 8}}}
            }
        }"#;
        let limits = TenantQuotas::parse(json).unwrap().limits(30);
        let caps: Vec<i64> = limits.iter().map(|limit| limit.cap.into()).collect();
        assert_eq!(caps, [1, 2, 3, 4, 5, 0, 6, 7, -1, 8]);
        assert!(limits.iter().any(|limit| limit.subject.window == Window::seconds(30)));
    }
}
