//! Steps of an ingestion job, [`JobWork`]: claimed, renewed, then published or failed. Each changes the job together with its
//! document.

use super::model::{Document, DocumentStatus, Job, JobState, Stage};
use super::store::Publication;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Failure, Result};

/// Job with its document, as a store holds them.
#[derive(Clone, Debug, PartialEq)]
pub struct JobWork {
    /// Job.
    pub job: Job,
    /// Its document.
    pub document: Document,
}

impl Job {
    /// Returns whether the next attempt needs a staged version of its own. An earlier attempt may have staged passages, which
    /// are no part of it.
    pub fn needs_fresh_version(&self) -> bool {
        self.attempts > 0
    }

    /// Writes a sign of life of the worker that holds the job.
    pub fn renew(&mut self, stage: Stage, now: Timestamp) {
        self.state = JobState::Processing { stage, heartbeat_at: now };
    }
}

impl JobWork {
    /// Gives the job to a worker. It is queued, or its lease has expired.
    pub fn claim(&mut self, now: Timestamp) {
        self.job.renew(Stage::Waiting, now);
        self.job.attempts = self.job.attempts.saturating_add(1);
        self.document.status = DocumentStatus::Processing;
        self.document.processing_started_at = Some(now);
    }

    /// Ends the job with a failure: its staged version is dropped, and the live one stays.
    pub fn fail(&mut self, failure: &Failure, now: Timestamp) {
        self.job.state = JobState::Failed { failure: failure.clone() };
        self.document.status = DocumentStatus::Failed;
        self.document.failure = Some(failure.clone());
        (self.document.updated_at, self.document.completed_at) = (now, Some(now));
    }

    /// Ends the job with its version, of which `staged` passages are there: it becomes live, and the one before it is retired.
    /// `reindex` is a job without new bytes.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) with `PASSAGES_MISSING` for another number of passages than the worker staged.
    pub fn publish(&mut self, publication: &Publication, staged: u32, reindex: bool) -> Result<()> {
        if staged != publication.passages {
            let message = "the number of staged passages differs from the number to publish";
            return Err(Error::new(ErrorKind::Corrupt, message)
                .code("PASSAGES_MISSING")
                .with("staged", staged)
                .with("published", publication.passages));
        }
        self.job.state = JobState::Succeeded;
        let (document, now) = (&mut self.document, publication.now);
        document.status = DocumentStatus::Succeeded;
        document.failure = None;
        (document.version, document.passages) = (self.job.version, staged);
        document.language = publication.language;
        if !publication.report.content_type.is_empty() {
            document.content_type.clone_from(&publication.report.content_type);
        }
        document.report = Some(publication.report.clone());
        (document.updated_at, document.completed_at) = (now, Some(now));
        if reindex {
            document.last_reindexed_at = Some(now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
