//! [`RetentionStore`]: the removal of records that are older than their retention.

use async_trait::async_trait;
use nexus_core::retention::{Expire, RetentionClass, RetentionStore};
use nexus_core::{Result, TenantId, Timestamp};

use crate::rows::retention;
use crate::store::MemoryStore;

#[async_trait]
impl RetentionStore for MemoryStore {
    async fn tenants(&self) -> Result<Vec<String>> {
        self.engine().read(retention::tenants).await
    }

    async fn expire(&self, step: Expire) -> Result<Vec<String>> {
        self.engine().write(move |write| retention::expire(write, &step)).await
    }

    async fn expired(&self, tenant: &TenantId, class: RetentionClass, before: Timestamp) -> Result<u64> {
        let tenant = tenant.to_string();
        let count = move |connection: &rusqlite::Connection| {
            retention::expired(connection, &tenant, class, before, usize::MAX)
        };
        Ok(u64::try_from(self.engine().read(count).await?.len()).unwrap_or(u64::MAX))
    }

    async fn sweep_idle(&self, tenant: &TenantId, before: Timestamp, limit: usize) -> Result<u64> {
        let tenant = tenant.to_string();
        self.engine().write(move |write| retention::sweep_idle(write, tenant.as_str(), before, limit)).await
    }
}
