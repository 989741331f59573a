//! The ports that keep documents: [`DocumentStore`], [`BlobStore`] and [`JobQueue`].

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::chunk::{Chunk, ChunkConfig};
use super::model::{Corpus, Document, DocumentStatus, Failure, Job, Metadata, Passage, Stage};
use super::parser::{ParseReport, Source};
use crate::access::{Authorised, RequiredAccess, Visibility};
use crate::audit;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{CorpusId, DocumentId, GrantId, JobId};
use crate::principal::{Principal, TenantId};
use crate::retrieve::analysis::Language;
use crate::retrieve::embed::ModelId;

/// A change to a corpus; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct CorpusPatch {
    /// A new name.
    pub name: Option<String>,
    /// New settings, replacing all of the old.
    pub provider_config_json: Option<Value>,
}

/// A document and the job that is to make it searchable, to be recorded in one step.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Who brings it; becomes its owner if it is new.
    pub principal: Principal,
    /// The job's id.
    pub job: JobId,
    /// The id of the owner's grant, used if the document is new.
    pub owner_grant: GrantId,
    /// The document's id.
    pub id: DocumentId,
    /// Where it belongs.
    pub corpus: CorpusId,
    /// What people call it.
    pub name: String,
    /// The media type its sender claims.
    pub content_type: String,
    /// The size of its raw bytes.
    pub size_bytes: u64,
    /// SHA-256 of the raw bytes, which are in the [`BlobStore`] already.
    pub content_hash: String,
    /// Labels.
    pub tags: BTreeSet<String>,
    /// Facts.
    pub metadata: Metadata,
    /// How to cut it.
    pub chunking: ChunkConfig,
    /// Whether an existing document may be replaced.
    pub overwrite: bool,
    /// The access that must hold at the commit.
    pub access: Authorised<RequiredAccess>,
    /// When the corpus was made for which the submission was authorised. A corpus of the same id that was made since is
    /// another one.
    pub corpus_created_at: Timestamp,
    /// The present.
    pub now: Timestamp,
    /// The audit record that the document was submitted; opens the job's chain.
    pub audit: audit::UnsealedRecords,
}

/// What became of a [`Submission`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Submitted {
    /// The document.
    pub document_id: DocumentId,
    /// Its job: the new one, or the last one when nothing had to be done.
    pub job_id: JobId,
    /// Where the document stands.
    pub status: DocumentStatus,
    /// Whether the same bytes, described and cut the same way, were there already.
    pub unchanged: bool,
}

/// Which documents to list.
#[derive(Clone, Debug, Default)]
pub struct DocumentQuery {
    /// Only those of this corpus.
    pub corpus: Option<CorpusId>,
    /// Only those that stand so.
    pub status: Option<DocumentStatus>,
    /// Only those with all of these tags.
    pub tags: Vec<String>,
    /// Only those after this one; lists are in order of id.
    pub after: Option<DocumentId>,
    /// At most so many.
    pub limit: usize,
}

/// A worker's right to a job, until it expires. Ports that write for a job take it, so that a worker which lost
/// its lease cannot spoil the work of the one that has it now.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The job, as it was when it was claimed.
    pub job: Job,
    /// The document it is for.
    pub document: Document,
    /// Whether the job cuts the document's present bytes anew, rather than taking in new ones.
    pub reindex: bool,
    /// Which worker has it; a new value for each claim.
    pub token: String,
}

impl Lease {
    /// The tenant to stay within.
    pub fn tenant(&self) -> &TenantId {
        self.job.tenant()
    }
}

/// A passage on its way into the store.
#[derive(Clone, Debug, PartialEq)]
pub struct StagedPassage {
    /// The piece of text.
    pub chunk: Chunk,
    /// Its language, which decides how its words are analysed.
    pub language: Language,
    /// Its vector, where an embedder is configured or the caller brought one.
    pub vector: Option<Vec<f32>>,
}

