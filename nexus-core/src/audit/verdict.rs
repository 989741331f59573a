//! [`Status`] and [`Verification`]: the result of a verifier.

use serde::Serialize;

use super::digest::Digest;

/// Verdict on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Complete from `run.open` to `run.close`, and unchanged.
    Ok,
    /// Unchanged, without `run.close`: the run goes on, or its process died.
    Open,
    /// No change found, but a record's key is not in the ring.
    Unverifiable,
    /// A body is not in format 1, although its bytes match its hash.
    Noncanonical,
    /// A record was changed, inserted or removed.
    Tampered,
    /// A record stands at another's position.
    Reordered,
    /// Two genuine records follow the same predecessor.
    Forked,
    /// Records are missing at the end: the store committed more than there are.
    Truncated,
}

impl Status {
    /// Returns whether the chain is unchanged: [`Ok`](Self::Ok) or still [`Open`](Self::Open).
    pub fn is_sound(self) -> bool {
        matches!(self, Self::Ok | Self::Open)
    }

    /// Returns the status as text, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Open => "open",
            Self::Unverifiable => "unverifiable",
            Self::Noncanonical => "noncanonical",
            Self::Tampered => "tampered",
            Self::Reordered => "reordered",
            Self::Forked => "forked",
            Self::Truncated => "truncated",
        }
    }
}

/// Report on a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The id of the run, call or job.
    pub run: String,
    /// The verdict.
    pub status: Status,
    /// The number of records read.
    pub entries: u64,
    /// The first position that is wrong, or whose key is missing.
    pub first_bad: Option<u64>,
    /// The defect at that position.
    pub reason: Option<&'static str>,
    /// The expected hash, for a defect of hashes.
    pub expected: Option<Digest>,
    /// The hash found.
    pub actual: Option<Digest>,
    /// The first position whose time is before its predecessor's. A clock may be set back, so this is a note and
    /// no sign of a change: records are ordered by position.
    pub clock_regression: Option<u64>,
    /// The gaps of this verdict.
    pub not_checked: Vec<&'static str>,
}
