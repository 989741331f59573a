//! Administrative resources of the facade, by type or by the name of their kind.
//!
//! A caller reads and writes the resources of its own tenant. Those of the installation, and the one that another
//! tenant has of a kind, are for the operator of Nexus.

use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::Nexus;
use super::resource_changes::{actor_on, check_sealed};
use super::rights::is_operator;
use crate::admin::{
    AdminResource, Prepared, RegisteredKind, Registry, ResourceChange, ResourceContent, ResourceQuery,
    ResourceScope, ResourceVersion, Scope, Sealing, StoredResource, changed_fields, merge, no_resource, read,
    whole,
};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::check_id;
use crate::page::Page;
use crate::policy::{Operation, Resource};
use crate::principal::Principal;

/// Purpose of the system principal that stands for another tenant, whose resources the operator reads and writes.
const PURPOSE: &str = "administration";

/// Address of a resource within its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceAddress {
    id: String,
    is_of_installation: bool,
}

impl ResourceAddress {
    /// Returns the address of a resource of the installation, for kinds that tenants have too.
    pub fn of_installation(id: impl Into<String>) -> Self {
        Self { id: id.into(), is_of_installation: true }
    }
}

impl From<&str> for ResourceAddress {
    /// Returns the address of a resource of the caller's tenant, or of the installation where only that has the kind.
    fn from(id: &str) -> Self {
        Self { id: id.to_owned(), is_of_installation: false }
    }
}

/// Resource with its type, its version and its times.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Versioned<T> {
    /// Id.
    pub id: String,
    /// Version.
    pub version: u64,
    /// Time of the creation.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Actor of the last change.
    pub updated_by: String,
    /// Resource.
    pub value: T,
}

/// List of resources to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceList {
    /// Index and value that the resources have.
    pub index: Option<(String, String)>,
    /// Page, by id.
    pub page: Page,
    /// Whether the resources are the installation's, for kinds that tenants have too.
    pub is_of_installation: bool,
}

/// Resource of a kind, in its scope.
pub(super) struct Located<'a> {
    pub(super) operation: Operation,
    pub(super) kind: &'a RegisteredKind,
    pub(super) scope: ResourceScope,
    pub(super) id: String,
}

impl Nexus {
    /// Returns the kinds of administrative resources.
    pub fn resource_kinds(&self) -> &Registry {
        &self.engine.registry
    }

    /// Returns a resource. Its secrets are sealed.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied), also for a resource of another tenant or of the installation to a caller over a
    /// network; [`NotFound`](ErrorKind::NotFound) with `RESOURCE_NOT_FOUND`.
    pub async fn resource<T: AdminResource>(
        &self,
        caller: &Principal,
        address: impl Into<ResourceAddress>,
    ) -> Result<Versioned<T>> {
        let (stored, _) = self.load(caller, T::KIND.name, address.into(), |kind| kind.kind.read).await?;
        let StoredResource { id, version, content, created_at, updated_at, updated_by } = stored;
        Ok(Versioned { id, version, created_at, updated_at, updated_by, value: read(content)? })
    }

    /// Creates a resource, or replaces its version `expected`, and returns its version. An equal resource makes no new one.
    /// New secrets are sealed.
    ///
    /// # Errors
    /// As [`Nexus::set_resource_json`].
    pub async fn put_resource<T: AdminResource>(
        &self,
        caller: &Principal,
        address: impl Into<ResourceAddress>,
        mut value: T,
        expected: Option<u64>,
    ) -> Result<u64> {
        let secrets: Vec<_> = value
            .secrets()
            .into_iter()
            .filter_map(|(field, secret)| Some((field, secret.plain()?)))
            .collect();
        let mut json = serde_json::to_value(&value).map_err(|error| {
            Error::invalid("the resource is no JSON").with_code("INVALID_RESOURCE").because(error)
        })?;
        for (field, plain) in secrets {
            if let Some(place) = json.pointer_mut(field) {
                *place = plain.as_str().into();
            }
        }
        let operation = |kind: &RegisteredKind| match expected {
            None => kind.kind.create,
            Some(_) => kind.kind.update,
        };
        let located = self.locate(caller, T::KIND.name, address.into(), operation).await?;
        let before = match expected {
            None => None,
            Some(_) => Some(self.stored(&located).await?),
        };
        let (versioned, _) = self.put(caller, &located, before, expected, json).await?;
        Ok(versioned.version)
    }

    /// Returns a resource of a kind as JSON, redacted.
    ///
    /// # Errors
    /// As [`Nexus::resource`]; [`NotFound`](ErrorKind::NotFound) with `RESOURCE_KIND_UNKNOWN`.
    pub async fn resource_json(
        &self,
        caller: &Principal,
        kind: &str,
        address: impl Into<ResourceAddress>,
    ) -> Result<Versioned<Value>> {
        let (stored, _) = self.load(caller, kind, address.into(), |kind| kind.kind.read).await?;
        Ok(versioned(stored, |content| content.body))
    }

