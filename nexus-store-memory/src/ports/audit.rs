//! [`AuditChain`]: records sealed inside the transaction that holds the change they record.
//!
//! A handle that is open for reading only appends too, through a connection of its own, because an export, a backup and a
//! denial beside the owner of the directory need their records. SQLite orders its transactions and the owner's.

use std::path::Path;

use async_trait::async_trait;
use nexus_core::audit::{AuditChain, ChainSummary, Erasable, Head, Receipt, Record, UnsealedRecords};
use nexus_core::{Error, Page, Result, TenantId};
use rusqlite::TransactionBehavior;

use crate::error::{read_only, sql, unwritable};
use crate::migrations::{self, Role};
use crate::rows::{audit, erasure};
use crate::store::{MemoryStore, connect};

#[async_trait]
impl AuditChain for MemoryStore {
    async fn append(&self, pending: UnsealedRecords) -> Result<Vec<Receipt>> {
        match self.read_only_dir() {
            None => self.engine().write(move |write| audit::append(write, &pending)).await,
            // An append would change the database under this handle.
            Some(_) if self.is_standing() => Err(unwritable()),
            Some(dir) => {
                let dir = dir.to_owned();
                let appended = tokio::task::spawn_blocking(move || append_beside(&dir, &pending));
                appended.await.map_err(|error| Error::unexpected("the append panicked").because(error))?
            }
        }
    }

    async fn records(&self, tenant: &TenantId, run: &str, from: u64, limit: usize) -> Result<Vec<Record>> {
        let (tenant, run) = (tenant.to_string(), run.to_owned());
        self.engine().read(move |connection| audit::records(connection, &tenant, &run, from, limit)).await
    }

    async fn head(&self, tenant: &TenantId, run: &str) -> Result<Option<Head>> {
        let (tenant, run) = (tenant.to_string(), run.to_owned());
        self.engine().read(move |connection| audit::head(connection, tenant.as_str(), &run)).await
    }

    async fn chains(&self, tenant: &TenantId, page: &Page) -> Result<Vec<ChainSummary>> {
        let (tenant, page) = (tenant.to_string(), page.clone());
        self.engine().read(move |connection| audit::chains(connection, &tenant, &page)).await
    }

    async fn erased_by(&self, tenant: &TenantId, object: &Erasable) -> Result<Option<String>> {
        let (tenant, object) = (tenant.to_string(), object.clone());
        self.engine().read(move |connection| erasure::find(connection, &tenant, &object)).await
    }
}

/// Appends records beside the owner of the directory, if there is one.
fn append_beside(dir: &Path, pending: &UnsealedRecords) -> Result<Vec<Receipt>> {
    let mut connection = connect(dir)?;
    migrations::configure(&connection, Role::Writer)?;
    if migrations::is_older(&connection)? {
        return Err(read_only());
    }
    migrations::make_durable(&connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    let receipts = audit::append(&transaction, pending)?;
    transaction.commit().map_err(sql)?;
    Ok(receipts)
}
