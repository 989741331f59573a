//! Raw bytes by their hash, one directory per tenant; in RAM, a map.
//!
//! Bytes stay while a document references them, a caller holds them, or a copy of the store is in progress; after
//! that they are removed at once. A killed process leaves them to the sweep.

mod copying;
mod held;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_core::document::Source;
use nexus_core::document::parser::codes;
use nexus_core::{Error, ErrorKind, IdSource, Result, UuidV7, hex};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::error::{file, sql};
use crate::files::directory::{self, is_hash, linked};
use crate::files::file_permissions;
use crate::rows::document::is_referenced;

use copying::Copies;
pub(crate) use copying::begin as begin_copying;
use held::Held;

/// Number of bytes that are read, hashed and written at a time.
const PIECE: usize = 256 * 1024;

/// Tenant and hash.
pub(crate) type Key = (String, String);

/// Store of raw bytes.
#[derive(Debug)]
pub(crate) struct Blobs {
    place: Place,
    held: Mutex<Held>,
    /// Unreferenced bytes that stay until no copy of the store is in progress.
    deferred: Mutex<HashSet<Key>>,
}

#[derive(Debug)]
enum Place {
    Ram(Mutex<HashMap<Key, Arc<[u8]>>>),
    /// In the data directory, where the owner has a handle to detect copies.
    Disk {
        data: PathBuf,
        copies: Option<Copies>,
    },
}

/// Hash and size of stored bytes.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) hash: String,
    pub(crate) size: u64,
}

impl Blobs {
    pub(crate) fn in_ram() -> Self {
        Self::at(Place::Ram(Mutex::default()))
    }

    /// Opens the raw bytes in the data directory `data`, for its owner.
    pub(crate) fn owned(data: &Path) -> Result<Self> {
        Ok(Self::at(Place::Disk { data: data.to_owned(), copies: Some(Copies::of(data)?) }))
    }

    /// Opens the raw bytes in the data directory `data`, for reading.
    pub(crate) fn shared(data: &Path) -> Self {
        Self::at(Place::Disk { data: data.to_owned(), copies: None })
    }

    fn at(place: Place) -> Self {
        Self { place, held: Mutex::default(), deferred: Mutex::default() }
    }

    /// Checks that bytes exist before a document references them.
    pub(crate) fn check_kept(&self, tenant: &str, hash: &str) -> Result<()> {
        let kept = match &self.place {
            Place::Ram(map) => locked(map).contains_key(&key(tenant, hash)),
            Place::Disk { data, .. } => path(data, tenant, hash).is_some_and(|path| path.is_file()),
        };
        if kept { Ok(()) } else { Err(not_kept()) }
    }

    /// Marks the bytes as referenced by a document.
    pub(crate) fn settle(&self, tenant: &str, hash: &str) {
        locked(&self.held).settle(&key(tenant, hash));
    }

    /// Releases a caller's hold on the bytes. Returns whether to check them, because they may be unreferenced.
    pub(crate) fn release(&self, tenant: &str, hash: &str) -> bool {
        locked(&self.held).release(&key(tenant, hash))
    }

    /// Stores the bytes of `source`, which the caller holds from then on.
    pub(crate) fn put(&self, tenant: &str, source: &mut dyn Read, limit: u64) -> Result<Kept> {
        match &self.place {
            Place::Ram(map) => {
                let mut bytes = Vec::new();
                let kept = copy(source, limit, |piece| {
                    bytes.extend_from_slice(piece);
                    Ok(())
                })?;
                let mut held = locked(&self.held);
                locked(map).entry(key(tenant, &kept.hash)).or_insert_with(|| bytes.into());
                held.add(key(tenant, &kept.hash));
                Ok(kept)
            }
            Place::Disk { data, .. } => {
                let home = home(data, tenant);
                let draft = home.join(format!("draft-{}", UuidV7.next()));
                file_permissions::create_dir(&home).map_err(|error| file("create", &home, error))?;
                let made = file_permissions::options().write(true).create_new(true).open(&draft);
                let out = made.map_err(|error| file("create", &draft, error))?;
                self.put_file(&home, &Draft(draft), out, tenant, source, limit)
            }
        }
    }

    fn put_file(
        &self,
        home: &Path,
        Draft(draft): &Draft,
        mut out: fs::File,
        tenant: &str,
        source: &mut dyn Read,
        limit: u64,
    ) -> Result<Kept> {
        let kept =
            copy(source, limit, |piece| out.write_all(piece).map_err(|error| file("write", draft, error)))?;
        let target = home.join(&kept.hash);
        let mut held = locked(&self.held);
        if target.is_file() {
            // The draft is dropped.
        } else if fs::symlink_metadata(&target).is_ok() {
            return Err(linked(&target));
        } else {
            out.sync_all()
                .and_then(|()| fs::rename(draft, &target))
                .and_then(|()| sync_dir(home))
                .map_err(|error| file("write", &target, error))?;
        }
        held.add(key(tenant, &kept.hash));
        Ok(kept)
    }