    /// Returns a page of the resources of a kind as JSON, redacted, in order of id. A kind that a tenant has one of is
    /// listed for all tenants to the operator, and for the caller's own to others.
    ///
    /// # Errors
    /// As [`Nexus::resource_json`]; [`InvalidInput`](ErrorKind::InvalidInput) with `RESOURCE_INDEX_UNKNOWN`.
    pub async fn resources_json(
        &self,
        caller: &Principal,
        kind: &str,
        list: ResourceList,
    ) -> Result<Vec<Versioned<Value>>> {
        let kind = self.engine.registry.kind(kind)?;
        self.authorise_all(caller, &kind.kind.list).await?;
        let ResourceList { index, page, is_of_installation } = list;
        index.iter().try_for_each(|(name, _)| kind.check_index(name))?;
        let query = ResourceQuery { kind: kind.kind.name, index, page: page.bounded() };
        let stored = if kind.scope == Scope::OnePerTenant && is_operator(caller) {
            self.engine.resources.resources_of_tenants(&query).await?
        } else {
            let scope = self.scope(caller, kind, &kind.kind.list, is_of_installation).await?;
            self.engine.resources.resources(&scope, &query).await?
        };
        Ok(stored.into_iter().map(|stored| versioned(stored, |content| content.body)).collect())
    }

    /// Creates a resource from `patch`, or merges `patch` into it (RFC 7396): a null removes a field. With `expected`,
    /// that must be its version. A patch that changes nothing makes no version. The answer shows new secrets, for once.
    ///
    /// # Errors
    /// As [`Nexus::resource_json`]; [`InvalidInput`](ErrorKind::InvalidInput) with `INVALID_RESOURCE` and the codes of
    /// the kind, and with `SEAL_KEY_MISSING` for a secret without a key that seals it; [`Conflict`](ErrorKind::Conflict)
    /// with `RESOURCE_CHANGED`.
    pub async fn set_resource_json(
        &self,
        caller: &Principal,
        kind: &str,
        address: impl Into<ResourceAddress>,
        patch: Value,
        expected: Option<u64>,
    ) -> Result<Versioned<Value>> {
        let located = self.locate(caller, kind, address.into(), |kind| kind.kind.update).await?;
        let before = match self.stored(&located).await {
            Ok(stored) => Some(stored),
            Err(error) if error.kind() == ErrorKind::NotFound && expected.is_none() => None,
            Err(error) => return Err(error),
        };
        let current = before.as_ref().map(|stored| stored.version);
        let mut json = match &before {
            Some(stored) => whole(stored.content.clone(), located.kind.sensitive),
            None => Value::Object(serde_json::Map::new()),
        };
        merge(&mut json, patch);
        let (mut shown, secrets) = self.put(caller, &located, before, expected.or(current), json).await?;
        for (field, plain) in secrets {
            if let Some(place) = shown.value.pointer_mut(field) {
                *place = plain.as_str().into();
            }
        }
        Ok(shown)
    }

    /// Removes a resource; with `expected`, that must be its version. Its history stays.
    ///
    /// # Errors
    /// As [`Nexus::resource_json`]; [`Conflict`](ErrorKind::Conflict) with `RESOURCE_CHANGED`.
    pub async fn remove_resource(
        &self,
        caller: &Principal,
        kind: &str,
        address: impl Into<ResourceAddress>,
        expected: Option<u64>,
    ) -> Result<()> {
        let located = self.locate(caller, kind, address.into(), |kind| kind.kind.delete).await?;
        let before = self.stored(&located).await?;
        let change = ResourceChange::Delete { expected: expected.unwrap_or(before.version) };
        self.engine.write(caller, &located, Some(&before), change).await.map(drop)
    }

    /// Returns the resource that [`Nexus::remove_resource`] would remove, redacted.
    ///
    /// # Errors
    /// As [`Nexus::remove_resource`].
    pub async fn removable_resource(
        &self,
        caller: &Principal,
        kind: &str,
        address: impl Into<ResourceAddress>,
    ) -> Result<Versioned<Value>> {
        let (stored, _) = self.load(caller, kind, address.into(), |kind| kind.kind.delete).await?;
        Ok(versioned(stored, |content| content.body))
    }

