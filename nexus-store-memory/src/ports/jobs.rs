//! [`JobQueue`]: ingestion jobs and the steps of a worker under its lease.

use std::time::Duration;

use async_trait::async_trait;
use nexus_core::audit::UnsealedRecords;
use nexus_core::document::model::Stage;
use nexus_core::document::store::Lease;
use nexus_core::document::{Job, JobQueue};
use nexus_core::error::Failure;
use nexus_core::{JobId, Result, TenantId, Timestamp};

use crate::db::Write;
use crate::rows::{audit, job};
use crate::store::MemoryStore;

#[async_trait]
impl JobQueue for MemoryStore {
    async fn heartbeat(&self, lease: &Lease, stage: Stage, now: Timestamp, extend: Duration) -> Result<()> {
        let lease = lease.clone();
        self.engine().write(move |write| job::heartbeat(write, &lease, stage, now, now.plus(extend))).await
    }

    async fn fail(
        &self,
        lease: &Lease,
        failure: Failure,
        now: Timestamp,
        audit: UnsealedRecords,
    ) -> Result<()> {
        let lease = lease.clone();
        let work = move |write: &Write<'_>| {
            job::fail(write, &lease, &failure, now)?;
            audit::append(write, &audit).map(drop)
        };
        self.engine().write(work).await
    }

    async fn job(&self, tenant: &TenantId, id: &JobId) -> Result<Job> {
        let (tenant, id) = (tenant.to_string(), id.clone());
        self.engine().read(move |connection| job::load(connection, &tenant, &id)).await
    }
}
