//! Sum of the store ports, which a store crate implements on one type: [`Store`]; and the port across tenants,
//! [`SystemStore`].

mod system;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::access::GrantStore;
use crate::admin::AdminResourceStore;
use crate::audit::AuditChain;
use crate::clock::Timestamp;
use crate::corpus::CorpusStore;
use crate::document::{BlobStore, DocumentStore, JobQueue};
use crate::error::Result;
use crate::id::ModelId;
use crate::ledger::{LedgerStore, QuotaStore};
use crate::principal::{Principal, TenantId};
use crate::retention::RetentionStore;
use crate::retrieve::Retriever;
use crate::run::RunStore;
use crate::session::SessionStore;
use crate::transfer::TransferStore;

pub use system::SystemStore;

/// Store: all persistent data of Nexus, behind one type.
#[async_trait]
pub trait Store:
    AdminResourceStore
    + AuditChain
    + BlobStore
    + CorpusStore
    + DocumentStore
    + GrantStore
    + JobQueue
    + LedgerStore
    + QuotaStore
    + RetentionStore
    + Retriever
    + RunStore
    + SessionStore
    + SystemStore
    + TransferStore
    + std::fmt::Debug
    + 'static
{
    /// Returns the instance name in signed audit records, which is constant for the life of the store.
    fn instance(&self) -> &str;

    /// Returns the statistics of a tenant.
    ///
    /// # Errors
    /// Those of a store.
    async fn stats(&self, tenant: &TenantId) -> Result<StoreStats>;

    /// Returns the statistics of the data that a principal may see at `now`: the documents that it may read and its
    /// own runs. For a principal that sees all documents, they equal [`Store::stats`].
    ///
    /// # Errors
    /// Those of a store.
    async fn stats_for(&self, caller: &Principal, now: Timestamp) -> Result<StoreStats>;

    /// Ends background work and makes all data durable.
    ///
    /// # Errors
    /// Those of a store.
    async fn close(&self) -> Result<()>;
}

/// Statistics of a tenant's data in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStats {
    /// The kind and location of the store, such as `memory` or `sqlite ./nexus-data`.
    pub store: String,
    /// Corpora.
    pub corpora: u64,
    /// Documents in any state.
    pub documents: u64,
    /// Documents with a queued or running job.
    pub documents_in_flight: u64,
    /// Documents whose last job failed.
    pub documents_failed: u64,
    /// Searchable passages.
    pub passages: u64,
    /// Vectors of those passages, by model.
    pub vectors: Vec<(ModelId, u64)>,
    /// Runs.
    pub runs: u64,
    /// Unfinished runs.
    pub runs_unfinished: u64,
    /// Audit records; `None` for a principal that does not see all of them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audit_records: Option<u64>,
    /// Whether runs or audit records exceed the counted number. They grow with time, so at most [`COUNTED`] runs, and
    /// the records of as many chains, are counted.
    #[serde(default)]
    pub is_longer: bool,
}

/// Maximum number of runs, and of chains, that a [`StoreStats`] counts.
pub const COUNTED: u64 = 100_000;
