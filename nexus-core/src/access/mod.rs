//! Document permissions: [`Grant`]s, the [`Visibility`] of a principal, and proof of a decision ([`Authorised`]).
//!
//! The policy decides which actions a role may take, grants decide on which documents; an operation needs both.
//! This module owns the meaning of grants; [`GrantStore`] stores them.
//!
//! - `authorised`: a request that a policy allowed; `required`: the access that a change needs at the moment of its
//!   commit.

mod authorised;
mod required;

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::audit::UnsealedRecords;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{DocumentId, GrantId, SubjectId};
use crate::page::Page;
use crate::principal::{Authentication, Principal, TenantId};

pub use authorised::Authorised;
pub(crate) use required::id_taken;
pub use required::{AccessRule, RequiredAccess};

/// Role that sees every document of its tenant.
pub const ADMIN: &str = "admin";

/// Permission of a grant on a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See the document in searches, answers and lists.
    Read,
    /// Replace its content and change its metadata.
    Write,
    /// Remove it.
    Delete,
    /// Chunk it into passages anew.
    Reindex,
    /// All of the above, and granting.
    Owner,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Delete, Self::Reindex, Self::Owner];

    /// Returns whether `self` includes `wanted`: `owner` includes every permission, `write` includes `read`.
    pub fn implies(self, wanted: Self) -> bool {
        self == wanted || self == Self::Owner || (self == Self::Write && wanted == Self::Read)
    }

    /// Returns the permission's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Reindex => "reindex",
            Self::Owner => "owner",
        }
    }
}

impl FromStr for Permission {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text).ok_or_else(|| {
            Error::invalid(format!("`{}` is not a permission", text.escape_debug()))
                .with_hint("one of: read, write, delete, reindex, owner")
        })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Grantee of a grant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "principal_type", content = "principal_id", rename_all = "snake_case")]
pub enum Grantee {
    /// One subject.
    User(String),
    /// One API key, by its id.
    ApiKey(String),
    /// Every member of a group.
    Group(String),
    /// Every principal with a role.
    Role(String),
}

impl Grantee {
    /// Returns the kind of principal: `user`, `api_key`, `group` or `role`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::ApiKey(_) => "api_key",
            Self::Group(_) => "group",
            Self::Role(_) => "role",
        }
    }

    /// Returns the principal's id.
    pub fn id(&self) -> &str {
        match self {
            Self::User(id) | Self::ApiKey(id) | Self::Group(id) | Self::Role(id) => id,
        }
    }

    /// Returns a grantee of [`Grantee::kind`] and [`Grantee::id`].
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an unknown kind or a refused id.
    pub fn new(kind: &str, id: impl Into<String>) -> Result<Self> {
        let id = id.into();
        crate::id::check_id("grantee", &id)?;
        match kind {
            "user" => Ok(Self::User(id)),
            "api_key" => Ok(Self::ApiKey(id)),
            "group" => Ok(Self::Group(id)),
            "role" => Ok(Self::Role(id)),
            _ => Err(Error::invalid("a grant is for a user, an api_key, a group or a role")
                .with_hint("write it like `role:reader` or `user:u-42`")),
        }
    }
}

impl FromStr for Grantee {
    type Err = Error;

    /// Parses `kind:id`, such as `role:reader`.
    fn from_str(text: &str) -> Result<Self> {
        let (kind, id) = text.split_once(':').unwrap_or((text, ""));
        Self::new(kind, id)
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.id())
    }
}

/// Grant of a permission on one document to one grantee, until it expires or is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The id, for revocation.
    pub id: GrantId,
    /// The document.
    pub document_id: DocumentId,
    /// The grantee.
    #[serde(flatten)]
    pub grantee: Grantee,
    /// The permission.
    pub permission: Permission,
    /// The grantor.
    pub granted_by: SubjectId,
    /// The expiry: the first time at which the grant no longer holds.
    pub expires_at: Option<Timestamp>,
    /// The creation time.
    pub created_at: Timestamp,
}

impl Grant {
    /// Returns whether the grant holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Visibility: the documents of its tenant that a principal may see. Stores push it into every query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// All documents: the principal is an admin.
    All,
    /// Documents with a valid grant that implies `read` and is for one of these grantees, sorted.
    Granted(Vec<Grantee>),
}

impl Visibility {
    /// Returns the visibility of `principal`.
    pub fn of(principal: &Principal) -> Self {
        if principal.has_role(ADMIN) {
            return Self::All;
        }
        let mut grantees = vec![Grantee::User(principal.subject().to_string())];
        if let Authentication::ApiKey { key_id } = principal.authentication() {
            grantees.push(Grantee::ApiKey(key_id.clone()));
        }
        grantees.extend(principal.group_names().map(|group| Grantee::Group(group.to_owned())));
        grantees.extend(principal.role_names().map(|role| Grantee::Role(role.to_owned())));
        grantees.sort();
        Self::Granted(grantees)
    }

