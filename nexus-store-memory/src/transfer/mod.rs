//! [`TransferStore`]: a tenant's data as JSON lines, on their way out and in; and copies of a whole store or of one tenant.
//!
//! The first line is a header; each further line holds one row or one piece of raw bytes, with the SHA-256 of its
//! content; the last line holds the number of lines. Numbers that only mean something inside one store (ordinals,
//! model numbers) are exported unchanged and reassigned by the import. Audit keys are never exported.

mod backup;
mod export;
mod hashing;
mod import;
mod legacy_calls;
mod table;
mod tables;

use std::collections::BTreeMap;
use std::io;

use async_trait::async_trait;
use nexus_core::access::Authorised;
use nexus_core::audit::UnsealedRecords;
use nexus_core::system::SystemStore as _;
use nexus_core::transfer::{
    Backup, BackupScope, ExportSink, Exported, ImportSource, TenantExport, TenantImport, TransferStore,
};
use nexus_core::{DocumentId, Error, ErrorKind, Result};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::hashing::Hashing;
use crate::db::{Write, on_snapshot};
use crate::error::closed;
use crate::files::blob::begin_copying;
use crate::files::directory::reader;
use crate::store::MemoryStore;
use crate::{migrations, rows};

/// Format name in the header.
const FORMAT: &str = "nexus-export";
/// Version that this program writes, and the newest that it reads.
const VERSION: u32 = 6;
/// Number of raw bytes in one line.
const PIECE: usize = 48 * 1024;

/// Line of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    /// First line.
    Header { format: String, version: u32, instance: String, tenant: String },
    /// Row.
    Row { table: String, row: Map<String, Value>, sha256: String },
    /// Piece of raw bytes, marked if it is the last.
    Bytes { hash: String, piece: String, last: bool },
    /// Last line: the number of the lines before it, and of the passages of removed documents that runs hold.
    End {
        lines: u64,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        removed: BTreeMap<DocumentId, u64>,
    },
}

#[async_trait]
impl TransferStore for MemoryStore {
    async fn export(&self, tenant: &Authorised<TenantExport>, out: ExportSink) -> Result<Exported> {
        let (store, tenant) = (self.clone(), tenant.tenant().to_string());
        if self.dir().is_some() {
            // A separate connection and thread, so that a slow reader delays no other work.
            return apart(move || export_from_disk(&store, &tenant, out)).await;
        }
        // There is one connection: a slow reader must not hold it.
        let take = move |connection: &Connection| {
            let mut lines = Vec::new();
            export::export(&store, connection, &tenant, &mut lines).map(|written| (lines, written))
        };
        let (bytes, (lines, removed)) = self.engine().read(take).await?;
        apart(move || {
            let mut out = Hashing::new(out);
            export::write_all(&mut out, &bytes)?;
            Ok(Exported { lines, sha256: out.finish().1, removed })
        })
        .await
    }

    async fn import(
        &self,
        tenant: &Authorised<TenantImport>,
        from: ImportSource,
        audit: UnsealedRecords,
    ) -> Result<u64> {
        if self.dir().is_none() {
            return Err(Error::invalid("a store in RAM cannot take an import")
                .with_code("STORE_IN_RAM")
                .with_hint("open a directory"));
        }
        let (store, tenant) = (self.clone(), tenant.tenant().to_string());
        let import = move |write: &Write<'_>| {
            let lines = import::import(&store, write, &tenant, from)?;
            // The import may have adopted the name of another store.
            let audit = audit.signed_as(&migrations::instance(write)?).with_count("lines", lines);
            rows::audit::append(write, &audit)?;
            Ok(lines)
        };
        let lines = self.engine().write(import).await?;
        self.close().await?;
        Ok(lines)
    }

    async fn backup(&self, backup: &Authorised<Backup>) -> Result<()> {
        if self.dir().is_none() {
            return Err(Error::invalid("a store in RAM has no files to back up")
                .with_code("STORE_IN_RAM")
                .with_hint("export the tenant instead"));
        }
        let (store, tenant) = (self.clone(), backup.tenant().to_string());
        let Backup { to, scope } = backup.request().clone();
        apart(move || match scope {
            BackupScope::Store => backup::copy(&store, &to),
            BackupScope::Tenant => backup::copy_tenant(&store, &tenant, &to),
        })
        .await
    }
}

/// Exports a tenant of a store on disk through a connection of its own.
fn export_from_disk(store: &MemoryStore, tenant: &str, out: impl io::Write) -> Result<Exported> {
    let dir = store.dir().ok_or_else(closed)?;
    // Before the first row is read, which begins the snapshot.
    let _copying = begin_copying(dir);
    let connection = reader(dir)?;
    let mut out = Hashing::new(out);
    let (lines, removed) =
        on_snapshot(&connection, |connection| export::export(store, connection, tenant, &mut out))?;
    Ok(Exported { lines, sha256: out.finish().1, removed })
}

/// Runs work on a thread of its own.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::unexpected("the transfer task panicked").because(error))?
}

fn damaged(message: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, message)
        .with_code("EXPORT_DAMAGED")
        .with_hint("nothing was imported; export again")
}
