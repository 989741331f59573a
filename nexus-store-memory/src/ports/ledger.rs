//! [`LedgerStore`]: calls, ledger entries and usage.

use async_trait::async_trait;
use nexus_core::ledger::{Call, LedgerEntry, LedgerQuery, LedgerStore, UsageBy, UsageRecord, UsageRow};
use nexus_core::{Page, Result, TenantId};

use crate::rows::ledger;
use crate::store::MemoryStore;

#[async_trait]
impl LedgerStore for MemoryStore {
    async fn calls(&self, tenant: &TenantId, query: &LedgerQuery) -> Result<Vec<Call>> {
        let (tenant, query) = (tenant.to_string(), query.clone());
        self.engine().read(move |connection| ledger::call::list(connection, tenant.as_str(), &query)).await
    }

    async fn ledger(&self, tenant: &TenantId, query: &LedgerQuery) -> Result<Vec<LedgerEntry>> {
        let (tenant, query) = (tenant.to_string(), query.clone());
        self.engine().read(move |connection| ledger::entry::list(connection, tenant.as_str(), &query)).await
    }

    async fn usage(&self, tenant: &TenantId, by: UsageBy, from: &str, to: &str) -> Result<Vec<UsageRow>> {
        let (tenant, from, to) = (tenant.to_string(), from.to_owned(), to.to_owned());
        self.engine()
            .read(move |connection| ledger::usage::sums(connection, tenant.as_str(), by, &from, &to))
            .await
    }

    async fn usage_records(
        &self,
        tenant: &TenantId,
        from: &str,
        to: &str,
        page: &Page,
    ) -> Result<Vec<UsageRecord>> {
        let (tenant, from, to, page) = (tenant.to_string(), from.to_owned(), to.to_owned(), page.clone());
        self.engine()
            .read(move |connection| ledger::usage::records(connection, tenant.as_str(), &from, &to, &page))
            .await
    }

    async fn reasoning(&self, tenant: &TenantId, call: &str) -> Result<Option<String>> {
        let (tenant, call) = (tenant.to_string(), call.to_owned());
        self.engine()
            .read(move |connection| ledger::call::reasoning(connection, tenant.as_str(), &call))
            .await
    }
}
