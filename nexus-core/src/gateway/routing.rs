//! Routing: the configured chat providers by name, and each tenant's [`Route`], the order in which they are asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::admin::TenantSettings;
use crate::error::{Error, ErrorKind, Result};
use crate::llm::{Extractive, LlmProvider};
use crate::principal::TenantId;

/// The order in which providers are asked, and which may be asked at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// The name of the provider that is asked first.
    pub primary: String,
    /// The providers that are asked when the primary cannot answer, in order.
    pub fallbacks: Vec<String>,
    /// The only providers that may be asked, whatever a request or the fallbacks say; all providers without a list.
    pub allowed_providers: Option<BTreeSet<String>>,
    /// The provider and model that an investigation falls back to when its money runs out, where it degrades.
    #[serde(rename = "cheaper")]
    pub degrade_to: Option<DegradedModel>,
}

/// The model that is asked when an investigation's cap on money refuses the model of its route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DegradedModel {
    /// The name of the provider.
    pub provider: String,
    /// The model; the provider's default without one.
    #[serde(default)]
    pub model: Option<String>,
}

impl Route {
    /// A route to one provider, without fallbacks.
    pub fn to(primary: impl Into<String>) -> Self {
        Self { primary: primary.into(), ..Self::default() }
    }

    /// The route with the providers that the tenant's own settings name.
    pub(super) fn with_settings(mut self, settings: &TenantSettings) -> Self {
        if let Some(default) = &settings.default_provider {
            self.primary.clone_from(default);
        }
        if let Some(allowed) = &settings.allowed_providers {
            self.allowed_providers = Some(allowed.clone());
        }
        self
    }

    fn allows(&self, name: &str) -> bool {
        self.allowed_providers.as_ref().is_none_or(|allowed| allowed.contains(name))
    }
}

/// The providers by name and the routes to them. It can be replaced while Nexus runs: calls in flight end on the
/// routing they began with.
#[derive(Clone, Debug)]
pub struct Routing {
    providers: BTreeMap<String, Arc<dyn LlmProvider>>,
    route: Route,
    tenants: BTreeMap<String, Route>,
}

/// A provider that may be asked, and its model. `P` is the provider's type, which differs by operation.
#[derive(Clone, Debug)]
pub(crate) struct Candidate<P = Arc<dyn LlmProvider>> {
    /// The name that the provider is configured under.
    pub(crate) name: String,
    /// The provider's type, by which prices are looked up.
    pub(crate) kind: String,
    pub(crate) provider: P,
    pub(crate) model: String,
    /// Whether the model runs on hardware of the operator's own, so that its tokens have no price.
    pub(crate) is_local: bool,
}

impl Default for Routing {
    /// The extractive answerer.
    fn default() -> Self {
        Self::of(Extractive::default())
    }
}

impl Routing {
    /// No provider yet. Add some, and name the first in `route`.
    pub fn new(route: Route) -> Self {
        Self { providers: BTreeMap::new(), route, tenants: BTreeMap::new() }
    }

    /// One provider, under its own name.
    pub fn of(provider: impl LlmProvider + 'static) -> Self {
        let name = provider.name().to_owned();
        Self::new(Route::to(name.clone())).provider(name, provider)
    }

    /// Adds a provider under a name.
    #[must_use]
    pub fn provider(mut self, name: impl Into<String>, provider: impl LlmProvider + 'static) -> Self {
        self.providers.insert(name.into(), Arc::new(provider));
        self
    }

    /// Gives a tenant a route of its own.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>, route: Route) -> Self {
        self.tenants.insert(tenant.into(), route);
        self
    }

    /// Checks that every route leads to providers that exist and are allowed.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) with `INVALID_ROUTE`, which names the provider.
    pub fn check(&self) -> Result<()> {
        for route in std::iter::once(&self.route).chain(self.tenants.values()) {
            let degraded = route.degrade_to.as_ref().map(|degraded| &degraded.provider);
            for name in std::iter::once(&route.primary).chain(&route.fallbacks).chain(degraded) {
                self.check_provider(route, name)?;
            }
        }
        Ok(())
    }

    /// Checks that the first provider of a tenant's route with `settings`, and those that they allow, are configured. A
    /// fallback that they do not allow is left out.
    ///
    /// # Errors
    /// As [`Routing::check`].
    pub(super) fn check_settings(&self, tenant: &TenantId, settings: &TenantSettings) -> Result<()> {
        let route = self.route(tenant.as_str()).clone().with_settings(settings);
        let allowed = settings.allowed_providers.iter().flatten();
        std::iter::once(&route.primary)
            .chain(allowed)
            .try_for_each(|name| self.check_provider(&route, name))
            .map_err(|error| match settings.default_provider {
                None => error.with_hint("set `default_provider` to an allowed provider"),
                Some(_) => error,
            })
    }

    fn check_provider(&self, route: &Route, name: &str) -> Result<()> {
        if !self.providers.contains_key(name) {
            return Err(invalid(format!("a route leads to `{name}`, which is not configured")));
        }
        if !route.allows(name) {
            return Err(invalid(format!("a route leads to `{name}`, which it does not allow")));
        }
        Ok(())
    }

    /// The providers by the names they are configured under.
    pub fn providers(&self) -> impl Iterator<Item = (&str, &Arc<dyn LlmProvider>)> {
        self.providers.iter().map(|(name, provider)| (name.as_str(), provider))
    }

    /// The route of a tenant.
    pub fn route(&self, tenant: &str) -> &Route {
        self.tenants.get(tenant).unwrap_or(&self.route)
    }

    /// The candidates for a call on `route`, in order. A request may name a provider, which must be allowed, and a model,
    /// which is asked of the first provider only: another vendor does not know it.
    pub(crate) fn candidates(
        &self,
        route: &Route,
        provider: Option<&str>,
        model: Option<&str>,
    ) -> Result<Vec<Candidate>> {
        let first = provider.unwrap_or(&route.primary);
        if !route.allows(first) {
            return Err(Error::new(
                ErrorKind::Denied,
                format!("the tenant may not use the provider `{first}`"),
            )
            .with_code("PROVIDER_NOT_ALLOWED"));
        }
        let mut candidates = vec![self.candidate(first, model)?];
        for name in &route.fallbacks {
            if name != first && route.allows(name) {
                candidates.push(self.candidate(name, None)?);
            }
        }
        Ok(candidates)
    }

    /// The degraded model of `route`, where it names one.
    pub(crate) fn degraded(&self, route: &Route) -> Option<Candidate> {
        let degraded = route.degrade_to.as_ref().filter(|degraded| route.allows(&degraded.provider))?;
        self.candidate(&degraded.provider, degraded.model.as_deref()).ok()
    }

    fn candidate(&self, name: &str, model: Option<&str>) -> Result<Candidate> {
        let provider = self.providers.get(name).ok_or_else(|| {
            Error::not_found(format!("there is no provider `{}`", name.escape_debug()))
                .with_code("PROVIDER_UNKNOWN")
                .with_hint("`nexus models` lists the configured ones")
        })?;
        let model = model.unwrap_or(provider.model()).to_owned();
        Ok(Candidate {
            name: name.to_owned(),
            kind: provider.name().to_owned(),
            provider: Arc::clone(provider),
            is_local: provider.info(&model).is_local,
            model,
        })
    }
}

