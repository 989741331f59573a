//! [`StatsStore`]: statistics of a tenant's data.

use async_trait::async_trait;
use nexus_core::stats::{StatsStore, StoreStats};
use nexus_core::{Principal, Result, TenantId, Timestamp};

use crate::stats;
use crate::store::MemoryStore;

#[async_trait]
impl StatsStore for MemoryStore {
    async fn stats(&self, tenant: &TenantId) -> Result<StoreStats> {
        let (tenant, store) = (tenant.to_string(), self.place());
        self.engine().read(move |connection| stats::of_tenant(connection, &tenant, store)).await
    }

    async fn stats_for(&self, tenant: &TenantId, caller: &Principal, now: Timestamp) -> Result<StoreStats> {
        let (tenant, caller, store) = (tenant.to_string(), caller.clone(), self.place());
        self.engine()
            .read(move |connection| stats::of_principal(connection, &tenant, &caller, now, store))
            .await
    }
}
