//! [`GrantStore`]: who may do what with a document.

use async_trait::async_trait;
use nexus_core::access::{Grant, GrantStore};
use nexus_core::{DocumentId, GrantId, Result, TenantId};

use crate::access;
use crate::store::MemoryStore;

#[async_trait]
impl GrantStore for MemoryStore {
    async fn grant(&self, tenant: &TenantId, grant: Grant) -> Result<Grant> {
        let tenant = tenant.clone();
        self.engine().write(move |write| access::give(write, &tenant, &grant)).await
    }

    async fn revoke(&self, tenant: &TenantId, document: &DocumentId, grant: &GrantId) -> Result<Grant> {
        let (tenant, document, grant) = (tenant.clone(), document.clone(), grant.clone());
        self.engine().write(move |write| access::revoke(write, &tenant, &document, &grant)).await
    }

    async fn grants(&self, tenant: &TenantId, document: &DocumentId) -> Result<Vec<Grant>> {
        let (tenant, document) = (tenant.clone(), document.clone());
        self.engine().read(move |connection| access::list(connection, &tenant, &document)).await
    }
}
