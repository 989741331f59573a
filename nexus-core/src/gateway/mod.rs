//! The governed boundary: the only holder of models, embedders and speakers, which every call to one passes.
//!
//! In this order: **claim** and stops and limits, in one durable step with the reservation and the record; then the
//! **cache**, which may answer in the model's place; then the **attempts**, each with its own price and reservation,
//! behind a breaker, within deadlines; then **settlement**, in one durable step with the ledger and the record. A call
//! lives in a task of its own: whoever asked may go away, and what was paid for is still read to its end and settled.
//!
//! - `call`: what a caller hands in and gets back.
//! - `models`: what can be replaced at run time; `routing`: whom to ask, in which order.
//! - `settings`: deadlines, retries, breakers, prices, limits.
//! - `terms`: the limits and prices that govern a call; `plan`: what a conversation's call may take at most.
//! - `conduct`: one call of a conversation from claim to settlement; `attempt`: one physical attempt of it.
//! - `answer`, `near`: which answers may serve again; `vectors`: the same of vectors; `flight`: equal calls at the same
//!   time; `patience`: with a cache that does not work.
//! - `once`: one call that is answered at once, such as `errand`: vectors and speech.
//! - `reach`: the store, within a deadline; `doubt`: what to do when it does not say what became of a step.
//! - `record`, `settlement`, `metrics`: what they leave behind.
//! - `breaker`, `backoff`, `bound`, `ending`: pure rules.
//! - `allowance`: what one call may cost with everything that is made for it.
//! - `recovery`: calls that a process before this one left open, and those that the store would not end.

mod allowance;
mod answer;
mod attempt;
mod audit_records;
mod backoff;
mod bound;
mod breaker;
mod call;
mod conduct;
mod doubt;
mod embedding_cache;
mod ending;
mod metrics;
mod models;
mod near;
mod once;
mod operation;
mod patience;
mod plan;
mod recovery;
mod routing;
mod settings;
mod settlement;
mod single_flight;
mod store_guard;
mod terms;

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::audit::{Draft, Sealer, UnsealedRecords};
use crate::cache::CacheStore;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{IdSource, RunId};
use crate::llm::Completion;
use crate::policy::PolicyEngine;
use crate::price::PriceRow;
use crate::principal::{Principal, TenantId};
use crate::quota::{Cap, Limit, Meter, ScopeKind, Window};
use crate::retrieve::{Embedder, ModelId};
use crate::store::Store;
use crate::task_group::TaskGroup;

use allowance::Allowance;
use attempt::Mode;
use breaker::Breakers;
use conduct::Conduct;
use single_flight::SingleFlight;
use store_guard::StoreGuard;

pub(crate) use terms::Origin;

pub use call::{Admission, CallReceipt, CallRefusal, CallStream, Completed, ModelCall, RunCaps};
pub use models::Models;
pub use routing::{DegradedModel, Route, Routing};
pub use settings::{
    BreakerPolicy, Deadlines, GatewaySettings, InvestigationPolicy, RetryPolicy, TenantSettings,
};

/// Holds the providers and makes every call to them. Cheap to clone.
///
/// INVARIANT: no other type of this crate keeps an `LlmProvider`, an `Embedder` or a `SpeechSynthesizer`; the builder
/// hands them over.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    inner: Arc<Inner>,
}

/// What every call works with.
#[derive(Debug)]
pub(crate) struct Inner {
    store: Arc<dyn Store>,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    policy: Arc<dyn PolicyEngine>,
    tasks: Arc<TaskGroup>,
    /// Replaced as a whole: a call keeps what it began with.
    models: RwLock<Models>,
    breakers: Arc<Breakers>,
    cache: Option<Arc<dyn CacheStore>>,
    single_flight: Arc<SingleFlight>,
    store_guard: StoreGuard,
    settlements: watch::Sender<u64>,
    /// Calls of this process that the store would not end as it was asked to.
    left_open: Mutex<HashSet<String>>,
    /// Whether a task tries again to end calls that could not be ended.
    is_recovering: AtomicBool,
    /// Names this process in the intents it leaves.
    owner: String,
}

/// What a gateway is made of.
#[derive(Debug)]
pub(crate) struct GatewayParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) policy: Arc<dyn PolicyEngine>,
    pub(crate) tasks: Arc<TaskGroup>,
    pub(crate) models: Models,
    pub(crate) cache: Option<Arc<dyn CacheStore>>,
}

impl Gateway {
    /// A gateway.
    ///
    /// # Errors
    /// As [`Routing::check`].
    pub(crate) fn new(parts: GatewayParts) -> Result<Self> {
        let GatewayParts { store, sealer, clock, ids, policy, tasks, models, cache } = parts;
        models.check()?;
        let (owner, models) = (ids.next(), RwLock::new(models));
        let (breakers, reach, settlements) =
            (Arc::<Breakers>::default(), StoreGuard::default(), watch::Sender::new(0));
        let flights = Arc::new(SingleFlight::default());
        let shared = Inner {
            store,
            sealer,
            clock,
            ids,
            policy,
            tasks,
            models,
            breakers,
            cache,
            single_flight: flights,
            store_guard: reach,
            settlements,
            left_open: Mutex::default(),
            is_recovering: AtomicBool::new(false),
            owner,
        };
        Ok(Self { inner: Arc::new(shared) })
    }

