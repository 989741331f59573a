//! The gateway's settings: [`Models`] holds providers, routes and [`GatewaySettings`], and is replaced as a whole while
//! Nexus runs, so that a call ends with the settings that it began with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Routing;
use crate::admin;
use crate::cache::CacheSettings;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::AutoTripRule;
use crate::price::PriceTable;
use crate::quota::{Cap, CostUnits, Limit, Limits, Meter, ScopeKind, TenantQuotas, Zone};
use crate::retrieve::Embedder;
use crate::speech::SpeechSynthesizer;

/// Providers of every operation, with routes, limits and prices.
#[derive(Clone, Debug)]
pub struct Models {
    /// The providers of chat, and the order in which each tenant's calls ask them.
    pub routing: Arc<Routing>,
    /// Deadlines, retries, circuit breakers, prices and limits.
    pub settings: Arc<GatewaySettings>,
    /// The provider of embeddings; search is lexical without one.
    pub embedder: Option<Arc<dyn Embedder>>,
    /// The provider of text-to-speech, where there is one.
    pub speech_synthesizer: Option<Arc<dyn SpeechSynthesizer>>,
}

impl Models {
    /// Checks that every route leads to a provider, and that every limit has the rates that it is counted by.
    pub(super) fn check(&self) -> Result<()> {
        self.routing.check()?;
        self.settings.check_limits()
    }

    /// Checks that these models may replace `before`: a document that is being embedded must end with the model that it
    /// began with.
    pub(super) fn check_after(&self, before: &Self) -> Result<()> {
        self.check()?;
        let of = |models: &Self| models.embedder.as_ref().map(|embedder| embedder.model().clone());
        if of(self) == of(before) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Conflict, "another model embeds only after a restart")
            .with_code("EMBEDDER_CHANGED")
            .with_hint("restart, then embed the corpora anew with `nexus corpora reindex`"))
    }
}

/// Deadlines of a call. Each stands for itself; only the total covers everything, retries included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From sending to the vendor's first event.
    pub first_event: Duration,
    /// Between two events.
    pub idle: Duration,
    /// For the whole call with all its attempts.
    pub total: Duration,
    /// For the store to take one step, such as an admission. A store that needs longer admits nothing.
    pub store: Duration,
}

impl Default for Deadlines {
    /// Returns two minutes to begin and in all, one between events, five seconds for the store.
    fn default() -> Self {
        Self {
            first_event: Duration::from_mins(2),
            idle: Duration::from_mins(1),
            total: Duration::from_mins(2),
            store: Duration::from_secs(5),
        }
    }
}

/// The retry policy: how often a provider is asked, and how long to wait in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The most attempts at each provider, the first included.
    pub attempts: u32,
    /// The wait before the second attempt; twice as long before each further one.
    pub backoff: Duration,
    /// The longest wait.
    pub max_backoff: Duration,
}

impl Default for RetryPolicy {
    /// Three attempts, half a second, at most eight.
    fn default() -> Self {
        Self { attempts: 3, backoff: Duration::from_millis(500), max_backoff: Duration::from_secs(8) }
    }
}

/// The policy of circuit breakers: a provider that keeps failing is not asked for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open the circuit.
    pub failures: u32,
    /// The time for which the circuit stays open.
    pub open_for: Duration,
    /// Calls at a time that a half-open circuit lets through.
    pub half_open_calls: u32,
}

impl Default for BreakerPolicy {
    /// Three failures, thirty seconds, one trial.
    fn default() -> Self {
        Self { failures: 3, open_for: Duration::from_secs(30), half_open_calls: 1 }
    }
}

/// The policy for an investigation whose cap on money is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvestigationPolicy {
    /// Its calls are refused.
    #[default]
    Block,
    /// A cheaper model is asked, where the tenant's route names one.
    Degrade,
}

/// Settings of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantSettings {
    /// Limits beside, and in the place of, those for every tenant.
    pub limits: Vec<Limit>,
    /// The rates of the tenant's own cost units.
    pub cost_units: CostUnits,
    /// Whether answers may serve to train models, when nothing else forbids it.
    pub distillation: bool,
}

