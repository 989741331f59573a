//! Consistent copies of a store in use: the database as of one moment with the raw bytes that it references, or one
//! tenant alone.

use std::fs;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use nexus_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, OpenFlags, params};

use super::export::EXPORT_IO;
use super::hashing::Hashing;
use super::{export_from_disk, import};
use crate::db::Write;
use crate::error::{closed, corrupt, file, sql};
use crate::files::directory::{DATABASE, Marker, reader};
use crate::files::{blob, file_permissions};
use crate::migrations;
use crate::store::MemoryStore;

/// Number of attempts when the owner, of an earlier version, removes a document during the copy.
const ATTEMPTS: usize = 5;

/// Copies all tenants of `store`.
///
/// # Errors
/// Those of [`TransferStore::backup`](nexus_core::transfer::TransferStore::backup).
pub(super) fn copy(store: &MemoryStore, to: &Path) -> Result<()> {
    let from = store.dir().ok_or_else(closed)?;
    let _copying = blob::begin_copying(from);
    create_empty(to)?;
    // The database gets its name last: an interrupted copy is not mistaken for a complete one.
    let draft = to.join("unfinished.db");
    for _ in 0..ATTEMPTS {
        if draft.exists() {
            fs::remove_file(&draft).map_err(|source| file("remove", &draft, source))?;
        }
        copy_database(from, &draft)?;
        if copy_blobs(from, to, &draft)? {
            mark(to, &draft)?;
            let name = to.join(DATABASE);
            return fs::rename(&draft, &name)
                .and_then(|()| blob::sync_dir(to))
                .map_err(|source| file("write", &name, source));
        }
    }
    Err(Error::new(ErrorKind::Unavailable, "documents were deleted faster than they could be copied")
        .with_code("BACKUP_OVERTAKEN")
        .with_hint("try again when the store is less busy"))
}

/// Copies one tenant of `store`: a new store takes the tenant's export, line by line, so that no page and no file of
/// another tenant gets into the copy.
///
/// # Errors
/// As [`copy`].
pub(super) fn copy_tenant(store: &MemoryStore, tenant: &str, to: &Path) -> Result<()> {
    create_empty(to)?;
    let (lines, out) = std::io::pipe().map_err(|source| file("open a pipe for", to, source))?;
    let copy = MemoryStore::open(to)?;
    let target = copy.clone();
    let taken = std::thread::scope(|threads| {
        let export = threads.spawn(move || export_from_disk(store, tenant, BufWriter::new(out)));
        let tenant = tenant.to_owned();
        let import =
            move |write: &Write<'_>| import::import(&target, write, &tenant, BufReader::new(lines)).map(drop);
        let imported = copy.engine().write_here(import);
        let exported = export.join().map_err(|_| Error::unexpected("the export of a backup panicked"))?;
        match exported {
            // A failed import closes the pipe, which fails the export too.
            Err(error) if error.code() != EXPORT_IO => Err(error),
            Ok(_) | Err(_) => imported,
        }
    });
    copy.close_here();
    taken
}

/// Creates the directory of a copy, which must not hold anything.
fn create_empty(to: &Path) -> Result<()> {
    file_permissions::create_dir(to).map_err(|source| file("create", to, source))?;
    if fs::read_dir(to).map_err(|source| file("read", to, source))?.next().is_some() {
        return Err(Error::new(ErrorKind::Conflict, format!("`{}` is not empty", to.display()))
            .with_code("BACKUP_NOT_EMPTY")
            .with_hint("name a new directory"));
    }
    Ok(())
}

/// Writes the marker of the copy's database. A store that an earlier version wrote last has no id; opening its copy
/// assigns one.
fn mark(to: &Path, draft: &Path) -> Result<()> {
    let copied = Connection::open_with_flags(draft, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(sql)?;
    migrations::store_id(&copied)?.map_or(Ok(()), |id| Marker::made(id).write_new(to))
}

fn copy_database(from: &Path, draft: &Path) -> Result<()> {
    let source = reader(from)?;
    let name = draft.to_str().ok_or_else(|| Error::invalid("the directory's name is not UTF-8"))?;
    // An empty file may exist already; SQLite would create it with the permissions of the umask.
    file_permissions::touch(draft).map_err(|source| file("create", draft, source))?;
    source.execute("VACUUM INTO ?1", params![name]).map_err(sql)?;
    fs::File::open(draft).and_then(|copy| copy.sync_all()).map_err(|source| file("write", draft, source))
}

/// Copies the raw bytes that the copied database references. Returns false when some are gone: their document was
/// deleted after the database was copied, so the copy must be newer.
fn copy_blobs(from: &Path, to: &Path, draft: &Path) -> Result<bool> {
    let copied = Connection::open(draft).map_err(sql)?;
    let mut statement = copied.prepare("SELECT DISTINCT tenant, hash FROM document").map_err(sql)?;
    let mut rows = statement.query([]).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let (tenant, hash): (String, String) = (row.get(0).map_err(sql)?, row.get(1).map_err(sql)?);
        let place = |data: &Path| blob::path(data, &tenant, &hash);
        let (Some(source), Some(target)) = (place(from), place(to)) else {
            return Err(corrupt("a document has an invalid hash"));
        };
        if !target.exists() && !copy_blob(&source, &target, &hash)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn copy_blob(source: &Path, target: &Path, hash: &str) -> Result<bool> {
    if let Some(home) = target.parent() {
        file_permissions::create_dir(home).map_err(|error| file("create", home, error))?;
    }
    let mut bytes = match fs::File::open(source) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(file("open", source, error)),
    };
    let mut out =
        Hashing::new(file_permissions::create(target).map_err(|error| file("create", target, error))?);
    std::io::copy(&mut bytes, &mut out).map_err(|error| file("write", target, error))?;
    let (out, found) = out.finish();
    out.sync_all().map_err(|error| file("write", target, error))?;
    if found != hash {
        return Err(corrupt("the raw bytes of a document do not match their hash").with("hash", hash));
    }
    Ok(true)
}
