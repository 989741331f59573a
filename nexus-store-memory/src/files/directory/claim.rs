//! Taking possession of a data directory, step by step, so that it can be taken up again after any of them.
//!
//! A new store is made in this order: directory, marker that says `begun`, lock, database, marker that says `made`.

use std::path::Path;

use nexus_core::{IdSource as _, Result, UuidV7};
use rusqlite::Connection;

use super::marker::{Marker, Progress};
use super::no_follow::is_link;
use super::state::{State, inspect, linked, mixed};
use crate::error::file;
use crate::files::file_permissions;
use crate::files::lock::Lock;
use crate::migrations;
use crate::store::DATABASE;

/// A directory that this process alone writes.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) lock: Lock,
    /// Whether its last owner stopped uncleanly.
    pub(crate) unclean: bool,
    pub(crate) state: State,
}

/// Takes the directory `dir`, made if there is none. It has a database afterwards, which may be empty.
///
/// # Errors
/// Those of [`inspect`], after which nothing in the directory has changed; those of the lock.
pub(crate) fn claim(dir: &Path) -> Result<Claimed> {
    if let State::Vacant = inspect(dir)? {
        file_permissions::create_dir(dir).map_err(|source| file("create", dir, source))?;
        Marker::begun().write_new(dir)?;
    }
    file_permissions::tell_if_open(dir);
    let (lock, unclean) = Lock::take(dir)?;
    // Another process may have had it in between.
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

/// Checks that the database is that of the marker.
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

/// Marks a directory whose database is of the present format, unless it is marked. Says whether it was, so that this
/// process neither made the store nor took it over.
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
                tracing::info!(dir = %dir.display(), "the marker was missing or half written, and is made from the database");
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
