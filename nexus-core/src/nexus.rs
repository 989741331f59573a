//! [`Nexus`]: what an embedding program holds. Every method takes a [`Principal`] and asks the policy first.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::access::{Authorised, Grant, Grantee, Permission, Visibility};
use crate::audit::{Draft, KeyRing, Kind, Payload, Verification, verify_run};
use crate::builder::Builder;
use crate::clock::Timestamp;
use crate::document::store::{CorpusPatch, DocumentQuery, Submitted};
use crate::document::{ChunkConfig, Corpus, Document, Job, JobState, NewDocument, Passage, Source};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{CorpusId, DocumentId, GrantId, JobId, RunId, SessionId, check_name};
use crate::ingest::BroughtPassage;
use crate::policy::{Action, Resource};
use crate::principal::Principal;
use crate::retrieve::{CorpusConfig, ModelId, Retrieved};
use crate::run::{AskBuilder, EventStream, Run, RunQuery};
use crate::search::Search;
use crate::session::{Message, Session};
use crate::store::{Census, Store};

/// How often a job that another worker has is looked at.
const JOB_POLL: Duration = Duration::from_millis(20);

/// Governed retrieval-augmented generation over one store. Cheap to clone; all clones are the same engine.
#[derive(Clone, Debug)]
pub struct Nexus {
    engine: Arc<Engine>,
}

/// What a Nexus is made of and what it holds for a tenant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The version of the library.
    pub version: &'static str,
    /// The provider that answers.
    pub llm_provider: String,
    /// The model that answers.
    pub llm_model: String,
    /// The model that embeds, if there is one.
    pub embedding_model: Option<String>,
    /// Whether that model knows meaning; false for one that only serves tests.
    pub embedding_is_semantic: bool,
    /// How corpora are searched: `lexical` without an embedder, else `hybrid`.
    pub search_mode: &'static str,
    /// The version of the policy in force.
    pub policy_version: String,
    /// The id of the key that signs audit records.
    pub audit_key: String,
    /// What the store holds.
    pub store: Census,
}

/// A request for everything that a tenant has, which a store's own export or import takes as proof.
#[derive(Clone, Copy, Debug)]
pub struct WholeTenant;

