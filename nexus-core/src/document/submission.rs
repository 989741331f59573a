//! Decision on a submission: whether it changes anything, may replace a document, and which rows queue its job.

use super::model::{Document, DocumentStatus, Job, JobState};
use super::store::{Reindex, Submission, Submitted};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::JobId;
use crate::language::Language;
use crate::principal::Principal;

/// Document as a store holds it, with the number of its newest version.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDocument {
    /// Document.
    pub document: Document,
    /// Number of the newest version, staged ones included.
    pub newest: u32,
}

/// Decision on a [`Submission`].
#[derive(Clone, Debug, PartialEq)]
pub enum SubmissionDecision {
    /// An equal document is there or queued already, and nothing changes.
    Unchanged(Submitted),
    /// A job is queued.
    Queued(Box<QueuedJob>),
}

/// Rows of a queued job.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuedJob {
    /// Document, whose newest version is that of the job.
    pub document: Document,
    /// Job.
    pub job: Job,
    /// Whether the job chunks the document's present bytes again.
    pub reindex: bool,
    /// Whether the document is new, and needs its owner's grant.
    pub is_new: bool,
}

impl Submission {
    /// Decides on the submission beside the `present` document of the same id.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with `DOCUMENT_IN_FLIGHT`; with `DOCUMENT_EXISTS` for a document in another corpus,
    /// and for another document without `overwrite`.
    pub fn decide(&self, present: Option<StoredDocument>) -> Result<SubmissionDecision> {
        let is_new = present.is_none();
        let StoredDocument { mut document, newest } = match present {
            Some(present) if self.is_unchanged(&present.document) => {
                return Ok(SubmissionDecision::Unchanged(present.document.submitted(true)));
            }
            Some(present) => {
                self.check_replaceable(&present.document)?;
                present
            }
            None => StoredDocument { document: self.blank(), newest: 0 },
        };
        document.name.clone_from(&self.name);
        document.content_type.clone_from(&self.content_type);
        document.size_bytes = self.size_bytes;
        document.content_hash.clone_from(&self.content_hash);
        document.tags.clone_from(&self.tags);
        document.metadata.clone_from(&self.metadata);
        (document.chunking, document.strict) = (self.chunking, self.strict);
        let job = document.queue(&self.principal, &self.job, newest, self.now);
        Ok(SubmissionDecision::Queued(Box::new(QueuedJob { document, job, reindex: false, is_new })))
    }

    /// Checks that the corpus, which was created at `created_at`, is the one that the submission was authorised for, and not a
    /// later one of the same id.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with `CORPUS_CHANGED`.
    pub fn check_corpus(&self, created_at: Timestamp) -> Result<()> {
        if self.corpus_created_at == created_at {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Conflict, "the corpus was deleted and created again in the meantime")
            .with_code("CORPUS_CHANGED")
            .with_hint("send the document again"))
    }

    /// Returns whether the submission equals the present or queued version. A failed document is tried again, and so is
    /// an incomplete one if the submission is strict.
    fn is_unchanged(&self, document: &Document) -> bool {
        let is_incomplete = || document.report.as_ref().is_some_and(|report| !report.is_complete());
        document.status != DocumentStatus::Failed
            && self.is_same(document)
            && !(self.strict && is_incomplete())
    }

    fn is_same(&self, document: &Document) -> bool {
        document.corpus_id == self.corpus
            && document.content_hash == self.content_hash
            && document.name == self.name
            && document.tags == self.tags
            && document.metadata == self.metadata
            && document.chunking == self.chunking
    }

    fn check_replaceable(&self, document: &Document) -> Result<()> {
        document.check_idle()?;
        if document.corpus_id != self.corpus {
            return Err(Error::new(ErrorKind::Conflict, "a document with this id is in another corpus")
                .with_code("DOCUMENT_EXISTS")
                .with_hint("delete it there first, or choose another id"));
        }
        if !self.overwrite && !self.is_same(document) {
            return Err(Error::new(ErrorKind::Conflict, "there is another document with this id already")
                .with_code("DOCUMENT_EXISTS")
                .with_hint("overwrite it, or choose another id"));
        }
        Ok(())
    }

    fn blank(&self) -> Document {
        Document {
            id: self.id.clone(),
            corpus_id: self.corpus.clone(),
            name: self.name.clone(),
            size_bytes: self.size_bytes,
            content_type: self.content_type.clone(),
            content_hash: self.content_hash.clone(),
            tags: self.tags.clone(),
            metadata: self.metadata.clone(),
            chunking: self.chunking,
            strict: self.strict,
            created_by: self.principal.subject().clone(),
            status: DocumentStatus::Queued,
            failure: None,
            version: 0,
            passages: 0,
            language: Language::Undetermined,
            report: None,
            created_at: self.now,
            updated_at: self.now,
            queued_at: self.now,
            processing_started_at: None,
            completed_at: None,
            last_reindexed_at: None,
            last_job_id: self.job.clone(),
            outdated: false,
        }
    }
}

impl Reindex {
    /// Decides on the request for a document.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with `DOCUMENT_IN_FLIGHT`.
    pub fn decide(&self, present: StoredDocument) -> Result<QueuedJob> {
        let StoredDocument { mut document, newest } = present;
        document.check_idle()?;
        document.chunking = self.chunking;
        let job = document.queue(&self.principal, &self.job, newest, self.now);
        Ok(QueuedJob { document, job, reindex: true, is_new: false })
    }
}

impl QueuedJob {
    /// Returns the result for the submitter.
    pub fn submitted(&self) -> Submitted {
        self.document.submitted(false)
    }
}

impl Document {
    /// Checks that no job of the document is in flight.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with `DOCUMENT_IN_FLIGHT`.
    pub fn check_idle(&self) -> Result<()> {
        if self.status.is_in_flight() {
            return Err(Error::new(ErrorKind::Conflict, "the document is being ingested")
                .with_code("DOCUMENT_IN_FLIGHT")
                .with_hint("wait until its job has ended"));
        }
        Ok(())
    }

    /// Queues a job for the version after the `newest`, and returns it.
    fn queue(&mut self, principal: &Principal, id: &JobId, newest: u32, now: Timestamp) -> Job {
        self.status = DocumentStatus::Queued;
        self.failure = None;
        (self.updated_at, self.queued_at) = (now, now);
        (self.processing_started_at, self.completed_at) = (None, None);
        self.last_job_id = id.clone();
        Job {
            id: id.clone(),
            document_id: self.id.clone(),
            principal: principal.clone(),
            version: newest.saturating_add(1),
            state: JobState::Queued,
            attempts: 0,
            queued_at: now,
        }
    }

    fn submitted(&self, unchanged: bool) -> Submitted {
        Submitted {
            document_id: self.id.clone(),
            job_id: self.last_job_id.clone(),
            status: self.status,
            unchanged,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
