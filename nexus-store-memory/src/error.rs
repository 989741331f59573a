//! Turns the errors of SQLite, tantivy and the file system into the one error of the ports.

use std::io;
use std::path::Path;

use nexus_core::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// An error of SQLite, in the user's words.
pub(crate) fn sql(source: rusqlite::Error) -> Error {
    // A sum that left 64 bits, which a strict table refuses to round.
    if source
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_DATATYPE)
    {
        return too_large().because(source);
    }
    // Only a file that was opened for reading can lack any of these: writing begins with the migrations.
    let said = source.to_string();
    if ["no such table", "no such column", "no such index"].iter().any(|lack| said.starts_with(lack)) {
        return Error::new(
            ErrorKind::Conflict,
            "the data directory was written by an older version of Nexus",
        )
        .code("STORE_TOO_OLD")
        .hint("run a command that writes: it brings the directory to the present format")
        .because(source);
    }
    sql_code(source.sqlite_error_code()).because(source)
}

/// An error of SQLite of which only the code is at hand.
pub(crate) fn sql_code(code: Option<ErrorCode>) -> Error {
    match code {
        Some(ErrorCode::DiskFull) => disk_full(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
            Error::new(ErrorKind::Unavailable, "the data directory cannot be read or written")
                .code("STORE_IO")
                .hint("check that the disk is healthy and has free space")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::new(ErrorKind::Unavailable, "the store is busy").code("STORE_BUSY")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => corrupt("the database file is damaged"),
        Some(ErrorCode::ReadOnly) => read_only(),
        _ => Error::unexpected("the store could not carry out a statement"),
    }
}

/// The disk is full.
pub(crate) fn disk_full() -> Error {
    Error::new(ErrorKind::Unavailable, "the disk is full")
        .code("DISK_FULL")
        .hint("free some space; nothing that was acknowledged is lost")
}

/// Stored data is not what was written.
pub(crate) fn corrupt(message: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, message)
        .code("STORE_CORRUPT")
        .hint("keep the directory for examination and restore a copy made by `nexus backup`")
}

/// A write through a store that is open for reading only.
pub(crate) fn read_only() -> Error {
    Error::new(ErrorKind::Conflict, "the store is open for reading only")
        .code("STORE_READ_ONLY")
        .hint("run the command where no other process holds the data directory")
}

/// The store was closed.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "the store is closed").code("STORE_CLOSED")
}

/// An error of the file system at `path`.
pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Error {
    let error = if source.kind() == io::ErrorKind::StorageFull {
        disk_full()
    } else {
        Error::new(ErrorKind::Unavailable, format!("could not {action} `{}`", path.display()))
            .code("STORE_IO")
            .hint("check the directory's permissions and free space")
    };
    error.with("path", path.display()).because(source)
}

/// An error of the text index. It is derived data, so nothing is lost by it.
pub(crate) fn text(source: tantivy::TantivyError) -> Error {
    Error::new(ErrorKind::Unavailable, "the text index cannot be read or written")
        .code("TEXT_INDEX")
        .hint("delete the directory `text` while no process uses the store: it is rebuilt on open")
        .because(source)
}

/// A value in a row that cannot be read back.
pub(crate) fn unreadable(source: serde_json::Error) -> Error {
    corrupt("a stored value cannot be read").because(source)
}

/// A count or a sum that does not fit into 64 bits.
pub(crate) fn too_large() -> Error {
    Error::invalid("a count is too large to be kept").code("COUNT_TOO_LARGE")
}
