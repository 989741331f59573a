//! Conversion of the errors of SQLite, tantivy and the file system into the error of the ports.

use std::io::{self, ErrorKind as IoErrorKind};
use std::path::Path;

use nexus_core::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// Converts an error of SQLite.
pub(crate) fn sql(source: rusqlite::Error) -> Error {
    // A sum beyond 64 bits, which a strict table refuses to round.
    if source
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_DATATYPE)
    {
        return too_large().because(source);
    }
    // Only a read-only file can lack any of these: a writer runs the migrations first.
    let said = source.to_string();
    if ["no such table", "no such column", "no such index"].iter().any(|lack| said.starts_with(lack)) {
        return Error::new(
            ErrorKind::Conflict,
            "the data directory was written by an older version of Nexus",
        )
        .with_code("STORE_TOO_OLD")
        .with_hint("run a command that writes: it migrates the directory to the current format")
        .because(source);
    }
    // The index of the log could not grow.
    if source.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE) {
        return disk_full().because(source);
    }
    sql_code(source.sqlite_error_code()).because(source)
}

/// Converts an error of SQLite of which only the code is known.
pub(crate) fn sql_code(code: Option<ErrorCode>) -> Error {
    match code {
        Some(ErrorCode::DiskFull) => disk_full(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
            Error::new(ErrorKind::Unavailable, "the data directory cannot be read or written")
                .with_code("STORE_IO")
                .with_hint("check that the disk is healthy and has free space")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::new(ErrorKind::Unavailable, "the store is busy").with_code("STORE_BUSY")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => corrupt("the database file is damaged"),
        Some(ErrorCode::ReadOnly) => read_only(),
        _ => Error::unexpected("the store could not carry out a statement"),
    }
}

/// Returns the error of a full disk.
pub(crate) fn disk_full() -> Error {
    Error::new(ErrorKind::Unavailable, "the disk is full")
        .with_code("DISK_FULL")
        .with_hint("free some space; nothing that was acknowledged is lost")
}

/// Returns the error of stored data that differs from what was written.
pub(crate) fn corrupt(message: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, message)
        .with_code("STORE_CORRUPT")
        .with_hint("keep the directory for examination and restore a copy made by `nexus backup`")
}

/// Returns the error of a write through a read-only store.
pub(crate) fn read_only() -> Error {
    Error::new(ErrorKind::Conflict, "the store is open for reading only")
        .with_code("STORE_READ_ONLY")
        .with_hint("run the command where no other process holds the data directory")
}

/// Returns the error of a write where nothing can be written.
pub(crate) fn unwritable() -> Error {
    Error::new(ErrorKind::Unavailable, "the data directory cannot be written")
        .with_code("STORE_UNWRITABLE")
        .with_hint("free some space, or make the disk and the directory writable; commands that only read still work")
}

/// Returns the error of a closed store.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "the store is closed").with_code("STORE_CLOSED")
}

/// Converts an error of the file system at `path`.
pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Error {
    let kind = source.kind();
    let error = if [IoErrorKind::StorageFull, IoErrorKind::QuotaExceeded, IoErrorKind::FileTooLarge]
        .contains(&kind)
    {
        disk_full()
    } else if kind == IoErrorKind::ReadOnlyFilesystem {
        unwritable()
    } else {
        Error::new(ErrorKind::Unavailable, format!("could not {action} `{}`", path.display()))
            .with_code("STORE_IO")
            .with_hint("check the directory's permissions and free space")
    };
    error.with("path", path.display()).because(source)
}

/// Converts an error of the text index. The index is derived data, so the error loses nothing.
pub(crate) fn text(source: tantivy::TantivyError) -> Error {
    Error::new(ErrorKind::Unavailable, "the text index cannot be read or written")
        .with_code("TEXT_INDEX")
        .with_hint("delete the directory `text` while no process uses the store: it is rebuilt on open")
        .because(source)
}

/// Converts the error of a row's value that cannot be parsed.
pub(crate) fn unreadable(source: serde_json::Error) -> Error {
    corrupt("a stored value cannot be read").because(source)
}

/// Returns the error of a count or a sum that exceeds 64 bits.
pub(crate) fn too_large() -> Error {
    Error::invalid("a count is too large to be stored").with_code("COUNT_TOO_LARGE")
}
