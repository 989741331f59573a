//! Exit codes: one table, exhaustive over kinds of error and outcomes.

use std::fmt::Write as _;
use std::process::ExitCode;

use nexus_core::policy::APPROVAL_REQUIRED;
use nexus_core::run::Outcome;
use nexus_core::{Error, ErrorKind};

/// Exit status of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    Usage,
    Abstained,
    Denied,
    OverQuota,
    Unverified,
    AwaitingApproval,
    Blocked,
    Uncited,
    Incomplete,
    Cancelled,
}

impl Exit {
    const ALL: [Self; 12] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Abstained,
        Self::Denied,
        Self::OverQuota,
        Self::Unverified,
        Self::AwaitingApproval,
        Self::Blocked,
        Self::Uncited,
        Self::Incomplete,
        Self::Cancelled,
    ];

    const fn row(self) -> (u8, &'static str) {
        match self {
            Self::Done => (0, "answered, or done"),
            Self::Failed => (1, "any other failure"),
            Self::Usage => {
                (2, "the command line, or something it names such as a file of settings, is not valid")
            }
            Self::Abstained => (3, "abstained: the documents do not hold the answer"),
            Self::Denied => (4, "denied by the policy"),
            Self::OverQuota => (5, "over quota"),
            Self::Unverified => (6, "an audit record does not verify"),
            Self::AwaitingApproval => (7, "awaiting approval"),
            Self::Blocked => (8, "the answer was blocked"),
            Self::Uncited => (9, "uncited: the model's reply cites no passage"),
            Self::Incomplete => (10, "incomplete: the model's reply was cut off"),
            Self::Cancelled => (130, "cancelled"),
        }
    }

    /// Returns the table for `nexus --help`.
    pub(crate) fn table() -> String {
        Self::ALL.into_iter().map(Self::row).fold("Exit codes:\n".to_owned(), |mut table, (code, meaning)| {
            let _ = writeln!(table, "  {code:>3}  {meaning}");
            table
        })
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidInput => Self::Usage,
            ErrorKind::Denied => Self::Denied,
            ErrorKind::RateLimited => Self::OverQuota,
            ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Timeout
            | ErrorKind::Unavailable
            | ErrorKind::Corrupt
            | ErrorKind::Unexpected => Self::Failed,
        }
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        if error.code() == APPROVAL_REQUIRED { Self::AwaitingApproval } else { error.kind().into() }
    }
}

impl From<&Outcome> for Exit {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Answered => Self::Done,
            Outcome::Abstained { .. } => Self::Abstained,
            Outcome::Refused { .. } => Self::Denied,
            Outcome::Blocked { .. } => Self::Blocked,
            Outcome::Uncited => Self::Uncited,
            Outcome::Incomplete { .. } => Self::Incomplete,
            Outcome::NeedsApproval { .. } => Self::AwaitingApproval,
            Outcome::OverQuota { .. } => Self::OverQuota,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Failed { .. } => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.row().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_end_has_a_code_of_its_own() {
        let mut codes: Vec<u8> = Exit::ALL.into_iter().map(|exit| exit.row().0).collect();
        codes.dedup();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130]);
    }

    #[test]
    fn a_missing_approval_ends_a_command_as_it_ends_a_run() {
        let missing = Error::new(ErrorKind::Conflict, "an approval is missing").with_code(APPROVAL_REQUIRED);
        assert_eq!(Exit::from(&missing), Exit::AwaitingApproval);
        assert_eq!(Exit::from(&Error::new(ErrorKind::Conflict, "the run is over")), Exit::Failed);
    }
}
