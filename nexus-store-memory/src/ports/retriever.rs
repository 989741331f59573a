//! [`Retriever`]: searches, each on one snapshot.

use async_trait::async_trait;
use nexus_core::access::Authorised;
use nexus_core::retrieve::{Query, Retrieved, Retriever};
use nexus_core::{CorpusId, Result, TenantId};

use crate::row::small;
use crate::store::MemoryStore;
use crate::{corpus, retrieve};

#[async_trait]
impl Retriever for MemoryStore {
    async fn retrieve(&self, query: &Authorised<Query>) -> Result<Retrieved> {
        loop {
            let (store, query) = (self.clone(), query.clone());
            if let Some(retrieved) = self
                .engine()
                .read(move |connection| retrieve::search(store.indexes(), connection, &query))
                .await?
            {
                return Ok(retrieved);
            }
        }
    }

    async fn watermark(&self, tenant: &TenantId, corpus: &CorpusId) -> Result<u64> {
        let (tenant, corpus) = (tenant.clone(), corpus.clone());
        let row = self.engine().read(move |connection| corpus::row(connection, &tenant, &corpus)).await?;
        small(row.watermark)
    }
}
