//! [`GrantStore`]: access grants on documents.

use async_trait::async_trait;
use nexus_core::access::{Authorised, Grant, GrantStore, RequiredAccess};
use nexus_core::audit::UnsealedRecords;
use nexus_core::{DocumentId, GrantId, Page, Result, TenantId};

use crate::rows::access;
use crate::store::MemoryStore;

#[async_trait]
impl GrantStore for MemoryStore {
    async fn grant(
        &self,
        access: &Authorised<RequiredAccess>,
        grant: Grant,
        audit: UnsealedRecords,
    ) -> Result<Grant> {
        let required = access.clone();
        self.engine().write(move |write| access::give(write, &required, &grant, &audit)).await
    }

    async fn revoke(
        &self,
        access: &Authorised<RequiredAccess>,
        document: &DocumentId,
        grant: &GrantId,
        audit: UnsealedRecords,
    ) -> Result<Grant> {
        let (required, document, grant) = (access.clone(), document.clone(), grant.clone());
        self.engine().write(move |write| access::revoke(write, &required, &document, &grant, &audit)).await
    }

    async fn grants(&self, tenant: &TenantId, document: &DocumentId, page: &Page) -> Result<Vec<Grant>> {
        let (tenant, document, page) = (tenant.to_string(), document.clone(), page.clone());
        self.engine().read(move |connection| access::page(connection, &tenant, &document, &page)).await
    }
}
