//! The gateway: the only holder of chat providers, embedders and text-to-speech, which every model call passes.
//!
//! One call's way, top to bottom; each step has its file:
//!
//! 1. `call`: the caller hands in a `ModelCall` with its options. `settings` and `routing` hold the configuration, which can
//!    be replaced at run time.
//! 2. `operation`: the operation is chat, embeddings or speech. It starts a task for the call.
//! 3. `call_task`: the task has the same three steps for every operation.
//!    - `admit` makes the plan (`plan`, with `stored_settings`), takes a share of the cost bound (`allowance`) and a permit of the circuit breaker
//!      (`breaker`), and reserves the worst case in one durable step with idempotency key, kill switches, limits and record.
//!    - `attempts` asks one provider after another, within deadlines and with retries (`backoff`). An answer cache stands
//!      before it: `answer_cache` and `embedding_cache`, with `single_flight` for equal requests at the same time.
//!    - `settle` books the charge, in one durable step with result, ledger and record. The caller is told only after it.
//! 4. `store_guard` keeps each durable step within a deadline and ends steps whose outcome is unknown; `lease` keeps the
//!    calls of this process from others; `recovery` ends calls that no task works on any more.
//! 5. `audit_records` and `metrics` are made on the way.

mod call;

mod routing;
mod settings;

mod operation;

mod call_task;

mod allowance;
mod backoff;
mod breaker;
mod plan;
mod stored_settings;

mod answer_cache;
mod embedding_cache;
mod single_flight;

mod lease;
mod recovery;
mod store_guard;

mod audit_records;
mod metrics;

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::access::GrantStore;
use crate::admin;
use crate::admin::AdminResourceStore;
use crate::audit::AuditChain;
use crate::audit::{Draft, Sealer, UnsealedRecords};
use crate::cache::CacheStore;
use crate::clock::Clock;
use crate::document::DocumentStore;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{IdSource, ModelId, RunId};
use crate::ledger::{LedgerStore, QuotaStore};
use crate::policy::PolicyEngine;
use crate::price::PriceStore;
use crate::principal::{Principal, TenantId};
use crate::quota::{Cap, Limit, Limits, Meter, ScopeKind, Window};
use crate::retrieve::Embedder;
use crate::retrieve::Retriever;
use crate::system::SystemStore;
use crate::task_group::TaskGroup;

use breaker::Breakers;
use lease::Owner;
use routing::Candidate;
use single_flight::SingleFlight;
use store_guard::StoreGuard;
use stored_settings::SettingsCache;

pub(crate) use plan::Origin;

pub use call::{Admission, CallReceipt, CallRefusal, CallStream, Completed, ModelCall, RunCaps};
pub use routing::{DegradedModel, Route, Routing};
pub use settings::{
    BreakerPolicy, Deadlines, GatewaySettings, InvestigationPolicy, Models, RetryPolicy, TenantSettings,
};

/// The gateway's handle. It holds the providers and makes every call to them; clones share one gateway.
///
/// INVARIANT: no other type of this crate keeps an `LlmProvider`, an `Embedder` or a `SpeechSynthesizer`; the builder
/// hands them over.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    inner: Arc<Inner>,
}

/// The state that every call shares.
#[derive(Debug)]
pub(crate) struct Inner {
    audit: Arc<dyn AuditChain>,
    documents: Arc<dyn DocumentStore>,
    grants: Arc<dyn GrantStore>,
    ledger: Arc<dyn LedgerStore>,
    prices: Arc<dyn PriceStore>,
    quota: Arc<dyn QuotaStore>,
    resources: Arc<dyn AdminResourceStore>,
    retriever: Arc<dyn Retriever>,
    system: Arc<dyn SystemStore>,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    policy: Arc<dyn PolicyEngine>,
    tasks: Arc<TaskGroup>,
    /// The configuration, which is replaced as a whole.
    models: RwLock<Models>,
    /// The limits and prices that were set at run time.
    settings_cache: SettingsCache,
    breakers: Arc<Breakers>,
    cache: Option<Arc<dyn CacheStore>>,
    single_flight: Arc<SingleFlight>,
    store_guard: StoreGuard,
    /// The number of settlements, for calls that wait for one.
    settlements: watch::Sender<u64>,
    /// Calls of this process, or claimed by it, whose settlement the store refused.
    left_open: Mutex<HashSet<String>>,
    /// Whether claimed calls may not have been listed yet.
    has_unlisted_calls: AtomicBool,
    /// Whether a task of recovery is under way.
    is_recovering: AtomicBool,
    /// This process as the owner of runs and calls.
    owner: Owner,
}

