//! Ends of ingestion jobs, counted: [`JobCounts`].

use std::iter::Sum;

use serde::Serialize;

/// End of a job, as the worker that ran it knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobEnd {
    /// Its passages are searchable.
    Succeeded,
    /// It is over, and its document has the reason.
    Failed,
    /// Another worker has it, or gets it when its lease expires.
    Elsewhere,
}

/// Numbers of ingestion jobs that a worker ended, by their end.
///
/// ```
/// use nexus_core::ingest::JobCounts;
///
/// let workers = [JobCounts { succeeded: 2, failed: 1 }, JobCounts { succeeded: 1, failed: 0 }];
/// let counts: JobCounts = workers.into_iter().sum();
/// assert_eq!(counts, JobCounts { succeeded: 3, failed: 1 });
/// assert_eq!(counts.all(), 4);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JobCounts {
    /// Jobs whose documents are searchable now.
    pub succeeded: u64,
    /// Jobs that failed; each document has the reason.
    pub failed: u64,
}

impl JobCounts {
    /// Returns the number of jobs that ended.
    pub fn all(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// Adds the end of a job.
    pub(crate) fn add(&mut self, end: JobEnd) {
        match end {
            JobEnd::Succeeded => self.succeeded += 1,
            JobEnd::Failed => self.failed += 1,
            JobEnd::Elsewhere => {}
        }
    }
}

impl Sum for JobCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |all, one| Self {
            succeeded: all.succeeded + one.succeeded,
            failed: all.failed + one.failed,
        })
    }
}
