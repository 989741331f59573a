//! Consistent copy of a store in use: the database as of one moment, and the raw bytes that it references.

use std::fs;
use std::path::Path;

use nexus_core::{Error, ErrorKind, Result, hex};
use rusqlite::{Connection, OpenFlags, params};
use sha2::{Digest, Sha256};

use crate::error::{corrupt, file, sql};
use crate::files::directory::{DATABASE, Marker, reader};
use crate::files::{blob, file_permissions};
use crate::migrations;
use crate::store::MemoryStore;

/// Number of attempts when the owner, of an earlier version, removes a document during the copy.
const ATTEMPTS: usize = 5;

impl MemoryStore {
    /// Copies the whole store, all tenants, to the new or empty directory `to`, as of one moment, while it is in use.
    /// The copy holds neither audit keys nor the text index, which is rebuilt when the copy is opened.
    ///
    /// The copy bypasses tenants and policies, like the files themselves: it is for the operator of the store.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with `BACKUP_NOT_EMPTY` when `to` is not empty;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a store in RAM; [`Unavailable`](ErrorKind::Unavailable) when the
    /// disk is full or cannot be used.
    pub async fn backup(&self, to: impl AsRef<Path>) -> Result<()> {
        let from = self.dir().ok_or_else(|| {
            Error::invalid("a store in RAM has no files to back up")
                .code("STORE_IN_RAM")
                .hint("export the tenant instead")
        })?;
        let (from, to) = (from.to_owned(), to.as_ref().to_owned());
        tokio::task::spawn_blocking(move || copy(&from, &to))
            .await
            .map_err(|error| Error::unexpected("the backup task panicked").because(error))?
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let _copying = blob::begin_copying(from);
    file_permissions::create_dir(to).map_err(|source| file("create", to, source))?;
    if fs::read_dir(to).map_err(|source| file("read", to, source))?.next().is_some() {
        return Err(Error::new(ErrorKind::Conflict, format!("`{}` is not empty", to.display()))
            .code("BACKUP_NOT_EMPTY")
            .hint("name a new directory"));
    }
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
        .code("BACKUP_OVERTAKEN")
        .hint("try again when the store is less busy"))
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
    let mut out = Hashing {
        out: file_permissions::create(target).map_err(|error| file("create", target, error))?,
        hash: Sha256::new(),
    };
    std::io::copy(&mut bytes, &mut out)
        .and_then(|_| out.out.sync_all())
        .map_err(|error| file("write", target, error))?;
    if hex::encode(&out.hash.finalize()) != hash {
        return Err(corrupt("the raw bytes of a document do not match their hash").with("hash", hash));
    }
    Ok(true)
}

/// Writer that hashes its bytes.
struct Hashing {
    out: fs::File,
    hash: Sha256,
}

impl std::io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
