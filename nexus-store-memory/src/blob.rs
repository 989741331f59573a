//! Raw bytes by their hash, one directory per tenant; in RAM, a map.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_core::document::Source;
use nexus_core::document::parser::codes;
use nexus_core::document::store::Blob;
use nexus_core::{Error, ErrorKind, IdSource, Result, UuidV7, hex};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::document::is_referenced;
use crate::error::file;
use crate::private;

/// How much is read, hashed and written at a time.
const PIECE: usize = 256 * 1024;

type Key = (String, String);

/// Where raw bytes are kept.
#[derive(Debug)]
pub(crate) struct Blobs {
    place: Place,
    /// What was put and not yet submitted: no document speaks for it, and yet it must not be swept away.
    fresh: Mutex<HashSet<Key>>,
}

#[derive(Debug)]
enum Place {
    Ram(Mutex<HashMap<Key, Arc<[u8]>>>),
    Disk(PathBuf),
}

impl Blobs {
    pub(crate) fn in_ram() -> Self {
        Self { place: Place::Ram(Mutex::default()), fresh: Mutex::default() }
    }

    pub(crate) fn on_disk(dir: PathBuf) -> Self {
        Self { place: Place::Disk(dir), fresh: Mutex::default() }
    }

    /// Checks that bytes are there, before a document rests on them.
    pub(crate) fn check_kept(&self, tenant: &str, hash: &str) -> Result<()> {
        let kept = match &self.place {
            Place::Ram(map) => locked(map).contains_key(&key(tenant, hash)),
            Place::Disk(dir) => path(dir, tenant, hash).is_some_and(|path| path.is_file()),
        };
        if kept { Ok(()) } else { Err(not_kept()) }
    }

    /// A document rests on the bytes from now on.
    pub(crate) fn release(&self, tenant: &str, hash: &str) {
        locked(&self.fresh).remove(&key(tenant, hash));
    }

    /// Keeps the bytes of `source`.
    pub(crate) fn put(&self, tenant: &str, source: &mut dyn Read, limit: u64) -> Result<Blob> {
        match &self.place {
            Place::Ram(map) => {
                let mut bytes = Vec::new();
                let blob = copy(source, limit, |piece| {
                    bytes.extend_from_slice(piece);
                    Ok(())
                })?;
                let mut fresh = locked(&self.fresh);
                locked(map).entry(key(tenant, &blob.hash)).or_insert_with(|| bytes.into());
                fresh.insert(key(tenant, &blob.hash));
                Ok(blob)
            }
            Place::Disk(dir) => {
                let home = home(dir, tenant);
                let draft = home.join(format!("draft-{}", UuidV7.next()));
                let kept = private::create_dir(&home)
                    .map_err(|error| file("create", &home, error))
                    .and_then(|()| self.put_file(&home, &draft, tenant, source, limit));
                if kept.is_err() {
                    // It may never have been made.
                    let _ = fs::remove_file(&draft);
                }
                kept
            }
        }
    }

    fn put_file(
        &self,
        home: &Path,
        draft: &Path,
        tenant: &str,
        source: &mut dyn Read,
        limit: u64,
    ) -> Result<Blob> {
        let mut out = private::create(draft).map_err(|error| file("create", draft, error))?;
        let blob =
            copy(source, limit, |piece| out.write_all(piece).map_err(|error| file("write", draft, error)))?;
        let target = home.join(&blob.hash);
        let mut fresh = locked(&self.fresh);
        if target.is_file() {
            fs::remove_file(draft).map_err(|error| file("remove", draft, error))?;
        } else {
            out.sync_all()
                .and_then(|()| fs::rename(draft, &target))
                .and_then(|()| sync_dir(home))
                .map_err(|error| file("write", &target, error))?;
        }
        fresh.insert(key(tenant, &blob.hash));
        Ok(blob)
    }

    pub(crate) fn open(&self, tenant: &str, hash: &str) -> Result<Box<dyn Source>> {
        match &self.place {
            Place::Ram(map) => {
                let bytes = locked(map).get(&key(tenant, hash)).cloned().ok_or_else(not_kept)?;
                Ok(Box::new(Cursor::new(bytes)))
            }
            Place::Disk(dir) => {
                let path = path(dir, tenant, hash).ok_or_else(not_kept)?;
                match fs::File::open(&path) {
                    Ok(opened) => Ok(Box::new(opened)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(not_kept()),
                    Err(error) => Err(file("open", &path, error)),
                }
            }
        }
    }

    /// Removes bytes that no document rests on and nobody is about to submit.
    pub(crate) fn drop_unreferenced(&self, connection: &Connection, tenant: &str, hash: &str) -> Result<()> {
        let fresh = locked(&self.fresh);
        if fresh.contains(&key(tenant, hash)) || is_referenced(connection, tenant, hash)? {
            return Ok(());
        }
        match &self.place {
            Place::Ram(map) => drop(locked(map).remove(&key(tenant, hash))),
            Place::Disk(dir) => {
                if let Some(path) = path(dir, tenant, hash) {
                    // Whatever stays is swept when the store is opened next.
                    let _ = fs::remove_file(path);
                }
            }
        }
        Ok(())
    }

    /// Removes what a stopped process left behind: drafts, and bytes that no document rests on.
    pub(crate) fn sweep(&self, connection: &Connection) -> Result<()> {
        let Place::Disk(dir) = &self.place else { return Ok(()) };
        let mut referenced = HashSet::new();
        let mut statement =
            connection.prepare("SELECT DISTINCT tenant, hash FROM document").map_err(crate::error::sql)?;
        let mut rows = statement.query([]).map_err(crate::error::sql)?;
        while let Some(row) = rows.next().map_err(crate::error::sql)? {
            let (tenant, hash): (String, String) =
                (row.get(0).map_err(crate::error::sql)?, row.get(1).map_err(crate::error::sql)?);
            referenced.extend(path(dir, &tenant, &hash));
        }
        for home in entries(dir) {
            for found in entries(&home).into_iter().filter(|found| !referenced.contains(found)) {
                let _ = fs::remove_file(&found);
            }
        }
        Ok(())
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().filter_map(|entry| entry.ok().map(|entry| entry.path())).collect()
}

/// Copies a source piece by piece, hashing and counting.
fn copy(source: &mut dyn Read, limit: u64, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<Blob> {
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
                    .code("SOURCE_UNREADABLE")
                    .because(error));
            }
        };
        size = size.saturating_add(u64::try_from(read.len()).unwrap_or(u64::MAX));
        if size > limit {
            return Err(Error::invalid(format!("the document is larger than {limit} bytes"))
                .code(codes::TOO_LARGE)
                .hint("split it, or raise the limit"));
        }
        hash.update(read);
        take(read)?;
    }
    Ok(Blob { hash: hex::encode(&hash.finalize()), size })
}

fn not_kept() -> Error {
    Error::not_found("there are no such bytes").code("BLOB_NOT_FOUND")
}

fn key(tenant: &str, hash: &str) -> Key {
    (tenant.to_owned(), hash.to_owned())
}

/// A tenant's directory. Tenant ids are free text, so a hash stands for them.
fn home(dir: &Path, tenant: &str) -> PathBuf {
    dir.join(hex::sha256(tenant.as_bytes()))
}

/// The file of some bytes; nothing when `hash` is none, so that it cannot lead out of the directory.
pub(crate) fn path(dir: &Path, tenant: &str, hash: &str) -> Option<PathBuf> {
    let plausible = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    plausible.then(|| home(dir, tenant).join(hash))
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
