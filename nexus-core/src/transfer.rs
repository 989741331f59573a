//! Transfer of stored data: export and import of a tenant, backups, and the port of the stores that perform them.
//!
//! Core reads no files: an export goes to a writer, an import comes from a reader, and a store resolves the directory of
//! a backup.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use async_trait::async_trait;
use serde::Serialize;

use crate::access::Authorised;
use crate::audit::UnsealedRecords;
use crate::error::Result;
use crate::id::DocumentId;

/// Request to export all data of a tenant.
#[derive(Clone, Copy, Debug)]
pub struct TenantExport;

/// Request to import all data of a tenant.
#[derive(Clone, Copy, Debug)]
pub struct TenantImport;

/// Request to copy stored data to a directory.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Directory of the copy, which must not exist or be empty.
    pub to: PathBuf,
    /// Data to copy.
    pub scope: BackupScope,
}

/// Data that a backup copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupScope {
    /// Data of the caller's tenant.
    Tenant,
    /// Data of all tenants.
    Store,
}

impl BackupScope {
    /// Returns the scope's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Store => "store",
        }
    }
}

/// Complete export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Number of lines.
    pub lines: u64,
    /// SHA-256 of all bytes, in hexadecimal digits.
    pub sha256: String,
    /// Documents that the store no longer has, each with the number of its passages that runs of the export still hold
    /// as what they showed.
    pub removed: BTreeMap<DocumentId, u64>,
}

/// Destination of an export.
pub type ExportSink = Box<dyn Write + Send>;

/// Source of an import.
pub type ImportSource = Box<dyn BufRead + Send>;

/// Port that exports, imports and backs up.
///
/// # Contract
/// - An export holds the data of its tenant alone, and ends with the number of its lines and the hash of its bytes.
/// - An export names the removed documents of which its runs hold passages: each with their number.
/// - An import into a tenant that has data is refused, and leaves no record.
#[async_trait]
pub trait TransferStore: std::fmt::Debug + Send + Sync {
    /// Exports all data of the principal's tenant, as of one moment.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when writing fails, or a document was deleted meanwhile.
    async fn export(&self, tenant: &Authorised<TenantExport>, out: ExportSink) -> Result<Exported>;

    /// Imports the export of the same tenant, all of it or nothing, in one transaction with `audit`, to which it adds
    /// the number of lines as `lines`. Returns that number. The store is closed afterwards, because it may have adopted
    /// the name under which the audit records were signed; open it again.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) with `TENANT_NOT_EMPTY` when the tenant has data already, with
    /// `OTHER_INSTANCE` when the store holds audit records signed under another name;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) with `EXPORT_DAMAGED` when a line does not match its hash or is missing;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the input is not an export, a newer one or another
    /// tenant's, and for a store in RAM.
    async fn import(
        &self,
        tenant: &Authorised<TenantImport>,
        from: ImportSource,
        audit: UnsealedRecords,
    ) -> Result<u64>;

    /// Copies data to a directory, as of one moment, while the store is in use. The copy is a store like any other,
    /// without audit keys. That of one tenant is made anew from the tenant's export, so that it holds nothing of
    /// another tenant.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) with `BACKUP_NOT_EMPTY` when the directory is not empty;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a store in RAM;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the disk is full or cannot be used.
    async fn backup(&self, backup: &Authorised<Backup>) -> Result<()>;
}
