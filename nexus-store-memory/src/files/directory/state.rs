//! State of a directory before it is opened: vacant, a store, or neither.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::path::Path;

use nexus_core::{Error, ErrorKind, Result};

use super::database::{self, Database};
use super::file_names::{DATABASE, is_hash, ordinal};
use super::marker::{self, Found, Marker, Progress};
use super::no_follow::{is_link, is_real_dir};
use crate::error::file;
use crate::files::lock;

/// State of a directory.
#[derive(Debug)]
pub(crate) enum State {
    /// Missing or empty: a store may be created.
    Vacant,
    /// Store whose creation was interrupted before its database held data.
    Begun(Marker),
    /// Store, with its marker unless an earlier version made it.
    Store(Option<Marker>),
}

/// Judges `dir` without changing anything in it.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict) with `DATA_NOT_EMPTY` when it holds other files; [`Corrupt`](ErrorKind::Corrupt)
/// with `DATABASE_MISSING` when it holds a store's files without their database, and when the database is damaged or
/// another program's.
pub(crate) fn inspect(dir: &Path) -> Result<State> {
    let names = match names(dir) {
        Ok(names) => names,
        Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(State::Vacant),
        Err(source) => return Err(file("read", dir, source)),
    };
    let marker = marker::read(dir)?;
    let database = database::judge(dir)?;
    let is_new = holds_nothing_yet(&names, &database);
    match (marker, database) {
        (Found::Marker(marker), Database::Ours) => Ok(State::Store(Some(marker))),
        (Found::Foreign, Database::Ours) => Err(not_a_marker(dir)),
        (Found::Nothing | Found::Unreadable, Database::Ours) => Ok(State::Store(None)),
        (Found::Marker(marker), _) if is_new && marker.state == Progress::Begun => Ok(State::Begun(marker)),
        (Found::Unreadable, _) if is_new => Ok(State::Begun(Marker::begun())),
        (Found::Foreign, Database::Missing | Database::Empty) => Err(not_empty(dir)),
        (Found::Nothing, Database::Missing) if names.iter().all(is_ignored) => Ok(State::Vacant),
        (Found::Nothing, Database::Missing) if !has_files_of_a_store(dir, &names) => Err(not_empty(dir)),
        (Found::Marker(_) | Found::Unreadable | Found::Nothing, Database::Missing | Database::Empty) => {
            Err(database_missing(dir))
        }
    }
}

fn names(dir: &Path) -> std::io::Result<Vec<OsString>> {
    fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
}

/// Returns whether a name may be in an empty directory: names that a file system or a desktop adds.
fn is_ignored(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') || name == "lost+found"
}

/// Returns whether the directory holds at most the first files of a new store.
fn holds_nothing_yet(names: &[OsString], database: &Database) -> bool {
    let of_database = |name| name == DATABASE || is_beside_database(name);
    names.iter().all(|name| {
        let begun = name == marker::NAME || name == lock::NAME;
        is_ignored(name) || begun || (matches!(database, Database::Empty) && of_database(name))
    })
}

fn is_beside_database(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name.strip_prefix(DATABASE).is_some_and(|rest| ["-wal", "-shm", "-journal"].contains(&rest))
}

/// Returns whether there are files that only a store has. The answer selects between two errors.
fn has_files_of_a_store(dir: &Path, names: &[OsString]) -> bool {
    let below = |name: &str, is_ours: &dyn Fn(&str) -> bool| {
        is_real_dir(&dir.join(name))
            && self::names(&dir.join(name))
                .is_ok_and(|names| names.iter().any(|name| name.to_str().is_some_and(is_ours)))
    };
    names.iter().any(|name| name == DATABASE || is_beside_database(name))
        || below("blobs", &is_hash)
        || below("text", &|name| {
            ordinal(name).is_some() && dir.join("text").join(name).join(".managed.json").exists()
        })
}

fn not_empty(dir: &Path) -> Error {
    Error::new(ErrorKind::Conflict, format!("`{}` is not empty, and holds no store of Nexus", dir.display()))
        .with_code("DATA_NOT_EMPTY")
        .with_hint(
            "name a new or an empty directory, or one that holds a store; nothing was changed in this one",
        )
        .with("path", dir.display())
}

fn database_missing(dir: &Path) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!(
            "`{}` holds files of a store, but its database `{DATABASE}` is missing or empty",
            dir.display()
        ),
    )
    .with_code("DATABASE_MISSING")
    .with_hint("restore `nexus.db`, with `nexus.db-wal` if there was one, or a backup; nothing was changed")
    .with("path", dir.display())
}

/// Returns the error of a database and a marker that belong to different stores.
pub(crate) fn mixed(dir: &Path) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("the database and the marker in `{}` belong to different stores", dir.display()),
    )
    .with_code("STORE_MIXED")
    .with_hint("restore all files of one store; if the database is the right one, delete `nexus-store.json`")
    .with("path", dir.display())
}

/// Returns the error of a foreign file in the marker's place beside a store's database. It may be the user's own.
fn not_a_marker(dir: &Path) -> Error {
    let path = dir.join(marker::NAME);
    Error::new(ErrorKind::Conflict, format!("`{}` is not the marker of a store", path.display()))
        .with_code("STORE_MARKER")
        .with_hint("move it away: the next command that writes makes a marker from the database; nothing was changed")
        .with("path", path.display())
}

/// Checks that no file of the database is a link, which SQLite refuses to follow.
pub(super) fn check_links(dir: &Path) -> Result<()> {
    let names = ["-wal", "-shm", "-journal"].map(|suffix| dir.join(format!("{DATABASE}{suffix}")));
    names.iter().find(|path| is_link(path)).map_or(Ok(()), |path| Err(linked(path)))
}

/// Returns the error of a link, or an unexpected type, in the place of a store's file.
pub(crate) fn linked(path: &Path) -> Error {
    let what =
        if is_link(path) { "is a link, which is not followed" } else { "is not a file that the store made" };
    Error::new(ErrorKind::Conflict, format!("`{}` {what}", path.display()))
        .with_code("STORE_LINKED")
        .with_hint("move it away, or put the store's own file in its place")
        .with("path", path.display())
}