/// The end of an ingestion job: its staged passages become the document's searchable version.
#[derive(Clone, Debug)]
pub struct Publication {
    /// What the parser said.
    pub report: ParseReport,
    /// The document's language.
    pub language: Language,
    /// How many passages were staged; the store checks it.
    pub passages: u32,
    /// The model whose vectors were staged, if any were.
    pub model: Option<ModelId>,
    /// The access that must still hold at the commit: that of the principal on whose behalf the job runs.
    pub access: Authorised<RequiredAccess>,
    /// The present.
    pub now: Timestamp,
    /// The civil day that the document is counted on, as `2026-03-01`: of the calendar that calls are booked by.
    pub day: String,
    /// The audit records that close the job's chain.
    pub audit: audit::UnsealedRecords,
}

/// Keeps corpora, documents and their passages.
///
/// # Contract
/// - What one tenant keeps no other tenant sees, by list or by id.
/// - A corpus id or document id is taken once per tenant; two tenants may use the same.
/// - Submitting the same bytes, described and cut the same way, changes nothing and says `unchanged`.
/// - Submitting other bytes under a taken id is a conflict unless `overwrite` is set.
/// - Submitting anything else to a document whose job is in flight is a conflict.
/// - Submitting without the raw bytes in the [`BlobStore`] is `NotFound`.
/// - Submitting needs the required access at the commit, even where nothing would change: without it nothing does.
/// - Submitting to a corpus that was deleted and made anew since is a conflict.
/// - A submitted document has exactly one owner grant, for whoever brought it first.
/// - Staged passages cannot be searched, listed or counted before they are published, also when that was prepared.
/// - Publishing makes all staged passages of the version visible at once and hides the previous version.
/// - Publishing with another number of passages than were staged is `Corrupt` and changes nothing.
/// - Publishing, reindexing and deleting need the required access at the commit: without it they change nothing.
/// - A lost lease can neither stage, publish nor fail.
/// - Deleting a document removes its passages, grants and vectors; while its job is in flight it is a conflict.
/// - Deleting a corpus removes its documents; while any is in flight it is a conflict.
/// - Lists are in order of id, and show a principal only what it may see.
#[async_trait]
pub trait DocumentStore: Send + Sync {
    /// Adds a corpus.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the id is taken.
    async fn create_corpus(&self, tenant: &TenantId, corpus: Corpus) -> Result<()>;

    /// Changes a corpus and returns it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn update_corpus(&self, tenant: &TenantId, id: &CorpusId, patch: CorpusPatch) -> Result<Corpus>;

    /// One corpus.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn corpus(&self, tenant: &TenantId, id: &CorpusId) -> Result<Corpus>;

    /// All corpora, in order of id.
    ///
    /// # Errors
    /// Those of a store.
    async fn corpora(&self, tenant: &TenantId) -> Result<Vec<Corpus>>;

    /// Removes a corpus and its documents.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); [`Conflict`](crate::ErrorKind::Conflict) while one is in flight.
    async fn delete_corpus(&self, tenant: &TenantId, id: &CorpusId) -> Result<()>;

    /// Records a document and its job. The write commits even when the future is dropped.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) without the corpus; [`Conflict`](crate::ErrorKind::Conflict); those of
    /// [`check_document`](Authorised::check_document).
    async fn submit(&self, submission: Submission) -> Result<Submitted>;

    /// Queues a job that cuts a document anew from its raw bytes.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); [`Conflict`](crate::ErrorKind::Conflict) while one is in flight; those
    /// of [`check_document`](Authorised::check_document).
    async fn reindex(&self, reindex: Reindex) -> Result<Submitted>;

    /// One document, whoever may see it: callers check grants.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn document(&self, tenant: &TenantId, id: &DocumentId) -> Result<Document>;

    /// The documents that `visibility` shows at `now`.
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

    /// Removes a document with all that hangs on it, and records `audit`.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); [`Conflict`](crate::ErrorKind::Conflict) while it is in flight; those of
    /// [`check_document`](Authorised::check_document).
    async fn delete_document(
        &self,
        access: &Authorised<RequiredAccess>,
        id: &DocumentId,
        audit: audit::UnsealedRecords,
    ) -> Result<()>;

    /// Passages of the searchable version, in reading order, from number `from`.
    ///
    /// # Errors
    /// Those of a store.
    async fn passages(
        &self,
        tenant: &TenantId,
        document: &DocumentId,
        from: u32,
        limit: usize,
    ) -> Result<Vec<Passage>>;

