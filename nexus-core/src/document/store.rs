//! Document ports: [`DocumentStore`], [`BlobStore`] and [`JobQueue`].

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::chunk::{Chunk, ChunkConfig};
use super::model::{Document, DocumentStatus, Job, Metadata, Passage, Stage};
use super::parser::{ParseReport, Source};
use super::quota::DocumentQuota;
use crate::access::{Authorised, RequiredAccess, Visibility};
use crate::audit;
use crate::clock::Timestamp;
use crate::error::{Failure, Result};
use crate::id::{CorpusId, DocumentId, GrantId, JobId, ModelId};
use crate::language::Language;
use crate::page::Page;
use crate::principal::{Principal, TenantId};

/// Submission of a document with the job that makes it searchable, recorded in one transaction.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Principal that submits it; becomes its owner if it is new.
    pub principal: Principal,
    /// Job identifier.
    pub job: JobId,
    /// Identifier of the owner's grant, used if the document is new.
    pub owner_grant: GrantId,
    /// Document identifier.
    pub id: DocumentId,
    /// Corpus that it belongs to.
    pub corpus: CorpusId,
    /// Display name.
    pub name: String,
    /// Media type that the sender declares.
    pub content_type: String,
    /// Size of the raw bytes.
    pub size_bytes: u64,
    /// SHA-256 of the raw bytes, which the [`BlobStore`] has already.
    pub content_hash: String,
    /// Tags.
    pub tags: BTreeSet<String>,
    /// Metadata.
    pub metadata: Metadata,
    /// Chunking.
    pub chunking: ChunkConfig,
    /// Whether to replace an existing document.
    pub overwrite: bool,
    /// Whether the document fails if a part of it is not read.
    pub strict: bool,
    /// Access that must hold at the commit.
    pub access: Authorised<RequiredAccess>,
    /// Creation time of the corpus for which the submission was authorised. A later corpus of the same id is another
    /// one.
    pub corpus_created_at: Timestamp,
    /// Caps on the tenant's documents.
    pub quota: DocumentQuota,
    /// Current time.
    pub now: Timestamp,
    /// Audit record of the submission; opens the job's chain.
    pub audit: audit::UnsealedRecords,
}

/// Result of a [`Submission`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Submitted {
    /// Document.
    pub document_id: DocumentId,
    /// Its job: the new one, or the last one when nothing changed.
    pub job_id: JobId,
    /// Status of the document.
    pub status: DocumentStatus,
    /// Whether the same bytes, described and chunked the same way, were there already.
    pub unchanged: bool,
}

/// Filter and page of a list of documents.
#[derive(Clone, Debug, Default)]
pub struct DocumentQuery {
    /// Corpus to match.
    pub corpus: Option<CorpusId>,
    /// Status to match.
    pub status: Option<DocumentStatus>,
    /// Tags that a document must all have.
    pub tags: Vec<String>,
    /// Page, by id.
    pub page: Page,
}

/// Lease of a job to a worker, until it expires. Ports that write for a job take it, so that a worker without a valid
/// lease cannot spoil the work of the current one.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Job, as it was when it was claimed.
    pub job: Job,
    /// Document of the job.
    pub document: Document,
    /// Whether the job chunks the document's present bytes again, rather than new ones.
    pub reindex: bool,
    /// Fencing token; a new value for each claim.
    pub token: String,
}

impl Lease {
    crate::public_in_tests! {
        /// Returns the tenant of the job.
        fn tenant(&self) -> &TenantId {
            self.job.tenant()
        }
    }
}

/// Staged passage, not yet searchable.
#[derive(Clone, Debug, PartialEq)]
pub struct StagedPassage {
    /// Chunk of text.
    pub chunk: Chunk,
    /// Language, which decides how its words are analysed.
    pub language: Language,
    /// Vector, where an embedder is configured or the caller supplied one.
    pub vector: Option<Vec<f32>>,
}

/// Publication of an ingestion job: its staged passages become the document's searchable version.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Parse report.
    pub report: ParseReport,
    /// Language of the document.
    pub language: Language,
    /// Number of staged passages; the store verifies it.
    pub passages: u32,
    /// Model of the staged vectors, if there are any.
    pub model: Option<ModelId>,
    /// Caps on the tenant's documents.
    pub quota: DocumentQuota,
    /// Access of the job's principal, which must still hold at the commit.
    pub access: Authorised<RequiredAccess>,
    /// Current time.
    pub now: Timestamp,
    /// Civil day on which the document is counted, as `2026-03-01`, in the calendar of the ledger.
    pub day: String,
    /// Audit records that close the job's chain.
    pub audit: audit::UnsealedRecords,
}

