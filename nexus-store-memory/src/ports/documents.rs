//! [`DocumentStore`]: documents and their passages.

use async_trait::async_trait;
use nexus_core::access::{Authorised, RequiredAccess, Visibility};
use nexus_core::document::store::{
    DocumentQuery, Lease, Publication, Reindex, StagedPassage, Submission, Submitted,
};
use nexus_core::document::{Document, DocumentStore, Passage};
use nexus_core::id::ModelId;
use nexus_core::{DocumentId, Page, Result, TenantId, Timestamp, audit};
use rusqlite::Connection;

use crate::db::Write;
use crate::error::closed;
use crate::rows::document::Stored;
use crate::rows::{corpus, document, job, passage, publication, submission};
use crate::search::text::LARGE;
use crate::store::MemoryStore;

/// Number of passages that are indexed at a time ahead of a publication, so that other searches interleave.
const PIECE: u32 = 500;

#[async_trait]
impl DocumentStore for MemoryStore {
    async fn submit(&self, submission: Submission) -> Result<Submitted> {
        let store = self.clone();
        let work = move |write: &Write<'_>| {
            let tenant = submission.principal.tenant_id().to_owned();
            store.blobs().check_kept(tenant.as_str(), &submission.content_hash)?;
            let before = document::find(write, &tenant, &submission.id)?;
            let submitted = submission::submit(write, &submission)?;
            write.after_commit(move |connection| {
                store.blobs().settle(tenant.as_str(), &submission.content_hash);
                if let Some(before) = before {
                    store.drop_blob(connection, &tenant, &before.document.content_hash);
                }
            });
            Ok(submitted)
        };
        self.engine().write(work).await
    }

    async fn reindex(&self, reindex: Reindex) -> Result<Submitted> {
        self.engine().write(move |write| submission::reindex(write, &reindex)).await
    }

    async fn document(&self, tenant: &TenantId, id: &DocumentId) -> Result<Document> {
        let (tenant, id) = (tenant.to_string(), id.clone());
        let work = move |connection: &Connection| {
            document::find(connection, &tenant, &id)?
                .map(|stored| stored.document)
                .ok_or_else(document::not_found)
        };
        self.engine().read(work).await
    }

    async fn documents(
        &self,
        tenant: &TenantId,
        visibility: &Visibility,
        query: &DocumentQuery,
        now: Timestamp,
    ) -> Result<Vec<Document>> {
        let (tenant, visibility, query) = (tenant.to_string(), visibility.clone(), query.clone());
        self.engine()
            .read(move |connection| document::list(connection, &tenant, &visibility, &query, now))
            .await
    }

    async fn delete_document(
        &self,
        access: &Authorised<RequiredAccess>,
        id: &DocumentId,
        audit: audit::UnsealedRecords,
    ) -> Result<()> {
        let (access, id, store) = (access.clone(), id.clone(), self.clone());
        let work = move |write: &Write<'_>| {
            let hash = document::delete(write, &access, &id, &audit)?;
            write
                .after_commit(move |connection| store.drop_blob(connection, access.tenant().as_str(), &hash));
            Ok(())
        };
        self.engine().write(work).await
    }

    async fn passages(&self, tenant: &TenantId, document: &DocumentId, page: &Page) -> Result<Vec<Passage>> {
        let (tenant, document, page) = (tenant.to_string(), document.clone(), page.clone());
        let work = move |connection: &Connection| match document::find(connection, &tenant, &document)? {
            Some(Stored { live: Some(live), document: found, .. }) => {
                passage::page(connection, live, &document, found.version, &page)
            }
            _ => Ok(Vec::new()),
        };
        self.engine().read(work).await
    }

    async fn stage(
        &self,
        lease: &Lease,
        model: Option<&ModelId>,
        passages: Vec<StagedPassage>,
    ) -> Result<()> {
        let (lease, model) = (lease.clone(), model.cloned());
        self.engine().write(move |write| publication::stage(write, &lease, model.as_ref(), &passages)).await
    }

    async fn prepare(&self, lease: &Lease, passages: u32) -> Result<()> {
        self.index_ahead(lease, passages).await
    }

    async fn publish(&self, lease: &Lease, publication: Publication) -> Result<Document> {
        let (lease, store) = (lease.clone(), self.clone());
        let work = move |write: &Write<'_>| {
            let (document, corpus) = publication::publish(write, &lease, &publication)?;
            let passages = u64::from(document.passages);
            write.after_commit(move |_| store.note_publication(corpus, passages));
            Ok(document)
        };
        self.engine().write(work).await
    }
}

impl MemoryStore {
    /// Indexes a large version before its publication, so that no search waits for it afterwards. The step is
    /// optional: passages that it skips, also because of a running build, are indexed after the publication.
    async fn index_ahead(&self, lease: &Lease, passages: u32) -> Result<()> {
        if passages < LARGE {
            return Ok(());
        }
        for start in (0..passages).step_by(PIECE as usize) {
            let (store, lease) = (self.clone(), lease.clone());
            let range = start..start.saturating_add(PIECE);
            if !self.engine().has_idle_builder() {
                return Ok(());
            }
            let work = move |connection: &Connection| {
                let held = job::held(connection, &lease)?;
                let row =
                    corpus::row(connection, lease.job.principal.tenant_id(), &lease.document.corpus_id)?;
                store.indexes().texts.add_ahead(connection, row, held.version.ordinal, range)
            };
            self.engine().build(work)?.await.map_err(|_| closed())??;
        }
        Ok(())
    }
}
