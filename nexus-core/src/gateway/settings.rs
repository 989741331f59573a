//! How the boundary behaves: [`GatewaySettings`], which can be replaced while Nexus runs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::terms::uncounted;
use crate::cache::CacheSettings;
use crate::error::{Error, Result};
use crate::ledger::AutoTripRule;
use crate::price::PriceTable;
use crate::quota::{Cap, CostUnits, Limit, Limits, Meter, ScopeKind, Zone};

/// How long a model may take. Each deadline stands for itself; only the total covers everything, retries included.
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
    /// Two minutes to begin, one between events, ten in all; five seconds for the store.
    fn default() -> Self {
        Self {
            first_event: Duration::from_mins(2),
            idle: Duration::from_mins(1),
            total: Duration::from_mins(10),
            store: Duration::from_secs(5),
        }
    }
}

/// How often a provider is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often each provider is asked at most, the first time included.
    pub attempts: u32,
    /// How long to wait before the second attempt; twice as long before each further one.
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

/// When a provider that keeps failing is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// After so many failures in a row.
    pub failures: u32,
    /// For so long.
    pub open_for: Duration,
    /// How many calls may then try it at once.
    pub half_open_calls: u32,
}

impl Default for BreakerPolicy {
    /// Three failures, thirty seconds, one trial.
    fn default() -> Self {
        Self { failures: 3, open_for: Duration::from_secs(30), half_open_calls: 1 }
    }
}

/// What happens when an investigation's money runs out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvestigationPolicy {
    /// Its calls are refused.
    #[default]
    Block,
    /// A cheaper model is asked, where the tenant's route names one.
    Degrade,
}

/// What a tenant has that others do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantSettings {
    /// Limits beside and in the place of those for everybody.
    pub limits: Vec<Limit>,
    /// What calls cost in the tenant's own units.
    pub cost_units: CostUnits,
    /// Whether answers may serve to train models, when nothing else forbids it.
    pub distillation: bool,
}

/// How the boundary behaves.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// How long a model may take.
    pub deadlines: Deadlines,
    /// How often it is asked again.
    pub retry: RetryPolicy,
    /// When it is left alone.
    pub breaker: BreakerPolicy,
    /// The most tokens of an answer where a request does not say.
    pub max_tokens: u32,
    /// What calls cost; rows that were added at run time win.
    pub prices: PriceTable,
    /// What may be consumed by anybody; limits that were set at run time win.
    pub limits: Limits,
    /// When scopes are shut by themselves.
    pub shutoff: AutoTripRule,
    /// What happens when an investigation's money runs out.
    pub investigation: InvestigationPolicy,
    /// Where days and months begin.
    pub zone: Zone,
    /// For how long answers and vectors serve again, where there is a cache.
    pub cache: CacheSettings,
    /// How long a claim is remembered.
    pub idempotency_ttl: Duration,
    /// The most bytes of an answer.
    pub max_answer_bytes: usize,
    /// What single tenants have.
    pub tenants: BTreeMap<String, TenantSettings>,
}

/// Whether a limit can be counted with rates for cost units only. Nothing, and without a bound, need no counting.
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
            max_tokens: 4_096,
            prices: PriceTable::shipped()?,
            limits: Limits::default(),
            shutoff: AutoTripRule::default(),
            investigation: InvestigationPolicy::default(),
            zone: Zone::default(),
            cache: CacheSettings::default(),
            idempotency_ttl: Duration::from_hours(24),
            max_answer_bytes: 16 << 20,
            tenants: BTreeMap::new(),
        })
    }

    pub(crate) fn tenant(&self, tenant: &str) -> Option<&TenantSettings> {
        self.tenants.get(tenant)
    }

    /// Checks that a tenant has what it takes to count a limit: units are counted by rates, and a scope by its name.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `LIMIT_UNCOUNTED`.
    pub(crate) fn check_limit(&self, tenant: &str, limit: &Limit) -> Result<()> {
        let subject = &limit.subject;
        if subject.scope == ScopeKind::Tenant && subject.id.as_deref().is_some_and(|id| id != tenant) {
            return Err(Error::invalid(format!("a limit of the tenant `{tenant}` counts no other tenant"))
                .code("LIMIT_UNCOUNTED")
                .hint("leave the id out: the limit is the tenant's own"));
        }
        let rates = self.tenant(tenant).map(|tenant| &tenant.cost_units);
        let is_counted = rates.is_some_and(|rates| rates.can_count(subject.model.as_deref()));
        if needs_rates(limit) && !is_counted { Err(uncounted(Some(tenant))) } else { Ok(()) }
    }

    /// Checks every limit. One for everybody needs one tenant at least that can count it; a call of another is refused.
    pub(super) fn check_limits(&self) -> Result<()> {
        for (name, tenant) in &self.tenants {
            tenant.limits.iter().try_for_each(|limit| self.check_limit(name, limit))?;
        }
        let can_count = |limit: &Limit| {
            self.tenants.values().any(|tenant| tenant.cost_units.can_count(limit.subject.model.as_deref()))
        };
        let is_uncounted = self.limits.iter().any(|limit| needs_rates(&limit) && !can_count(&limit));
        if is_uncounted { Err(uncounted(None)) } else { Ok(()) }
    }
}
