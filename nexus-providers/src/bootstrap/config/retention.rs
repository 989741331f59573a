//! `[retention]`: retention periods of records.

use std::time::Duration;

use nexus_core::retention::Retention;
use serde::Deserialize;

/// Retention periods in days after the end of a record; 0 keeps a class for ever.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Journals of closed runs; for ever by default.
    pub journals_days: Option<u32>,
    /// Closed runs; for ever by default.
    pub runs_days: Option<u32>,
    /// Sessions, from their last message; for ever by default.
    pub sessions_days: Option<u32>,
    /// Finished ingestion jobs; 90 days by default.
    pub jobs_days: Option<u32>,
    /// Details of model calls whose ledger entries are final; for ever by default.
    pub calls_days: Option<u32>,
}

impl RetentionConfig {
    /// Converts to the retention periods.
    pub fn retention(&self) -> Retention {
        let default = Retention::default();
        let period = |days: Option<u32>, default: Option<Duration>| match days {
            None => default,
            Some(0) => None,
            Some(days) => Some(Duration::from_hours(u64::from(days) * 24)),
        };
        Retention {
            journals: period(self.journals_days, default.journals),
            runs: period(self.runs_days, default.runs),
            sessions: period(self.sessions_days, default.sessions),
            jobs: period(self.jobs_days, default.jobs),
            calls: period(self.calls_days, default.calls),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::{Config, Environment};

    #[test]
    fn a_period_is_given_in_days_and_zero_keeps_for_ever() {
        let env = Environment::from([("NEXUS__RETENTION__SESSIONS_DAYS", "7")]);
        let config = Config::parse("[retention]\njournals_days = 30\njobs_days = 0", &env).unwrap();
        let days = |days: u64| Some(Duration::from_hours(days * 24));
        let retention = config.retention.retention();
        assert_eq!((retention.journals, retention.sessions, retention.jobs), (days(30), days(7), None));
        assert_eq!(RetentionConfig::default().retention(), Retention::default());
        Config::parse("[retention]\njournal_days = 30", &env).unwrap_err();
    }
}