/// The parts of a gateway.
#[derive(Debug)]
pub(crate) struct GatewayParts {
    pub(crate) audit: Arc<dyn AuditChain>,
    pub(crate) documents: Arc<dyn DocumentStore>,
    pub(crate) grants: Arc<dyn GrantStore>,
    pub(crate) ledger: Arc<dyn LedgerStore>,
    pub(crate) prices: Arc<dyn PriceStore>,
    pub(crate) quota: Arc<dyn QuotaStore>,
    pub(crate) resources: Arc<dyn AdminResourceStore>,
    pub(crate) retriever: Arc<dyn Retriever>,
    pub(crate) system: Arc<dyn SystemStore>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) policy: Arc<dyn PolicyEngine>,
    pub(crate) tasks: Arc<TaskGroup>,
    pub(crate) models: Models,
    pub(crate) cache: Option<Arc<dyn CacheStore>>,
    pub(crate) owner_lease: Duration,
}

impl Gateway {
    /// A gateway.
    ///
    /// # Errors
    /// As [`Routing::check`].
    pub(crate) fn new(parts: GatewayParts) -> Result<Self> {
        let GatewayParts {
            audit,
            documents,
            grants,
            ledger,
            prices,
            quota,
            resources,
            retriever,
            system,
            sealer,
            clock,
            ids,
            policy,
            tasks,
            models,
            cache,
            owner_lease,
        } = parts;
        models.check()?;
        let owner = Owner::new(ids.next(), owner_lease)?;
        let inner = Inner {
            audit,
            documents,
            grants,
            ledger,
            prices,
            quota,
            resources,
            retriever,
            system,
            sealer,
            clock,
            ids,
            policy,
            tasks,
            models: RwLock::new(models),
            settings_cache: SettingsCache::default(),
            breakers: Arc::default(),
            cache,
            single_flight: Arc::default(),
            store_guard: StoreGuard::default(),
            settlements: watch::Sender::new(0),
            left_open: Mutex::default(),
            has_unlisted_calls: AtomicBool::new(false),
            is_recovering: AtomicBool::new(false),
            owner,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Replaces the configuration. A call in flight ends with the one that it began with.
    pub(crate) fn reconfigure(&self, models: Models) -> Result<()> {
        let mut current = self.inner.models.write().unwrap_or_else(PoisonError::into_inner);
        models.check_after(&current)?;
        *current = models;
        Ok(())
    }

    /// The configuration in force.
    pub(crate) fn models(&self) -> Models {
        self.inner.current()
    }

    /// The providers and routes in force.
    pub(crate) fn routing(&self) -> Arc<Routing> {
        self.inner.current().routing
    }

    /// The settings in force.
    pub(crate) fn settings(&self) -> Arc<GatewaySettings> {
        self.inner.current().settings
    }

    /// The provider's name and the model that are asked first for a tenant.
    pub(crate) async fn answers_with(
        &self,
        tenant: &TenantId,
        provider: Option<&str>,
        model: Option<&str>,
    ) -> Result<(String, String)> {
        let candidates = self.candidates(tenant, provider, model).await??;
        let first = candidates.into_iter().next().map(|first| (first.name, first.model));
        first.ok_or_else(|| Error::unexpected("a route leads nowhere"))
    }

    /// The candidates of a chat call, or the error of its route.
    async fn candidates(
        &self,
        tenant: &TenantId,
        provider: Option<&str>,
        model: Option<&str>,
    ) -> Result<Result<Vec<Candidate>>> {
        let Models { routing, settings, .. } = self.inner.current();
        let stored = self.inner.stored_settings(tenant, &settings).await?;
        let route = routing.route(tenant.as_str()).clone().with_settings(&stored.tenant);
        Ok(routing.candidates(&route, provider, model))
    }

    /// The model that is asked first for a tenant; none where the route leads nowhere, which is an error of the call.
    ///
    /// # Errors
    /// Those of the store: without the tenant's settings, the model is unknown.
    pub(crate) async fn model_asked_first(
        &self,
        tenant: &TenantId,
        provider: Option<&str>,
        model: Option<&str>,
    ) -> Result<Option<String>> {
        let candidates = self.candidates(tenant, provider, model).await?;
        Ok(candidates.ok().and_then(|candidates| candidates.into_iter().next()).map(|first| first.model))
    }

    /// Checks that a cap on the cost units of a run can be counted.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `LIMIT_UNCOUNTED`.
    pub(crate) async fn check_cost_units(&self, caller: &Principal, most: Option<u64>) -> Result<()> {
        let Some(most) = most else { return Ok(()) };
        let limit = Limit::new(ScopeKind::Run, Meter::CostUnits, Window::Total, Cap::Limited(most));
        self.check_limit(caller.tenant(), &limit).await
    }

    /// Checks that a tenant can count a limit.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `LIMIT_UNCOUNTED`.
    pub(crate) async fn check_limit(&self, tenant: &TenantId, limit: &Limit) -> Result<()> {
        self.settings_of(tenant).await?.check_limit(tenant.as_str(), limit)
    }

    /// The settings of a tenant in force: the configured ones, overridden by its own.
    pub(crate) async fn settings_of(&self, tenant: &TenantId) -> Result<TenantSettings> {
        let stored = self.inner.current_settings(tenant).await?;
        Ok(self.settings().in_force(tenant.as_str(), &stored.tenant))
    }

    /// The limits in force for a tenant: those of all tenants, its own, and those that were set.
    pub(crate) async fn limits(&self, tenant: &TenantId) -> Result<Limits> {
        let (settings, stored) = (self.settings(), self.inner.current_settings(tenant).await?);
        let own = settings.in_force(tenant.as_str(), &stored.tenant).limits;
        Ok(settings.limits.clone().with(own).with(stored.limits.iter().cloned()))
    }

    /// The stored settings of a tenant, as they are now.
    pub(crate) async fn tenant_settings(&self, tenant: &TenantId) -> Result<admin::TenantSettings> {
        self.inner.current_settings(tenant).await.map(|stored| stored.tenant.clone())
    }

    /// Forgets the cached settings of a tenant, after a change in this process.
    pub(crate) fn forget_settings(&self, tenant: &TenantId) {
        self.inner.settings_cache.forget(tenant);
    }

    /// Checks that the settings can be obeyed: their providers are configured, and their limits can be counted.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_ROUTE` or `LIMIT_UNCOUNTED`.
    pub(crate) fn check_tenant(&self, tenant: &TenantId, settings: &admin::TenantSettings) -> Result<()> {
        self.routing().check_settings(tenant, settings)?;
        let in_force = self.settings().in_force(tenant.as_str(), settings);
        in_force.limits.iter().try_for_each(|limit| in_force.check_limit(tenant.as_str(), limit))
    }

    /// The embedder, for its facts only: [`Gateway::embed`] asks it.
    pub(crate) fn embedder(&self) -> Option<Arc<dyn Embedder>> {
        self.inner.current().embedder
    }

    /// The model of the configured embedder.
    pub(crate) fn embedding_model(&self) -> Option<ModelId> {
        self.embedder().map(|embedder| embedder.model().clone())
    }

    /// Removes the cache entries that were made for a run.
    pub(crate) async fn forget_run(&self, tenant: &TenantId, run: &RunId) -> Result<()> {
        match &self.inner.cache {
            Some(cache) => cache.forget_run(tenant, run).await,
            None => Ok(()),
        }
    }
}

/// The error for vectors that were made while the embedder was replaced: the model that made them is unknown.
pub(crate) fn embedder_replaced() -> Error {
    Error::new(ErrorKind::Unavailable, "the embedding model was replaced while a text was embedded")
        .with_code("EMBEDDER_REPLACED")
        .with_hint("try again")
}

impl Inner {
    fn current(&self) -> Models {
        self.models.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records a refused call.
    async fn append(&self, drafts: Vec<Draft>) -> Result<()> {
        let timeout = self.current().settings.deadlines.store;
        self.store_guard.call(timeout, self.audit.append(self.pending(drafts))).await.map(drop)
    }

    fn pending(&self, drafts: Vec<Draft>) -> UnsealedRecords {
        UnsealedRecords::new(Arc::clone(&self.sealer), drafts)
    }

    fn policy_version(&self, tenant: &TenantId) -> String {
        self.policy.version(tenant)
    }

    fn left_open(&self) -> MutexGuard<'_, HashSet<String>> {
        self.left_open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify_settled(&self) {
        self.settlements.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Resolves at the next settlement of this process, or after `wait`: another process notifies this one of none.
    async fn wait_for_settlement(&self, wait: Duration) {
        let mut settlements = self.settlements.subscribe();
        let _ = timeout(wait, settlements.changed()).await;
    }
}
