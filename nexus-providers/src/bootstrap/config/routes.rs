//! `[llm]`, `[tenants.<id>]` and `[speech]`: who is asked for what.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;

use nexus_core::gateway::{DegradedModel, Route};
use nexus_core::quota::TenantQuotas;
use serde::Deserialize;

use super::ProviderKind;
use super::limits::LimitConfig;

/// Who answers and who embeds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LlmConfig {
    /// The provider that is asked first; the extractive answerer unless told.
    pub primary: Option<String>,
    /// Those that are asked when it cannot answer, in order.
    pub fallbacks: Vec<String>,
    /// The only providers that may be asked; all unless told.
    pub allowed_providers: Option<BTreeSet<String>>,
    /// What an investigation falls back to when its money runs out.
    pub cheaper: Option<DegradedModel>,
    /// The provider that embeds; nobody unless told, and then search is lexical.
    pub embedder: Option<String>,
    /// The most tokens of an answer where a request does not say; 4,096 unless told.
    pub max_tokens: Option<NonZeroU32>,
}

impl LlmConfig {
    /// The route of everybody who has none of their own.
    pub(in crate::bootstrap) fn route(&self) -> Route {
        Route {
            primary: self.primary.clone().unwrap_or_else(|| ProviderKind::Extractive.as_str().to_owned()),
            fallbacks: self.fallbacks.clone(),
            allowed_providers: self.allowed_providers.clone(),
            degrade_to: self.cheaper.clone(),
        }
    }
}

/// What one tenant has that others do not.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantConfig {
    /// Its own route, in the place of `[llm]`.
    pub route: Option<Route>,
    /// Its quotas.
    pub quotas: Option<TenantQuotas>,
    /// The JSON file with its quotas, instead.
    pub quotas_file: Option<PathBuf>,
    /// Limits of its own, beside and in the place of those for everybody.
    pub limits: Vec<LimitConfig>,
    /// Whether answers may serve to train models, when nothing else forbids it.
    pub distillation: bool,
}

/// Who speaks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpeechConfig {
    /// The provider that speaks, of the type `openai`; `fake` for tones, `none` for nobody, which is the default.
    pub provider: Option<String>,
    /// The model that speaks.
    pub model: Option<String>,
    /// Its voice.
    pub voice: Option<String>,
}

/// The names of the providers that a route leads to.
pub(in crate::bootstrap) fn leads_to(route: &Route) -> impl Iterator<Item = &String> {
    let cheaper = route.degrade_to.as_ref().map(|cheaper| &cheaper.provider);
    std::iter::once(&route.primary).chain(&route.fallbacks).chain(cheaper)
}