    pub(crate) fn open(&self, tenant: &str, hash: &str) -> Result<Box<dyn Source>> {
        match &self.place {
            Place::Ram(map) => {
                let bytes = locked(map).get(&key(tenant, hash)).cloned().ok_or_else(not_kept)?;
                Ok(Box::new(Cursor::new(bytes)))
            }
            Place::Disk { data, .. } => {
                let path = path(data, tenant, hash).ok_or_else(not_kept)?;
                match fs::File::open(&path) {
                    Ok(opened) => Ok(Box::new(opened)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(not_kept()),
                    Err(error) => Err(file("open", &path, error)),
                }
            }
        }
    }

    /// Removes unreferenced bytes that no caller holds; while a copy of the store is in progress, defers it.
    pub(crate) fn drop_unreferenced(&self, connection: &Connection, tenant: &str, hash: &str) {
        if let Err(error) = self.try_drop_unreferenced(connection, tenant, hash) {
            tracing::warn!(error = error.report(), "unreferenced raw bytes were not removed");
        }
    }

    fn try_drop_unreferenced(&self, connection: &Connection, tenant: &str, hash: &str) -> Result<()> {
        let key = key(tenant, hash);
        let mut held = locked(&self.held);
        if is_referenced(connection, tenant, hash)? || held.defers(&key) {
            return Ok(());
        }
        match &self.place {
            Place::Ram(map) => drop(locked(map).remove(&key)),
            Place::Disk { data, copies } => {
                let mut removed = Ok(false);
                let remove = || {
                    removed = path(data, tenant, hash)
                        .map_or(Ok(false), |path| directory::remove_file(data, &path));
                };
                if !copies.as_ref().is_none_or(|copies| copies.unless_copying(remove)) {
                    locked(&self.deferred).insert(key);
                }
                removed.map_err(|error| file("remove", &data.join("blobs"), error))?;
            }
        }
        Ok(())
    }

    /// Takes the bytes whose removal waits for a copy, by tenant and hash.
    pub(crate) fn take_deferred(&self) -> HashSet<Key> {
        std::mem::take(&mut *locked(&self.deferred))
    }

    /// Returns whether the removal of bytes waits for a copy.
    pub(crate) fn is_deferring(&self) -> bool {
        !locked(&self.deferred).is_empty()
    }
}

/// Temporary file of this process, removed on drop unless it was renamed.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Returns the files of all referenced raw bytes.
pub(crate) fn referenced(connection: &Connection, data: &Path) -> Result<HashSet<PathBuf>> {
    let mut referenced = HashSet::new();
    let mut statement = connection.prepare("SELECT DISTINCT tenant, hash FROM document").map_err(sql)?;
    let mut rows = statement.query([]).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let (tenant, hash): (String, String) = (row.get(0).map_err(sql)?, row.get(1).map_err(sql)?);
        referenced.extend(path(data, &tenant, &hash));
    }
    Ok(referenced)
}

/// Copies a source in pieces, hashing and counting.
fn copy(source: &mut dyn Read, limit: u64, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<Kept> {
    let mut hash = Sha256::new();
    let mut size = 0_u64;
    let mut piece = vec![0; PIECE];
    loop {
        let read = match source.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => piece.get(..read).unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(Error::new(ErrorKind::Unavailable, "the document could not be read to its end")
                    .with_code("SOURCE_UNREADABLE")
                    .because(error));
            }
        };
        size = size.saturating_add(u64::try_from(read.len()).unwrap_or(u64::MAX));
        if size > limit {
            return Err(Error::invalid(format!("the document is larger than {limit} bytes"))
                .with_code(codes::TOO_LARGE)
                .with_hint("split it, or raise the limit"));
        }
        hash.update(read);
        take(read)?;
    }
    Ok(Kept { hash: hex::encode(&hash.finalize()), size })
}

fn not_kept() -> Error {
    Error::not_found("there are no raw bytes with this hash").with_code("BLOB_NOT_FOUND")
}

fn key(tenant: &str, hash: &str) -> Key {
    (tenant.to_owned(), hash.to_owned())
}

/// Returns a tenant's directory. Tenant ids are free text, so a hash names it.
fn home(data: &Path, tenant: &str) -> PathBuf {
    data.join("blobs").join(hex::sha256(tenant.as_bytes()))
}

/// Returns the file of raw bytes; none for an invalid `hash`, which could lead out of the directory.
pub(crate) fn path(data: &Path, tenant: &str, hash: &str) -> Option<PathBuf> {
    is_hash(hash).then(|| home(data, tenant).join(hash))
}

#[cfg(unix)]
pub(crate) fn sync_dir(dir: &Path) -> std::io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_dir(_dir: &Path) -> std::io::Result<()> {
    Ok(())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
