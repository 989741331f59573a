//! Transfer of the facade: export, import and backup, each with its signed records.
//!
//! An export and a backup are recorded twice: when they begin, before the first byte leaves, and when they are complete,
//! with their figures. So an interrupted one is recorded too. An import is one transaction with its record.

use std::path::PathBuf;

use super::Nexus;
use crate::audit::{Kind, Payload};
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::policy::{ADMINS, Operation, Resource, Route};
use crate::principal::Principal;
use crate::stats::StoreStats;
use crate::transfer::{Backup, BackupScope, ExportSink, Exported, ImportSource, TenantExport, TenantImport};

/// Operation of exporting a tenant's data.
pub const TENANT_EXPORT: Operation =
    Operation::new("tenant.export", ADMINS, Route::post("/v1/admin/tenants/{tenant_id}/export"));
/// Operation of importing a tenant's data.
pub const TENANT_IMPORT: Operation =
    Operation::new("tenant.import", ADMINS, Route::post("/v1/admin/tenants/{tenant_id}/import"));
/// Operation of copying the data of one tenant to a directory.
pub const TENANT_BACKUP: Operation =
    Operation::new("tenant.backup", ADMINS, Route::post("/v1/admin/tenants/{tenant_id}/backup"));
/// Operation of copying the whole store to a directory. For the operator of Nexus.
pub const STORE_BACKUP: Operation =
    Operation::new("store.backup", ADMINS, Route::post("/v1/admin/ops/backup"));

const EXPORT_BEGUN: Kind = Kind::new("tenant.export_begun");
const EXPORTED: Kind = Kind::new("tenant.exported");
const IMPORTED: Kind = Kind::new("tenant.imported");
const BACKUP_BEGUN: Kind = Kind::new("backup.begun");
const BACKED_UP: Kind = Kind::new("backup.completed");

impl Nexus {
    /// Exports all data of the tenant, as of one moment. `open` makes the destination once the policy has allowed the
    /// export, so that a denied one leaves no file.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); those of `open`;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store cannot record the export or writing fails.
    pub async fn export(
        &self,
        caller: &Principal,
        open: impl FnOnce() -> Result<ExportSink>,
    ) -> Result<Exported> {
        let resource = Resource::all(TENANT_EXPORT.action.kind());
        let proof = self.engine.authorise(caller, &TENANT_EXPORT, resource, TenantExport).await?;
        let out = open()?;
        let begun = self.begin_transfer(caller, EXPORT_BEGUN, Payload::new()).await?;
        let exported = self.engine.transfer.export(&proof, out).await?;
        let facts = Payload::new().count("lines", exported.lines).token("sha256", &exported.sha256);
        self.record(caller, EXPORTED, facts.id("export", &begun)).await?;
        Ok(exported)
    }

    /// Imports the export of the same tenant, all of it or nothing, and returns the number of its lines. The store is
    /// closed afterwards.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied); those of
    /// [`TransferStore::import`](crate::transfer::TransferStore::import).
    pub async fn import(&self, caller: &Principal, from: ImportSource) -> Result<u64> {
        let resource = Resource::all(TENANT_IMPORT.action.kind());
        let proof = self.engine.authorise(caller, &TENANT_IMPORT, resource, TenantImport).await?;
        let audit = self.engine.single_event_chain(caller, IMPORTED, Payload::new())?;
        self.engine.transfer.import(&proof, from, audit).await
    }

    /// Copies the data of `scope` to the directory `to`, as of one moment, while the store is in use. The copy is a
    /// store like any other, without audit keys.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied), for the whole store also to a caller over a network;
    /// [`NotFound`](crate::ErrorKind::NotFound) with `TENANT_EMPTY` for a tenant without data; those of
    /// [`TransferStore::backup`](crate::transfer::TransferStore::backup);
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store cannot record the backup.
    pub async fn backup(&self, caller: &Principal, to: impl Into<PathBuf>, scope: BackupScope) -> Result<()> {
        let operation = match scope {
            BackupScope::Tenant => &TENANT_BACKUP,
            BackupScope::Store => &STORE_BACKUP,
        };
        let (resource, request) = (Resource::all(operation.action.kind()), Backup { to: to.into(), scope });
        let proof = self.engine.authorise(caller, operation, resource, request).await?;
        if scope == BackupScope::Store {
            self.operator(caller, operation).await?;
        }
        if scope == BackupScope::Tenant {
            self.check_has_data(caller).await?;
        }
        let facts = Payload::new().token("scope", scope.as_str());
        let begun = self.begin_transfer(caller, BACKUP_BEGUN, facts.clone()).await?;
        self.engine.transfer.backup(&proof).await?;
        self.record(caller, BACKED_UP, facts.id("backup", &begun)).await
    }

    /// Checks that the store holds data of the caller's tenant: a copy of another name's nothing is no backup.
    async fn check_has_data(&self, caller: &Principal) -> Result<()> {
        let StoreStats { corpora, runs, audit_records, .. } =
            self.engine.stats.stats(caller.tenant()).await?;
        if corpora == 0 && runs == 0 && audit_records.unwrap_or_default() == 0 {
            let message = format!("the store holds nothing of the tenant `{}`", caller.tenant());
            return Err(Error::not_found(message)
                .with_code("TENANT_EMPTY")
                .with_hint("check the name of the tenant"));
        }
        Ok(())
    }

    /// Records the beginning of a transfer under a new id, which the record of its end names.
    async fn begin_transfer(&self, caller: &Principal, kind: Kind, facts: Payload) -> Result<JobId> {
        let id: JobId = self.engine.new_id()?;
        self.record(caller, kind, facts.id("id", &id)).await?;
        Ok(id)
    }
}
