//! Submission: checks rights, stores the raw bytes, and records document and job in one transaction.

use super::prechunked::{self, PASSAGES_CONTENT_TYPE, PrechunkedPassage};
use crate::access::{AccessRule, Permission, id_taken};
use crate::audit::{Draft, Kind, Payload, UnsealedRecords};
use crate::clock::Timestamp;
use crate::corpus::CorpusConfig;
use crate::document::store::{Blob, Reindex, Submission, Submitted};
use crate::document::{ChunkConfig, DocumentQuota, NewDocument, Source};
use crate::engine::Engine;
use crate::error::{ErrorKind, Result};
use crate::id::{DocumentId, JobId, ModelId};
use crate::policy::{EDITORS, Operation, Resource, Route};
use crate::principal::Principal;
use crate::retrieve::embed::check_length;

/// Operation of ingesting or overwriting a document.
pub const DOCUMENT_WRITE: Operation = Operation::new("document.write", EDITORS, Route::post("/v1/documents"));
/// Operation of chunking a document into passages anew.
pub const DOCUMENT_REINDEX: Operation =
    Operation::new("document.reindex", EDITORS, Route::post("/v1/documents/{document_id}/reindex"));

impl Engine {
    /// Stores the bytes of `source` and queues the job that makes them searchable.
    ///
    /// The rights are checked before the upload, to reject a caller without them early, and after it, since the
    /// caller decides how long it takes. The check that counts is the store's in the transaction of the submission.
    pub(crate) async fn submit(
        &self,
        caller: &Principal,
        new: NewDocument,
        source: Box<dyn Source>,
    ) -> Result<Submitted> {
        new.check()?;
        self.authorise(caller, &DOCUMENT_WRITE, Resource::corpus(&new.corpus), ()).await?;
        let corpus_created_at = self.corpora.corpus(caller.tenant(), &new.corpus).await?.created_at;
        if let Some(id) = &new.id {
            self.check_may_replace(caller, id).await?;
        }
        let settings = self.gateway.tenant_settings(caller.tenant()).await?;
        let quota = settings.document_quota();
        let most = settings
            .max_document_bytes()
            .map_or(self.settings.max_document_bytes, |own| own.min(self.settings.max_document_bytes));
        let blob = self.blobs.put(caller.tenant(), source, most).await?;
        let submitted = self.submit_kept(caller, new, corpus_created_at, quota, &blob).await;
        if submitted.is_err()
            && let Err(error) = self.blobs.discard(caller.tenant(), blob).await
        {
            tracing::warn!(error = %error.report(), "the raw bytes of a refused document were not removed");
        }
        submitted
    }

    /// Records a document whose bytes are stored, and its job.
    async fn submit_kept(
        &self,
        caller: &Principal,
        new: NewDocument,
        corpus_created_at: Timestamp,
        quota: DocumentQuota,
        blob: &Blob,
    ) -> Result<Submitted> {
        let (resource, rule) = (Resource::corpus(&new.corpus), AccessRule::NewOr(Permission::Write));
        let access = self.authorise_change(caller, &DOCUMENT_WRITE, resource.clone(), rule).await?;
        let chunking = if let Some(chunking) = new.chunking {
            chunking
        } else {
            let corpus = self.corpora.corpus(caller.tenant(), &new.corpus).await?;
            CorpusConfig::parse(&corpus.provider_config_json)?.chunking.unwrap_or_default()
        };
        let job: JobId = self.new_id()?;
        let id = match new.id {
            Some(id) => id,
            None => self.new_id()?,
        };
        let facts = Payload::new()
            .id("document", &id)
            .id("corpus", &new.corpus)
            .token("content_hash", &blob.hash)
            .count("size_bytes", blob.size);
        let audit = self.opening(caller, &job, facts);
        let submission = Submission {
            principal: caller.clone(),
            job,
            owner_grant: self.new_id()?,
            id,
            corpus: new.corpus,
            name: new.name,
            content_type: new.content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            size_bytes: blob.size,
            content_hash: blob.hash.clone(),
            tags: new.tags,
            metadata: new.metadata,
            chunking,
            overwrite: new.overwrite,
            strict: new.strict,
            access,
            corpus_created_at,
            quota,
            now: self.clock.now(),
            audit,
        };
        let submitted = self.documents.submit(submission).await;
        self.noting_denial(caller, &DOCUMENT_WRITE, &resource, submitted).await
    }

    /// Queues passages that the caller has cut, and perhaps embedded.
    pub(crate) async fn submit_passages(
        &self,
        caller: &Principal,
        new: NewDocument,
        model: Option<ModelId>,
        passages: &[PrechunkedPassage],
    ) -> Result<Submitted> {
        if let Some(model) = &model {
            let embedder = self.gateway.embedder();
            let vectors = passages.iter().filter_map(|passage| passage.vector.as_deref());
            vectors.into_iter().try_for_each(|vector| check_length(embedder.as_ref(), model, vector))?;
        }
        let bytes = prechunked::write(model, passages)?;
        let new = NewDocument { content_type: Some(PASSAGES_CONTENT_TYPE.to_owned()), ..new };
        self.submit(caller, new, Box::new(std::io::Cursor::new(bytes))).await
    }

    /// Queues the job that chunks a document again from its raw bytes.
    pub(crate) async fn reindex(
        &self,
        caller: &Principal,
        document: &DocumentId,
        chunking: Option<ChunkConfig>,
    ) -> Result<Submitted> {
        let rule = AccessRule::Holds(Permission::Reindex);
        let resource = Resource::document(document);
        let access = self.authorise_change(caller, &DOCUMENT_REINDEX, resource.clone(), rule).await?;
        let current =
            self.permitted_document(caller, &DOCUMENT_REINDEX, document, Permission::Reindex).await?;
        let chunking = chunking.unwrap_or(current.chunking);
        let job: JobId = self.new_id()?;
        let facts = Payload::new().id("document", document).token("content_hash", &current.content_hash);
        let audit = self.opening(caller, &job, facts);
        let document = document.clone();
        let now = self.clock.now();
        let reindex = Reindex { principal: caller.clone(), job, document, chunking, access, now, audit };
        let queued = self.documents.reindex(reindex).await;
        self.noting_denial(caller, &DOCUMENT_REINDEX, &resource, queued).await
    }

    /// Checks that the caller may replace a document that exists, which needs `write`. A caller without `read` learns
    /// only that the id is taken.
    async fn check_may_replace(&self, caller: &Principal, id: &DocumentId) -> Result<()> {
        match self.documents.document(caller.tenant(), id).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        match self.permitted_document(caller, &DOCUMENT_WRITE, id, Permission::Write).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(id_taken()),
            permitted => permitted.map(|_| ()),
        }
    }

    fn opening(&self, caller: &Principal, job: &JobId, facts: Payload) -> UnsealedRecords {
        let now = self.clock.now();
        let open =
            Draft::new(caller, job.as_str(), Kind::CHAIN_OPEN, self.policy.version(caller.tenant()), now)
                .with_payload(facts);
        self.pending(vec![open])
    }
}
