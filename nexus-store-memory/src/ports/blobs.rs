//! [`BlobStore`]: raw bytes, read and written away from the threads that poll futures.

use async_trait::async_trait;
use nexus_core::document::store::{Blob, Hold};
use nexus_core::document::{BlobStore, Source};
use nexus_core::{Error, Result, TenantId};

use crate::store::MemoryStore;

#[async_trait]
impl BlobStore for MemoryStore {
    async fn put(&self, tenant: &TenantId, mut source: Box<dyn Source>, limit: u64) -> Result<Blob> {
        self.check_writable()?;
        let (store, tenant) = (self.clone(), tenant.to_string());
        blocking(move || {
            let kept = store.blobs().put(tenant.as_str(), &mut source, limit)?;
            let hold = Hold::new(store.hold(&tenant, &kept.hash));
            Ok(Blob { hash: kept.hash, size: kept.size, hold })
        })
        .await
    }

    async fn discard(&self, _tenant: &TenantId, blob: Blob) -> Result<()> {
        drop(blob);
        // The writer works in order: it has finished the removals of earlier guards when this write ends.
        self.engine().write(|_| Ok(())).await
    }

    async fn open(&self, tenant: &TenantId, hash: &str) -> Result<Box<dyn Source>> {
        let (store, tenant, hash) = (self.clone(), tenant.to_string(), hash.to_owned());
        blocking(move || store.blobs().open(tenant.as_str(), &hash)).await
    }
}

/// Runs blocking file work away from the threads that poll futures.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::unexpected("a store operation panicked").because(error))?
}
