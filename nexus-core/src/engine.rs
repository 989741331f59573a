//! The governed engine: what the use cases share. Every one of them asks [`Engine::authorise`] first.

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
    /// How many runs may be driven at once; beyond that a question is refused with `SERVICE_BUSY`.
    pub max_runs: usize,
    /// How many documents may be ingested at once.
    pub max_ingests: usize,
    /// Whether a document's job is done before the call that brings it returns.
    pub ingest_inline: bool,
    /// The largest document, in bytes.
    pub max_document_bytes: u64,
    /// How long one document may take.
    pub document_deadline: Duration,
    /// How long a worker has a job without a sign of life.
    pub job_lease: Duration,
    /// How often a job is begun before it is given up.
    pub job_attempts: u32,
    /// How long a step of a run waits for the store before the run's followers are told that it does. It goes on waiting.
    pub record_deadline: Duration,
    /// Whether runs tell everything that was found, in `debug.retrieval` events.
    pub debug_events: bool,
    /// How much a model is shown.
    pub prompt: PromptBudget,
    /// How long records are kept.
    pub retention: Retention,
}

impl Default for Settings {
    /// 64 runs, 2 ingests, documents of 256 MB for 30 minutes, leases of a minute, three attempts, 15
    /// seconds for a step of a run, no debug events.
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

/// What the use cases work with.
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
    /// Asks the policy. What it cannot decide is an error, and callers treat that as a denial.
    pub(crate) async fn decide(
        &self,
        caller: &Principal,
        action: Action,
        resource: Resource,
    ) -> Result<Decision> {
        let request = PolicyRequest { principal: caller, action, resource, now: self.clock.now() };
        self.policy.decide(&request).await
    }

    /// Binds `request` to `who` if the policy allows `action`.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied) when it does not.
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

    /// Binds the access that a change needs at its commit to `who`, if the policy allows `action` now.
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

    /// A new id of the type that is asked for.
    pub(crate) fn new_id<T: TryFrom<String, Error = Error>>(&self) -> Result<T> {
        T::try_from(self.ids.next())
            .map_err(|error| Error::new(ErrorKind::Unexpected, "a new id was refused").because(error))
    }
}
