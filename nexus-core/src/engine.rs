//! Governed engine: the parts that all use cases share. Every use case calls [`Engine::authorise`] first.
//!
//! - `denial_log`: the signed records of denials.

mod denial_log;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::access::GrantStore;
use crate::access::{AccessRule, Authorised, RequiredAccess};
use crate::admin::{AdminResourceStore, Registry as ResourceRegistry, SealKey};
use crate::audit::{AuditChain, Draft, Kind, Payload, RecordedReads, Sealer, UnsealedRecords};
use crate::clock::{Clock, check_clock};
use crate::corpus::CorpusStore;
use crate::document::DocumentParser;
use crate::document::{BlobStore, DocumentStore, JobQueue};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::Gateway;
use crate::id::{IdSource, JobId};
use crate::ledger::{LedgerStore, QuotaStore};
use crate::llm::prompt::PromptBudget;
use crate::policy::{
    Channel, Decision, Effect, Operation, PolicyEngine, PolicyRequest, Reason, RequestContext, Resource,
};
use crate::price::PriceStore;
use crate::principal::Principal;
use crate::retention::Retention;
use crate::retention::RetentionStore;
use crate::retrieve::Retriever;
use crate::run::RunStore;
use crate::run::registry::RunRegistry;
use crate::session::SessionStore;
use crate::stats::StatsStore;
use crate::system::SystemStore;
use crate::task_group::TaskGroup;
use crate::transfer::TransferStore;

pub(crate) use denial_log::{Denial, DenialLog};

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
    /// Lease of this process on its runs and calls. It is renewed after each third of it; without a renewal, other
    /// processes on the same store take the work over.
    pub owner_lease: Duration,
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
    /// Reads that leave a record.
    pub recorded_reads: RecordedReads,
}

impl Default for Settings {
    /// Returns 64 runs, 2 ingestions, documents of 256 MB for 30 minutes, job leases of a minute, owner leases of 30
    /// seconds, three attempts, 15 seconds for the store in a run, no debug events, no records of reads.
    fn default() -> Self {
        Self {
            max_runs: 64,
            max_ingests: 2,
            ingest_inline: false,
            max_document_bytes: 256 * 1024 * 1024,
            document_deadline: Duration::from_mins(30),
            job_lease: Duration::from_mins(1),
            owner_lease: Duration::from_secs(30),
            job_attempts: 3,
            record_deadline: Duration::from_secs(15),
            debug_events: false,
            prompt: PromptBudget::default(),
            retention: Retention::default(),
            channel: Channel::default(),
            recorded_reads: RecordedReads::default(),
        }
    }
}

/// Kinds of obligations that a component of the engine discharges. A component that comes to discharge one adds it
/// here; any other obligation denies its action.
const DISCHARGED_OBLIGATIONS: [&str; 0] = [];

/// Audit event of a read.
const READ: Kind = Kind::new("data.read");

/// Rule of Nexus itself: a change of a document needs a grant on it.
pub(crate) const GRANT_RULE: &str = "nexus:grant";
/// Rule of Nexus itself: data of other users is for admins.
pub(crate) const ADMIN_RULE: &str = "nexus:admin";
/// Rule of Nexus itself: an operation that concerns every tenant is for the operator.
pub(crate) const OPERATOR_RULE: &str = "nexus:operator";
/// Rule of Nexus itself: an operation stays within the caller's tenant.
pub(crate) const TENANT_RULE: &str = "nexus:tenant";

/// Returns the facts of a read of `resource`.
pub(crate) fn read_facts(resource: &Resource) -> Payload {
    let facts = Payload::new().token("kind", resource.kind);
    resource.id.iter().fold(facts, |facts, id| facts.token("id", id))
}

/// Parts that all use cases share.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) audit: Arc<dyn AuditChain>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) corpora: Arc<dyn CorpusStore>,
    pub(crate) documents: Arc<dyn DocumentStore>,
    pub(crate) grants: Arc<dyn GrantStore>,
    pub(crate) jobs: Arc<dyn JobQueue>,
    pub(crate) ledger: Arc<dyn LedgerStore>,
    pub(crate) prices: Arc<dyn PriceStore>,
    pub(crate) quota: Arc<dyn QuotaStore>,
    pub(crate) retention: Arc<dyn RetentionStore>,
    pub(crate) retriever: Arc<dyn Retriever>,
    pub(crate) runs: Arc<dyn RunStore>,
    pub(crate) resources: Arc<dyn AdminResourceStore>,
    pub(crate) sessions: Arc<dyn SessionStore>,
    pub(crate) stats: Arc<dyn StatsStore>,
    pub(crate) system: Arc<dyn SystemStore>,
    pub(crate) transfer: Arc<dyn TransferStore>,
    pub(crate) gateway: Gateway,
    pub(crate) policy: Arc<dyn PolicyEngine>,
    pub(crate) parser: Arc<dyn DocumentParser>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) settings: Settings,
    pub(crate) active_runs: RunRegistry,
    /// Kinds of administrative resources.
    pub(crate) registry: ResourceRegistry,
    pub(crate) seal_key: Option<SealKey>,
    /// Whether claimed runs may not be in the registry yet.
    pub(crate) has_unlisted_runs: AtomicBool,
    /// Whether this process takes over the work of others.
    pub(crate) takes_over: AtomicBool,
    pub(crate) tasks: Arc<TaskGroup>,
    pub(crate) denials: Arc<DenialLog>,
}

