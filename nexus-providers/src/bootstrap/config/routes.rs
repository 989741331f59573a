//! `[llm]`, `[tenants.<id>]` and `[speech]`: providers of answers, embeddings and text-to-speech.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;

use nexus_core::gateway::{DegradedModel, Route};
use nexus_core::quota::TenantQuotas;
use serde::Deserialize;

use super::ProviderKind;
use super::limits::LimitConfig;

/// Providers of answers and of embeddings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LlmConfig {
    /// Primary provider; the extractive answerer by default.
    pub primary: Option<String>,
    /// Fallback providers, in order.
    pub fallbacks: Vec<String>,
    /// Allowed providers; all by default.
    pub allowed_providers: Option<BTreeSet<String>>,
    /// Model of an investigation over its budget.
    pub cheaper: Option<DegradedModel>,
    /// Provider of embeddings; without one, search is lexical.
    pub embedder: Option<String>,
    /// Default upper bound on the tokens of an answer; 1,024 by default.
    pub max_tokens: Option<NonZeroU32>,
}

impl LlmConfig {
    /// Returns the default route.
    pub(in crate::bootstrap) fn route(&self) -> Route {
        Route {
            primary: self.primary.clone().unwrap_or_else(|| ProviderKind::Extractive.as_str().to_owned()),
            fallbacks: self.fallbacks.clone(),
            allowed_providers: self.allowed_providers.clone(),
            degrade_to: self.cheaper.clone(),
        }
    }
}

/// Settings of one tenant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantConfig {
    /// Route, in place of `[llm]`.
    pub route: Option<Route>,
    /// Quotas.
    pub quotas: Option<TenantQuotas>,
    /// JSON file of the quotas, in place of `quotas`.
    pub quotas_file: Option<PathBuf>,
    /// Limits, beside and in place of the general ones.
    pub limits: Vec<LimitConfig>,
    /// Whether answers may be used to train models, if nothing else forbids it.
    pub distillation: bool,
}

/// Text-to-speech.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpeechConfig {
    /// Provider, of the type `openai`; `fake` for tones, `none`, the default, disables it.
    pub provider: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Voice.
    pub voice: Option<String>,
}

/// Returns the names of the providers of a route.
pub(in crate::bootstrap) fn leads_to(route: &Route) -> impl Iterator<Item = &String> {
    let cheaper = route.degrade_to.as_ref().map(|cheaper| &cheaper.provider);
    std::iter::once(&route.primary).chain(&route.fallbacks).chain(cheaper)
}
