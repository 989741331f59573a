//! Administrative resources: typed documents without invariants of their own, such as the settings of a tenant.
//!
//! A resource is one type that implements [`AdminResource`], and one line in the default [`Registry`]. Its actions, default
//! roles, routes, audit events and commands are made of its [`ResourceKind`]; one port, [`AdminResourceStore`], keeps
//! all of them with versions and a history.
//!
//! - `kind`: names of a kind; `registry`: the kinds that exist.
//! - `form`: a typed resource as JSON, divided by who may see it; `secret`: secrets and the key that seals them.
//! - `store`: the port; `tenant`: settings of tenants.
//!
//! A thing with invariants, such as a document, a run or a counter, is none of these: it has a port of its own.

mod form;
mod kind;
mod registry;
mod secret;
mod store;
mod tenant;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;

pub use form::{Prepared, Sealing};
pub(crate) use form::{changed_fields, merge, read, whole};
pub use kind::ResourceKind;
#[doc(hidden)]
pub use kind::Words;
pub use registry::{RegisteredKind, Registry};
pub use secret::{REDACTED, SealKey, Secret, SecretPlace, seal_key_missing};
pub use store::{
    AdminResourceStore, ChangeKind, ResourceBatch, ResourceChange, ResourceContent, ResourceQuery,
    ResourceScope, ResourceVersion, ResourceWrite, StoredResource, no_resource,
};
pub use tenant::{Quotas, TenantSettings};

/// Owners that a kind of resource may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Each tenant has resources of its own.
    Tenant,
    /// Each tenant has one resource, whose id is the tenant's. The operator of the installation reads and writes those
    /// of all tenants.
    OnePerTenant,
    /// The installation has resources, which its operator alone reads and writes.
    Installation,
    /// Tenants and the installation have resources.
    Both,
}

/// Administrative resource: a typed document with a kind, a scope, a validation and indexes.
///
/// ```
/// use nexus_core::admin::{AdminResource, ResourceKind, Scope, Secret};
/// use nexus_core::id::check_name;
/// use nexus_core::{Result, resource_kind};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct Hook {
///     address: String,
///     #[serde(default, skip_serializing_if = "Option::is_none")]
///     signing_key: Option<Secret>,
/// }
///
/// impl AdminResource for Hook {
///     const KIND: ResourceKind = resource_kind!("hook", "hooks");
///     const SCOPE: Scope = Scope::Tenant;
///
///     fn validate(&self) -> Result<()> {
///         check_name("address", &self.address)
///     }
///
///     fn secrets(&mut self) -> Vec<(&'static str, &mut Secret)> {
///         self.signing_key.iter_mut().map(|key| ("/signing_key", key)).collect()
///     }
/// }
/// ```
pub trait AdminResource: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Names of the kind.
    const KIND: ResourceKind;
    /// Owners.
    const SCOPE: Scope;
    /// JSON pointers of optional fields that lists, histories, records and exports do not show.
    const SENSITIVE: &'static [&'static str] = &[];
    /// JSON pointers of fields that the operator of the installation alone changes, such as what a tenant may consume.
    const OPERATOR_ONLY: &'static [&'static str] = &[];
    /// Names of the indexes by which lists are filtered.
    const INDEXES: &'static [&'static str] = &[];

    /// Checks the content. A field that is accepted takes effect; one that would be ignored is refused.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), naming the field.
    fn validate(&self) -> Result<()>;

    /// Returns the values of the indexes that the resource has, each under a name of [`INDEXES`](Self::INDEXES).
    fn indexes(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Returns the secrets with the JSON pointers of their fields.
    fn secrets(&mut self) -> Vec<(&'static str, &mut Secret)> {
        Vec::new()
    }
}
