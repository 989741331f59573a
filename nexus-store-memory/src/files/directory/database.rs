//! Ownership of the file `nexus.db`, judged without changing it.

use std::error::Error as _;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use nexus_core::{Error, Result};
use rusqlite::{Connection, OpenFlags};

use super::file_names::DATABASE;
use super::state::check_links;
use crate::error::{file, sql};
use crate::files::lock::SharedLock;
use crate::migrations::{self, Role};

/// Content under the database's name.
#[derive(Debug)]
pub(super) enum Database {
    /// No regular file.
    Missing,
    /// Database without a table, as before the first migration.
    Empty,
    /// Database of a store.
    Ours,
}

/// Judges the database in `dir`.
///
/// The file is opened through SQLite alone: closing another handle would end the locks that this process may hold on
/// the file for SQLite.
///
/// # Errors
/// [`Corrupt`](nexus_core::ErrorKind::Corrupt) when it is no database, or another program's.
pub(super) fn judge(dir: &Path) -> Result<Database> {
    let path = dir.join(DATABASE);
    let size = match fs::metadata(&path) {
        Ok(found) if found.is_file() => found.len(),
        Ok(_) => return Ok(Database::Missing),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Database::Missing),
        Err(source) => return Err(file("read", &path, source)),
    };
    check_links(dir)?;
    let has_log = has_log(dir);
    if size == 0 {
        // SQLite discards the log of an empty file.
        return Ok(if has_log { Database::Missing } else { Database::Empty });
    }
    match peek(&path).and_then(|connection| check_content(&connection)) {
        // All data may be in the log.
        Ok(Database::Empty) if has_log => check_beside_log(&path),
        // The owner may be copying the log into the file. Then only readers that see the log see consistent pages.
        Err(error) if has_log && error.source().is_some() => check_beside_log(&path),
        judged => judged,
    }
}

/// Judges a database together with its log, under the locks of SQLite.
fn check_beside_log(path: &Path) -> Result<Database> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    check_content(&Connection::open_with_flags(path, flags).map_err(sql)?)
}

fn check_content(connection: &Connection) -> Result<Database> {
    if migrations::check_owner(connection)? {
        return Ok(Database::Ours);
    }
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(sql)?;
    if tables > 0 { Err(migrations::foreign()) } else { Ok(Database::Empty) }
}

/// Opens a database as it stands, without its log.
pub(crate) fn peek(path: &Path) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(unchanging(path)?, flags).map_err(sql)
}

/// Returns the URI under which SQLite reads a file as it stands, creating neither a log nor a lock beside it.
fn unchanging(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).map_err(|source| file("find", path, source))?;
    let mut name = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                name.push(char::from(*byte));
            }
            other => {
                write!(name, "%{other:02x}").map_err(|source| {
                    Error::unexpected("cannot build the URI of the database").because(source)
                })?;
            }
        }
    }
    name.push_str("?immutable=1");
    Ok(name)
}

/// Opens a connection that reads the store in `dir`.
pub(crate) fn reader(dir: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(dir.join(DATABASE), flags).map_err(sql)?;
    migrations::configure(&connection, Role::Reader)?;
    Ok(connection)
}

/// Opens a connection that reads the store in `dir` as it stands.
pub(crate) fn reader_as_it_stands(dir: &Path) -> Result<Connection> {
    let connection = peek(&dir.join(DATABASE))?;
    migrations::configure(&connection, Role::Reader)?;
    Ok(connection)
}

/// Opens a connection that reads the store in `dir` beside its owner. SQLite needs a file for that in the directory, so where
/// nothing can be written, such as on a full disk, the database is read as it stands, if its log is empty. Then the
/// returned lock keeps owners away, which would change it.
///
/// # Errors
/// [`Unavailable`](nexus_core::ErrorKind::Unavailable) with `STORE_IO` or `DISK_FULL`.
pub(crate) fn open_for_reading(dir: &Path) -> Result<(Connection, Option<SharedLock>)> {
    // The first read opens the log.
    let read = |connection: Connection| migrations::is_older(&connection).map(|_| connection);
    let refused = match reader(dir).and_then(read) {
        Ok(connection) => return Ok((connection, None)),
        Err(error) => error,
    };
    if !["STORE_IO", "DISK_FULL", "STORE_READ_ONLY"].contains(&refused.code()) {
        return Err(refused);
    }
    let Ok(lock) = SharedLock::take(dir) else { return Err(refused) };
    if has_log(dir) {
        return Err(refused);
    }
    tracing::warn!(error = refused.report(), "the data directory cannot be written: it is read as it stands");
    Ok((reader_as_it_stands(dir)?, Some(lock)))
}

/// Returns whether the database has a log that holds data.
fn has_log(dir: &Path) -> bool {
    fs::metadata(dir.join(format!("{DATABASE}-wal"))).is_ok_and(|log| log.len() > 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    /// The owner copies the log page by page, the first page early: for a moment its page count exceeds the file.
    #[test]
    fn a_database_whose_log_is_being_copied_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DATABASE);
        let owner = Connection::open(&path).unwrap();
        let write =
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA application_id = 1314411859;
                     CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(100000));";
        owner.execute_batch(write).unwrap();
        let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut changes = [0; 4];
        file.read_exact_at(&mut changes, 24).unwrap();
        for (bytes, at) in [(100_u32.to_be_bytes(), 28), (changes, 92)] {
            file.write_all_at(&bytes, at).unwrap();
        }
        assert!(peek(&path).and_then(|found| check_content(&found)).is_err(), "alone it is inconsistent");
        assert!(matches!(judge(dir.path()).unwrap(), Database::Ours));
    }
}
