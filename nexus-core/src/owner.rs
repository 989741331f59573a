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

/// Returns whether work can be claimed at `now`: its own lease has expired, and so has the `renewal` of its owner, where there is
/// one. A lease has expired at its end.
pub fn is_claimable(lease_until: Timestamp, renewal: Option<Timestamp>, now: Timestamp) -> bool {
    [Some(lease_until), renewal].into_iter().flatten().all(|until| until <= now)
}

/// Returns the error for a write to work that belongs to another owner; `work` names it, such as `run`.
pub fn owner_lost(work: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("another process has taken over the {work}"))
        .with_code(OWNER_LOST)
        .with_hint("ask again")
}

/// Returns whether a write failed because the work belongs to another owner.
pub(crate) fn is_owner_lost(error: &Error) -> bool {
    error.code() == OWNER_LOST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_claimable_from_the_end_of_its_last_lease_on() {
        let at = Timestamp::from_micros;
        for (lease_until, renewal, expected) in [
            (9, None, true),
            (10, None, true),
            (11, None, false),
            (9, Some(9), true),
            (10, Some(10), true),
            (9, Some(11), false),
            (11, Some(9), false),
            (11, Some(11), false),
        ] {
            let found = is_claimable(at(lease_until), renewal.map(at), at(10));
            assert_eq!(found, expected, "{lease_until} {renewal:?}");
        }
    }
}
