//! Corpus store port: [`CorpusStore`].

use async_trait::async_trait;

use super::{Corpus, CorpusPatch};
use crate::audit::UnsealedRecords;
use crate::error::Result;
use crate::id::CorpusId;
use crate::page::Page;
use crate::principal::TenantId;

/// Store of corpora.
///
/// # Contract
/// - A corpus of one tenant is invisible to every other: it cannot be listed, read, changed or deleted by it.
/// - A corpus id is unique per tenant; two tenants may use the same.
/// - A patch leaves the fields that it does not name unchanged.
/// - Deleting a corpus removes its documents; while any is in flight it is a conflict.
/// - Lists of corpora are in order of id; a page continues after its cursor and repeats and skips nothing.
/// - A change and its audit record commit together; a refused change leaves no record.
/// - The record of a deletion counts the removed documents.
#[async_trait]
pub trait CorpusStore: std::fmt::Debug + Send + Sync {
    /// Creates a corpus.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the id is taken.
    async fn create_corpus(&self, tenant: &TenantId, corpus: Corpus, audit: UnsealedRecords) -> Result<()>;

    /// Changes a corpus and returns it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn update_corpus(
        &self,
        tenant: &TenantId,
        id: &CorpusId,
        patch: CorpusPatch,
        audit: UnsealedRecords,
    ) -> Result<Corpus>;

    /// Returns one corpus.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn corpus(&self, tenant: &TenantId, id: &CorpusId) -> Result<Corpus>;

    /// Returns a page of corpora, in order of id. The key is the id.
    ///
    /// # Errors
    /// Those of a store.
    async fn corpora(&self, tenant: &TenantId, page: &Page) -> Result<Vec<Corpus>>;

    /// Removes a corpus and its documents, and adds their number to `audit` as `documents`.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); [`Conflict`](crate::ErrorKind::Conflict) while one is in flight.
    async fn delete_corpus(&self, tenant: &TenantId, id: &CorpusId, audit: UnsealedRecords) -> Result<()>;
}
