//! Acquisition of a data directory, in steps after each of which it can be resumed.
//!
//! A new store is made in this order: directory, marker with `begun`, lock, database, marker with `made`.

use std::path::Path;

use nexus_core::{IdSource as _, Result, UuidV7};
use rusqlite::Connection;

use super::file_names::DATABASE;
use super::marker::{Marker, Progress};
use super::no_follow::is_link;
use super::state::{State, inspect, linked, mixed};
use crate::error::file;
use crate::files::file_permissions;
use crate::files::lock::Lock;
use crate::migrations;

/// Directory that this process alone writes.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) lock: Lock,
    /// Whether its last owner stopped uncleanly.
    pub(crate) unclean: bool,
    pub(crate) state: State,
}

/// Acquires the directory `dir`, created if it is missing. It has a database afterwards, which may be empty.
///
/// # Errors
/// Those of [`inspect`], which leave the directory unchanged; those of the lock.
pub(crate) fn claim(dir: &Path) -> Result<Claimed> {
    if let State::Vacant = inspect(dir)? {
        file_permissions::create_dir(dir).map_err(|source| file("create", dir, source))?;
        Marker::begun().write_new(dir)?;
    }
    file_permissions::tell_if_open(dir);
    let (lock, unclean) = Lock::take(dir)?;
    // Another process may have changed it in between.
    let state = inspect(dir)?;
    if !matches!(state, State::Store(_)) {
        let path = dir.join(DATABASE);
        if is_link(&path) {
            return Err(linked(&path));
        }
        file_permissions::touch(&path).map_err(|source| file("create", &path, source))?;
    }
    Ok(Claimed { lock, unclean, state })
}

/// Checks that the database belongs to the marker.
///
/// # Errors
/// [`Conflict`](nexus_core::ErrorKind::Conflict) with `STORE_MIXED`.
pub(crate) fn check_marker(dir: &Path, state: &State, connection: &Connection) -> Result<()> {
    let State::Store(Some(marker)) = state else { return Ok(()) };
    match migrations::store_id(connection)? {
        Some(id) if id != marker.store => Err(mixed(dir)),
        Some(_) | None => Ok(()),
    }
}

/// Marks a directory whose database has the current format, unless it is marked. Returns whether it was, so that this
/// process neither created nor adopted the store.
pub(crate) fn mark(dir: &Path, state: &State, connection: &Connection) -> Result<bool> {
    let (marker, id) = match state {
        State::Store(marker) => (marker.as_ref(), migrations::store_id(connection)?),
        State::Begun(marker) => (Some(marker), migrations::store_id(connection)?),
        State::Vacant => (None, migrations::store_id(connection)?),
    };
    match (marker, id) {
        (Some(marker), Some(_)) if marker.state == Progress::Made => return Ok(true),
        (marker, Some(id)) => {
            if marker.is_none() {
                tracing::info!(dir = %dir.display(), "the marker was missing or incomplete: restored it from the database");
            }
            Marker::made(id).write(dir)?;
        }
        (Some(marker), None) => {
            migrations::set_store_id(connection, &marker.store)?;
            Marker::made(marker.store.clone()).write(dir)?;
        }
        (None, None) => {
            let id = format!("store-{}", UuidV7.next());
            migrations::set_store_id(connection, &id)?;
            Marker::made(id).write(dir)?;
        }
    }
    Ok(false)
}
