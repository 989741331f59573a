//! Steps of an ingestion job, [`JobWork`]: claimed, renewed, then published or failed. Each changes the job together with its
//! document.

use super::model::{Document, DocumentStatus, Job, JobState, Stage};
use super::parser::ParseReport;
use super::store::Publication;
use super::version_state::{PublishedVersions, StoredVersion};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Failure, Result};
use crate::language::Language;
use crate::owner::is_claimable;

/// Job with its document and its version, as a store holds them.
#[derive(Clone, Debug, PartialEq)]
pub struct JobWork {
    /// Job.
    pub job: Job,
    /// Its document.
    pub document: Document,
    /// Version that the job makes.
    pub version: StoredVersion,
}

impl Job {
    /// Returns whether a worker can claim the job: it is queued, or its lease, until `lease_until`, has expired at `now`.
    pub fn is_claimable(&self, lease_until: Option<Timestamp>, now: Timestamp) -> bool {
        match self.state {
            JobState::Queued => true,
            JobState::Processing { .. } => lease_until.is_some_and(|until| is_claimable(until, None, now)),
            JobState::Succeeded | JobState::Failed { .. } => false,
        }
    }

    /// Writes a sign of life of the worker that holds the job.
    pub fn renew(&mut self, stage: Stage, now: Timestamp) {
        self.state = JobState::Processing { stage, heartbeat_at: now };
    }
}

impl JobWork {
    /// Gives the claimable job to a worker. Returns the ordinal of the version of an earlier attempt, which may have passages
    /// that are no part of this one: a fresh version takes its place.
    ///
    /// # Errors
    /// Those of [`StoredVersion::discard`].
    pub fn claim(&mut self, now: Timestamp) -> Result<Option<i64>> {
        let is_retry = self.job.attempts > 0;
        let discarded = is_retry.then(|| self.version.discard()).transpose()?;
        self.job.renew(Stage::Waiting, now);
        self.job.attempts = self.job.attempts.saturating_add(1);
        self.document.status = DocumentStatus::Processing;
        self.document.processing_started_at = Some(now);
        Ok(discarded)
    }

    /// Ends the job with a failure. Returns the ordinal of its version, which is discarded; the live one stays.
    ///
    /// # Errors
    /// Those of [`StoredVersion::discard`].
    pub fn fail(&mut self, failure: &Failure, now: Timestamp) -> Result<i64> {
        let discarded = self.version.discard()?;
        self.job.state = JobState::Failed { failure: failure.clone() };
        self.document.fail(failure);
        (self.document.updated_at, self.document.completed_at) = (now, Some(now));
        Ok(discarded)
    }

    /// Ends the job with its version, of which `staged` passages are there: it becomes live, and the `live` one before it is
    /// retired. `reindex` is a job without new bytes.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) with `PASSAGES_MISSING` for another number of passages than the worker staged; those of
    /// [`StoredVersion::publish`] and [`StoredVersion::retire`].
    pub fn publish(
        &mut self,
        publication: &Publication,
        staged: u32,
        reindex: bool,
        live: Option<StoredVersion>,
    ) -> Result<PublishedVersions> {
        if staged != publication.passages {
            let message = "the number of staged passages differs from the number to publish";
            return Err(Error::new(ErrorKind::Corrupt, message)
                .with_code("PASSAGES_MISSING")
                .with("staged", staged)
                .with("published", publication.passages));
        }
        let retired = live.map(StoredVersion::retire).transpose()?;
        let versions = PublishedVersions { live: self.version.publish()?, retired };
        self.job.state = JobState::Succeeded;
        let (document, now) = (&mut self.document, publication.now);
        document.succeed(self.job.version, staged, publication.language, &publication.report);
        (document.updated_at, document.completed_at) = (now, Some(now));
        if reindex {
            document.last_reindexed_at = Some(now);
        }
        Ok(versions)
    }
}

impl Document {
    /// Takes the facts of a version that is published.
    pub(crate) fn succeed(&mut self, version: u32, passages: u32, language: Language, report: &ParseReport) {
        self.status = DocumentStatus::Succeeded;
        self.failure = None;
        (self.version, self.passages, self.language) = (version, passages, language);
        if !report.content_type.is_empty() {
            self.content_type.clone_from(&report.content_type);
        }
        self.report = Some(report.clone());
    }

    /// Takes the failure of its last job.
    pub(crate) fn fail(&mut self, failure: &Failure) {
        self.status = DocumentStatus::Failed;
        self.failure = Some(failure.clone());
    }
}

#[cfg(test)]
mod tests;
