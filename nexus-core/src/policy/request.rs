//! Policy requests: [`PolicyRequest`] with its [`Resource`] and its [`RequestContext`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::operation::{Action, Route};
use crate::clock::Timestamp;
use crate::id::{CorpusId, DocumentId, RequestId, RunId};
use crate::principal::Principal;

/// Kind and id of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceId {
    /// Kind, such as `corpus`.
    pub kind: &'static str,
    /// Id.
    pub id: String,
}

/// Resource of an action: one object, or all objects of a kind in the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Kind, such as `corpus`, `document` or `run`.
    pub kind: &'static str,
    /// Id; `None` for all objects of the kind.
    pub id: Option<String>,
    /// Resource that contains this one, where it is known: the corpus of a document.
    pub parent: Option<ResourceId>,
    /// Attributes for rules, such as labels and metadata.
    pub attributes: BTreeMap<String, serde_json::Value>,
}

impl Resource {
    /// Returns the resource of all objects of `kind` in the tenant.
    pub const fn all(kind: &'static str) -> Self {
        Self { kind, id: None, parent: None, attributes: BTreeMap::new() }
    }

    /// Returns the resource of one object.
    pub fn one(kind: &'static str, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..Self::all(kind) }
    }

    /// Returns the resource of a whole corpus.
    pub fn corpus(id: &CorpusId) -> Self {
        Self::one("corpus", id.as_str())
    }

    /// Returns the resource of one document.
    pub fn document(id: &DocumentId) -> Self {
        Self::one("document", id.as_str())
    }

    /// Returns the resource of one run.
    pub fn run(id: &RunId) -> Self {
        Self::one("run", id.as_str())
    }

    /// Sets the corpus that contains the resource.
    #[must_use]
    pub fn within(mut self, corpus: &CorpusId) -> Self {
        self.parent = Some(ResourceId { kind: "corpus", id: corpus.as_str().to_owned() });
        self
    }

    /// Sets one attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

/// Channel by which requests reach Nexus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A program that holds the library.
    #[default]
    Library,
    /// The command line.
    Cli,
    /// The HTTP server.
    Http,
}

/// Circumstances of a request, for rules on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContext {
    /// Channel.
    pub channel: Channel,
    /// HTTP route of the operation, on every channel.
    pub route: Route,
    /// Request id, where the caller or the server gave one.
    pub request_id: Option<RequestId>,
    /// Model, for an operation that calls one.
    pub model: Option<String>,
    /// Tool, for an operation that calls one.
    pub tool: Option<String>,
    /// SHA-256 of the tool's arguments, in hexadecimal digits.
    pub arguments_digest: Option<String>,
}

impl RequestContext {
    /// Creates the context of an operation without a request id, a model or a tool.
    pub const fn new(channel: Channel, route: Route) -> Self {
        Self { channel, route, request_id: None, model: None, tool: None, arguments_digest: None }
    }
}

/// Request to a policy. It is self-contained: the engine needs no clock and no network.
#[derive(Clone, Debug)]
pub struct PolicyRequest<'a> {
    /// Principal.
    pub principal: &'a Principal,
    /// Action.
    pub action: Action,
    /// Resource.
    pub resource: Resource,
    /// Circumstances.
    pub context: RequestContext,
    /// Time.
    pub now: Timestamp,
}