fn invalid(message: String) -> Error {
    Error::invalid(message).with_code("INVALID_ROUTE")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::Principal;

    fn tenant() -> TenantId {
        Principal::user("acme", "ada").unwrap().tenant().clone()
    }

    fn routing(route: Route) -> Routing {
        ["a", "b", "c"]
            .into_iter()
            .fold(Routing::new(route), |routing, name| routing.provider(name, Extractive::default()))
    }

    fn names(candidates: &[Candidate]) -> Vec<&str> {
        candidates.iter().map(|candidate| candidate.name.as_str()).collect()
    }

    #[test]
    fn fallbacks_follow_in_order_and_never_leave_what_is_allowed() {
        let route = Route {
            fallbacks: vec!["b".to_owned(), "c".to_owned()],
            allowed_providers: Some(["a".to_owned(), "c".to_owned()].into()),
            ..Route::to("a")
        };
        let routing = routing(route);
        assert_eq!(
            names(&routing.candidates(routing.route(tenant().as_str()), None, None).unwrap()),
            ["a", "c"]
        );
        assert_eq!(
            names(&routing.candidates(routing.route(tenant().as_str()), Some("c"), None).unwrap()),
            ["c"]
        );
        let refused = routing.candidates(routing.route(tenant().as_str()), Some("b"), None).unwrap_err();
        assert_eq!(refused.code(), "PROVIDER_NOT_ALLOWED");
        assert_eq!(routing.check().unwrap_err().code(), "INVALID_ROUTE");
    }

    #[test]
    fn a_model_is_asked_of_the_first_provider_only() {
        let routing = routing(Route { fallbacks: vec!["b".to_owned()], ..Route::to("a") });
        let candidates = routing.candidates(routing.route(tenant().as_str()), None, Some("m")).unwrap();
        assert_eq!(candidates[0].model, "m");
        assert_eq!(candidates[1].model, "extractive-1");
    }

    #[test]
    fn a_tenant_may_have_a_route_of_its_own() {
        let routing = routing(Route::to("a")).tenant("acme", Route::to("b"));
        assert_eq!(names(&routing.candidates(routing.route(tenant().as_str()), None, None).unwrap()), ["b"]);
        routing.check().unwrap();
        let lost = Routing::new(Route::to("unknown"));
        assert_eq!(lost.check().unwrap_err().code(), "INVALID_ROUTE");
    }

    #[test]
    fn settings_of_a_tenant_name_its_first_provider_and_those_that_may_be_asked() {
        let routing = routing(Route { fallbacks: vec!["b".to_owned(), "c".to_owned()], ..Route::to("a") });
        let settings = |default: Option<&str>, allowed: &[&str]| TenantSettings {
            default_provider: default.map(str::to_owned),
            allowed_providers: Some(allowed.iter().map(|name| (*name).to_owned()).collect()),
            ..TenantSettings::default()
        };
        let chosen = settings(Some("b"), &["b", "c"]);
        routing.check_settings(&tenant(), &chosen).unwrap();
        let route = routing.route(tenant().as_str()).clone().with_settings(&chosen);
        assert_eq!(names(&routing.candidates(&route, None, None).unwrap()), ["b", "c"]);
        let refused = routing.candidates(&route, Some("a"), None).unwrap_err();
        assert_eq!(refused.code(), "PROVIDER_NOT_ALLOWED");
        for unfit in [settings(None, &["b"]), settings(Some("d"), &["d"]), settings(None, &["a", "d"])] {
            let error = routing.check_settings(&tenant(), &unfit).unwrap_err();
            assert_eq!(error.code(), "INVALID_ROUTE");
        }
    }
}