    /// Replaces everything about models. Calls in flight end with what they began with.
    pub(crate) fn reconfigure(&self, models: Models) -> Result<()> {
        let mut current = self.inner.models.write().unwrap_or_else(PoisonError::into_inner);
        models.check_after(&current)?;
        *current = models;
        Ok(())
    }

    /// What is in force.
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

    /// The name and model of whoever is asked first for a tenant.
    pub(crate) fn answers_with(
        &self,
        tenant: &TenantId,
        provider: Option<&str>,
        model: Option<&str>,
    ) -> Result<(String, String)> {
        let candidates = self.routing().candidates(tenant, provider, model)?;
        let first = candidates.into_iter().next().map(|first| (first.name, first.model));
        first.ok_or_else(|| Error::unexpected("a route leads nowhere"))
    }

    /// Checks that a cap on the cost units of a run can be counted.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `LIMIT_UNCOUNTED`.
    pub(crate) fn check_cost_units(&self, caller: &Principal, most: Option<u64>) -> Result<()> {
        let cap = most.map(Cap::Limited);
        let limit = cap.map(|cap| Limit::new(ScopeKind::Run, Meter::CostUnits, Window::Total, cap));
        limit.map_or(Ok(()), |limit| self.settings().check_limit(caller.tenant().as_str(), &limit))
    }

    /// The embedder, for its facts only.
    pub(crate) fn embedder(&self) -> Option<Arc<dyn Embedder>> {
        self.inner.current().embedder
    }

    /// The model of the configured embedder.
    pub(crate) fn embedding_model(&self) -> Option<ModelId> {
        self.embedder().map(|embedder| embedder.model().clone())
    }

    /// Forgets what the cache keeps of a run.
    pub(crate) async fn forget_run(&self, tenant: &TenantId, run: &RunId) -> Result<()> {
        match &self.inner.cache {
            Some(cache) => cache.forget_run(tenant, run).await,
            None => Ok(()),
        }
    }

    /// Makes a call whose answer is streamed.
    pub(crate) async fn stream(&self, caller: &Principal, call: ModelCall) -> Result<Admission<CallStream>> {
        self.start(caller, call, Mode::Streaming).await
    }

    /// Makes a call whose answer comes in one piece.
    pub(crate) async fn complete(&self, caller: &Principal, call: ModelCall) -> Result<Admission<Completed>> {
        let mut stream = match self.start(caller, call, Mode::Unary).await? {
            Admission::Granted(stream) => stream,
            Admission::Refused(refused) => return Ok(Admission::Refused(refused)),
        };
        let mut reply = Completion::empty();
        while let Some(piece) = stream.next().await {
            reply.add(piece?);
        }
        let receipt = stream.receipt.take().ok_or_else(call::shutting_down)?;
        Ok(Admission::Granted(Completed { reply, receipt }))
    }

    async fn start(&self, caller: &Principal, call: ModelCall, mode: Mode) -> Result<Admission<CallStream>> {
        let (out, told) = mpsc::unbounded_channel();
        let (cancel, cancelled) = watch::channel(false);
        let (verdict, answer) = oneshot::channel();
        let conduct = Conduct {
            gateway: self.clone(),
            shared: Arc::clone(&self.inner),
            caller: caller.clone(),
            allowance: call.max_cost.map(Allowance::new),
            call,
            mode,
            out,
            cancelled,
        };
        self.inner.tasks.spawn_unless_stopping(conduct.run(verdict));
        Ok(match answer.await.map_err(|_| call::shutting_down())?? {
            Admission::Granted(()) => {
                Admission::Granted(CallStream { told, cancel, receipt: None, over: false })
            }
            Admission::Refused(refused) => Admission::Refused(refused),
        })
    }
}

/// The error for vectors that were made while the embedder was replaced: either of the two models may have made them.
pub(crate) fn embedder_replaced() -> Error {
    Error::new(ErrorKind::Unavailable, "the embedding model was replaced while a text was embedded")
        .code("EMBEDDER_REPLACED")
        .hint("try again")
}

impl Inner {
    fn current(&self) -> Models {
        self.models.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The limits and prices that were set at run time.
    async fn overrides(
        &self,
        tenant: &TenantId,
        settings: &GatewaySettings,
    ) -> Result<(Vec<Limit>, Vec<PriceRow>)> {
        let set = async { Ok((self.store.limits(tenant).await?, self.store.prices().await?)) };
        self.store_guard.call(settings.deadlines.store, set).await
    }

    /// Records a call that was not made.
    async fn append(&self, drafts: Vec<Draft>) -> Result<()> {
        let patience = self.current().settings.deadlines.store;
        self.store_guard.call(patience, self.store.append(self.pending(drafts))).await.map(drop)
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

    /// Resolves at the next settlement of this process, or after `wait` for one of another.
    async fn wait_for_settlement(&self, wait: Duration) {
        let mut settlements = self.settlements.subscribe();
        let _ = timeout(wait, settlements.changed()).await;
    }
}
