//! Previews of removals, for callers that are authorised to carry them out.

use super::Nexus;
use super::corpora::CORPUS_DELETE;
use super::documents::{DOCUMENT_DELETE, GRANT_REVOKE};
use super::limits::LIMIT_REMOVE;
use crate::access::{Grant, Permission};
use crate::corpus::Corpus;
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{CorpusId, DocumentId, GrantId};
use crate::page::Page;
use crate::policy::Resource;
use crate::principal::Principal;
use crate::quota::{Limit, LimitKey};

impl Nexus {
    /// Returns the document that [`Nexus::delete_document`] would remove.
    ///
    /// # Errors
    /// As [`Nexus::delete_document`].
    pub async fn removable_document(&self, caller: &Principal, id: &DocumentId) -> Result<Document> {
        self.authorise(caller, &DOCUMENT_DELETE, Resource::document(id)).await?;
        let document =
            self.engine.permitted_document(caller, &DOCUMENT_DELETE, id, Permission::Delete).await?;
        if document.status.is_in_flight() {
            return Err(Error::new(ErrorKind::Conflict, "the document is being ingested")
                .with_code("DOCUMENT_IN_FLIGHT")
                .with_hint("wait until its job has ended"));
        }
        Ok(document)
    }

    /// Returns the corpus that [`Nexus::delete_corpus`] would remove with its documents.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound).
    pub async fn removable_corpus(&self, caller: &Principal, id: &CorpusId) -> Result<Corpus> {
        self.authorise(caller, &CORPUS_DELETE, Resource::corpus(id)).await?;
        self.engine.corpora.corpus(caller.tenant(), id).await
    }

    /// Returns the grant that [`Nexus::revoke`] would revoke.
    ///
    /// # Errors
    /// As [`Nexus::revoke`].
    pub async fn removable_grant(
        &self,
        caller: &Principal,
        document: &DocumentId,
        grant: &GrantId,
    ) -> Result<Grant> {
        self.authorise(caller, &GRANT_REVOKE, Resource::document(document)).await?;
        self.engine.permitted_document(caller, &GRANT_REVOKE, document, Permission::Owner).await?;
        let grants = self.engine.grants.grants(caller.tenant(), document, &Page::all()).await?;
        let found = grants.into_iter().find(|found| found.id == *grant);
        found.ok_or_else(|| Error::not_found("there is no such grant").with_code("GRANT_NOT_FOUND"))
    }

    /// Returns the limit that [`Nexus::remove_limit`] would remove, if one was set.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn removable_limit(&self, caller: &Principal, of: &LimitKey) -> Result<Option<Limit>> {
        self.authorise_all(caller, &LIMIT_REMOVE).await?;
        let set = self.engine.quota.limits(caller.tenant()).await?;
        Ok(set.into_iter().find(|limit| limit.subject == *of))
    }
}
