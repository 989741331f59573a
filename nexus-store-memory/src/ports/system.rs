//! [`SystemStore`]: leases on the live work and the jobs of all tenants, and the health of the store.

use std::time::Duration;

use async_trait::async_trait;
use nexus_core::document::store::Lease;
use nexus_core::ledger::OpenCall;
use nexus_core::owner::OwnerLease;
use nexus_core::system::{CancelRequest, OpenRun, SystemStore};
use nexus_core::{Error, ErrorKind, OwnerId, Result, Timestamp};
use rusqlite::Connection;

use crate::error::sql;
use crate::rows::{job, ledger, owner, run};
use crate::store::MemoryStore;

#[async_trait]
impl SystemStore for MemoryStore {
    async fn renew(&self, lease: &OwnerLease) -> Result<bool> {
        let lease = lease.clone();
        self.engine().write(move |write| owner::renew(write, &lease)).await
    }

    async fn release(&self, owner: &OwnerId) -> Result<()> {
        let owner = owner.clone();
        self.engine().write(move |write| owner::release(write, &owner)).await
    }

    async fn claim_runs(&self, lease: &OwnerLease, now: Timestamp, limit: usize) -> Result<usize> {
        let lease = lease.clone();
        self.engine().write(move |write| owner::claim(write, &owner::RUNS, &lease, now, limit)).await
    }

    async fn claim_calls(&self, lease: &OwnerLease, now: Timestamp, limit: usize) -> Result<usize> {
        let lease = lease.clone();
        self.engine().write(move |write| owner::claim(write, &owner::CALLS, &lease, now, limit)).await
    }

    async fn claim_job(&self, token: &str, now: Timestamp, lease: Duration) -> Result<Option<Lease>> {
        let token = token.to_owned();
        self.engine().write(move |write| job::claim(write, &token, now, now.plus(lease))).await
    }

    async fn unfinished(&self, owner: &OwnerId) -> Result<Vec<OpenRun>> {
        let owner = owner.clone();
        self.engine().read(move |connection| run::unfinished(connection, &owner)).await
    }

    async fn open_calls(&self) -> Result<Vec<OpenCall>> {
        self.engine().read_reserved(ledger::call::open).await
    }

    async fn take_cancel_requests(&self, owner: &OwnerId) -> Result<Vec<CancelRequest>> {
        self.drop_deferred();
        let pending = self.requests().pending()?;
        if pending.is_empty() {
            return Ok(Vec::new());
        }
        let drivers = move |connection: &Connection| {
            let driver = |request: &CancelRequest| {
                run::driver(connection, request.principal.tenant_id(), &request.run)
            };
            pending.into_iter().map(|(name, request)| Ok((name, driver(&request)?, request))).collect()
        };
        let pending: Vec<(String, Option<String>, CancelRequest)> = self.engine().read(drivers).await?;
        let mut taken = Vec::new();
        for (name, driver, request) in pending {
            match driver {
                // It waits for the driver, or for the owner that claims the run.
                Some(driver) if driver != owner.as_str() => {}
                Some(_) if self.requests().remove(&name) => taken.push(request),
                Some(_) => {}
                None => drop(self.requests().remove(&name)),
            }
        }
        Ok(taken)
    }

    async fn check(&self) -> Result<()> {
        let count = "INSERT INTO meta (name, value) VALUES ('probe', '1') \
                     ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1 \
                     RETURNING CAST(value AS INTEGER)";
        let one = |connection: &Connection, query: &str| {
            connection.query_row(query, [], |row| row.get::<_, i64>(0)).map_err(sql)
        };
        let written = self.engine().write(move |write| one(write, count)).await?;
        let read = "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'probe'";
        // Other processes may probe too, so the value read can be newer.
        if self.engine().read_reserved(move |connection| one(connection, read)).await? < written {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "the store lost a write: the probe value was not read back",
            )
            .with_code("STORE_WRITE_LOST"));
        }
        Ok(())
    }

    fn instance(&self) -> &str {
        self.instance_name()
    }

    async fn close(&self) -> Result<()> {
        let store = self.clone();
        let closed = tokio::task::spawn_blocking(move || store.shut());
        closed.await.map_err(|error| Error::unexpected("the store did not close").because(error))
    }
}
