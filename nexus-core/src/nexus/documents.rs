//! Documents of the facade: ingestion, jobs, and grants.

use std::sync::Arc;
use std::time::Duration;

use super::Nexus;
use crate::access::{AccessRule, Grant, Grantee, Permission, Visibility};
use crate::audit::{Kind, Payload};
use crate::clock::Timestamp;
use crate::document::store::{DocumentQuery, Submitted};
use crate::document::{ChunkConfig, Document, DocumentStatus, Job, JobState, NewDocument, Passage, Source};
use crate::engine::{Engine, GRANT_RULE};
use crate::error::{Error, Result};
use crate::id::{DocumentId, GrantId, JobId, ModelId};
use crate::ingest::{PendingJobs, PrechunkedPassage};
use crate::page::Page;
use crate::policy::{EDITORS, Operation, READERS, Resource, Route};
use crate::principal::Principal;

/// Poll interval for a job that another worker runs.
const JOB_POLL: Duration = Duration::from_millis(20);

/// Operation of reading a document.
pub const DOCUMENT_READ: Operation =
    Operation::new("document.read", READERS, Route::get("/v1/documents/{document_id}"));
/// Operation of listing documents.
pub const DOCUMENT_LIST: Operation = DOCUMENT_READ.at(Route::get("/v1/documents"));
/// Operation of reading passages of a document.
pub const PASSAGE_LIST: Operation =
    DOCUMENT_READ.at(Route::get("/v1/documents/{document_id}/passages")).showing_text();
/// Operation of following an ingestion job.
pub const JOB_READ: Operation = DOCUMENT_READ.at(Route::get("/v1/jobs/{job_id}"));
/// Operation of listing the grants on a document.
pub const GRANT_LIST: Operation =
    DOCUMENT_READ.at(Route::get("/v1/admin/authz/documents/{document_id}/permissions"));
/// Operation of removing a document.
pub const DOCUMENT_DELETE: Operation =
    Operation::new("document.delete", EDITORS, Route::delete("/v1/documents/{document_id}"));
/// Operation of granting a permission on a document.
pub const GRANT_CREATE: Operation = Operation::new(
    "document.grant",
    EDITORS,
    Route::post("/v1/admin/authz/documents/{document_id}/permissions"),
);
/// Operation of revoking a grant.
pub const GRANT_REVOKE: Operation =
    GRANT_CREATE.at(Route::delete("/v1/admin/authz/documents/{document_id}/permissions/{permission_id}"));

pub(super) const DELETED: Kind = Kind::new("document.deleted");
const GRANTED: Kind = Kind::new("grant.created");
const REVOKED: Kind = Kind::new("grant.revoked");

impl Nexus {
    /// Stores a document and queues the job that makes it searchable. [`Nexus::run_pending_jobs`] runs such jobs, or
    /// this call itself where [`Settings::ingest_inline`](crate::Settings::ingest_inline) is set.
    ///
    /// The same bytes under the same id, described and chunked the same way, change nothing and are reported as
    /// `unchanged`.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`NotFound`](crate::ErrorKind::NotFound) without the corpus;
    /// [`Conflict`](crate::ErrorKind::Conflict) when the id is taken and `overwrite` is not set, or its job is in flight;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) over the size limit.
    pub async fn ingest(
        &self,
        caller: &Principal,
        document: NewDocument,
        source: impl Source + 'static,
    ) -> Result<Submitted> {
        let submitted = self.engine.submit(caller, document, Box::new(source)).await?;
        self.inline(caller, submitted).await
    }

    /// Ingests passages that the caller has cut already, and perhaps embedded by `model`, like [`Nexus::ingest`].
    ///
    /// # Errors
    /// As [`Nexus::ingest`].
    pub async fn ingest_passages(
        &self,
        caller: &Principal,
        document: NewDocument,
        model: Option<ModelId>,
        passages: &[PrechunkedPassage],
    ) -> Result<Submitted> {
        let submitted = self.engine.submit_passages(caller, document, model, passages).await?;
        self.inline(caller, submitted).await
    }

    /// Chunks a document again from its raw bytes, with another `chunking` if it is given.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`NotFound`](crate::ErrorKind::NotFound); [`Conflict`](crate::ErrorKind::Conflict) while its
    /// job is in flight.
    pub async fn reindex(
        &self,
        caller: &Principal,
        document: &DocumentId,
        chunking: Option<ChunkConfig>,
    ) -> Result<Submitted> {
        let submitted = self.engine.reindex(caller, document, chunking).await?;
        self.inline(caller, submitted).await
    }

    /// Runs queued jobs, and those that a dead process began, until none is left, as many at once as the settings
    /// allow. The result counts those that succeeded and those that failed. [`PendingJobs::until`] ends earlier.
    ///
    /// # Errors
    /// Those of the store. A document that cannot be read fails its job, not this call.
    pub fn run_pending_jobs(&self) -> PendingJobs {
        PendingJobs::new(Arc::clone(&self.engine))
    }

