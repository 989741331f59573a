//! [`CorpusStore`]: sets of documents that are searched together.

use async_trait::async_trait;
use nexus_core::audit::UnsealedRecords;
use nexus_core::corpus::{Corpus, CorpusPatch, CorpusStore};
use nexus_core::{CorpusId, Page, Result, TenantId};

use crate::db::Write;
use crate::rows::corpus;
use crate::store::MemoryStore;

#[async_trait]
impl CorpusStore for MemoryStore {
    async fn create_corpus(&self, tenant: &TenantId, corpus: Corpus, audit: UnsealedRecords) -> Result<()> {
        let tenant = tenant.to_string();
        self.engine().write(move |write| corpus::create(write, &tenant, &corpus, &audit)).await
    }

    async fn update_corpus(
        &self,
        tenant: &TenantId,
        id: &CorpusId,
        patch: CorpusPatch,
        audit: UnsealedRecords,
    ) -> Result<Corpus> {
        let (tenant, id) = (tenant.to_string(), id.clone());
        self.engine().write(move |write| corpus::update(write, &tenant, &id, patch, &audit)).await
    }

    async fn corpus(&self, tenant: &TenantId, id: &CorpusId) -> Result<Corpus> {
        let (tenant, id) = (tenant.to_string(), id.clone());
        self.engine().read(move |connection| corpus::load(connection, &tenant, &id)).await
    }

    async fn corpora(&self, tenant: &TenantId, page: &Page) -> Result<Vec<Corpus>> {
        let (tenant, page) = (tenant.to_string(), page.clone());
        self.engine().read(move |connection| corpus::list(connection, &tenant, &page)).await
    }

    async fn delete_corpus(&self, tenant: &TenantId, id: &CorpusId, audit: UnsealedRecords) -> Result<()> {
        let (tenant, id, store) = (tenant.to_string(), id.clone(), self.clone());
        let work = move |write: &Write<'_>| {
            let (ordinal, hashes) = corpus::delete(write, &tenant, &id, audit)?;
            write.after_commit(move |connection| {
                store.indexes().forget(ordinal);
                for hash in &hashes {
                    store.drop_blob(connection, &tenant, hash);
                }
            });
            Ok(())
        };
        self.engine().write(work).await
    }
}