    /// Returns whether `grants`, all of one document, give `wanted` at `now`.
    pub fn permits(&self, wanted: Permission, grants: &[Grant], now: Timestamp) -> bool {
        match self {
            Self::All => true,
            Self::Granted(grantees) => grants.iter().any(|grant| {
                grant.holds(now) && grant.permission.implies(wanted) && grantees.contains(&grant.grantee)
            }),
        }
    }
}

/// Port that stores document grants.
///
/// # Contract
/// - A grant belongs to its tenant: another tenant neither sees it nor gains by it.
/// - Giving the same grantee the same permission again replaces the expiry and leaves one grant.
/// - A revocation binds the next search.
/// - An expired grant gives nothing.
/// - Granting on a document that does not exist is `NotFound`.
/// - Granting and revoking need the required access at the commit: without it they change nothing.
/// - A grant or a revocation and its audit record commit together; a refused one leaves no record.
/// - Lists of grants are in order of creation; a page continues after its cursor and repeats and skips nothing.
#[async_trait]
pub trait GrantStore: std::fmt::Debug + Send + Sync {
    /// Adds `grant`, or replaces the one with the same document, grantee and permission, and returns the stored grant.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when the document does not exist; those of
    /// [`check_document`](Authorised::check_document).
    async fn grant(
        &self,
        access: &Authorised<RequiredAccess>,
        grant: Grant,
        audit: UnsealedRecords,
    ) -> Result<Grant>;

    /// Removes a grant of `document` and returns it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such grant; those of
    /// [`check_document`](Authorised::check_document).
    async fn revoke(
        &self,
        access: &Authorised<RequiredAccess>,
        document: &DocumentId,
        grant: &GrantId,
        audit: UnsealedRecords,
    ) -> Result<Grant>;

    /// Returns a page of the grants of `document`, expired ones included, in order of creation; empty for an unknown
    /// document. The key is the id.
    ///
    /// # Errors
    /// Those of [`invalid_cursor`](crate::invalid_cursor), also for a revoked grant.
    async fn grants(&self, tenant: &TenantId, document: &DocumentId, page: &Page) -> Result<Vec<Grant>>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_grantee_reads_as_it_prints(kind in "user|api_key|group|role", id in "[a-z0-9][a-z0-9._-]{0,20}") {
            let grantee = Grantee::new(&kind, id.as_str()).unwrap();
            prop_assert_eq!((grantee.kind(), grantee.id()), (kind.as_str(), id.as_str()));
            prop_assert_eq!(grantee.to_string().parse::<Grantee>().unwrap(), grantee);
        }
    }

    #[test]
    fn a_text_without_kind_and_id_is_no_grantee() {
        for unfit in ["", "role", "role:", ":reader", "team:hr", "everybody", "Role:reader", "user:a\nb"] {
            assert!(unfit.parse::<Grantee>().is_err(), "{unfit:?}");
        }
        for permission in Permission::ALL {
            assert_eq!(permission.to_string().parse::<Permission>().unwrap(), permission);
        }
        assert!("admin".parse::<Permission>().unwrap_err().hint().unwrap().contains("owner"));
    }

    #[test]
    fn a_grant_reaches_its_grantee_and_no_other_kind_of_the_same_name() {
        let bob = || Principal::user("acme", "bob").unwrap();
        let key = Authentication::ApiKey { key_id: "x".to_owned() };
        let named = [
            Principal::user("acme", "x").unwrap(),
            bob().authenticated(key),
            bob().groups(["x"]),
            bob().roles(["x"]),
        ];
        let now = Timestamp::from_micros(0);
        for (place, kind) in ["user", "api_key", "group", "role"].into_iter().enumerate() {
            let grant = Grant {
                id: GrantId::parse("g").unwrap(),
                document_id: DocumentId::parse("d").unwrap(),
                grantee: Grantee::new(kind, "x").unwrap(),
                permission: Permission::Read,
                granted_by: SubjectId::parse("ada").unwrap(),
                expires_at: None,
                created_at: now,
            };
            let reached: Vec<bool> = named
                .iter()
                .map(|caller| {
                    Visibility::of(caller).permits(Permission::Read, std::slice::from_ref(&grant), now)
                })
                .collect();
            let expected: Vec<bool> = (0..named.len()).map(|other| other == place).collect();
            assert_eq!(reached, expected, "{kind}");
        }
    }

    #[test]
    fn only_owner_and_write_imply_more_than_themselves() {
        for held in Permission::ALL {
            for wanted in Permission::ALL {
                let expected = held == wanted
                    || held == Permission::Owner
                    || (held == Permission::Write && wanted == Permission::Read);
                assert_eq!(held.implies(wanted), expected, "{held} for {wanted}");
            }
        }
    }

    #[test]
    fn a_principal_without_roles_sees_only_what_is_granted_to_it() {
        let caller = Principal::user("acme", "u-1").unwrap().groups(["finance"]);
        let expected =
            Visibility::Granted(vec![Grantee::User("u-1".to_owned()), Grantee::Group("finance".to_owned())]);
        assert_eq!(Visibility::of(&caller), expected);
    }
}
