//! What a store crate implements on one type: [`Store`], the sum of the store ports.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::access::GrantStore;
use crate::audit::AuditChain;
use crate::clock::Timestamp;
use crate::document::{BlobStore, DocumentStore, JobQueue};
use crate::error::Result;
use crate::ledger::{LedgerStore, QuotaStore};
use crate::principal::{Principal, TenantId};
use crate::retention::RetentionStore;
use crate::retrieve::{ModelId, Retriever};
use crate::run::RunStore;
use crate::session::SessionStore;

/// A store: everything that Nexus keeps, behind one type.
#[async_trait]
pub trait Store:
    AuditChain
    + BlobStore
    + DocumentStore
    + GrantStore
    + JobQueue
    + LedgerStore
    + QuotaStore
    + RetentionStore
    + Retriever
    + RunStore
    + SessionStore
    + std::fmt::Debug
    + 'static
{
    /// The name under which this store signs audit records; the same for as long as it exists.
    fn instance(&self) -> &str;

    /// What the store holds for a tenant.
    ///
    /// # Errors
    /// Those of a store.
    async fn stats(&self, tenant: &TenantId) -> Result<StoreStats>;

    /// What the store holds for a principal's tenant that the principal may see at `now`: the documents that it may read
    /// and its own runs. For a principal that sees all documents, the same as [`Store::census`].
    ///
    /// # Errors
    /// Those of a store.
    async fn stats_for(&self, caller: &Principal, now: Timestamp) -> Result<StoreStats>;

    /// Reads and writes a little that belongs to nobody, to find out whether that works.
    ///
    /// # Errors
    /// Those of a store; [`Unavailable`](crate::ErrorKind::Unavailable) when it is closed or open for reading only.
    async fn check(&self) -> Result<()>;

    /// Ends background work and makes everything durable, as far as it is not.
    ///
    /// # Errors
    /// Those of a store.
    async fn close(&self) -> Result<()>;
}

/// What a store holds for a tenant, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStats {
    /// What kind of store it is and where, such as `memory` or `sqlite ./nexus-data`.
    pub store: String,
    /// Corpora.
    pub corpora: u64,
    /// Documents, in whatever state.
    pub documents: u64,
    /// Documents whose job is queued or runs.
    pub documents_in_flight: u64,
    /// Documents whose last job failed.
    pub documents_failed: u64,
    /// Passages that can be found.
    pub passages: u64,
    /// Vectors of those passages, by model.
    pub vectors: Vec<(ModelId, u64)>,
    /// Runs.
    pub runs: u64,
    /// Runs that are not over.
    pub runs_unfinished: u64,
    /// Audit records; nothing in the census of a principal that does not see all of them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audit_records: Option<u64>,
    /// Whether there are more runs or audit records than are told here: they grow with time, so no more than
    /// [`COUNTED`] runs, and the records of as many chains, are counted.
    #[serde(default)]
    pub is_longer: bool,
}

/// The most runs, and the most chains, whose number a [`StoreStats`] tells.
pub const COUNTED: u64 = 100_000;
