//! Registry of the kinds of administrative resources: [`Registry`].

use std::collections::BTreeMap;

use serde_json::Value;

use super::form::{Prepared, Sealing, prepare};
use super::{AdminResource, ResourceKind, Scope, TenantSettings};
use crate::error::{Error, Result};
use crate::policy::Operation;

/// Kind of resource with the checks of its type, for callers that hold JSON.
#[derive(Clone, Copy, Debug)]
pub struct RegisteredKind {
    /// Names.
    pub kind: ResourceKind,
    /// Owners.
    pub scope: Scope,
    /// JSON pointers of the fields that are not shown, secrets apart.
    pub sensitive: &'static [&'static str],
    /// JSON pointers of the fields that the operator alone changes.
    pub operator_only: &'static [&'static str],
    /// Names of the indexes by which lists are filtered.
    pub indexes: &'static [&'static str],
    prepare: fn(Value, &Sealing<'_>) -> Result<Prepared>,
    schema: fn() -> Value,
}

impl RegisteredKind {
    /// Returns the kind of a type.
    pub fn of<T: AdminResource>() -> Self {
        Self {
            kind: T::KIND,
            scope: T::SCOPE,
            sensitive: T::SENSITIVE,
            operator_only: T::OPERATOR_ONLY,
            indexes: T::INDEXES,
            prepare: prepare::<T>,
            schema: || schemars::schema_for!(T).to_value(),
        }
    }

    /// Checks a whole resource and makes it ready for the store.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_RESOURCE`, with `SEAL_KEY_MISSING` for a secret
    /// without a key, and those of [`AdminResource::validate`].
    pub fn prepare(&self, whole: Value, sealing: &Sealing<'_>) -> Result<Prepared> {
        (self.prepare)(whole, sealing)
    }

    /// Checks that lists can be filtered by an index.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `RESOURCE_INDEX_UNKNOWN`.
    pub(crate) fn check_index(&self, name: &str) -> Result<()> {
        if self.indexes.contains(&name) {
            return Ok(());
        }
        let plural = self.kind.plural.replace('_', " ");
        let message = format!("{plural} cannot be filtered by `{}`", name.escape_debug());
        let error = Error::invalid(message).with_code("RESOURCE_INDEX_UNKNOWN");
        Err(match self.indexes {
            [] => error,
            names => error.with_hint(format!("filter by {}", names.join(", "))),
        })
    }

    /// Returns the JSON schema of the type.
    pub fn schema(&self) -> Value {
        (self.schema)()
    }
}

/// Registry of kinds, by name.
#[derive(Clone, Debug)]
pub struct Registry {
    kinds: BTreeMap<&'static str, RegisteredKind>,
}

impl Default for Registry {
    /// Returns the kinds that Nexus has.
    fn default() -> Self {
        Self { kinds: BTreeMap::new() }.with::<TenantSettings>()
    }
}

impl Registry {
    /// Adds the kind of a type, and replaces one of the same name.
    #[must_use]
    pub fn with<T: AdminResource>(mut self) -> Self {
        self.kinds.insert(T::KIND.name, RegisteredKind::of::<T>());
        self
    }

    /// Returns all kinds in order of name.
    pub fn kinds(&self) -> impl Iterator<Item = &RegisteredKind> {
        self.kinds.values()
    }

    /// Returns a kind by its name.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) with `RESOURCE_KIND_UNKNOWN`.
    pub fn kind(&self, name: &str) -> Result<&RegisteredKind> {
        self.kinds.get(name).ok_or_else(|| {
            Error::not_found(format!("there is no kind of resource `{}`", name.escape_debug()))
                .with_code("RESOURCE_KIND_UNKNOWN")
        })
    }

    /// Returns the operations of all kinds, in order of name.
    pub fn operations(&self) -> impl Iterator<Item = Operation> + use<'_> {
        self.kinds.values().flat_map(|registered| registered.kind.operations())
    }
}
