//! Tenants as administrative resources: [`TenantSettings`], which override the configuration for one tenant.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AdminResource, ResourceKind, Scope};
use crate::document::DocumentQuota;
use crate::error::{Error, Result};
use crate::id::{check_id, check_name};
use crate::quota::{Cap, Limit, Meter, ScopeKind, TenantQuotas, Window};
use crate::resource_kind;

/// Bytes of a megabyte.
const MB: u64 = 1_000_000;
/// Bytes of a gigabyte.
const GB: u64 = 1_000_000_000;

/// Settings of a tenant. An absent field leaves the configuration in force; a field that nothing obeys does not exist.
///
/// ```
/// use nexus_core::admin::{AdminResource, TenantSettings};
///
/// let settings: TenantSettings = serde_json::from_str(r#"{
///     "name": "Acme Corporation",
///     "plan": "starter",
///     "default_provider": "openai",
///     "allowed_providers": ["openai", "ollama"],
///     "retention_days": 90,
///     "quotas": {"max_documents": 100, "max_tokens_per_month": 1000000}
/// }"#).unwrap();
/// settings.validate()?;
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TenantSettings {
    /// Display name. It describes the tenant and has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name of the tenant's plan. It describes the tenant and has no effect; lists are filtered by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Branding for user interfaces, such as colours and an address of a logo. It has no effect in Nexus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_branding: Option<Map<String, Value>>,
    /// Provider that is asked first, in place of the configured one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_provider: Option<String>,
    /// Providers that may be asked, in place of the configured ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_providers: Option<BTreeSet<String>>,
    /// Confidence from 0 to 1 below which the extractive answerer abstains.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub default_grounding_threshold: Option<f64>,
    /// Maximum size of a document in megabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_document_size_mb: Option<u32>,
    /// Days for which every class of records is kept; 0 keeps them for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Whether answers may serve to train models, when nothing else forbids it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training_allowed: Option<bool>,
    /// Caps of a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
    /// Limits of model calls, in the form of a quotas file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub limits: Option<TenantQuotas>,
}

/// Caps of a plan. An absent one, and -1, caps nothing; 0 allows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i64>")]
    pub max_documents: Option<Cap>,
    /// Raw bytes of all documents, in gigabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i64>")]
    pub max_storage_gb: Option<Cap>,
    /// Searchable passages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i64>")]
    pub max_chunks_total: Option<Cap>,
    /// Questions in a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i64>")]
    pub max_queries_per_month: Option<Cap>,
    /// Tokens of model calls in a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i64>")]
    pub max_tokens_per_month: Option<Cap>,
}

impl AdminResource for TenantSettings {
    const KIND: ResourceKind = resource_kind!("tenant", "tenants");
    const SCOPE: Scope = Scope::OnePerTenant;
    const OPERATOR_ONLY: &'static [&'static str] =
        &["/plan", "/allowed_providers", "/max_document_size_mb", "/quotas", "/limits"];

    const INDEXES: &'static [&'static str] = &["plan"];

    fn validate(&self) -> Result<()> {
        self.name.iter().try_for_each(|name| check_name("tenant's name", name))?;
        self.plan.iter().try_for_each(|plan| check_id("plan", plan))?;
        let providers = self.default_provider.iter().chain(self.allowed_providers.iter().flatten());
        providers.into_iter().try_for_each(|provider| check_id("provider", provider))?;
        if let (Some(default), Some(allowed)) = (&self.default_provider, &self.allowed_providers)
            && !allowed.contains(default)
        {
            return Err(invalid(format!(
                "`default_provider` is `{default}`, which `allowed_providers` lacks"
            )));
        }
        if self.default_grounding_threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
            return Err(invalid("`default_grounding_threshold` is a number from 0 to 1"));
        }
        if self.max_document_size_mb == Some(0) {
            return Err(invalid("`max_document_size_mb` is at least 1"));
        }
        Ok(())
    }

    fn indexes(&self) -> Vec<(&'static str, String)> {
        self.plan.iter().map(|plan| ("plan", plan.clone())).collect()
    }
}

impl TenantSettings {
    /// Returns the limits of model calls, with rate windows of `rate_window_seconds`.
    pub fn call_limits(&self, rate_window_seconds: u32) -> Vec<Limit> {
        let tokens = self.quotas.and_then(|quotas| quotas.max_tokens_per_month);
        let tokens = tokens.map(|cap| Limit::new(ScopeKind::Tenant, Meter::Tokens, Window::Month, cap));
        let limits = self.limits.iter().flat_map(|limits| limits.limits(rate_window_seconds));
        limits.chain(tokens).collect()
    }

    /// Returns the threshold of confidence, in the form of requests.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a number from 0 to 1, compared with one of the same type"
    )]
    pub fn grounding_threshold(&self) -> Option<f32> {
        self.default_grounding_threshold.map(|threshold| threshold as f32)
    }

    /// Returns the caps on documents.
    pub fn document_quota(&self) -> DocumentQuota {
        let quotas = self.quotas.unwrap_or_default();
        DocumentQuota {
            documents: amount(quotas.max_documents),
            bytes: amount(quotas.max_storage_gb).map(|size| size.saturating_mul(GB)),
            passages: amount(quotas.max_chunks_total),
        }
    }

    /// Returns the maximum size of a document in bytes, where it is set.
    pub fn max_document_bytes(&self) -> Option<u64> {
        self.max_document_size_mb.map(|size| u64::from(size).saturating_mul(MB))
    }
}

/// Returns the amount of a cap; none where nothing is capped.
fn amount(cap: Option<Cap>) -> Option<u64> {
    match cap {
        Some(Cap::Limited(amount)) => Some(amount),
        Some(Cap::Unlimited) | None => None,
    }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid(message).with_code("INVALID_TENANT")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unfit_setting_is_refused_with_its_field() {
        for (unfit, field) in [
            (json!({"default_grounding_threshold": 1.5}), "default_grounding_threshold"),
            (json!({"max_document_size_mb": 0}), "max_document_size_mb"),
            (json!({"default_provider": "a", "allowed_providers": ["b"]}), "allowed_providers"),
        ] {
            let settings: TenantSettings = serde_json::from_value(unfit).unwrap();
            let error = settings.validate().unwrap_err();
            assert_eq!(error.code(), "INVALID_TENANT");
            assert!(error.message().contains(field), "{error}");
        }
    }

    #[test]
    fn a_field_that_nothing_obeys_is_refused() {
        for unfit in [
            json!({"webhook_url": "https://a.example"}),
            json!({"colour": "red"}),
            json!({"quotas": {"max_users": 1}}),
            json!({"quotas": {"max_documents": -2}}),
            json!({"limits": {"max": 1}}),
        ] {
            assert!(serde_json::from_value::<TenantSettings>(unfit.clone()).is_err(), "{unfit}");
        }
    }

    #[test]
    fn quotas_and_limits_of_calls_become_limits() {
        let settings: TenantSettings = serde_json::from_value(json!({
            "quotas": {"max_tokens_per_month": 5, "max_documents": 2},
            "limits": {"limits": {"max_calls_per_day": 3}}
        }))
        .unwrap();
        let caps: Vec<i64> = settings.call_limits(60).iter().map(|limit| limit.cap.into()).collect();
        assert_eq!(caps, [3, 5]);
    }
}