    /// Returns a page of the history of a resource, redacted, in order of version. It outlives the resource.
    ///
    /// # Errors
    /// As [`Nexus::resource_json`]; [`InvalidInput`](ErrorKind::InvalidInput) with `INVALID_CURSOR`.
    pub async fn resource_history(
        &self,
        caller: &Principal,
        kind: &str,
        address: impl Into<ResourceAddress>,
        page: Page,
    ) -> Result<Vec<ResourceVersion>> {
        let located = self.locate(caller, kind, address.into(), |kind| kind.kind.history).await?;
        let (Located { kind, scope, id, .. }, page) = (&located, page.bounded());
        let history = self.engine.resources.resource_history(scope, kind.kind.name, id, &page).await?;
        if history.is_empty() && page.after.is_none() && page.limit > 0 {
            return Err(no_resource());
        }
        Ok(history)
    }

    /// Authorises an operation on a resource and returns where it is.
    async fn locate(
        &self,
        caller: &Principal,
        kind: &str,
        address: ResourceAddress,
        operation: impl Fn(&RegisteredKind) -> Operation,
    ) -> Result<Located<'_>> {
        let kind = self.engine.registry.kind(kind)?;
        let ResourceAddress { id, is_of_installation } = address;
        check_id("resource id", &id)?;
        let operation = operation(kind);
        self.authorise(caller, &operation, Resource::one(kind.kind.name, id.as_str())).await?;
        let is_of_another = kind.scope == Scope::OnePerTenant && id != caller.tenant().as_str();
        let scope = if is_of_another {
            self.operator(caller, &operation).await?;
            ResourceScope::Tenant(Principal::system(id.as_str(), PURPOSE)?.tenant().clone())
        } else {
            self.scope(caller, kind, &operation, is_of_installation).await?
        };
        Ok(Located { operation, kind, scope, id })
    }

    /// Returns the scope of the caller's resources of a kind, or of the installation's.
    async fn scope(
        &self,
        caller: &Principal,
        kind: &RegisteredKind,
        operation: &Operation,
        is_of_installation: bool,
    ) -> Result<ResourceScope> {
        match (kind.scope, is_of_installation) {
            (Scope::Installation, _) | (Scope::Both, true) => {
                self.operator(caller, operation).await.map(|()| ResourceScope::Installation)
            }
            (Scope::Tenant | Scope::OnePerTenant, true) => {
                let plural = kind.kind.plural.replace('_', " ");
                Err(Error::invalid(format!("the installation has no {plural}")).with_code("RESOURCE_SCOPE"))
            }
            (Scope::Tenant | Scope::OnePerTenant | Scope::Both, false) => {
                Ok(ResourceScope::Tenant(caller.tenant().clone()))
            }
        }
    }

    async fn load(
        &self,
        caller: &Principal,
        kind: &str,
        address: ResourceAddress,
        operation: impl Fn(&RegisteredKind) -> Operation,
    ) -> Result<(StoredResource, &RegisteredKind)> {
        let located = self.locate(caller, kind, address, operation).await?;
        Ok((self.stored(&located).await?, located.kind))
    }

    async fn stored(&self, Located { kind, scope, id, .. }: &Located<'_>) -> Result<StoredResource> {
        self.engine.resources.resource(scope, kind.kind.name, id).await
    }

    /// Checks, seals and stores a whole resource. Returns it redacted, with its new secrets.
    async fn put(
        &self,
        caller: &Principal,
        located: &Located<'_>,
        before: Option<StoredResource>,
        expected: Option<u64>,
        json: Value,
    ) -> Result<(Versioned<Value>, Vec<(&'static str, Zeroizing<String>)>)> {
        let Located { kind, scope, id, .. } = located;
        let engine = &self.engine;
        let sealing = Sealing { key: engine.seal_key.as_ref(), scope, id, ids: engine.ids.as_ref() };
        let prepared = kind.prepare(json, &sealing)?;
        check_sealed(before.as_ref(), &prepared)?;
        engine.check_obeyed(located, &prepared.content)?;
        let Prepared { content, shown_once } = prepared;
        if let Some(stored) = &before
            && expected == Some(stored.version)
            && changed_fields(Some(&stored.content), Some(&content)).is_empty()
        {
            return Ok((versioned(stored.clone(), |content| content.body), shown_once));
        }
        let value = content.body.clone();
        let change = match expected {
            None => ResourceChange::Create(content),
            Some(expected) => ResourceChange::Update { expected, content },
        };
        let created_at = before.as_ref().map(|stored| stored.created_at);
        let (version, at) = engine.write(caller, located, before.as_ref(), change).await?;
        let versioned = Versioned {
            id: id.clone(),
            version,
            created_at: created_at.unwrap_or(at),
            updated_at: at,
            updated_by: actor_on(caller, scope),
            value,
        };
        Ok((versioned, shown_once))
    }
}

fn versioned(stored: StoredResource, value: impl FnOnce(ResourceContent) -> Value) -> Versioned<Value> {
    let StoredResource { id, version, content, created_at, updated_at, updated_by } = stored;
    Versioned { id, version, created_at, updated_at, updated_by, value: value(content) }
}
