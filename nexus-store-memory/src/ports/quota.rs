//! [`QuotaStore`]: model calls from their admission to their end, each step one transaction.

use async_trait::async_trait;
use nexus_core::audit::UnsealedRecords;
use nexus_core::ledger::{
    BeginCall, BeginResult, CallResult, KillSwitch, KillSwitchScope, LedgerEntry, QuotaStore, Reconciliation,
    RetryCall, Settlement,
};
use nexus_core::quota::{CounterKey, CounterState, Limit, LimitKey};
use nexus_core::{Page, Result, TenantId, Timestamp};

use crate::rows::{ledger, quota, settings_version};
use crate::store::MemoryStore;

#[async_trait]
impl QuotaStore for MemoryStore {
    async fn begin(&self, intent: BeginCall) -> Result<BeginResult> {
        self.engine().write(move |write| ledger::admit::begin(write, intent)).await
    }

    async fn record_completed(&self, intent: BeginCall, settlement: Settlement) -> Result<BeginResult> {
        self.engine()
            .write(move |write| {
                let begun = ledger::admit::begin(write, intent)?;
                if matches!(begun, BeginResult::Admitted { .. }) {
                    ledger::settle::settle(write, settlement)?;
                }
                Ok(begun)
            })
            .await
    }

    async fn retry(&self, retry: RetryCall) -> Result<BeginResult> {
        self.engine().write(move |write| ledger::settle::retry(write, &retry)).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<bool> {
        self.engine().write(move |write| ledger::settle::settle(write, settlement)).await
    }

    async fn reconcile(&self, reconciliation: Reconciliation) -> Result<LedgerEntry> {
        self.engine().write(move |write| ledger::reconcile::correct(write, &reconciliation)).await
    }

    async fn call_result(&self, tenant: &TenantId, call: &str) -> Result<Option<CallResult>> {
        let (tenant, call) = (tenant.to_string(), call.to_owned());
        self.engine()
            .read_reserved(move |connection| ledger::idempotency::result(connection, tenant.as_str(), &call))
            .await
    }

    async fn used(&self, tenant: &TenantId, keys: &[CounterKey]) -> Result<Vec<CounterState>> {
        let (tenant, keys) = (tenant.to_string(), keys.to_vec());
        self.engine().read_reserved(move |connection| quota::used(connection, tenant.as_str(), &keys)).await
    }

    async fn settings_version(&self, tenant: &TenantId) -> Result<u64> {
        let tenant = tenant.to_string();
        self.engine()
            .read_reserved(move |connection| settings_version::read(connection, tenant.as_str()))
            .await
    }

    async fn limits(&self, tenant: &TenantId) -> Result<Vec<Limit>> {
        let tenant = tenant.to_string();
        self.engine().read_reserved(move |connection| quota::limits(connection, &tenant)).await
    }

    async fn set_limit(&self, tenant: &TenantId, limit: &Limit, audit: UnsealedRecords) -> Result<()> {
        let (tenant, limit) = (tenant.to_string(), limit.clone());
        self.engine().write(move |write| quota::set_limit(write, &tenant, &limit, &audit)).await
    }

    async fn remove_limit(
        &self,
        tenant: &TenantId,
        subject: &LimitKey,
        audit: UnsealedRecords,
    ) -> Result<bool> {
        let (tenant, subject) = (tenant.to_string(), subject.clone());
        self.engine().write(move |write| quota::remove_limit(write, &tenant, &subject, &audit)).await
    }

    async fn kill_switches(&self, tenant: &TenantId, now: Timestamp, page: &Page) -> Result<Vec<KillSwitch>> {
        let (tenant, page) = (tenant.to_string(), page.clone());
        self.engine()
            .read_reserved(move |connection| ledger::kill_switch::list(connection, &tenant, now, &page))
            .await
    }

    async fn trip(&self, tenant: &TenantId, switch: &KillSwitch, audit: UnsealedRecords) -> Result<()> {
        let (tenant, switch) = (tenant.to_string(), switch.clone());
        self.engine()
            .write(move |write| ledger::kill_switch::trip(write, tenant.as_str(), &switch, &audit))
            .await
    }

    async fn rearm(
        &self,
        tenant: &TenantId,
        scope: &KillSwitchScope,
        now: Timestamp,
        audit: UnsealedRecords,
    ) -> Result<bool> {
        let (tenant, scope) = (tenant.to_string(), scope.clone());
        self.engine()
            .write(move |write| ledger::kill_switch::rearm(write, tenant.as_str(), &scope, now, &audit))
            .await
    }
}
