//! [`Status`] and [`Verification`]: the result of a verifier.

use serde::Serialize;

use super::digest::Digest;

/// Verdict on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Complete from `run.open` to `run.close`, and unchanged.
    Ok,
    /// Complete and unchanged; texts that it fingerprints were erased, as a record tells.
    Erased,
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
    /// The chain is unchanged, and a stored text or row differs from its fingerprint, is gone, or was added.
    ContentChanged,
}

impl Status {
    /// Returns whether the chain and what it fingerprints are unchanged: [`Ok`](Self::Ok), still [`Open`](Self::Open),
    /// or [`Erased`](Self::Erased) on purpose.
    pub fn is_sound(self) -> bool {
        matches!(self, Self::Ok | Self::Open | Self::Erased)
    }

    /// Returns the status as text, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Erased => "erased",
            Self::Open => "open",
            Self::Unverifiable => "unverifiable",
            Self::Noncanonical => "noncanonical",
            Self::Tampered => "tampered",
            Self::Reordered => "reordered",
            Self::Forked => "forked",
            Self::Truncated => "truncated",
            Self::ContentChanged => "content_changed",
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
    /// The stored texts and rows that are not as their fingerprints say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<ContentFinding>,
    /// The gaps of this verdict.
    pub not_checked: Vec<&'static str>,
}

impl Verification {
    /// Returns the report on `entries` records of which none is wrong.
    pub(crate) fn ok(run: impl Into<String>, entries: u64) -> Self {
        Self {
            run: run.into(),
            status: Status::Ok,
            entries,
            first_bad: None,
            reason: None,
            expected: None,
            actual: None,
            clock_regression: None,
            content: Vec::new(),
            not_checked: Vec::new(),
        }
    }

    /// Adds the comparison of stored texts and rows with the fingerprints of a sound chain.
    pub(crate) fn compared(&mut self, content: Vec<ContentFinding>) {
        if content.iter().any(|finding| finding.state != ContentState::Erased) {
            self.status = Status::ContentChanged;
            self.reason = Some("what is stored differs from its fingerprint");
        } else if !content.is_empty() && self.status == Status::Ok {
            self.status = Status::Erased;
        }
        self.content = content;
    }
}

/// Comparison of a stored text or row with its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContentFinding {
    /// The text or row, such as `answer`.
    pub content: &'static str,
    /// The result.
    pub state: ContentState,
}

/// Result of a comparison that did not find the text or row as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentState {
    /// It differs from its fingerprint.
    Changed,
    /// It is gone, and no record tells of its erasure.
    Missing,
    /// Something is stored of which the record has no fingerprint.
    Added,
    /// It was erased on purpose, as a record tells.
    Erased,
}

impl ContentState {
    /// Returns the state as text, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Added => "added",
            Self::Erased => "erased",
        }
    }
}