impl Nexus {
    /// Begins to put a Nexus together.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine: Arc::new(engine) }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.engine.store
    }

    // ---- corpora ----

    /// Makes a corpus. `config` is its `provider_config_json`; `{}` means the defaults.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`Conflict`](ErrorKind::Conflict) when the id is taken;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for settings that cannot be honoured.
    pub async fn create_corpus(
        &self,
        who: &Principal,
        id: CorpusId,
        name: &str,
        config: serde_json::Value,
    ) -> Result<Corpus> {
        self.allow(who, Action::CorpusWrite, Resource::corpus(&id)).await?;
        check_name("corpus name", name)?;
        CorpusConfig::parse(&config)?;
        let created_at = self.engine.clock.now();
        let corpus = Corpus { id, name: name.to_owned(), provider_config_json: config, created_at };
        self.engine.store.create_corpus(who.tenant(), corpus.clone()).await?;
        Ok(corpus)
    }

    /// Changes a corpus's name or settings.
    ///
    /// # Errors
    /// As [`Nexus::create_corpus`]; [`NotFound`](ErrorKind::NotFound).
    pub async fn update_corpus(&self, who: &Principal, id: &CorpusId, patch: CorpusPatch) -> Result<Corpus> {
        self.allow(who, Action::CorpusWrite, Resource::corpus(id)).await?;
        patch.name.iter().try_for_each(|name| check_name("corpus name", name))?;
        patch.provider_config_json.iter().try_for_each(|config| CorpusConfig::parse(config).map(|_| ()))?;
        self.engine.store.update_corpus(who.tenant(), id, patch).await
    }

    /// One corpus.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound).
    pub async fn corpus(&self, who: &Principal, id: &CorpusId) -> Result<Corpus> {
        self.allow(who, Action::CorpusRead, Resource::corpus(id)).await?;
        self.engine.store.corpus(who.tenant(), id).await
    }

    /// All corpora of the tenant, in order of id.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn corpora(&self, who: &Principal) -> Result<Vec<Corpus>> {
        self.allow(who, Action::CorpusRead, Resource::default()).await?;
        self.engine.store.corpora(who.tenant()).await
    }

    /// Removes a corpus with all its documents.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound); [`Conflict`](ErrorKind::Conflict) while a
    /// document is being ingested.
    pub async fn delete_corpus(&self, who: &Principal, id: &CorpusId) -> Result<()> {
        self.allow(who, Action::CorpusDelete, Resource::corpus(id)).await?;
        self.engine.store.delete_corpus(who.tenant(), id).await
    }

    // ---- documents ----

    /// Keeps a document and queues the job that makes it searchable; [`Nexus::work`] does such jobs.
    ///
    /// The same bytes under the same id, described and cut the same way, change nothing and say so.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound) without the corpus;
    /// [`Conflict`](ErrorKind::Conflict) when the id is taken and `overwrite` is not set, or its job is in flight;
    /// [`InvalidInput`](ErrorKind::InvalidInput) over the size limit.
    pub async fn ingest(
        &self,
        who: &Principal,
        document: NewDocument,
        source: impl Source + 'static,
    ) -> Result<Submitted> {
        self.engine.submit(who, document, Box::new(source)).await
    }

    /// Like [`Nexus::ingest`], for passages that the caller has cut already, and perhaps embedded by `model`.
    ///
    /// # Errors
    /// As [`Nexus::ingest`].
    pub async fn ingest_passages(
        &self,
        who: &Principal,
        document: NewDocument,
        model: Option<ModelId>,
        passages: &[BroughtPassage],
    ) -> Result<Submitted> {
        self.engine.submit_passages(who, document, model, passages).await
    }

    /// Cuts a document anew from its raw bytes, in another way if `chunking` says so.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound); [`Conflict`](ErrorKind::Conflict) while its
    /// job is in flight.
    pub async fn reindex(
        &self,
        who: &Principal,
        document: &DocumentId,
        chunking: Option<ChunkConfig>,
    ) -> Result<Submitted> {
        self.engine.reindex(who, document, chunking).await
    }

    /// Does queued jobs until none is left, as many at once as the settings allow; says how many it did.
    ///
    /// # Errors
    /// Those of the store. A document that cannot be read fails its job, not this call.
    pub async fn work(&self) -> Result<usize> {
        let workers = (0..self.engine.settings.max_ingests.max(1)).map(|_| async {
            let mut done = 0;
            while !self.engine.tasks.is_stopping() && self.engine.work_one().await? {
                done += 1;
            }
            Ok::<usize, Error>(done)
        });
        Ok(futures::future::try_join_all(workers).await?.into_iter().sum())
    }

    /// Does queued jobs in the background until [`Nexus::shutdown`], looking for new ones every `pause`.
    pub fn work_in_background(&self, pause: Duration) {
        let nexus = self.clone();
        self.engine.tasks.spawn(async move {
            while !nexus.engine.tasks.is_stopping() {
                if let Err(error) = nexus.work().await {
                    tracing::error!(error = %error.report(), "ingestion jobs could not be done");
                }
                tokio::select! {
                    () = nexus.engine.tasks.stopping() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    /// Does queued jobs until `job` has ended, here or elsewhere, and returns it.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound).
    pub async fn finish_job(&self, who: &Principal, job: &JobId) -> Result<Job> {
        loop {
            let found = self.job(who, job).await?;
            match found.state {
                JobState::Succeeded | JobState::Failed { .. } => return Ok(found),
                JobState::Queued | JobState::Processing { .. } => {}
            }
            if !self.engine.work_one().await? {
                tokio::time::sleep(JOB_POLL).await;
            }
        }
    }

    /// One ingestion job, for whoever may read its document.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound).
    pub async fn job(&self, who: &Principal, id: &JobId) -> Result<Job> {
        self.allow(who, Action::DocumentRead, Resource::default()).await?;
        let job = self.engine.store.job(who.tenant(), id).await?;
        self.engine.permitted_document(who, &job.document_id, Permission::Read).await?;
        Ok(job)
    }

    /// One document.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound), also when the caller may not read it.
    pub async fn document(&self, who: &Principal, id: &DocumentId) -> Result<Document> {
        self.allow(who, Action::DocumentRead, Resource::document(id)).await?;
        self.engine.permitted_document(who, id, Permission::Read).await
    }

    /// The documents that the caller may read, in order of id.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn documents(&self, who: &Principal, query: &DocumentQuery) -> Result<Vec<Document>> {
        self.allow(who, Action::DocumentRead, Resource::default()).await?;
        let now = self.engine.clock.now();
        self.engine.store.documents(who.tenant(), &Visibility::of(who), query, now).await
    }

    /// Passages of a document, in reading order, from number `from`.
    ///
    /// # Errors
    /// As [`Nexus::document`].
    pub async fn passages(
        &self,
        who: &Principal,
        id: &DocumentId,
        from: u32,
        limit: usize,
    ) -> Result<Vec<Passage>> {
        self.document(who, id).await?;
        self.engine.store.passages(who.tenant(), id, from, limit).await
    }

    /// Removes a document with all that hangs on it.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound); [`Conflict`](ErrorKind::Conflict) while its
    /// job is in flight.
    pub async fn delete_document(&self, who: &Principal, id: &DocumentId) -> Result<()> {
        self.allow(who, Action::DocumentDelete, Resource::document(id)).await?;
        let document = self.engine.permitted_document(who, id, Permission::Delete).await?;
        let facts = Payload::new().id("document", id).word("content_hash", &document.content_hash);
        let audit = self.engine.single_act(who, Kind::new("document.deleted"), facts)?;
        self.engine.store.delete_document(who.tenant(), id, audit).await
    }

    /// Gives somebody a permission on a document, until `expires_at` if that is set.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied) unless the caller owns the document; [`NotFound`](ErrorKind::NotFound).
    pub async fn grant(
        &self,
        who: &Principal,
        document: &DocumentId,
        grantee: Grantee,
        permission: Permission,
        expires_at: Option<Timestamp>,
    ) -> Result<Grant> {
        self.allow(who, Action::DocumentGrant, Resource::document(document)).await?;
        self.engine.permitted_document(who, document, Permission::Owner).await?;
        let grant = Grant {
            id: self.engine.new_id()?,
            document_id: document.clone(),
            grantee,
            permission,
            granted_by: who.subject().clone(),
            expires_at,
            created_at: self.engine.clock.now(),
        };
        self.engine.store.grant(who.tenant(), grant).await
    }

    /// Takes a permission back. Binds the next search.
    ///
    /// # Errors
    /// As [`Nexus::grant`].
    pub async fn revoke(&self, who: &Principal, document: &DocumentId, grant: &GrantId) -> Result<Grant> {
        self.allow(who, Action::DocumentGrant, Resource::document(document)).await?;
        self.engine.permitted_document(who, document, Permission::Owner).await?;
        self.engine.store.revoke(who.tenant(), document, grant).await
    }

    /// The grants on a document, for its owners.
    ///
    /// # Errors
    /// As [`Nexus::grant`].
    pub async fn grants(&self, who: &Principal, document: &DocumentId) -> Result<Vec<Grant>> {
        self.allow(who, Action::DocumentRead, Resource::document(document)).await?;
        self.engine.permitted_document(who, document, Permission::Owner).await?;
        self.engine.store.grants(who.tenant(), document).await
    }

    // ---- questions ----

    /// Finds passages.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound) without the corpus;
    /// [`InvalidInput`](ErrorKind::InvalidInput).
    pub async fn search(&self, who: &Principal, search: Search) -> Result<Retrieved> {
        self.engine.search(who, Action::CorpusSearch, search).await
    }

    /// Begins to put a question together; [`AskBuilder::start`] asks it.
    pub fn ask(&self, who: &Principal, question: impl Into<String>) -> AskBuilder {
        AskBuilder::new(Arc::clone(&self.engine), who.clone(), question.into())
    }

    /// Takes up the runs that a process before this one left unfinished; says how many there were.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn resume(&self) -> Result<usize> {
        self.engine.resume_runs().await
    }

    /// One run: the caller's own, or any of the tenant for an admin.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound).
    pub async fn run(&self, who: &Principal, id: &RunId) -> Result<Run> {
        self.engine.permitted_run(who, Action::RunRead, id).await
    }

    /// Runs, latest first: the caller's own, or all of the tenant for an admin.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn runs(&self, who: &Principal, query: RunQuery) -> Result<Vec<Run>> {
        self.allow(who, Action::RunRead, Resource::default()).await?;
        let owner = match Visibility::of(who) {
            Visibility::All => query.owner,
            Visibility::Granted(_) => Some(who.subject().clone()),
        };
        self.engine.store.runs(who.tenant(), &RunQuery { owner, ..query }).await
    }

    /// The events of a run from `seq` on: those recorded, then those to come, up to the last one.
    ///
    /// # Errors
    /// As [`Nexus::run`]; [`NotFound`](ErrorKind::NotFound) with `RESUME_UNSUPPORTED` when the journal was erased.
    pub async fn events(&self, who: &Principal, id: &RunId, from: u64) -> Result<EventStream> {
        let run = self.engine.permitted_run(who, Action::RunRead, id).await?;
        Ok(EventStream::new(Arc::clone(&self.engine), run, from))
    }

    /// Ends a run. One that another process drives is asked to end.
    ///
    /// # Errors
    /// As [`Nexus::run`]; [`Conflict`](ErrorKind::Conflict) when it is over.
    pub async fn cancel(&self, who: &Principal, id: &RunId) -> Result<()> {
        let run = self.engine.permitted_run(who, Action::RunCancel, id).await?;
        if run.outcome().is_some() {
            return Err(Error::new(ErrorKind::Conflict, "the run is over").code("RUN_CLOSED"));
        }
        if !self.engine.runs.cancel(who.tenant(), id) {
            self.engine.store.request_cancel(who, id).await?;
        }
        Ok(())
    }

    /// Erases what a run showed, question and answer included; its audit chain stays and still verifies.
    ///
    /// # Errors
    /// As [`Nexus::run`].
    pub async fn prune_journal(&self, who: &Principal, id: &RunId) -> Result<()> {
        self.engine.permitted_run(who, Action::RunCancel, id).await?;
        self.engine.store.prune_journal(who.tenant(), id).await
    }

    /// Judges the audit chain of a run or job. `keys` are the key ring to check signatures with, this Nexus's own
    /// unless told.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound).
    pub async fn verify(&self, who: &Principal, run: &str, keys: Option<&KeyRing>) -> Result<Verification> {
        self.allow(who, Action::AuditRead, Resource::default()).await?;
        let (store, keys) = (&self.engine.store, keys.unwrap_or(self.engine.sealer.keys()));
        verify_run(store.as_ref(), store.instance(), who.tenant(), run, Some(keys)).await
    }

    /// The ids of the runs and jobs that have audit chains, in order, after `after`.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn chains(&self, who: &Principal, after: Option<String>, limit: usize) -> Result<Vec<String>> {
        self.allow(who, Action::AuditRead, Resource::default()).await?;
        let chains = self.engine.store.chains(who.tenant(), after, limit).await?;
        Ok(chains.into_iter().map(|chain| chain.run).collect())
    }

    // ---- sessions ----

    /// The caller's sessions, latest first; all of the tenant's for an admin.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn sessions(&self, who: &Principal, limit: usize) -> Result<Vec<Session>> {
        self.allow(who, Action::RunRead, Resource::default()).await?;
        let owner = match Visibility::of(who) {
            Visibility::All => None,
            Visibility::Granted(_) => Some(who.subject()),
        };
        self.engine.store.sessions(who.tenant(), owner, limit).await
    }

    /// The last messages of a session, oldest first.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound), also for somebody else's.
    pub async fn messages(&self, who: &Principal, id: &SessionId, limit: usize) -> Result<Vec<Message>> {
        self.allow(who, Action::RunRead, Resource::default()).await?;
        let session = self.engine.store.session(who.tenant(), id).await?;
        if session.owner != *who.subject() && Visibility::of(who) != Visibility::All {
            return Err(Error::not_found("there is no such session"));
        }
        self.engine.store.messages(who.tenant(), id, limit).await
    }

    // ---- the whole ----

    /// What this Nexus is made of and holds for the tenant.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn status(&self, who: &Principal) -> Result<Status> {
        self.allow(who, Action::StatusRead, Resource::default()).await?;
        let (provider, model) = self.engine.gateway.answers_with();
        let embedder = self.engine.gateway.embedder();
        Ok(Status {
            version: env!("CARGO_PKG_VERSION"),
            llm_provider: provider.to_owned(),
            llm_model: model.to_owned(),
            embedding_model: embedder.map(|embedder| embedder.model().to_string()),
            embedding_is_semantic: embedder.is_some_and(|embedder| embedder.is_semantic()),
            search_mode: if embedder.is_some() { "hybrid" } else { "lexical" },
            policy_version: self.engine.policy.version(),
            audit_key: self.engine.sealer.keys().active_kid().to_owned(),
            store: self.engine.store.census(who.tenant()).await?,
        })
    }

    /// Proof that `who` may take out or bring in all that the tenant has, for a store's export or import.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn whole_tenant(&self, who: &Principal) -> Result<Authorised<WholeTenant>> {
        self.engine.authorise(who, Action::TenantExport, Resource::default(), WholeTenant).await
    }

    /// Ends background work within `deadline`, then closes the store. Runs that had to be left are taken up by the
    /// next [`Nexus::resume`]. Says whether all work ended by itself.
    ///
    /// # Errors
    /// Those of closing the store.
    pub async fn shutdown(&self, deadline: Duration) -> Result<bool> {
        let drained = self.engine.tasks.shutdown(deadline).await;
        self.engine.store.close().await?;
        Ok(drained)
    }

    async fn allow(&self, who: &Principal, action: Action, resource: Resource) -> Result<()> {
        self.engine.authorise(who, action, resource, ()).await.map(|_| ())
    }
}

