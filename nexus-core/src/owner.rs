//! Ownership of live work: each unfinished run and each open call belongs to one owner, a running Nexus.
//!
//! An owner holds a lease, which it renews for all of its work at once. Another owner claims the work only after the
//! lease has expired, and from then on every write of the former owner is refused: a process that was paused cannot
//! spoil the work of its successor.

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::id::OwnerId;

/// Stable code of a write that an earlier owner makes.
const OWNER_LOST: &str = "OWNER_LOST";

/// Lease of an owner on its runs and calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerLease {
    /// Owner.
    pub owner: OwnerId,
    /// Time after which another owner may claim the work.
    pub until: Timestamp,
}

/// Returns the error for a write to work that belongs to another owner; `work` names it, such as `run`.
pub fn owner_lost(work: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("another process has taken over the {work}"))
        .code(OWNER_LOST)
        .hint("ask again")
}

/// Returns whether a write failed because the work belongs to another owner.
pub(crate) fn is_owner_lost(error: &Error) -> bool {
    error.stable_code() == OWNER_LOST
}
