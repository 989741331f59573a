//! Choice of the store: the one place that knows every store, for the server and the command line alike.

use std::path::Path;

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

/// Opens the store in the directory `data` and adds it to `builder`, with a cache of answers and vectors as large as
/// `cache` says.
///
/// # Errors
/// Those of [`MemoryStore::open`], [`MemoryStore::open_read_only`] and [`MemoryStore::cache`].
pub fn open(
    builder: Builder,
    cache: &CacheConfig,
    data: &Path,
    access: Access,
) -> Result<(Builder, MemoryStore)> {
    let store = match access {
        Access::Owner => MemoryStore::open(data),
        Access::Reader => MemoryStore::open_read_only(data),
    }?;
    let builder = match cache.max_bytes().map(|max_bytes| store.cache(max_bytes)).transpose()?.flatten() {
        Some(cache) => builder.cache(cache),
        None => builder,
    };
    Ok((builder.store(store.clone()), store))
}

/// Returns whether the directory `data` holds a store.
///
/// # Errors
/// Those of [`MemoryStore::exists`].
pub fn exists(data: &Path) -> Result<bool> {
    MemoryStore::exists(data)
}
