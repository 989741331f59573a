//! [`AuditChain`]: records sealed inside the transaction that holds the change they record.

use async_trait::async_trait;
use nexus_core::audit::{AuditChain, ChainSummary, Head, Receipt, Record, UnsealedRecords};
use nexus_core::{Result, TenantId};

use crate::rows::audit;
use crate::store::MemoryStore;

#[async_trait]
impl AuditChain for MemoryStore {
    async fn append(&self, pending: UnsealedRecords) -> Result<Vec<Receipt>> {
        self.engine().write(move |write| audit::append(write, &pending)).await
    }

    async fn records(&self, tenant: &TenantId, run: &str, from: u64, limit: usize) -> Result<Vec<Record>> {
        let (tenant, run) = (tenant.clone(), run.to_owned());
        self.engine().read(move |connection| audit::records(connection, &tenant, &run, from, limit)).await
    }

    async fn head(&self, tenant: &TenantId, run: &str) -> Result<Option<Head>> {
        let (tenant, run) = (tenant.clone(), run.to_owned());
        self.engine().read(move |connection| audit::head(connection, tenant.as_str(), &run)).await
    }

    async fn chains(
        &self,
        tenant: &TenantId,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<ChainSummary>> {
        let tenant = tenant.clone();
        self.engine()
            .read(move |connection| audit::chains(connection, &tenant, after.as_deref(), limit))
            .await
    }
}
