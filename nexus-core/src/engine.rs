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
use crate::policy::{Action, Decision, PolicyEngine, PolicyRequest, Resource};
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
        }
    }
}

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
    /// Returns the policy's decision. Callers treat an error as a denial.
    pub(crate) async fn decide(
        &self,
        caller: &Principal,
        action: Action,
        resource: Resource,
    ) -> Result<Decision> {
        let request = PolicyRequest { principal: caller, action, resource, now: self.clock.now() };
        self.policy.decide(&request).await
    }

    /// Binds `request` to `caller` if the policy allows `action`.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied) when the policy does not allow it.
    pub(crate) async fn authorise<T>(
        &self,
        caller: &Principal,
        action: Action,
        resource: Resource,
        request: T,
    ) -> Result<Authorised<T>> {
        let decision = self.decide(caller, action, resource).await?;
        match Authorised::new(caller, &decision, request) {
            Some(authorised) => Ok(authorised),
            None => Err(decision.into_error()),
        }
    }

    /// Binds the access that a change needs at its commit to `caller`, if the policy allows `action` now.
    ///
    /// # Errors
    /// As [`Engine::authorise`].
    pub(crate) async fn authorise_change(
        &self,
        caller: &Principal,
        action: Action,
        resource: Resource,
        rule: AccessRule,
    ) -> Result<Authorised<RequiredAccess>> {
        let allowed = self.authorise(caller, action, resource, ()).await?;
        Ok(allowed.map(|()| RequiredAccess::new(rule, self.clock.now())))
    }

    /// Returns a new id of type `T`.
    pub(crate) fn new_id<T: TryFrom<String, Error = Error>>(&self) -> Result<T> {
        T::try_from(self.ids.next())
            .map_err(|error| Error::new(ErrorKind::Unexpected, "a new id was refused").because(error))
    }
}
