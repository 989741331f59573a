//! What a removal would take away: for those who may carry it out, before they do.

use super::Nexus;
use crate::access::{Grant, Permission};
use crate::document::{Corpus, Document};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{CorpusId, DocumentId, GrantId};
use crate::policy::{Action, Resource};
use crate::principal::Principal;
use crate::quota::{Limit, Subject};

impl Nexus {
    /// The document that [`Nexus::delete_document`] would remove.
    ///
    /// # Errors
    /// As [`Nexus::delete_document`].
    pub async fn removable_document(&self, who: &Principal, id: &DocumentId) -> Result<Document> {
        self.allow(who, Action::DocumentDelete, Resource::document(id)).await?;
        let document = self.engine.permitted_document(who, id, Permission::Delete).await?;
        if document.status.is_in_flight() {
            return Err(Error::new(ErrorKind::Conflict, "the document is being ingested")
                .code("DOCUMENT_IN_FLIGHT")
                .hint("wait until its job has ended"));
        }
        Ok(document)
    }

    /// The corpus that [`Nexus::delete_corpus`] would remove; its documents go with it.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound).
    pub async fn removable_corpus(&self, who: &Principal, id: &CorpusId) -> Result<Corpus> {
        self.allow(who, Action::CorpusDelete, Resource::corpus(id)).await?;
        self.engine.store.corpus(who.tenant(), id).await
    }

    /// The grant that [`Nexus::revoke`] would take back.
    ///
    /// # Errors
    /// As [`Nexus::revoke`].
    pub async fn removable_grant(
        &self,
        who: &Principal,
        document: &DocumentId,
        grant: &GrantId,
    ) -> Result<Grant> {
        self.allow(who, Action::DocumentGrant, Resource::document(document)).await?;
        self.engine.permitted_document(who, document, Permission::Owner).await?;
        let grants = self.engine.store.grants(who.tenant(), document).await?;
        let found = grants.into_iter().find(|found| found.id == *grant);
        found.ok_or_else(|| Error::not_found("there is no such grant").code("GRANT_NOT_FOUND"))
    }

    /// The limit that [`Nexus::remove_limit`] would take back, if one was set.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn removable_limit(&self, who: &Principal, of: &Subject) -> Result<Option<Limit>> {
        self.allow(who, Action::BudgetWrite, Resource::default()).await?;
        let set = self.engine.store.limits(who.tenant()).await?;
        Ok(set.into_iter().find(|limit| limit.subject == *of))
    }
}
