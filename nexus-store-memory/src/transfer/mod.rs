//! A tenant's data as JSON lines, written by [`MemoryStore::export`] and read by [`MemoryStore::import`]; and the
//! copy of a whole store, [`MemoryStore::backup`].
//!
//! The first line is a header; each further line holds one row or one piece of raw bytes, with the SHA-256 of its
//! content; the last line holds the number of lines. Numbers that only mean something inside one store (ordinals,
//! model numbers) are exported unchanged and reassigned by the import. Audit keys are never exported.

mod backup;
mod export;
mod import;
mod legacy_calls;
mod table;
mod tables;

use std::io::{BufRead, Write};
use std::path::Path;

use nexus_core::access::Authorised;
use nexus_core::{Error, ErrorKind, Result, TenantExport};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::db::on_snapshot;
use crate::files::blob::begin_copying;
use crate::files::directory::reader;
use crate::store::MemoryStore;

/// Format name in the header.
const FORMAT: &str = "nexus-export";
/// Version that this program writes, and the newest that it reads.
const VERSION: u32 = 5;
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
    /// Last line.
    End { lines: u64 },
}

impl MemoryStore {
    /// Exports all data of the caller's tenant, as of one moment, and returns the number of lines.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when writing fails, or a document was deleted meanwhile.
    pub async fn export(
        &self,
        caller: &Authorised<TenantExport>,
        mut out: impl Write + Send + 'static,
    ) -> Result<u64> {
        let (store, tenant) = (self.clone(), caller.tenant().clone());
        let Some(dir) = self.dir().map(Path::to_owned) else {
            // There is one connection: a slow reader must not hold it.
            let take = move |connection: &Connection| {
                let mut lines = Vec::new();
                export::take(&store, connection, &tenant, &mut lines).map(|count| (lines, count))
            };
            let (lines, count) = self.engine().read(take).await?;
            return apart(move || export::write_all(&mut out, &lines).map(|()| count)).await;
        };
        // A separate connection and thread, so that a slow reader delays no other work.
        apart(move || {
            // Before the first row is read, which begins the snapshot.
            let _copying = begin_copying(&dir);
            let connection = reader(&dir)?;
            on_snapshot(&connection, |connection| export::take(&store, connection, &tenant, &mut out))
        })
        .await
    }

    /// Imports the export of the same tenant: all of it or nothing. The store is closed afterwards, because it may
    /// have adopted the name under which the audit records were signed; open it again.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with `TENANT_NOT_EMPTY` when the tenant has data already, with
    /// `OTHER_INSTANCE` when the store holds audit records signed under another name; [`Corrupt`](ErrorKind::Corrupt)
    /// with `EXPORT_DAMAGED` when a line does not match its hash or is missing;
    /// [`InvalidInput`](ErrorKind::InvalidInput) when the input is not an export, a newer one or another tenant's,
    /// and for a store in RAM.
    pub async fn import(
        &self,
        caller: &Authorised<TenantExport>,
        from: impl BufRead + Send + 'static,
    ) -> Result<u64> {
        if self.dir().is_none() {
            return Err(Error::invalid("a store in RAM cannot take an import")
                .code("STORE_IN_RAM")
                .hint("open a directory"));
        }
        let (store, tenant) = (self.clone(), caller.tenant().clone());
        let lines = self.engine().write(move |write| import::bring(&store, write, &tenant, from)).await?;
        nexus_core::store::Store::close(self).await?;
        Ok(lines)
    }
}

/// Runs work on a thread of its own.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::unexpected("the transfer task panicked").because(error))?
}

fn damaged(message: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, message).code("EXPORT_DAMAGED").hint("nothing was imported; export again")
}
