//! Retention: lifetimes of records that would otherwise grow for ever, and the port that removes expired ones.
//!
//! Ledger entries and audit chains are never removed. Each removal leaves a signed record `retention.applied` in the
//! tenant's audit, which explains the absence later.

mod store;

use std::time::Duration;

use serde::Serialize;

pub use store::{Expire, RetentionStore};

/// Default retention of finished jobs.
const NINETY_DAYS: Duration = Duration::from_hours(90 * 24);

/// Class of records under one retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionClass {
    /// Journals of closed runs: events, passages shown, speech, results of calls and models' reasoning.
    Journals,
    /// Closed runs with their journals. Their audit chains, calls and ledger entries stay.
    Runs,
    /// Sessions without activity, with their messages.
    Sessions,
    /// Ingestion jobs that succeeded or failed.
    Jobs,
    /// Details of model calls that ended and whose ledger entries are final. An unreconciled estimate keeps its call.
    Calls,
}

impl RetentionClass {
    /// Every class, in the order in which a pass applies them.
    pub const ALL: [Self; 5] = [Self::Journals, Self::Runs, Self::Sessions, Self::Jobs, Self::Calls];

    /// Returns the name in configuration, records and output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Journals => "journals",
            Self::Runs => "runs",
            Self::Sessions => "sessions",
            Self::Jobs => "jobs",
            Self::Calls => "calls",
        }
    }
}

/// Retention of each class of records after its end; `None` keeps a class for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// [`RetentionClass::Journals`], from the end of the run.
    pub journals: Option<Duration>,
    /// [`RetentionClass::Runs`], from the end of the run.
    pub runs: Option<Duration>,
    /// [`RetentionClass::Sessions`], from the last message.
    pub sessions: Option<Duration>,
    /// [`RetentionClass::Jobs`], from when the job was queued.
    pub jobs: Option<Duration>,
    /// [`RetentionClass::Calls`], from the admission of the call.
    pub calls: Option<Duration>,
}

impl Default for Retention {
    /// Returns ninety days for finished jobs, and no expiry for every other class.
    fn default() -> Self {
        Self { journals: None, runs: None, sessions: None, jobs: Some(NINETY_DAYS), calls: None }
    }
}

impl Retention {
    /// Returns one period in days for every class; 0 keeps records for ever.
    pub fn of_all(days: u32) -> Self {
        let period = (days > 0).then(|| Duration::from_hours(u64::from(days) * 24));
        Self { journals: period, runs: period, sessions: period, jobs: period, calls: period }
    }

    /// Returns the retention of a class; `None` for ever.
    pub const fn of(&self, class: RetentionClass) -> Option<Duration> {
        match class {
            RetentionClass::Journals => self.journals,
            RetentionClass::Runs => self.runs,
            RetentionClass::Sessions => self.sessions,
            RetentionClass::Jobs => self.jobs,
            RetentionClass::Calls => self.calls,
        }
    }
}

/// Number of records of a class that a pass removed, or would remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The class.
    pub class: RetentionClass,
    /// The number of records.
    pub records: u64,
}
