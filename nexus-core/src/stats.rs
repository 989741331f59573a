//! Statistics of a tenant's data: [`StoreStats`], and the port that counts them, [`StatsStore`].

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::ModelId;
use crate::principal::{Principal, TenantId};

/// Port that counts a tenant's data.
///
/// # Contract
/// - Data of another tenant is not counted.
/// - Documents are counted by media type and reader version.
/// - Statistics for a principal count only documents visible to it; where these are all, they equal the tenant's.
#[async_trait]
pub trait StatsStore: std::fmt::Debug + Send + Sync {
    /// Returns the statistics of a tenant.
    ///
    /// # Errors
    /// Those of a store.
    async fn stats(&self, tenant: &TenantId) -> Result<StoreStats>;

    /// Returns the statistics of the data of the tenant that a principal may see at `now`.
    ///
    /// # Errors
    /// Those of a store.
    async fn stats_for(&self, tenant: &TenantId, caller: &Principal, now: Timestamp) -> Result<StoreStats>;
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
    /// Documents that were parsed, by media type and reader version.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub readers: Vec<ReaderCount>,
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

/// Number of documents of a media type that one version of its reader parsed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReaderCount {
    /// Media type.
    pub content_type: String,
    /// Version of the reader; 0 for documents that were parsed before readers had one.
    pub reader_version: u32,
    /// Documents.
    pub documents: u64,
}

/// Maximum number of runs, and of chains, that a [`StoreStats`] counts.
pub const COUNTED: u64 = 100_000;