/// Settings of the gateway, for every tenant and for single ones.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// The deadlines of models and of the store.
    pub deadlines: Deadlines,
    /// The retry policy.
    pub retry: RetryPolicy,
    /// The policy of circuit breakers.
    pub breaker: BreakerPolicy,
    /// The most tokens of an answer where a request names no bound.
    pub max_tokens: u32,
    /// The prices of calls; rows that were added at run time win.
    pub prices: PriceTable,
    /// The limits of every tenant; limits that were set at run time win.
    pub limits: Limits,
    /// The window of rate limits in tenants' own settings, in seconds.
    pub rate_window_seconds: u32,
    /// The rule that trips kill switches by itself.
    pub auto_trip: AutoTripRule,
    /// The policy for an investigation whose cap on money is reached.
    pub investigation: InvestigationPolicy,
    /// The time zone in which days and months begin.
    pub zone: Zone,
    /// The lifetimes of cached answers and vectors, where there is a cache.
    pub cache: CacheSettings,
    /// The time for which an idempotency key is remembered.
    pub idempotency_ttl: Duration,
    /// The most bytes of an answer.
    pub max_answer_bytes: usize,
    /// The settings of single tenants.
    pub tenants: BTreeMap<String, TenantSettings>,
}

/// Whether a limit is counted by rates for cost units. A cap of zero and an unlimited one need no counting.
fn needs_rates(limit: &Limit) -> bool {
    limit.subject.meter == Meter::CostUnits && matches!(limit.cap, Cap::Limited(1..))
}

impl GatewaySettings {
    /// The defaults, with the price table that ships.
    ///
    /// # Errors
    /// As [`PriceTable::shipped`].
    pub fn with_builtin_prices() -> Result<Self> {
        Ok(Self {
            deadlines: Deadlines::default(),
            retry: RetryPolicy::default(),
            breaker: BreakerPolicy::default(),
            max_tokens: 1_024,
            prices: PriceTable::shipped()?,
            limits: Limits::default(),
            rate_window_seconds: 60,
            auto_trip: AutoTripRule::default(),
            investigation: InvestigationPolicy::default(),
            zone: Zone::default(),
            cache: CacheSettings::default(),
            idempotency_ttl: Duration::from_hours(24),
            max_answer_bytes: 16 << 20,
            tenants: BTreeMap::new(),
        })
    }

    /// The settings of a tenant in force: the configured ones, and over them those that are stored for it.
    pub(super) fn in_force(&self, tenant: &str, stored: &admin::TenantSettings) -> TenantSettings {
        let configured = self.tenants.get(tenant).cloned().unwrap_or_default();
        let own = stored.call_limits(self.rate_window_seconds);
        let rates = stored.limits.as_ref().map(TenantQuotas::cost_units);
        TenantSettings {
            limits: configured.limits.into_iter().chain(own).collect(),
            cost_units: rates.filter(|rates| *rates != CostUnits::default()).unwrap_or(configured.cost_units),
            distillation: stored.training_allowed.unwrap_or(configured.distillation),
        }
    }
}

impl TenantSettings {
    /// Checks that a tenant can count a limit: units are counted by rates, and a scope by its name.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `LIMIT_UNCOUNTED`.
    pub(crate) fn check_limit(&self, tenant: &str, limit: &Limit) -> Result<()> {
        let subject = &limit.subject;
        if subject.scope == ScopeKind::Tenant && subject.id.as_deref().is_some_and(|id| id != tenant) {
            return Err(Error::invalid(format!("a limit of the tenant `{tenant}` counts no other tenant"))
                .with_code("LIMIT_UNCOUNTED")
                .with_hint("leave the id out: the limit is the tenant's own"));
        }
        let is_counted = self.cost_units.can_count(subject.model.as_deref());
        if needs_rates(limit) && !is_counted { Err(uncounted(Some(tenant))) } else { Ok(()) }
    }
}

impl GatewaySettings {
    /// Checks every limit. A limit of every tenant needs at least one tenant that can count it; calls of a tenant that
    /// cannot are refused.
    pub(super) fn check_limits(&self) -> Result<()> {
        for (name, tenant) in &self.tenants {
            tenant.limits.iter().try_for_each(|limit| tenant.check_limit(name, limit))?;
        }
        let can_count = |limit: &Limit| {
            self.tenants.values().any(|tenant| tenant.cost_units.can_count(limit.subject.model.as_deref()))
        };
        let is_uncounted = self.limits.iter().any(|limit| needs_rates(&limit) && !can_count(&limit));
        if is_uncounted { Err(uncounted(None)) } else { Ok(()) }
    }
}

/// The error for a limit on cost units where no rate gives a call any: it would count nothing, and admit everything.
/// `tenant` is the one without a rate; no tenant has one otherwise.
pub(super) fn uncounted(tenant: Option<&str>) -> Error {
    let whose = tenant.map_or_else(|| "no tenant".to_owned(), |tenant| format!("the tenant `{tenant}`"));
    let has = if tenant.is_some() { "has no rate" } else { "has a rate" };
    Error::invalid(format!("{whose} {has} for cost units, so a limit on them counts nothing"))
        .with_code("LIMIT_UNCOUNTED")
        .with_hint("set `llm_cost_units_per_1k_tokens` or `llm_call_cost_units` in the tenant's quotas, or take the limit back")
}
