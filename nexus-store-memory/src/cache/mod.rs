//! [`MemoryCache`]: reusable answers and embeddings, in RAM or in a directory of its own that may be deleted at any
//! time.
//!
//! Each kind has a partition: a database with half of the capacity. A partition that cannot be read is recreated,
//! since a cache holds derived data only. A file that is no cache is never deleted.

mod partition;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use nexus_core::cache::{CacheEntry, CacheKey, CacheKind, CacheScope, CacheStore, SimilarEntry};
use nexus_core::{Error, Result, RunId, TenantId, Timestamp};

use crate::error::file;
use crate::files::file_permissions;
use partition::Partition;

/// Cache on SQLite, in RAM or in a directory. A clone is another handle of the same cache.
///
/// ```
/// use nexus_store_memory::MemoryCache;
///
/// let cache = MemoryCache::in_ram(16 << 20)?;
/// assert!(cache.held()? < 1 << 20);
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemoryCache {
    answers: Arc<Partition>,
    embeddings: Arc<Partition>,
}

impl MemoryCache {
    /// Creates a cache of at most `max_bytes` bytes in RAM, gone when its last handle is dropped.
    ///
    /// # Errors
    /// [`Unexpected`](nexus_core::ErrorKind::Unexpected) when the system refuses memory.
    pub fn in_ram(max_bytes: u64) -> Result<Self> {
        Ok(Self {
            answers: Arc::new(Partition::in_ram(max_bytes / 2)?),
            embeddings: Arc::new(Partition::in_ram(max_bytes / 2)?),
        })
    }

    /// Opens the cache of at most `max_bytes` bytes in `dir`, created if it is missing and recreated if it is damaged.
    ///
    /// # Errors
    /// [`Unavailable`](nexus_core::ErrorKind::Unavailable) when the directory cannot be used.
    pub fn open(dir: impl AsRef<Path>, max_bytes: u64) -> Result<Self> {
        let dir = dir.as_ref();
        file_permissions::create_dir(dir).map_err(|source| file("create", dir, source))?;
        let partition = |kind: CacheKind| {
            Partition::open(&dir.join(format!("{}.db", kind.as_str())), max_bytes / 2).map(Arc::new)
        };
        Ok(Self { answers: partition(CacheKind::Answer)?, embeddings: partition(CacheKind::Embedding)? })
    }

    /// Returns the bytes that the cache takes now.
    ///
    /// # Errors
    /// Those of a store.
    pub fn held(&self) -> Result<u64> {
        Ok(self.answers.held()? + self.embeddings.held()?)
    }

    fn partition(&self, kind: CacheKind) -> Arc<Partition> {
        Arc::clone(match kind {
            CacheKind::Answer => &self.answers,
            CacheKind::Embedding => &self.embeddings,
        })
    }
}

/// Runs work on a partition away from the tasks that wait for the network.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.map_err(|error| Error::unexpected("a cache operation panicked").because(error))?
}

#[async_trait]
impl CacheStore for MemoryCache {
    async fn get(&self, keys: &[CacheKey], now: Timestamp) -> Result<Vec<Option<Arc<[u8]>>>> {
        let (cache, keys) = (self.clone(), keys.to_vec());
        beside(move || keys.iter().map(|key| cache.partition(key.scope.kind).get(key, now)).collect()).await
    }

    async fn put(&self, entries: Vec<(CacheKey, CacheEntry)>, now: Timestamp) -> Result<()> {
        let cache = self.clone();
        beside(move || {
            for kind in CacheKind::ALL {
                let of_kind: Vec<_> = entries.iter().filter(|(key, _)| key.scope.kind == kind).collect();
                if !of_kind.is_empty() {
                    cache.partition(kind).put(&of_kind, now)?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn forget_run(&self, tenant: &TenantId, run: &RunId) -> Result<()> {
        let (cache, tenant, run) = (self.clone(), tenant.to_string(), run.clone());
        beside(move || {
            CacheKind::ALL.into_iter().try_for_each(|kind| cache.partition(kind).forget_run(&tenant, &run))
        })
        .await
    }

    async fn nearest(
        &self,
        scope: &CacheScope,
        vector: &[f32],
        threshold: f64,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<SimilarEntry>> {
        let (partition, scope, vector) = (self.partition(scope.kind), scope.clone(), vector.to_vec());
        beside(move || partition.nearest(&scope, &vector, threshold, limit, now)).await
    }
}
