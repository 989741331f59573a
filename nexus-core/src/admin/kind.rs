//! Kinds of administrative resources: [`ResourceKind`], all of whose names are made of one word.

use crate::audit;
use crate::policy::{ADMINS, Operation, Route};

/// Names of a kind of resource: actions with their routes and default roles, and audit events. The macro
/// [`resource_kind!`](crate::resource_kind) makes them of the kind's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceKind {
    /// Name, such as `tenant`: the kind of resource for policies, and the prefix of actions and events.
    pub name: &'static str,
    /// Plural, such as `tenants`: the last part of the route, and with hyphens the noun of the command line.
    pub plural: &'static str,
    /// Operation of reading a resource.
    pub read: Operation,
    /// Operation of listing resources.
    pub list: Operation,
    /// Operation of reading the history of a resource.
    pub history: Operation,
    /// Operation of creating a resource.
    pub create: Operation,
    /// Operation of changing a resource.
    pub update: Operation,
    /// Operation of removing a resource.
    pub delete: Operation,
    /// Audit event of a creation.
    pub created: audit::Kind,
    /// Audit event of a change.
    pub updated: audit::Kind,
    /// Audit event of a removal.
    pub deleted: audit::Kind,
}

/// Words of a kind, as [`resource_kind!`](crate::resource_kind) puts them together.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Words {
    pub name: &'static str,
    pub plural: &'static str,
    pub read: &'static str,
    pub write: &'static str,
    pub path: &'static str,
    pub item: &'static str,
    pub history: &'static str,
    pub events: [&'static str; 3],
}

impl ResourceKind {
    /// Creates a kind whose actions admins may take.
    #[doc(hidden)]
    #[must_use]
    pub const fn of(words: Words) -> Self {
        let Words { name, plural, path, item, history, events: [created, updated, deleted], .. } = words;
        let read = Operation::new(words.read, ADMINS, Route::get(item));
        let write = Operation::new(words.write, ADMINS, Route::patch(item));
        Self {
            name,
            plural,
            read,
            list: read.at(Route::get(path)),
            history: read.at(Route::get(history)),
            create: write.at(Route::post(path)),
            update: write,
            delete: write.at(Route::delete(item)),
            created: audit::Kind::new(created),
            updated: audit::Kind::new(updated),
            deleted: audit::Kind::new(deleted),
        }
    }

    /// Returns the operations, reads first.
    pub const fn operations(&self) -> [Operation; 6] {
        [self.read, self.list, self.history, self.create, self.update, self.delete]
    }

    /// Returns the noun of the command line: the plural with hyphens.
    pub fn noun(&self) -> String {
        self.plural.replace('_', "-")
    }
}

/// Returns the [`ResourceKind`](crate::admin::ResourceKind) of a name and its plural.
///
/// ```
/// use nexus_core::admin::ResourceKind;
/// use nexus_core::resource_kind;
///
/// const PLAN: ResourceKind = resource_kind!("plan", "plans");
/// assert_eq!(PLAN.update.action.as_str(), "plan.write");
/// assert_eq!(PLAN.update.route.to_string(), "PATCH /v1/admin/plans/{plan_id}");
/// assert_eq!(PLAN.updated.as_str(), "plan.updated");
/// ```
#[macro_export]
macro_rules! resource_kind {
    ($name:literal, $plural:literal) => {
        $crate::admin::ResourceKind::of($crate::admin::Words {
            name: $name,
            plural: $plural,
            read: concat!($name, ".read"),
            write: concat!($name, ".write"),
            path: concat!("/v1/admin/", $plural),
            item: concat!("/v1/admin/", $plural, "/{", $name, "_id}"),
            history: concat!("/v1/admin/", $plural, "/{", $name, "_id}/history"),
            events: [concat!($name, ".created"), concat!($name, ".updated"), concat!($name, ".deleted")],
        })
    };
}