/// Store of documents and their passages.
///
/// # Contract
/// - Data of one tenant is invisible to every other, by list and by id.
/// - A document id is unique per tenant; two tenants may use the same.
/// - Submitting the same bytes, described and chunked the same way, changes nothing; the result is `unchanged`.
/// - Submitting other bytes under a taken id is a conflict unless `overwrite` is set.
/// - Submitting any other change to a document whose job is in flight is a conflict.
/// - Submitting without the raw bytes is `NotFound`; [`BlobStore::put`] stores them.
/// - Submitting needs the required access at the commit, even where nothing would change: without it nothing does.
/// - Submitting to a corpus that was deleted and created again since is a conflict.
/// - A submission beyond the quota of documents or bytes, and a publication beyond that of passages, changes nothing.
/// - A submitted document has exactly one owner grant: that of its first submitter.
/// - Staged passages cannot be searched, listed or counted before they are published; [`prepare`](Self::prepare)
///   does not publish them.
/// - Staging a passage number again replaces it.
/// - Passages come back as they were staged.
/// - Publishing makes all staged passages visible at once and hides the previous version.
/// - Publishing with another number of passages than were staged is `Corrupt` and changes nothing.
/// - Publishing, reindexing and deleting need the required access at the commit: without it they change nothing.
/// - A reindex chunks again and leaves the content unchanged; the version before it serves until it is published.
/// - A lost lease can neither stage, publish nor fail.
/// - Deleting a document removes its passages, grants and vectors.
/// - Deleting a document whose job is in flight is a conflict.
/// - Lists of documents are in order of id; a page continues after its cursor and repeats and skips nothing. They contain
///   only documents visible to the principal.
/// - Lists of passages are in reading order; a page continues after its cursor and repeats and skips nothing.
#[async_trait]
pub trait DocumentStore: std::fmt::Debug + Send + Sync {
    /// Records a document and its job. The write commits even when the future is dropped.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the corpus; [`Conflict`](crate::ErrorKind::Conflict); those of
    /// [`check_document`](Authorised::check_document).
    async fn submit(&self, submission: Submission) -> Result<Submitted>;

    /// Queues a job that chunks a document again from its raw bytes.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); [`Conflict`](crate::ErrorKind::Conflict) while one is in flight; those
    /// of [`check_document`](Authorised::check_document).
    async fn reindex(&self, reindex: Reindex) -> Result<Submitted>;

    /// Returns one document without a check of grants, which is the caller's task.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn document(&self, tenant: &TenantId, id: &DocumentId) -> Result<Document>;

    /// Returns a page of the documents that `visibility` shows at `now`, in order of id. The key is the id.
    ///
    /// # Errors
    /// Those of a store.
    async fn documents(
        &self,
        tenant: &TenantId,
        visibility: &Visibility,
        query: &DocumentQuery,
        now: Timestamp,
    ) -> Result<Vec<Document>>;

    /// Removes a document with its passages, grants and vectors, and records `audit`.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); [`Conflict`](crate::ErrorKind::Conflict) while it is in flight;
    /// those of [`check_document`](Authorised::check_document).
    async fn delete_document(
        &self,
        access: &Authorised<RequiredAccess>,
        id: &DocumentId,
        audit: audit::UnsealedRecords,
    ) -> Result<()>;

    /// Returns a page of the passages of the searchable version, in reading order. The key is the number of the passage.
    ///
    /// # Errors
    /// Those of [`invalid_cursor`](crate::invalid_cursor).
    async fn passages(&self, tenant: &TenantId, document: &DocumentId, page: &Page) -> Result<Vec<Passage>>;

    /// Appends passages to the version that a job makes. Staging a passage number again replaces it.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the lease is lost.
    async fn stage(&self, lease: &Lease, model: Option<&ModelId>, passages: Vec<StagedPassage>)
    -> Result<()>;

    /// Prepares the publication of `passages` staged passages, to keep searches from waiting for it. It only saves
    /// time: publication does the rest.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the lease is lost.
    async fn prepare(&self, lease: &Lease, passages: u32) -> Result<()>;

