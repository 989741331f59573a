//! Governed engine: the parts that all use cases share. Every use case calls [`Engine::authorise`] first.

use std::sync::Arc;
use std::time::Duration;

use crate::access::{AccessRule, Authorised, RequiredAccess};
use crate::audit::Sealer;
use crate::clock::Clock;
use crate::document::DocumentParser;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::Gateway;
use crate::id::IdSource;
use crate::llm::prompt::PromptBudget;
use crate::policy::{Channel, Decision, Operation, PolicyEngine, PolicyRequest, RequestContext, Resource};
use crate::principal::Principal;
use crate::retention::Retention;
use crate::run::Registry;
use crate::store::Store;
use crate::task_group::TaskGroup;

/// Limits and switches of an engine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Maximum number of concurrent runs. A further question is refused with `SERVICE_BUSY`.
    pub max_runs: usize,
    /// Maximum number of concurrent ingestions.
    pub max_ingests: usize,
    /// Whether ingestion finishes a document's job before it returns.
    pub ingest_inline: bool,
    /// Maximum size of a document, in bytes.
    pub max_document_bytes: u64,
    /// Deadline of one document.
    pub document_deadline: Duration,
    /// Lease of a job without a renewal by its worker.
    pub job_lease: Duration,
    /// Maximum number of attempts of a job.
    pub job_attempts: u32,
    /// The wait of a run for the store after which its subscribers are notified. The run goes on waiting.
    pub record_deadline: Duration,
    /// Whether runs emit all retrieved passages, in `debug.retrieval` events.
    pub debug_events: bool,
    /// Budget of a prompt.
    pub prompt: PromptBudget,
    /// Retention of records.
    pub retention: Retention,
    /// Channel by which requests reach this engine, for policies.
    pub channel: Channel,
}

impl Default for Settings {
    /// Returns 64 runs, 2 ingestions, documents of 256 MB for 30 minutes, leases of a minute, three attempts, 15
    /// seconds for the store in a run, no debug events.
    fn default() -> Self {
        Self {
            max_runs: 64,
            max_ingests: 2,
            ingest_inline: false,
            max_document_bytes: 256 * 1024 * 1024,
            document_deadline: Duration::from_mins(30),
            job_lease: Duration::from_mins(1),
            job_attempts: 3,
            record_deadline: Duration::from_secs(15),
            debug_events: false,
            prompt: PromptBudget::default(),
            retention: Retention::default(),
            channel: Channel::default(),
        }
    }
}

/// Kinds of obligations that a component of the engine discharges. A component that comes to discharge one adds it
/// here; any other obligation denies its action.
const DISCHARGED_OBLIGATIONS: [&str; 0] = [];

/// Parts that all use cases share.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) gateway: Gateway,
    pub(crate) policy: Arc<dyn PolicyEngine>,
    pub(crate) parser: Arc<dyn DocumentParser>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) settings: Settings,
    pub(crate) runs: Registry,
    pub(crate) tasks: Arc<TaskGroup>,
}

impl Engine {
    /// Returns the context of an operation that neither names a model nor belongs to a request.
    pub(crate) fn context(&self, operation: &Operation) -> RequestContext {
        RequestContext::new(self.settings.channel, operation.route)
    }

    /// Returns the policy's decision, a denial if it comes with an obligation that no component discharges. Callers
    /// treat an error as a denial.
    pub(crate) async fn decide(
        &self,
        caller: &Principal,
        operation: &Operation,
        resource: Resource,
        context: RequestContext,
    ) -> Result<Decision> {
        let (action, now) = (operation.action, self.clock.now());
        let request = PolicyRequest { principal: caller, action, resource, context, now };
        Ok(self.policy.decide(&request).await?.requiring_discharge(&DISCHARGED_OBLIGATIONS))
    }

    /// Binds `request` to `caller` if the policy allows `operation`.
    ///
    /// # Errors
    /// Those of [`Decision::into_error`] when the policy does not allow it now.
    pub(crate) async fn authorise<T>(
        &self,
        caller: &Principal,
        operation: &Operation,
        resource: Resource,
        request: T,
    ) -> Result<Authorised<T>> {
        let decision = self.decide(caller, operation, resource, self.context(operation)).await?;
        Authorised::new(caller, decision, request)
    }

    /// Binds the access that a change needs at its commit to `caller`, if the policy allows `operation` now.
    ///
    /// # Errors
    /// As [`Engine::authorise`].
    pub(crate) async fn authorise_change(
        &self,
        caller: &Principal,
        operation: &Operation,
        resource: Resource,
        rule: AccessRule,
    ) -> Result<Authorised<RequiredAccess>> {
        let allowed = self.authorise(caller, operation, resource, ()).await?;
        Ok(allowed.map(|()| RequiredAccess::new(rule, self.clock.now())))
    }

    /// Returns a new id of type `T`.
    pub(crate) fn new_id<T: TryFrom<String, Error = Error>>(&self) -> Result<T> {
        T::try_from(self.ids.next())
            .map_err(|error| Error::new(ErrorKind::Unexpected, "a new id was refused").because(error))
    }
}
