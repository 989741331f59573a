//! Identity of a caller: the [`Principal`] that every operation requires, and the [`TenantId`] that only it yields.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::id::{OrganisationId, SubjectId, check_id, check_name};

/// Id of a tenant: an isolated set of data that no other tenant can see.
///
/// There is no public constructor: the engine takes one from a principal after a decision of the policy, and
/// [`Authorised`](crate::access::Authorised) yields it. So code that reads or writes around the policy does not compile.
///
/// ```compile_fail
/// let tenant: nexus_core::TenantId = "acme".parse()?;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TenantId(String);

impl TenantId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Authentication method of a principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Authentication {
    /// The operating system's user started the program.
    Local,
    /// An API key of the tenant.
    ApiKey {
        /// The id of the key, never the key itself.
        key_id: String,
    },
    /// Single sign-on through an identity provider.
    Sso {
        /// The issuer's URL.
        issuer: String,
    },
    /// Nexus itself, for a stated purpose such as `recovery`.
    System {
        /// The purpose for which Nexus acts without a user.
        purpose: String,
    },
}

/// Principal: tenant, subject, roles, groups, attributes and authentication method of a caller.
///
/// ```
/// use nexus_core::Principal;
///
/// let caller = Principal::user("acme", "u-42")?.roles(["reader"]).groups(["finance"]);
/// assert_eq!(caller.tenant_id(), "acme");
/// assert!(caller.has_role("reader"));
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Principal {
    tenant: TenantId,
    subject: SubjectId,
    organisation: Option<OrganisationId>,
    roles: BTreeSet<String>,
    groups: BTreeSet<String>,
    attributes: BTreeMap<String, serde_json::Value>,
    authentication: Authentication,
}

#[derive(Deserialize)]
struct Parts {
    tenant: String,
    subject: SubjectId,
    organisation: Option<OrganisationId>,
    roles: BTreeSet<String>,
    groups: BTreeSet<String>,
    attributes: BTreeMap<String, serde_json::Value>,
    authentication: Authentication,
}

impl TryFrom<Parts> for Principal {
    type Error = crate::Error;

    fn try_from(parts: Parts) -> Result<Self> {
        check_id("tenant id", &parts.tenant)?;
        for name in parts.roles.iter().chain(&parts.groups) {
            check_name("role or group", name)?;
        }
        Ok(Self {
            tenant: TenantId(parts.tenant),
            subject: parts.subject,
            organisation: parts.organisation,
            roles: parts.roles,
            groups: parts.groups,
            attributes: parts.attributes,
            authentication: parts.authentication,
        })
    }
}

impl Principal {
    /// Returns a person or program of `tenant` without roles, which the policy allows nothing.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when an id is refused, see [`check_id`].
    pub fn user(tenant: impl Into<String>, subject: impl Into<String>) -> Result<Self> {
        Self::new(tenant.into(), subject.into(), Authentication::Local)
    }

    /// Returns the principal of Nexus itself in `tenant`, for a purpose that records show. It has the role `admin`.
    ///
    /// # Errors
    /// As [`Principal::user`].
    pub fn system(tenant: impl Into<String>, purpose: impl Into<String>) -> Result<Self> {
        let purpose = purpose.into();
        check_name("purpose", &purpose)?;
        let system = Self::new(tenant.into(), "nexus".to_owned(), Authentication::System { purpose })?;
        Ok(system.roles(["admin"]))
    }

    fn new(tenant: String, subject: String, authentication: Authentication) -> Result<Self> {
        check_id("tenant id", &tenant)?;
        Ok(Self {
            tenant: TenantId(tenant),
            subject: SubjectId::parse(subject)?,
            organisation: None,
            roles: BTreeSet::new(),
            groups: BTreeSet::new(),
            attributes: BTreeMap::new(),
            authentication,
        })
    }

    /// Replaces the roles.
    #[must_use]
    pub fn roles<T: Into<String>>(mut self, roles: impl IntoIterator<Item = T>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Replaces the groups.
    #[must_use]
    pub fn groups<T: Into<String>>(mut self, groups: impl IntoIterator<Item = T>) -> Self {
        self.groups = groups.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the organisation.
    #[must_use]
    pub fn organisation(mut self, organisation: OrganisationId) -> Self {
        self.organisation = Some(organisation);
        self
    }

    /// Sets one attribute, for policies.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Sets the authentication method, by default [`Authentication::Local`].
    #[must_use]
    pub fn authenticated(mut self, by: Authentication) -> Self {
        self.authentication = by;
        self
    }

    /// Returns the id of the tenant as text.
    pub fn tenant_id(&self) -> &str {
        self.tenant.as_str()
    }

    crate::public_in_tests! {
        /// Returns the tenant, for reads and writes within it.
        fn tenant(&self) -> &TenantId {
            &self.tenant
        }
    }

    /// Returns the subject within the tenant.
    pub fn subject(&self) -> &SubjectId {
        &self.subject
    }

    /// Returns the organisation, where there is one.
    pub fn organisation_id(&self) -> Option<&OrganisationId> {
        self.organisation.as_ref()
    }

    /// Returns whether the principal holds `role`.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// Iterates over all roles, sorted.
    pub fn role_names(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(String::as_str)
    }

    /// Iterates over all groups, sorted.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(String::as_str)
    }

    /// Returns all attributes, sorted by name.
    pub fn attributes(&self) -> &BTreeMap<String, serde_json::Value> {
        &self.attributes
    }

    /// Returns whether the principal is Nexus itself.
    pub fn is_system(&self) -> bool {
        matches!(self.authentication, Authentication::System { .. })
    }

    /// Returns the authentication method.
    pub fn authentication(&self) -> &Authentication {
        &self.authentication
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ada() -> Principal {
        Principal::user("acme", "ada")
            .unwrap()
            .roles(["editor", "admin"])
            .groups(["finance"])
            .organisation(OrganisationId::parse("north").unwrap())
            .attribute("clearance", 3)
            .authenticated(Authentication::Sso { issuer: "https://id.example.org".to_owned() })
    }

    #[test]
    fn a_principal_is_the_same_after_it_was_kept() {
        let kept = serde_json::to_value(ada()).unwrap();
        assert_eq!(serde_json::from_value::<Principal>(kept).unwrap(), ada());
        assert_eq!(ada().role_names().collect::<Vec<_>>(), ["admin", "editor"]);
        assert_eq!(ada().organisation_id().unwrap().as_str(), "north");
        assert_eq!(ada().attributes()["clearance"], 3);
    }

    /// Stored principals can be edited, so deserialisation repeats the checks.
    #[test]
    fn a_kept_principal_with_a_refused_name_is_not_read() {
        for (field, refused) in [
            ("tenant", json!("")),
            ("tenant", json!("a\u{202e}b")),
            ("subject", json!("")),
            ("organisation", json!("a\nb")),
            ("roles", json!(["admin\u{0}"])),
            ("groups", json!([""])),
            ("authentication", json!({ "method": "rumour" })),
        ] {
            let mut kept = serde_json::to_value(ada()).unwrap();
            kept[field] = refused.clone();
            assert!(serde_json::from_value::<Principal>(kept).is_err(), "{field}: {refused}");
        }
    }

    #[test]
    fn nexus_itself_may_do_all_and_says_why_it_acts() {
        let system = Principal::system("acme", "recovery").unwrap();
        assert!(system.has_role("admin"));
        let purpose = "recovery".to_owned();
        assert_eq!(system.authentication(), &Authentication::System { purpose });
        assert!(Principal::system("acme", "").is_err());
    }
}
