//! Operations: [`Operation`], with the [`Action`] that it takes, its default roles and its HTTP [`Route`].

use std::fmt;

use serde::Serialize;

/// Roles that may read and ask.
pub(crate) const READERS: &[&str] = &["reader", "viewer", "editor", "admin"];
/// Roles that may also write.
pub(crate) const EDITORS: &[&str] = &["editor", "admin"];
/// Roles that may do everything.
pub(crate) const ADMINS: &[&str] = &["admin"];

/// Action that a policy decides on: a stable name of kind and verb, such as `document.read`. Policies and records
/// spell it.
///
/// The set is open: an [`Operation`] declares its own. The [`operations`](crate::operations) list all that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Action(&'static str);

impl Action {
    /// Creates the action of this name.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Returns the name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Returns the kind of resource: the name up to its first point.
    pub fn kind(self) -> &'static str {
        self.0.split_once('.').map_or(self.0, |(kind, _)| kind)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Read.
    Get,
    /// Create, or carry out.
    Post,
    /// Change.
    Patch,
    /// Remove.
    Delete,
}

impl Method {
    /// Returns the method's name, such as `GET`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// HTTP method and path template of an operation. A rule on paths holds on every channel, because the library and the
/// command line pass the same route as the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Route {
    /// Method.
    pub method: Method,
    /// Path template, such as `/v1/documents/{document_id}`.
    pub path: &'static str,
}

impl Route {
    /// Creates the route `GET path`.
    pub const fn get(path: &'static str) -> Self {
        Self { method: Method::Get, path }
    }

    /// Creates the route `POST path`.
    pub const fn post(path: &'static str) -> Self {
        Self { method: Method::Post, path }
    }

    /// Creates the route `PATCH path`.
    pub const fn patch(path: &'static str) -> Self {
        Self { method: Method::Patch, path }
    }

    /// Creates the route `DELETE path`.
    pub const fn delete(path: &'static str) -> Self {
        Self { method: Method::Delete, path }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_str(), self.path)
    }
}

/// Operation of the facade. Its constant stands beside the method that performs it, and in the list of all
/// [`operations`](crate::operations).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Action that the operation takes. Several operations may take one action.
    pub action: Action,
    /// Roles that may take the action by default. An admin may take every action.
    pub roles: &'static [&'static str],
    /// HTTP route, also where no server serves it yet.
    pub route: Route,
    /// Whether its result shows text of documents or of answers.
    pub shows_text: bool,
}

impl Operation {
    /// Creates an operation of a new action.
    pub const fn new(action: &'static str, roles: &'static [&'static str], route: Route) -> Self {
        Self { action: Action::new(action), roles, route, shows_text: false }
    }

    /// Returns another operation of the same action.
    #[must_use]
    pub const fn at(self, route: Route) -> Self {
        Self { route, ..self }
    }

    /// Marks an operation whose result shows text of documents or of answers.
    #[must_use]
    pub const fn showing_text(self) -> Self {
        Self { shows_text: true, ..self }
    }

    /// Returns whether the operation reads, and changes nothing.
    pub fn is_read(&self) -> bool {
        self.shows_text || self.route.method == Method::Get
    }
}