    /// Runs queued jobs in the background until [`Nexus::shutdown`], polling for new ones every `pause`.
    pub fn work_in_background(&self, pause: Duration) {
        let nexus = self.clone();
        self.engine.tasks.spawn(async move {
            while !nexus.engine.tasks.is_stopping() {
                if let Err(error) = nexus.run_pending_jobs().await {
                    tracing::error!(error = %error.report(), "ingestion jobs could not be done");
                }
                tokio::select! {
                    () = nexus.engine.tasks.stopping() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    /// Runs queued jobs until `job` has ended, here or elsewhere, and returns it. Its state is then
    /// [`Succeeded`](JobState::Succeeded), or [`Failed`](JobState::Failed) with the reason.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn wait_for_job(&self, caller: &Principal, job: &JobId) -> Result<Job> {
        self.authorise_all(caller, &JOB_READ).await?;
        loop {
            let found = self.engine.permitted_job(caller, job).await?;
            match found.state {
                JobState::Succeeded | JobState::Failed { .. } => return Ok(found),
                JobState::Queued | JobState::Processing { .. } => {}
            }
            if self.engine.run_next_job().await?.is_none() {
                tokio::time::sleep(JOB_POLL).await;
            }
        }
    }

    /// Runs the job before its submission is acknowledged, where the settings say so.
    async fn inline(&self, caller: &Principal, submitted: Submitted) -> Result<Submitted> {
        if !self.engine.settings.ingest_inline || !submitted.status.is_in_flight() {
            return Ok(submitted);
        }
        let status = match self.wait_for_job(caller, &submitted.job_id).await?.state {
            JobState::Failed { .. } => DocumentStatus::Failed,
            JobState::Queued | JobState::Processing { .. } | JobState::Succeeded => DocumentStatus::Succeeded,
        };
        Ok(Submitted { status, ..submitted })
    }

    /// Returns one ingestion job, to a caller who may read its document.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn job(&self, caller: &Principal, id: &JobId) -> Result<Job> {
        self.authorise_all(caller, &JOB_READ).await?;
        self.engine.permitted_job(caller, id).await
    }

    /// Returns one document.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`NotFound`](crate::ErrorKind::NotFound), also when the caller may not read it.
    pub async fn document(&self, caller: &Principal, id: &DocumentId) -> Result<Document> {
        self.authorise(caller, &DOCUMENT_READ, Resource::document(id)).await?;
        let document = self.engine.permitted_document(caller, &DOCUMENT_READ, id, Permission::Read).await?;
        Ok(document.marked(self.engine.parser.as_ref()))
    }

    /// Returns a page of the documents that the caller may read, in order of id. The key is the id.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied).
    pub async fn documents(&self, caller: &Principal, query: &DocumentQuery) -> Result<Vec<Document>> {
        self.authorise_all(caller, &DOCUMENT_LIST).await?;
        let (visibility, now) = (Visibility::of(caller), self.engine.clock.now());
        let query = DocumentQuery { page: query.page.clone().bounded(), ..query.clone() };
        let documents = self.engine.documents.documents(caller.tenant(), &visibility, &query, now).await?;
        Ok(documents.into_iter().map(|document| document.marked(self.engine.parser.as_ref())).collect())
    }

    /// Returns a page of the passages of a document, in reading order. The key is the number of the passage.
    ///
    /// # Errors
    /// As [`Nexus::document`]; those of [`invalid_cursor`](crate::invalid_cursor).
    pub async fn passages(&self, caller: &Principal, id: &DocumentId, page: Page) -> Result<Vec<Passage>> {
        self.engine.authorise(caller, &PASSAGE_LIST, Resource::document(id), ()).await?;
        self.engine.permitted_document(caller, &PASSAGE_LIST, id, Permission::Read).await?;
        let passages = self.engine.documents.passages(caller.tenant(), id, &page.bounded()).await?;
        let from = passages.first().map_or(0, |first| first.key.index);
        let facts = Payload::new().id("document", id).count("from", from).count("count", passages.len());
        self.engine.record_read(caller, &PASSAGE_LIST, facts).await?;
        Ok(passages)
    }

    /// Removes a document with its passages, grants and vectors.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); [`NotFound`](crate::ErrorKind::NotFound); [`Conflict`](crate::ErrorKind::Conflict) while its
    /// job is in flight.
    pub async fn delete_document(&self, caller: &Principal, id: &DocumentId) -> Result<()> {
        let (resource, rule) = (Resource::document(id), AccessRule::Holds(Permission::Delete));
        let access = self.engine.authorise_change(caller, &DOCUMENT_DELETE, resource.clone(), rule).await?;
        let document =
            self.engine.permitted_document(caller, &DOCUMENT_DELETE, id, Permission::Delete).await?;
        let facts = Payload::new().id("document", id).token("content_hash", &document.content_hash);
        let audit = self.engine.single_event_chain(caller, DELETED, facts)?;
        let deleted = self.engine.documents.delete_document(&access, id, audit).await;
        self.engine.noting_denial(caller, &DOCUMENT_DELETE, &resource, deleted).await
    }

    /// Grants a permission on a document, until `expires_at` if that is set.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied) unless the caller owns the document; [`NotFound`](crate::ErrorKind::NotFound);
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `GRANT_EXPIRED` for an end that is past already.
    pub async fn grant(
        &self,
        caller: &Principal,
        document: &DocumentId,
        grantee: Grantee,
        permission: Permission,
        expires_at: Option<Timestamp>,
    ) -> Result<Grant> {
        let (resource, rule) = (Resource::document(document), AccessRule::Holds(Permission::Owner));
        let access = self.engine.authorise_change(caller, &GRANT_CREATE, resource.clone(), rule).await?;
        let now = self.engine.clock.now();
        if let Some(end) = expires_at.filter(|end| *end <= now) {
            return Err(Error::invalid(format!("the grant would have ended at {end} already"))
                .with_code("GRANT_EXPIRED")
                .with_hint("give a time to come, or revoke the grant instead"));
        }
        let grant = Grant {
            id: self.engine.new_id()?,
            document_id: document.clone(),
            grantee,
            permission,
            granted_by: caller.subject().clone(),
            expires_at,
            created_at: now,
        };
        let audit = self.engine.single_event_chain(caller, GRANTED, grant_facts(&grant))?;
        let granted = self.engine.grants.grant(&access, grant, audit).await;
        self.engine.noting_denial(caller, &GRANT_CREATE, &resource, granted).await
    }

    /// Revokes a grant, with effect from the next search.
    ///
    /// # Errors
    /// As [`Nexus::grant`].
    pub async fn revoke(&self, caller: &Principal, document: &DocumentId, grant: &GrantId) -> Result<Grant> {
        let (resource, rule) = (Resource::document(document), AccessRule::Holds(Permission::Owner));
        let access = self.engine.authorise_change(caller, &GRANT_REVOKE, resource.clone(), rule).await?;
        // The grantee and the permission of an id never change, so that reading them before the revocation is safe.
        let grants = self.engine.grants.grants(caller.tenant(), document, &Page::all()).await?;
        let facts = match grants.iter().find(|found| found.id == *grant) {
            Some(found) => grant_facts(found),
            None => Payload::new().id("document", document),
        };
        let audit = self.engine.single_event_chain(caller, REVOKED, facts.id("grant", grant))?;
        let revoked = self.engine.grants.revoke(&access, document, grant, audit).await;
        self.engine.noting_denial(caller, &GRANT_REVOKE, &resource, revoked).await
    }

    /// Returns a page of the grants on a document, to its owners, in order of creation. The key is the id.
    ///
    /// # Errors
    /// As [`Nexus::grant`]; those of [`invalid_cursor`](crate::invalid_cursor).
    pub async fn grants(&self, caller: &Principal, document: &DocumentId, page: Page) -> Result<Vec<Grant>> {
        self.authorise(caller, &GRANT_LIST, Resource::document(document)).await?;
        self.engine.permitted_document(caller, &GRANT_LIST, document, Permission::Owner).await?;
        self.engine.grants.grants(caller.tenant(), document, &page.bounded()).await
    }
}

/// Returns the facts of a grant. Its id is not among them: a grant that replaces another keeps the other's id.
fn grant_facts(grant: &Grant) -> Payload {
    let facts = Payload::new()
        .id("document", &grant.document_id)
        .token("grantee_kind", grant.grantee.kind())
        .token("grantee", grant.grantee.id())
        .token("permission", grant.permission.as_str());
    grant.expires_at.iter().fold(facts, |facts, end| facts.time("expires_at", *end))
}

impl Engine {
    /// Returns a job on whose document `caller` holds `read`. Without it, the document is `NotFound`.
    async fn permitted_job(&self, caller: &Principal, id: &JobId) -> Result<Job> {
        let job = self.jobs.job(caller.tenant(), id).await?;
        self.permitted_document(caller, &JOB_READ, &job.document_id, Permission::Read).await?;
        Ok(job)
    }

    /// Returns a document on which `caller` holds `permission`. Without `read` it is `NotFound`.
    pub(crate) async fn permitted_document(
        &self,
        caller: &Principal,
        operation: &Operation,
        id: &DocumentId,
        permission: Permission,
    ) -> Result<Document> {
        let document = self.documents.document(caller.tenant(), id).await?;
        let (visibility, now) = (Visibility::of(caller), self.clock.now());
        let grants = self.grants.grants(caller.tenant(), id, &Page::all()).await?;
        if visibility.permits(permission, &grants, now) {
            Ok(document)
        } else if visibility.permits(Permission::Read, &grants, now) {
            let message = format!("this needs the permission `{permission}` on the document");
            Err(self.refuse(caller, operation, &Resource::document(id), GRANT_RULE, message).await)
        } else {
            Err(Error::not_found("there is no such document").with_code("DOCUMENT_NOT_FOUND"))
        }
    }
}
