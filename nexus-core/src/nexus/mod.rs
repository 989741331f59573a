//! Facade of the library: [`Nexus`], whose methods take a [`Principal`] and ask the policy first.

pub(crate) mod chains;
pub(crate) mod corpora;
pub(crate) mod documents;
pub(crate) mod kill_switch;
pub(crate) mod ledger;
pub(crate) mod limits;
pub(crate) mod models;
pub(crate) mod prices;
pub(crate) mod reconcile;
mod recorded_changes;
mod recorded_documents;
mod removal;
mod resource_changes;
mod resources;
pub(crate) mod retention;
mod rights;
pub(crate) mod runs;
pub(crate) mod transfer;
mod unmatched;
pub(crate) mod usage;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::audit::{Kind, Payload};
use crate::engine::{Engine, read_facts};
use crate::error::Result;
use crate::policy::{Operation, READERS, Resource, Route};
use crate::principal::Principal;
use crate::retrieve::Embedder;
use crate::stats::{ReaderCount, StoreStats};
use crate::store::Store;

use rights::is_operator;

pub use limits::LimitStatus;
pub use resources::{ResourceAddress, ResourceList, Versioned};

/// Operation of reading the status.
pub const STATUS_READ: Operation = Operation::new("status.read", READERS, Route::get("/v1/ops/health"));

/// Governed retrieval-augmented generation over one store. Cheap to clone; all clones are the same engine.
///
/// # Examples
///
/// From a text to an answer and its verified record, over any store, such as that of the crate `nexus-store-memory`:
///
/// ```
/// use std::io::Cursor;
/// use std::time::Duration;
///
/// use nexus_core::audit::KeyRing;
/// use nexus_core::document::NewDocument;
/// use nexus_core::{CorpusId, Nexus, Principal, Result, Store};
/// use serde_json::json;
///
/// async fn first_answer(store: impl Store) -> Result<String> {
///     let keys = KeyRing::from_secret("k0", "read this from your secret store")?;
///     let nexus = Nexus::builder().store(store).audit_keys(keys).build()?;
///     let caller = Principal::user("acme", "u-42")?.roles(["editor"]);
///     let handbook = CorpusId::parse("handbook")?;
///     nexus.create_corpus(&caller, handbook.clone(), "Handbook", json!({})).await?;
///     let text = Cursor::new("Every employee gets 27 days of paid leave a year.");
///     nexus.ingest(&caller, NewDocument::new(handbook, "leave.txt"), text).await?;
///     let jobs = nexus.run_pending_jobs().await?;
///     assert_eq!((jobs.succeeded, jobs.failed), (1, 0));
///     let run = nexus.ask(&caller, "How many days of paid leave are there?").corpus("handbook").start().await?;
///     let finished = run.finish().await?;
///     assert!(nexus.verify(&caller, run.id().as_str(), None).await?.status.is_sound());
///     nexus.shutdown(Duration::from_secs(10)).await?;
///     Ok(finished.answer.text)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Nexus {
    engine: Arc<Engine>,
    #[cfg(feature = "testing")]
    store: Arc<dyn Store>,
}

/// Status of a Nexus: its configuration, and the statistics of a tenant's store.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Version of the library.
    pub version: &'static str,
    /// Provider that answers.
    pub llm_provider: String,
    /// Model that answers.
    pub llm_model: String,
    /// Embedding model, if there is one.
    pub embedding_model: Option<String>,
    /// Whether that model captures meaning; false for a test model.
    pub embedding_is_semantic: bool,
    /// Search mode: `lexical` without an embedder, else `hybrid`.
    pub search_mode: &'static str,
    /// Version of the policy in force.
    pub policy_version: String,
    /// Identifier of the key that signs audit records.
    pub audit_key: String,
    /// Number of documents that an older version of their reader parsed.
    pub documents_outdated: u64,
    /// Statistics of the store.
    pub store: StoreStats,
}

impl Nexus {
    /// Creates the facade of an engine. Only tests look at the store behind it.
    pub(crate) fn new(
        engine: Engine,
        #[cfg_attr(not(feature = "testing"), expect(unused_variables, reason = "only tests look at it"))]
        store: Arc<dyn Store>,
    ) -> Self {
        Self {
            engine: Arc::new(engine),
            #[cfg(feature = "testing")]
            store,
        }
    }

    /// Returns the store, for tests that look behind the facade.
    #[cfg(feature = "testing")]
    pub fn store_for_tests(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Returns the configuration of this Nexus, and the statistics of the data that the caller may see. The location of
    /// the store is for its operator: a caller over a network sees its kind alone.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied).
    pub async fn status(&self, caller: &Principal) -> Result<Status> {
        self.authorise_all(caller, &STATUS_READ).await?;
        let (llm_provider, llm_model) = self.engine.gateway.answers_with(caller.tenant(), None, None).await?;
        let embedder = self.engine.gateway.embedder();
        let embedder = embedder.as_deref();
        let mut store = self.engine.stats.stats_for(caller.tenant(), caller, self.engine.clock.now()).await?;
        if !is_operator(caller) {
            store.store = store.store.split(' ').take(1).collect();
        }
        let parser = self.engine.parser.as_ref();
        let is_outdated =
            |reader: &&ReaderCount| reader.reader_version < parser.reader_version(&reader.content_type);
        let documents_outdated =
            store.readers.iter().filter(is_outdated).map(|reader| reader.documents).sum();
        Ok(Status {
            version: env!("CARGO_PKG_VERSION"),
            llm_provider,
            llm_model,
            embedding_model: embedder.map(|embedder| embedder.model().to_string()),
            embedding_is_semantic: embedder.is_some_and(Embedder::is_semantic),
            search_mode: if embedder.is_some() { "hybrid" } else { "lexical" },
            policy_version: self.engine.policy.version(caller.tenant()),
            audit_key: self.engine.sealer.keys().active_kid().to_owned(),
            documents_outdated,
            store,
        })
    }

    /// Checks whether the store can be read and written. For probes: it needs no principal and reads no tenant's
    /// data.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ready(&self) -> Result<()> {
        self.engine.system.check().await
    }

    /// Ends background work within `deadline`, then closes the store. Returns whether all work ended by itself.
    /// Interrupted runs are left to the next [`Nexus::resume`], and to other processes on the store at once.
    ///
    /// # Errors
    /// Those of closing the store.
    pub async fn shutdown(&self, deadline: Duration) -> Result<bool> {
        let Engine { gateway, tasks, system, denials, .. } = &*self.engine;
        let drained = gateway.renewing(tasks.shutdown(deadline)).await;
        gateway.release_lease().await;
        denials.flush().await;
        system.close().await?;
        Ok(drained)
    }

    /// Authorises an operation. A read is recorded with its resource, where the settings say so.
    pub(super) async fn authorise(
        &self,
        caller: &Principal,
        operation: &Operation,
        resource: Resource,
    ) -> Result<()> {
        let facts = read_facts(&resource);
        self.engine.authorise(caller, operation, resource, ()).await?;
        self.engine.record_read(caller, operation, facts).await
    }

    /// Records an event that changes nothing in the store.
    async fn record(&self, caller: &Principal, kind: Kind, facts: Payload) -> Result<()> {
        let audit = self.engine.single_event_chain(caller, kind, facts)?;
        self.engine.audit.append(audit).await.map(drop)
    }

    /// Authorises an operation on all objects of its kind in the tenant.
    async fn authorise_all(&self, caller: &Principal, operation: &Operation) -> Result<()> {
        self.authorise(caller, operation, Resource::all(operation.action.kind())).await
    }
}