    /// Adds passages to the version a job makes, after those staged before. Staging a passage number again
    /// replaces it.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the lease is lost.
    async fn stage(&self, lease: &Lease, model: Option<&ModelId>, passages: Vec<StagedPassage>)
    -> Result<()>;

    /// Does ahead what the publication of `passages` staged passages would make searches wait for. It only saves time: what
    /// is not done here is done later.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the lease is lost.
    async fn prepare(&self, lease: &Lease, passages: u32) -> Result<()>;

    /// Ends a job well: the staged version is the one that is searched from now on.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the lease is lost; [`Corrupt`](crate::ErrorKind::Corrupt);
    /// [`Denied`](crate::ErrorKind::Denied) with `PERMISSION_REVOKED`.
    async fn publish(&self, lease: &Lease, publication: Publication) -> Result<Document>;
}

/// An order to cut a document anew.
#[derive(Clone, Debug)]
pub struct Reindex {
    /// Who orders it.
    pub principal: Principal,
    /// The job's id.
    pub job: JobId,
    /// The document.
    pub document: DocumentId,
    /// How to cut it now.
    pub chunking: ChunkConfig,
    /// The access that must hold at the commit.
    pub access: Authorised<RequiredAccess>,
    /// The present.
    pub now: Timestamp,
    /// The audit record that opens the job's chain.
    pub audit: audit::UnsealedRecords,
}

/// Keeps raw bytes by their hash, a tenant's apart from every other's.
///
/// # Contract
/// - What was put comes back, byte for byte, under the hash that `put` returned.
/// - Putting the same bytes twice keeps them once.
/// - A source over the limit is refused with `DOCUMENT_TOO_LARGE` and leaves nothing behind.
/// - A tenant cannot open another tenant's bytes, even knowing their hash.
/// - Bytes that no document rests on are there as long as a caller holds their [`Blob`], and gone once the last is discarded.
/// - Bytes that a document rests on no longer are gone when the change that ended it is acknowledged.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Keeps the bytes of `source`, at most `limit` of them.
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

    /// Gives up bytes of which no document came, and returns when they are gone, unless they are of use to others.
    /// A [`Blob`] that is dropped instead is given up too, without waiting.
    ///
    /// # Errors
    /// Those of a store.
    async fn discard(&self, tenant: &TenantId, blob: Blob) -> Result<()>;
}

/// What [`BlobStore::put`] kept, and the hold that keeps it until a document rests on it.
#[derive(Clone, Debug)]
pub struct Blob {
    /// SHA-256 of the bytes, in hexadecimal.
    pub hash: String,
    /// How many there are.
    pub size: u64,
    /// What a store drops with the last clone.
    pub hold: Hold,
}

impl PartialEq for Blob {
    /// Whether they are the same bytes.
    fn eq(&self, other: &Self) -> bool {
        (&self.hash, self.size) == (&other.hash, other.size)
    }
}

impl Eq for Blob {}

/// A guard of the store's own, which is dropped when nobody holds the bytes any more.
#[derive(Clone, Default)]
pub struct Hold {
    _guard: Option<Arc<dyn Any + Send + Sync>>,
}

impl Hold {
    /// A hold that ends when `guard` is dropped.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self { _guard: Some(Arc::new(guard)) }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

/// Hands ingestion jobs to workers.
///
/// # Contract
/// - A queued job goes to exactly one of any number of claimants.
/// - Jobs are handed out in the order in which they were queued.
/// - A job whose lease has expired is handed out again, with one more attempt, and its old lease is lost; whoever
///   gets it judges whether that were too many.
/// - A heartbeat extends the lease; a lost lease cannot be extended.
/// - A failed job is over, and its document says why.
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// The next job to do, of any tenant, leased until `now + lease`; `token` names the claim.
    ///
    /// # Errors
    /// Those of a store.
    async fn claim(&self, token: &str, now: Timestamp, lease: Duration) -> Result<Option<Lease>>;

    /// Says that the job is alive and at `stage`, and extends the lease to `now + extend`.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the lease is lost.
    async fn heartbeat(&self, lease: &Lease, stage: Stage, now: Timestamp, extend: Duration) -> Result<()>;

    /// Ends the job badly, drops what it staged and records `audit`.
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

    /// One job.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn job(&self, tenant: &TenantId, id: &JobId) -> Result<Job>;
}
