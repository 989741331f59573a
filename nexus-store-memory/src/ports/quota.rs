//! [`QuotaStore`]: model calls from their admission to their end, each step one transaction.

use async_trait::async_trait;
use nexus_core::audit::Pending;
use nexus_core::ledger::{
    Begun, CallResult, Intent, LedgerLine, OpenCall, QuotaStore, Reconciliation, Retry, Settlement, Stop,
    StopScope,
};
use nexus_core::quota::{CounterKey, Limit, Subject, Used};
use nexus_core::{Result, TenantId, Timestamp};

use crate::engine::Write;
use crate::store::MemoryStore;
use crate::{ledger, quota};

#[async_trait]
impl QuotaStore for MemoryStore {
    async fn begin(&self, intent: Intent) -> Result<Begun> {
        self.engine().write(move |write| ledger::begin::begin(write, intent)).await
    }

    async fn book(&self, intent: Intent, settlement: Settlement) -> Result<Begun> {
        self.engine()
            .write(move |write| {
                let begun = ledger::begin::begin(write, intent)?;
                if matches!(begun, Begun::Admitted { .. }) {
                    ledger::settle::settle(write, settlement)?;
                }
                Ok(begun)
            })
            .await
    }

    async fn retry(&self, retry: Retry) -> Result<Begun> {
        self.engine().write(move |write| ledger::settle::retry(write, &retry)).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<bool> {
        self.engine().write(move |write| ledger::settle::settle(write, settlement)).await
    }

    async fn correct(&self, reconciliation: Reconciliation) -> Result<LedgerLine> {
        self.engine().write(move |write| ledger::correct::correct(write, &reconciliation)).await
    }

    async fn call_result(&self, tenant: &TenantId, call: &str) -> Result<Option<CallResult>> {
        let (tenant, call) = (tenant.clone(), call.to_owned());
        self.engine()
            .read_reserved(move |connection| ledger::claim::result(connection, tenant.as_str(), &call))
            .await
    }

    async fn open_calls(&self) -> Result<Vec<OpenCall>> {
        self.engine().read_reserved(ledger::call::open).await
    }

    async fn used(&self, tenant: &TenantId, keys: &[CounterKey]) -> Result<Vec<Used>> {
        let (tenant, keys) = (tenant.clone(), keys.to_vec());
        self.engine().read_reserved(move |connection| quota::used(connection, tenant.as_str(), &keys)).await
    }

    async fn limits(&self, tenant: &TenantId) -> Result<Vec<Limit>> {
        let generation = match self.terms().limits(tenant) {
            Ok(limits) => return Ok(limits),
            Err(generation) => generation,
        };
        let of = tenant.clone();
        let limits = self.engine().read_reserved(move |connection| quota::limits(connection, &of)).await?;
        if self.check_writable().is_ok() {
            self.terms().keep_limits(tenant.clone(), &limits, generation);
        }
        Ok(limits)
    }

    async fn set_limit(&self, tenant: &TenantId, limit: &Limit, audit: Pending) -> Result<()> {
        let (store, tenant, limit) = (self.clone(), tenant.clone(), limit.clone());
        let set = move |write: &Write<'_>| {
            write.after_commit(move |_| store.terms().forget());
            quota::set_limit(write, &tenant, &limit, &audit)
        };
        self.engine().write(set).await
    }

    async fn remove_limit(&self, tenant: &TenantId, subject: &Subject, audit: Pending) -> Result<bool> {
        let (store, tenant, subject) = (self.clone(), tenant.clone(), subject.clone());
        let remove = move |write: &Write<'_>| {
            write.after_commit(move |_| store.terms().forget());
            quota::remove_limit(write, &tenant, &subject, &audit)
        };
        self.engine().write(remove).await
    }

    async fn stops(&self, tenant: &TenantId, now: Timestamp) -> Result<Vec<Stop>> {
        let tenant = tenant.clone();
        self.engine()
            .read_reserved(move |connection| ledger::stop::list(connection, tenant.as_str(), now))
            .await
    }

    async fn trip(&self, tenant: &TenantId, stop: &Stop, audit: Pending) -> Result<()> {
        let (tenant, stop) = (tenant.clone(), stop.clone());
        self.engine().write(move |write| ledger::stop::trip(write, tenant.as_str(), &stop, &audit)).await
    }

    async fn rearm(
        &self,
        tenant: &TenantId,
        scope: &StopScope,
        now: Timestamp,
        audit: Pending,
    ) -> Result<bool> {
        let (tenant, scope) = (tenant.clone(), scope.clone());
        self.engine()
            .write(move |write| ledger::stop::rearm(write, tenant.as_str(), &scope, now, &audit))
            .await
    }
}
