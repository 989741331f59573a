//! Store of administrative resources: the port [`AdminResourceStore`] and its rows.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::audit::UnsealedRecords;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::page::Page;
use crate::principal::TenantId;

/// Owner of a resource: one tenant, or the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceScope {
    /// A tenant, which alone sees the resource.
    Tenant(TenantId),
    /// The installation, for all tenants.
    Installation,
}

/// Content of a resource, divided by who may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceContent {
    /// The resource as JSON, with `[redacted]` in the place of each sensitive field and each secret.
    pub body: Value,
    /// Sensitive fields by JSON pointer. No list, history, record or export holds them.
    pub sensitive: Map<String, Value>,
    /// Sealed secrets by JSON pointer. An export holds them sealed.
    pub sealed: Map<String, Value>,
    /// Names and values by which lists are filtered.
    pub indexes: Vec<(String, String)>,
}

/// Change of one resource, with the state that it expects.
#[derive(Clone, Debug, PartialEq)]
pub enum ResourceChange {
    /// Creates a resource that must not exist.
    Create(ResourceContent),
    /// Replaces the content of this version.
    Update {
        /// Version that is replaced.
        expected: u64,
        /// New content.
        content: ResourceContent,
    },
    /// Removes this version.
    Delete {
        /// Version that is removed.
        expected: u64,
    },
}

impl ResourceChange {
    /// Returns the version after the change of a resource whose current version is `current`, where it exists, and
    /// whose latest version ever was `latest`. Versions go on after a removal, so that no version has two contents.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with `RESOURCE_EXISTS` or `RESOURCE_CHANGED`;
    /// [`NotFound`](ErrorKind::NotFound) with `RESOURCE_NOT_FOUND`.
    pub fn version_after(&self, current: Option<u64>, latest: u64) -> Result<u64> {
        let next = latest.saturating_add(1);
        match (self, current) {
            (Self::Create(_), None) => Ok(next),
            (Self::Create(_), Some(_)) => {
                Err(Error::new(ErrorKind::Conflict, "there is a resource with this id already")
                    .with_code("RESOURCE_EXISTS"))
            }
            (Self::Update { .. } | Self::Delete { .. }, None) => Err(no_resource()),
            (Self::Update { expected, .. } | Self::Delete { expected }, Some(version)) => {
                if *expected == version {
                    return Ok(next);
                }
                Err(Error::new(ErrorKind::Conflict, "the resource was changed in the meantime")
                    .with_code("RESOURCE_CHANGED")
                    .with_hint("read it again, and repeat the change")
                    .with("expected", expected)
                    .with("version", version))
            }
        }
    }

    /// Returns the kind of change.
    pub const fn kind(&self) -> ChangeKind {
        match self {
            Self::Create(_) => ChangeKind::Created,
            Self::Update { .. } => ChangeKind::Updated,
            Self::Delete { .. } => ChangeKind::Deleted,
        }
    }

    /// Returns the content after the change; none after a removal.
    pub const fn content(&self) -> Option<&ResourceContent> {
        match self {
            Self::Create(content) | Self::Update { content, .. } => Some(content),
            Self::Delete { .. } => None,
        }
    }
}

/// Kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The resource was created.
    Created,
    /// Its content was replaced.
    Updated,
    /// It was removed.
    Deleted,
}

/// Write of one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceWrite {
    /// Kind of resource.
    pub kind: &'static str,
    /// Id of the resource.
    pub id: String,
    /// Change.
    pub change: ResourceChange,
    /// JSON pointers of the fields that the change concerns, for the history.
    pub changed: Vec<String>,
}

/// Writes that commit together, with their audit records.
#[derive(Clone, Debug)]
pub struct ResourceBatch {
    /// Owner of the resources.
    pub scope: ResourceScope,
    /// Writes.
    pub writes: Vec<ResourceWrite>,
    /// Actor, in the form of audit records.
    pub by: String,
    /// Time.
    pub at: Timestamp,
    /// Audit records.
    pub audit: UnsealedRecords,
}

/// Stored resource.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredResource {
    /// Id.
    pub id: String,
    /// Version.
    pub version: u64,
    /// Content; in a list without sensitive fields, secrets and indexes.
    pub content: ResourceContent,
    /// Time of the creation.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Actor of the last change.
    pub updated_by: String,
}

