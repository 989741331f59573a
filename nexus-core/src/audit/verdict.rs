//! [`Status`] and [`Verification`]: what a verifier says.

use serde::Serialize;

use super::digest::Digest;

/// The verdict on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Complete, from `run.open` to `run.close`, and nothing was changed.
    Ok,
    /// Nothing was changed, and there is no `run.close`: the run goes on, or its process died.
    Open,
    /// Nothing was found to be changed, but a record's key is not in the ring.
    Unverifiable,
    /// A body is not written as format 1 writes it, although its bytes are the ones that were hashed.
    Noncanonical,
    /// A record was changed, put in, or taken out.
    Tampered,
    /// A record stands in another's place.
    Reordered,
    /// Two records follow the same predecessor, and each is genuine.
    Forked,
    /// Records are missing at the end: the store committed more than there are.
    Truncated,
}

impl Status {
    /// Whether the chain shows no sign of a change: it is [`Ok`](Self::Ok) or still [`Open`](Self::Open).
    pub fn is_sound(self) -> bool {
        matches!(self, Self::Ok | Self::Open)
    }

    /// The status as text, as in JSON.
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

/// The report on a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The run or job.
    pub run: String,
    /// The verdict.
    pub status: Status,
    /// How many records were read.
    pub entries: u64,
    /// The first place that is wrong, or whose key is missing.
    pub first_bad: Option<u64>,
    /// What is wrong there.
    pub reason: Option<&'static str>,
    /// The hash that should be there, where hashes tell.
    pub expected: Option<Digest>,
    /// The hash that is there.
    pub actual: Option<Digest>,
    /// The first place whose time lies before its predecessor's. A clock may be set back, so this is a note and
    /// no sign of a change: the order of records is that of their places.
    pub clock_regression: Option<u64>,
    /// What this verdict does not cover.
    pub not_checked: Vec<&'static str>,
}
