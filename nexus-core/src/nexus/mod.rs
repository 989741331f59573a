//! [`Nexus`]: what an embedding program holds. Every method takes a [`Principal`] and asks the policy first.

mod budget;
mod corpora;
mod documents;
mod models;
mod reconcile;
mod removal;
mod retention;
mod runs;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::access::Authorised;
use crate::engine::Engine;
use crate::error::Result;
use crate::policy::{Action, Resource};
use crate::principal::Principal;
use crate::retrieve::Embedder;
use crate::store::{Store, StoreStats};

pub use budget::{LimitStatus, MAX_LISTED};

/// Governed retrieval-augmented generation over one store. Cheap to clone; all clones are the same engine.
#[derive(Clone, Debug)]
pub struct Nexus {
    engine: Arc<Engine>,
}

/// What a Nexus is made of and what it holds for a tenant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The version of the library.
    pub version: &'static str,
    /// The provider that answers.
    pub llm_provider: String,
    /// The model that answers.
    pub llm_model: String,
    /// The model that embeds, if there is one.
    pub embedding_model: Option<String>,
    /// Whether that model knows meaning; false for one that only serves tests.
    pub embedding_is_semantic: bool,
    /// How corpora are searched: `lexical` without an embedder, else `hybrid`.
    pub search_mode: &'static str,
    /// The version of the policy in force.
    pub policy_version: String,
    /// The id of the key that signs audit records.
    pub audit_key: String,
    /// What the store holds.
    pub store: StoreStats,
}

/// A request for everything that a tenant has, which a store's own export or import takes as proof.
#[derive(Clone, Copy, Debug)]
pub struct TenantExport;

impl Nexus {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine: Arc::new(engine) }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.engine.store
    }

    /// What this Nexus is made of, and what it holds for the tenant that the caller may see.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied).
    pub async fn status(&self, caller: &Principal) -> Result<Status> {
        self.authorise(caller, Action::StatusRead, Resource::default()).await?;
        let (llm_provider, llm_model) = self.engine.gateway.answers_with(caller.tenant(), None, None)?;
        let embedder = self.engine.gateway.embedder();
        let embedder = embedder.as_deref();
        Ok(Status {
            version: env!("CARGO_PKG_VERSION"),
            llm_provider,
            llm_model,
            embedding_model: embedder.map(|embedder| embedder.model().to_string()),
            embedding_is_semantic: embedder.is_some_and(Embedder::is_semantic),
            search_mode: if embedder.is_some() { "hybrid" } else { "lexical" },
            policy_version: self.engine.policy.version(),
            audit_key: self.engine.sealer.keys().active_kid().to_owned(),
            store: self.engine.store.stats_for(caller, self.engine.clock.now()).await?,
        })
    }

    /// Finds out whether the store can be read and written at the moment. For probes: it acts for nobody and touches
    /// no tenant's data.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ready(&self) -> Result<()> {
        self.engine.store.check().await
    }

    /// Proof that `who` may take out or bring in all that the tenant has, for a store's export or import.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied).
    pub async fn authorise_export(&self, caller: &Principal) -> Result<Authorised<TenantExport>> {
        self.engine.authorise(caller, Action::TenantExport, Resource::default(), TenantExport).await
    }

    /// Ends background work within `deadline`, then closes the store. Runs that had to be left are taken up by the
    /// next [`Nexus::resume`]. Says whether all work ended by itself.
    ///
    /// # Errors
    /// Those of closing the store.
    pub async fn shutdown(&self, deadline: Duration) -> Result<bool> {
        let drained = self.engine.tasks.shutdown(deadline).await;
        self.engine.store.close().await?;
        Ok(drained)
    }

    pub(super) async fn authorise(
        &self,
        caller: &Principal,
        action: Action,
        resource: Resource,
    ) -> Result<()> {
        self.engine.authorise(caller, action, resource, ()).await.map(|_| ())
    }
}