/// Entry of a resource's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceVersion {
    /// Version that the change made.
    pub version: u64,
    /// Kind of change.
    pub change: ChangeKind,
    /// JSON pointers of the fields that the change concerned, secrets included.
    pub changed: Vec<String>,
    /// Content after the change, redacted; none after a removal.
    pub body: Option<Value>,
    /// Time of the change.
    pub at: Timestamp,
    /// Actor of the change.
    pub by: String,
}

/// Query of a list of resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceQuery {
    /// Kind of resource.
    pub kind: &'static str,
    /// Index and value that the resources have; all resources without one.
    pub index: Option<(String, String)>,
    /// Page, by id.
    pub page: Page,
}

/// Returns the error of a resource that does not exist.
pub fn no_resource() -> Error {
    Error::not_found("there is no such resource").with_code("RESOURCE_NOT_FOUND")
}

/// Store of administrative resources: typed documents that have versions, a history and indexes.
///
/// # Contract
/// - A resource that is created is read back with its content, version 1, times and actor.
/// - A creation needs the absence of the resource, and a change or a removal its current version.
/// - Writes of a batch commit together: one that conflicts leaves none, no history and no record.
/// - Versions count on after a removal: a resource that is created again has a new version.
/// - Lists of resources are in order of id; a page continues after its cursor and repeats and skips nothing.
/// - A filter by index follows each change and each removal.
/// - A list and a history hold no sensitive field and no secret.
/// - The history holds every change in order of version and outlives a removal; a change has its actor, time and fields.
/// - Lists of versions are in order of version; a page continues after its cursor and repeats and skips nothing.
/// - A write commits with its audit records, and gives the tenant another settings version.
/// - A resource of one tenant is invisible to every other, and cannot be changed by it.
/// - A resource of the installation is none of a tenant's, and a tenant's none of the installation's.
/// - Lists of the resources that each tenant has one of are in order of tenant; a page continues after its cursor and
///   repeats and skips nothing.
/// - Of concurrent changes of one version, one succeeds.
#[async_trait]
pub trait AdminResourceStore: std::fmt::Debug + Send + Sync {
    /// Returns one resource.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) with `RESOURCE_NOT_FOUND`.
    async fn resource(&self, scope: &ResourceScope, kind: &'static str, id: &str) -> Result<StoredResource>;

    /// Returns a page of resources in order of id. The key is the id.
    ///
    /// # Errors
    /// Those of a store.
    async fn resources(&self, scope: &ResourceScope, query: &ResourceQuery) -> Result<Vec<StoredResource>>;

    /// Returns a page of the resources whose id is their tenant's, in order of tenant: for kinds that a tenant has
    /// one of, and for the operator of the installation alone. The key is the id.
    ///
    /// # Errors
    /// Those of a store.
    async fn resources_of_tenants(&self, query: &ResourceQuery) -> Result<Vec<StoredResource>>;

    /// Carries out all writes of a batch, or none, and returns the versions that they made, in order. The write commits
    /// even when the future is dropped.
    ///
    /// # Errors
    /// Those of [`ResourceChange::version_after`].
    async fn write_resources(&self, batch: ResourceBatch) -> Result<Vec<u64>>;

    /// Returns a page of the history of a resource in order of version. The key is the version.
    ///
    /// # Errors
    /// Those of [`invalid_cursor`](crate::invalid_cursor).
    async fn resource_history(
        &self,
        scope: &ResourceScope,
        kind: &'static str,
        id: &str,
        page: &Page,
    ) -> Result<Vec<ResourceVersion>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> ResourceContent {
        let (sensitive, sealed) = (Map::new(), Map::new());
        ResourceContent { body: Value::Null, sensitive, sealed, indexes: Vec::new() }
    }

    #[test]
    fn a_version_follows_the_latest_one_ever_and_only_the_expected_state_is_changed() {
        let create = ResourceChange::Create(content());
        let update = |expected| ResourceChange::Update { expected, content: content() };
        let delete = |expected| ResourceChange::Delete { expected };
        let code = |result: Result<u64>| result.unwrap_err().code();
        assert_eq!(create.version_after(None, 0).unwrap(), 1);
        assert_eq!(create.version_after(None, 4).unwrap(), 5);
        assert_eq!(code(create.version_after(Some(1), 1)), "RESOURCE_EXISTS");
        for change in [update as fn(u64) -> ResourceChange, delete] {
            assert_eq!(change(3).version_after(Some(3), 3).unwrap(), 4);
            assert_eq!(code(change(2).version_after(Some(3), 3)), "RESOURCE_CHANGED");
            assert_eq!(code(change(3).version_after(None, 3)), "RESOURCE_NOT_FOUND");
        }
    }
}
