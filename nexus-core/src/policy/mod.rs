//! Policy: the [`PolicyEngine`] port, its [`Decision`], and the built-in [`RolePolicy`].

mod role_policy;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{CorpusId, DocumentId};
use crate::principal::Principal;

pub use role_policy::RolePolicy;

/// Action that a policy decides on. The names are stable: policies and records spell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Ask a question and get an answer.
    #[serde(rename = "run.create")]
    RunCreate,
    /// Read runs and sessions.
    #[serde(rename = "run.read")]
    RunRead,
    /// Cancel a run.
    #[serde(rename = "run.cancel")]
    RunCancel,
    /// Call a model without a run.
    #[serde(rename = "model.call")]
    ModelCall,
    /// Search without a run.
    #[serde(rename = "corpus.search")]
    CorpusSearch,
    /// List and show corpora.
    #[serde(rename = "corpus.read")]
    CorpusRead,
    /// Create and configure corpora.
    #[serde(rename = "corpus.write")]
    CorpusWrite,
    /// Remove a corpus with all its documents.
    #[serde(rename = "corpus.delete")]
    CorpusDelete,
    /// List and show documents.
    #[serde(rename = "document.read")]
    DocumentRead,
    /// Ingest and overwrite documents.
    #[serde(rename = "document.write")]
    DocumentWrite,
    /// Remove a document.
    #[serde(rename = "document.delete")]
    DocumentDelete,
    /// Chunk a document into passages anew.
    #[serde(rename = "document.reindex")]
    DocumentReindex,
    /// Give and revoke document grants.
    #[serde(rename = "document.grant")]
    DocumentGrant,
    /// Verify audit chains.
    #[serde(rename = "audit.read")]
    AuditRead,
    /// See the state of the store.
    #[serde(rename = "status.read")]
    StatusRead,
    /// See usage, prices and limits.
    #[serde(rename = "usage.read")]
    UsageRead,
    /// Set and remove limits.
    #[serde(rename = "budget.write")]
    BudgetWrite,
    /// Add prices.
    #[serde(rename = "pricing.write")]
    PricingWrite,
    /// Reconcile estimated ledger entries.
    #[serde(rename = "ledger.write")]
    LedgerWrite,
    /// Trip and rearm kill switches.
    #[serde(rename = "shutoff.write")]
    ShutoffWrite,
    /// Export and import a tenant's data.
    #[serde(rename = "tenant.export")]
    TenantExport,
    /// Remove records that are older than their retention.
    #[serde(rename = "retention.apply")]
    RetentionApply,
}

impl Action {
    /// Returns the action's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RunCreate => "run.create",
            Self::RunRead => "run.read",
            Self::RunCancel => "run.cancel",
            Self::ModelCall => "model.call",
            Self::CorpusSearch => "corpus.search",
            Self::CorpusRead => "corpus.read",
            Self::CorpusWrite => "corpus.write",
            Self::CorpusDelete => "corpus.delete",
            Self::DocumentRead => "document.read",
            Self::DocumentWrite => "document.write",
            Self::DocumentDelete => "document.delete",
            Self::DocumentReindex => "document.reindex",
            Self::DocumentGrant => "document.grant",
            Self::AuditRead => "audit.read",
            Self::StatusRead => "status.read",
            Self::UsageRead => "usage.read",
            Self::BudgetWrite => "budget.write",
            Self::PricingWrite => "pricing.write",
            Self::LedgerWrite => "ledger.write",
            Self::ShutoffWrite => "shutoff.write",
            Self::TenantExport => "tenant.export",
            Self::RetentionApply => "retention.apply",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Resource of an action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// The corpus, where one is named.
    pub corpus: Option<CorpusId>,
    /// The document, where one is named.
    pub document: Option<DocumentId>,
}

impl Resource {
    /// Returns the resource of a whole corpus.
    pub fn corpus(id: &CorpusId) -> Self {
        Self { corpus: Some(id.clone()), document: None }
    }

    /// Returns the resource of one document.
    pub fn document(id: &DocumentId) -> Self {
        Self { corpus: None, document: Some(id.clone()) }
    }
}

/// Request to a policy. It is self-contained: the engine needs no clock and no network.
#[derive(Clone, Debug)]
pub struct PolicyRequest<'a> {
    /// The principal.
    pub principal: &'a Principal,
    /// The action.
    pub action: Action,
    /// The resource.
    pub resource: Resource,
    /// The time.
    pub now: Timestamp,
}

/// Effect of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The action is allowed.
    Allow,
    /// The action is denied.
    Deny,
    /// The action needs an approval first.
    RequireApproval,
}

/// Decision of a policy, with the rules that determined it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The effect.
    pub effect: Effect,
    /// The ids of the determining rules, sorted; empty for the default denial.
    pub rules: Vec<String>,
    /// The reason, in a sentence for the user.
    pub reason: String,
    /// The version of the policy that decided.
    pub policy_version: String,
}

impl Decision {
    /// Returns whether the action is allowed now.
    pub fn allows(&self) -> bool {
        self.effect == Effect::Allow
    }

    /// Returns the decision as an error, for operations whose result has no room for a denial.
    pub fn into_error(self) -> Error {
        Error::new(ErrorKind::Denied, self.reason).with("policy_version", self.policy_version)
    }
}

/// Port that decides on requests.
///
/// # Contract
/// - A request that no rule allows is denied.
/// - The same request gives the same decision, whatever requests came before.
/// - Each decision names the version of the policy that made it; another policy has another version.
/// - An engine that cannot decide returns an error, which callers treat as a denial.
#[async_trait]
pub trait PolicyEngine: Send + Sync + fmt::Debug {
    /// Decides on one request.
    ///
    /// # Errors
    /// Those of the engine. Callers treat them as a denial.
    async fn decide(&self, request: &PolicyRequest<'_>) -> Result<Decision>;

    /// Returns the version of the policy in force, as its decisions carry it.
    fn version(&self) -> String;
}
