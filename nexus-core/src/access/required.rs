//! Commit preconditions: the access that a change needs at its commit, [`RequiredAccess`].
//!
//! A caller can stretch the time between a decision and its effect, for instance with a slow upload. So core passes
//! the required access to the store, which checks it in the transaction of the change.

use super::{Authorised, Grant, Permission, Visibility};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::SubjectId;

/// Access that a change needs at its commit. Within [`Authorised`] it also proves that the policy allowed the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequiredAccess {
    /// The rule.
    pub rule: AccessRule,
    /// The time at which grants must be valid: the present, read when the change is passed to the store.
    pub at: Timestamp,
}

/// Rule on the object of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessRule {
    /// The document is new, or the principal holds this permission on it.
    NewOr(Permission),
    /// The document exists, and the principal holds this permission on it.
    Holds(Permission),
    /// The principal on whose behalf a job runs still holds this permission on the job's document.
    StillHolds(Permission),
    /// The object belongs to the principal. An admin may change every object.
    Owns,
}

impl RequiredAccess {
    /// Returns the requirement that `rule` holds at `at`.
    pub fn new(rule: AccessRule, at: Timestamp) -> Self {
        Self { rule, at }
    }
}

impl Authorised<RequiredAccess> {
    /// Checks a change of a document against its `grants`; `None` means that there is no such document. Stores call
    /// this in the transaction of the change.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied) without the permission; [`NotFound`](ErrorKind::NotFound), or
    /// [`Conflict`](ErrorKind::Conflict) with `DOCUMENT_EXISTS` where a new document was wanted, without even `read`.
    pub fn check_document(&self, grants: Option<&[Grant]>) -> Result<()> {
        let RequiredAccess { rule, at } = *self.request();
        let holds = |permission, grants: &[Grant]| self.visibility().permits(permission, grants, at);
        Err(match (rule, grants) {
            (AccessRule::NewOr(_), None) => return Ok(()),
            (
                AccessRule::NewOr(wanted) | AccessRule::Holds(wanted) | AccessRule::StillHolds(wanted),
                Some(grants),
            ) if holds(wanted, grants) => return Ok(()),
            (AccessRule::StillHolds(wanted), Some(_)) => revoked(wanted),
            (AccessRule::NewOr(wanted) | AccessRule::Holds(wanted), Some(grants))
                if holds(Permission::Read, grants) =>
            {
                missing(wanted)
            }
            // A caller who may not read the document learns only that its id is taken.
            (AccessRule::NewOr(_), Some(_)) => id_taken(),
            (AccessRule::Holds(_), _) | (AccessRule::StillHolds(_), None) => no_document(),
            (AccessRule::Owns, _) => Error::unexpected("a document has grants, not an owner"),
        })
    }

    /// Checks a change of an object that belongs to `owner`, such as a session.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for an object of another subject.
    pub fn check_owner(&self, owner: &SubjectId) -> Result<()> {
        if self.principal().subject() == owner || *self.visibility() == Visibility::All {
            return Ok(());
        }
        Err(Error::not_found("there is no such object"))
    }
}

fn no_document() -> Error {
    Error::not_found("there is no such document").with_code("DOCUMENT_NOT_FOUND")
}

fn missing(wanted: Permission) -> Error {
    Error::new(ErrorKind::Denied, format!("this needs the permission `{wanted}` on the document"))
}

/// Returns the error for an id of a document that the caller may not read. It holds nothing of that document.
pub(crate) fn id_taken() -> Error {
    Error::new(ErrorKind::Conflict, "a document with this id exists")
        .with_code("DOCUMENT_EXISTS")
        .with_hint("choose another id")
}

fn revoked(wanted: Permission) -> Error {
    let message = format!("the permission `{wanted}` on the document was revoked before its job had ended");
    Error::new(ErrorKind::Denied, message).with_code("PERMISSION_REVOKED")
}

#[cfg(test)]
mod tests {
    use super::super::Grantee;
    use super::*;
    use crate::id::{DocumentId, GrantId};
    use crate::principal::Principal;

    const NOW: Timestamp = Timestamp::from_micros(1_000);

    fn access(role: &str, rule: AccessRule) -> Authorised<RequiredAccess> {
        let caller = Principal::user("acme", "eve").unwrap().roles([role]);
        Authorised::for_tests(&caller, RequiredAccess::new(rule, NOW))
    }

    fn grant(permission: Permission, expires_at: Option<Timestamp>) -> Grant {
        Grant {
            id: GrantId::parse("g").unwrap(),
            document_id: DocumentId::parse("d").unwrap(),
            grantee: Grantee::User("eve".to_owned()),
            permission,
            granted_by: SubjectId::parse("ada").unwrap(),
            expires_at,
            created_at: Timestamp::from_micros(0),
        }
    }

    /// Checks the verdict on `grants` under each rule about `write`: new or, holds, still holds.
    #[track_caller]
    fn check(role: &str, grants: Option<&[Grant]>, expected: [&str; 3]) {
        let rules = [AccessRule::NewOr, AccessRule::Holds, AccessRule::StillHolds];
        let verdicts = rules.map(|rule| match access(role, rule(Permission::Write)).check_document(grants) {
            Ok(()) => "OK",
            Err(error) => error.code(),
        });
        assert_eq!(verdicts, expected);
    }

    #[test]
    fn a_change_needs_its_permission_at_the_moment_of_the_commit() {
        check("editor", None, ["OK", "DOCUMENT_NOT_FOUND", "DOCUMENT_NOT_FOUND"]);
        let nothing = ["DOCUMENT_EXISTS", "DOCUMENT_NOT_FOUND", "PERMISSION_REVOKED"];
        check("editor", Some(&[]), nothing);
        check("editor", Some(&[grant(Permission::Write, None)]), ["OK"; 3]);
        check("editor", Some(&[grant(Permission::Owner, None)]), ["OK"; 3]);
        check("editor", Some(&[grant(Permission::Read, None)]), ["DENIED", "DENIED", "PERMISSION_REVOKED"]);
        check("editor", Some(&[grant(Permission::Write, Some(NOW))]), nothing);
        let later = Timestamp::from_micros(NOW.as_micros() + 1);
        check("editor", Some(&[grant(Permission::Write, Some(later))]), ["OK"; 3]);
        check("admin", Some(&[]), ["OK"; 3]);
    }

    #[test]
    fn an_object_is_changed_by_its_owner_or_an_admin() {
        let (eve, bob) = (SubjectId::parse("eve").unwrap(), SubjectId::parse("bob").unwrap());
        assert!(access("editor", AccessRule::Owns).check_owner(&eve).is_ok());
        let refused = access("editor", AccessRule::Owns).check_owner(&bob).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound);
        assert!(access("admin", AccessRule::Owns).check_owner(&bob).is_ok());
    }
}
