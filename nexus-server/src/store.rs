//! Choice of the store: the one place that knows every store, for the server and the command line alike.

use std::path::Path;
use std::time::{Duration, Instant};

use nexus_core::{Builder, Result};
use nexus_providers::bootstrap::CacheConfig;
use nexus_store_memory::MemoryStore;

/// Access of a process to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Exclusive write access; creates the store if there is none.
    Owner,
    /// Read access beside the process that owns the store.
    Reader,
}

/// Interval between two attempts to open a store that another process owns.
const RETRY: Duration = Duration::from_millis(50);

/// Opens the store in the directory `data` and adds it to `builder`, with a cache of answers and vectors as large as
/// `cache` says. An owner waits up to `wait` for the process that owns the store.
///
/// # Errors
/// Those of [`MemoryStore::open`], [`MemoryStore::open_read_only`] and [`MemoryStore::cache`].
pub async fn open(
    builder: Builder,
    cache: &CacheConfig,
    data: &Path,
    access: Access,
    wait: Duration,
) -> Result<(Builder, MemoryStore)> {
    let store = match access {
        Access::Owner => owned(data, wait).await,
        Access::Reader => MemoryStore::open_read_only(data),
    }?;
    let builder = match cache.max_bytes().map(|max_bytes| store.cache(max_bytes)).transpose()?.flatten() {
        Some(cache) => builder.cache(cache),
        None => builder,
    };
    Ok((builder.store(store.clone()), store))
}

async fn owned(data: &Path, wait: Duration) -> Result<MemoryStore> {
    let began = Instant::now();
    loop {
        match MemoryStore::open(data) {
            Err(error) if error.code() == "STORE_LOCKED" && began.elapsed() < wait => {
                tokio::time::sleep(RETRY).await;
            }
            opened => return opened,
        }
    }
}

/// Returns whether the directory `data` holds a store.
///
/// # Errors
/// Those of [`MemoryStore::exists`].
pub fn exists(data: &Path) -> Result<bool> {
    MemoryStore::exists(data)
}