    /// Completes a job: the staged version becomes the searchable one.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the lease is lost; [`Corrupt`](crate::ErrorKind::Corrupt);
    /// [`Denied`](crate::ErrorKind::Denied) with `PERMISSION_REVOKED`.
    async fn publish(&self, lease: &Lease, publication: Publication) -> Result<Document>;
}

/// Request to chunk a document again.
#[derive(Clone, Debug)]
pub struct Reindex {
    /// Principal that requests it.
    pub principal: Principal,
    /// Job identifier.
    pub job: JobId,
    /// Document.
    pub document: DocumentId,
    /// New chunking.
    pub chunking: ChunkConfig,
    /// Access that must hold at the commit.
    pub access: Authorised<RequiredAccess>,
    /// Current time.
    pub now: Timestamp,
    /// Audit record that opens the job's chain.
    pub audit: audit::UnsealedRecords,
}

/// Store of raw bytes by their hash, separate for each tenant.
///
/// # Contract
/// - Bytes are returned unchanged under the hash that `put` returned.
/// - Putting the same bytes twice stores them once.
/// - A source over the limit is refused and leaves nothing behind; the code is `DOCUMENT_TOO_LARGE`.
/// - A tenant cannot open another tenant's bytes; knowing their hash does not help.
/// - Bytes without a document exist while a caller holds their [`Blob`]; discarding the last removes them.
/// - Bytes that no document refers to any longer are gone when the change is acknowledged.
#[async_trait]
pub trait BlobStore: std::fmt::Debug + Send + Sync {
    /// Stores the bytes of `source`, at most `limit` of them.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) over the limit; [`Unavailable`](crate::ErrorKind::Unavailable)
    /// when they cannot be read or written.
    async fn put(&self, tenant: &TenantId, source: Box<dyn Source>, limit: u64) -> Result<Blob>;

    /// Opens the bytes for reading in any order.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn open(&self, tenant: &TenantId, hash: &str) -> Result<Box<dyn Source>>;

    /// Releases bytes without a document, and returns when they are removed, unless others use them. A dropped
    /// [`Blob`] is released too, in the background.
    ///
    /// # Errors
    /// Those of a store.
    async fn discard(&self, tenant: &TenantId, blob: Blob) -> Result<()>;
}

/// Handle of bytes stored by [`BlobStore::put`], which keeps them until a document refers to them.
#[derive(Clone, Debug)]
pub struct Blob {
    /// SHA-256 of the bytes, in hexadecimal.
    pub hash: String,
    /// Number of bytes.
    pub size: u64,
    /// Guard that the store drops with the last clone.
    pub hold: Hold,
}

impl PartialEq for Blob {
    /// Returns whether both are the same bytes.
    fn eq(&self, other: &Self) -> bool {
        (&self.hash, self.size) == (&other.hash, other.size)
    }
}

impl Eq for Blob {}

/// Guard of the store, dropped when the last holder releases the bytes.
#[derive(Clone, Default)]
pub struct Hold {
    _guard: Option<Arc<dyn Any + Send + Sync>>,
}

impl Hold {
    /// Creates a hold that ends when `guard` is dropped.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self { _guard: Some(Arc::new(guard)) }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

/// Queue of ingestion jobs. [`SystemStore::claim_job`](crate::system::SystemStore::claim_job) leases a job to a worker.
///
/// # Contract
/// - A heartbeat extends the lease, and a lost lease cannot be extended.
/// - A failed job is over, and its document has the reason.
/// - A job of another tenant is `NotFound`.
#[async_trait]
pub trait JobQueue: std::fmt::Debug + Send + Sync {
    /// Sends a heartbeat: sets `stage` and extends the lease to `now + extend`.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the lease is lost.
    async fn heartbeat(&self, lease: &Lease, stage: Stage, now: Timestamp, extend: Duration) -> Result<()>;

    /// Fails the job, drops its staged passages and records `audit`.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the lease is lost.
    async fn fail(
        &self,
        lease: &Lease,
        failure: Failure,
        now: Timestamp,
        audit: audit::UnsealedRecords,
    ) -> Result<()>;

    /// Returns one job.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn job(&self, tenant: &TenantId, id: &JobId) -> Result<Job>;
}