impl Engine {
    /// Returns the context of an operation that neither names a model nor belongs to a request.
    pub(crate) fn context(&self, operation: &Operation) -> RequestContext {
        RequestContext::new(self.settings.channel, operation.route)
    }

    /// Returns the policy's decision, a denial if it comes with an obligation that no component discharges. Callers
    /// treat an error as a denial, which is recorded here; a decision that denies is recorded by [`Engine::permit`], or
    /// in the chain of a run. Nothing is decided by a clock that was set back behind 1970.
    pub(crate) async fn decide(
        &self,
        caller: &Principal,
        operation: &Operation,
        resource: Resource,
        context: RequestContext,
    ) -> Result<Decision> {
        let (action, now) = (operation.action, check_clock(self.clock.now())?);
        let request = PolicyRequest { principal: caller, action, resource, context, now };
        match self.policy.decide(&request).await {
            Ok(decision) => Ok(decision.requiring_discharge(&DISCHARGED_OBLIGATIONS)),
            Err(error) => {
                let decision = self.denying(caller, Reason::PolicyError, error.message().to_owned());
                let denial = Denial::new(caller, operation, &request.resource, &decision, now);
                let denial = Denial { effect: "error", code: error.code(), ..denial };
                self.note(denial).await;
                Err(error)
            }
        }
    }

    /// Returns the decision that allows `operation` now. A denial leaves a record.
    ///
    /// # Errors
    /// Those of [`Decision::into_error`] when the policy does not allow it now.
    pub(crate) async fn permit(
        &self,
        caller: &Principal,
        operation: &Operation,
        resource: Resource,
        context: RequestContext,
    ) -> Result<Decision> {
        let decision = self.decide(caller, operation, resource.clone(), context).await?;
        if decision.allows() {
            return Ok(decision);
        }
        self.note(Denial::new(caller, operation, &resource, &decision, self.clock.now())).await;
        Err(decision.into_error())
    }

    /// Returns the error of an operation that `rule` of Nexus itself denies, after the policy allowed it. Leaves a record
    /// like a denial of the policy.
    pub(crate) async fn refuse(
        &self,
        caller: &Principal,
        operation: &Operation,
        resource: &Resource,
        rule: &'static str,
        message: impl Into<String>,
    ) -> Error {
        let decision = self.denying(caller, Reason::RoleDenied, message).with_rules(vec![rule.to_owned()]);
        self.note(Denial::new(caller, operation, resource, &decision, self.clock.now())).await;
        decision.into_error()
    }

    /// Returns the answer of a store to a change, and records it if it is a denial: the store checks grants in the
    /// transaction of the change.
    ///
    /// # Errors
    /// That of the answer.
    pub(crate) async fn noting_denial<T>(
        &self,
        caller: &Principal,
        operation: &Operation,
        resource: &Resource,
        answer: Result<T>,
    ) -> Result<T> {
        if let Err(error) = &answer
            && error.kind() == ErrorKind::Denied
        {
            // Only its record counts: the caller gets the store's own error.
            drop(self.refuse(caller, operation, resource, GRANT_RULE, error.message().to_owned()).await);
        }
        answer
    }

    /// Records a read of `caller` where the settings say so. Callers release the result afterwards.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) with `READ_NOT_RECORDED`.
    pub(crate) async fn record_read(
        &self,
        caller: &Principal,
        operation: &Operation,
        facts: Payload,
    ) -> Result<()> {
        let is_recorded = match self.settings.recorded_reads {
            RecordedReads::None => false,
            RecordedReads::Documents => operation.shows_text,
            RecordedReads::All => operation.is_read(),
        };
        if !is_recorded {
            return Ok(());
        }
        // A token has no braces.
        let path = operation.route.path.replace('{', ":").replace('}', "");
        let facts = facts.token("action", operation.action.as_str()).token("path", &path);
        let audit = self.single_event_chain(caller, READ, facts)?;
        self.audit.append(audit).await.map(drop).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "the read cannot be recorded, and is refused therefore")
                .with_code("READ_NOT_RECORDED")
                .with_hint(
                    "`audit.reads` requires a record of each read: run this where the store can be written",
                )
                .because(error)
        })
    }

    pub(crate) async fn note(&self, denial: Denial) {
        self.denials.note(&self.tasks, denial).await;
    }

    fn denying(&self, caller: &Principal, reason: Reason, message: impl Into<String>) -> Decision {
        Decision::new(Effect::Deny, reason, message, self.policy.version(caller.tenant()))
    }

    /// Returns the records of a chain for a single event: opened, recorded and closed.
    pub(crate) fn single_event_chain(
        &self,
        caller: &Principal,
        kind: Kind,
        facts: Payload,
    ) -> Result<UnsealedRecords> {
        let (chain, now, policy): (JobId, _, _) =
            (self.new_id()?, self.clock.now(), self.policy.version(caller.tenant()));
        Ok(self.pending(Draft::single_event(caller, chain.as_str(), kind, &policy, now, facts)))
    }

    /// Wraps drafts that the store seals in its transaction.
    pub(crate) fn pending(&self, drafts: Vec<Draft>) -> UnsealedRecords {
        UnsealedRecords::new(Arc::clone(&self.sealer), drafts)
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
        let decision = self.permit(caller, operation, resource, self.context(operation)).await?;
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