impl Engine {
    /// A document on which `who` holds `permission`. Without `read` it looks as if it did not exist.
    pub(crate) async fn permitted_document(
        &self,
        who: &Principal,
        id: &DocumentId,
        permission: Permission,
    ) -> Result<Document> {
        let document = self.store.document(who.tenant(), id).await?;
        let (visibility, now) = (Visibility::of(who), self.clock.now());
        let grants = self.store.grants(who.tenant(), id).await?;
        if visibility.permits(permission, &grants, now) {
            Ok(document)
        } else if visibility.permits(Permission::Read, &grants, now) {
            Err(Error::new(ErrorKind::Denied, format!("this needs the permission `{permission}` on the document")))
        } else {
            Err(Error::not_found("there is no such document"))
        }
    }

    /// A run of `who`, or of anyone for an admin. Somebody else's looks as if it did not exist.
    pub(crate) async fn permitted_run(&self, who: &Principal, action: Action, id: &RunId) -> Result<Run> {
        self.authorise(who, action, Resource::default(), ()).await?;
        let run = self.store.run(who.tenant(), id).await?;
        if run.principal.subject() == who.subject() || Visibility::of(who) == Visibility::All {
            Ok(run)
        } else {
            Err(Error::not_found("there is no such run"))
        }
    }

    /// A chain of its own for an act that is over at once: opened, told and closed.
    fn single_act(&self, who: &Principal, kind: Kind, facts: Payload) -> Result<crate::audit::Pending> {
        let (chain, now, policy): (JobId, _, _) = (self.new_id()?, self.clock.now(), self.policy.version());
        let draft = |kind| Draft::new(who, chain.as_str(), kind, policy.as_str(), now);
        Ok(self.pending(vec![
            draft(Kind::RUN_OPEN),
            draft(kind).with_payload(facts),
            draft(Kind::RUN_CLOSE).with_payload(Payload::new().word("outcome", "succeeded")),
        ]))
    }
}
