//! A tenant's data as JSON lines: taken out by [`MemoryStore::export`], brought in by [`MemoryStore::import`].
//!
//! The first line says what the file is; each further line holds one row or one piece of raw bytes, with the SHA-256
//! of what it holds; the last line says how many there were. Numbers that only mean something inside one store
//! (ordinals, model numbers) are written as they are and given anew on the way in. Audit keys are never in it.

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
use crate::store::{MemoryStore, reader};

/// What the first line calls the format.
const FORMAT: &str = "nexus-export";
/// The version this program writes, and the newest it reads.
const VERSION: u32 = 4;
/// How many raw bytes stand in one line.
const PIECE: usize = 48 * 1024;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    /// The first.
    Header { format: String, version: u32, instance: String, tenant: String },
    /// A row.
    Row { table: String, row: Map<String, Value>, sha256: String },
    /// The next piece of some raw bytes; the last one says so.
    Bytes { hash: String, piece: String, last: bool },
    /// The last.
    End { lines: u64 },
}

impl MemoryStore {
    /// Writes all that the tenant of `who` has, as of one moment, and returns how many lines that took.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when it cannot be written, or a document was deleted meanwhile.
    pub async fn export(
        &self,
        caller: &Authorised<TenantExport>,
        mut out: impl Write + Send + 'static,
    ) -> Result<u64> {
        let (store, tenant) = (self.clone(), caller.tenant().clone());
        let Some(dir) = self.dir().map(Path::to_owned) else {
            // There is one connection: it is not held while somebody reads slowly.
            let take = move |connection: &Connection| {
                let mut lines = Vec::new();
                export::take(&store, connection, &tenant, &mut lines).map(|count| (lines, count))
            };
            let (lines, count) = self.engine().read(take).await?;
            return apart(move || export::write_all(&mut out, &lines).map(|()| count)).await;
        };
        // A connection and a thread of its own: whoever reads slowly holds up nobody else.
        apart(move || {
            // Before the first row is read, which begins the snapshot.
            let _copying = begin_copying(&dir);
            let connection = reader(&dir)?;
            on_snapshot(&connection, |connection| export::take(&store, connection, &tenant, &mut out))
        })
        .await
    }

    /// Brings in what [`export`](Self::export) wrote for the same tenant: all of it or nothing. The store is closed
    /// afterwards, because it may have taken over the name under which the audit records were signed; open it
    /// again.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with `TENANT_NOT_EMPTY` when the tenant has anything already, with
    /// `OTHER_INSTANCE` when the store holds audit records signed under another name;
    /// [`Corrupt`](ErrorKind::Corrupt) with `EXPORT_DAMAGED` when a line does not match its hash or is missing;
    /// [`InvalidInput`](ErrorKind::InvalidInput) when it is no export, a newer one or another tenant's, and for a
    /// store in RAM.
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
        .map_err(|error| Error::unexpected("the export failed in the middle").because(error))?
}

fn damaged(message: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, message)
        .code("EXPORT_DAMAGED")
        .hint("nothing was brought in; export again")
}
