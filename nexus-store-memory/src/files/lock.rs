//! Lock on a data directory: one process writes it, and a second one receives the id of the first.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind as IoErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use nexus_core::{Error, ErrorKind, Result};

use crate::error::file;
use crate::files::directory::{is_link, linked};
use crate::files::file_permissions;

/// Name of the lock in a data directory.
pub(crate) const NAME: &str = "lock";
/// Upper bound on the bytes of the file.
const MAX_BYTES: u64 = 32;

/// Lock that is held until it is dropped. The operating system releases it when the process dies.
///
/// The file holds the process id while the directory is in use and nothing after a clean stop, so that remaining
/// content indicates an unclean one.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of `dir`, and returns whether the last holder stopped uncleanly.
    pub(crate) fn take(dir: &Path) -> Result<(Self, bool)> {
        let path = dir.join(NAME);
        match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() && found.len() <= MAX_BYTES => {}
            Err(error) if error.kind() == IoErrorKind::NotFound => {}
            Ok(_) | Err(_) => return Err(linked(&path)),
        }
        let open =
            file_permissions::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut lock = Self { file: open.map_err(|source| file("open", &path, source))? };
        let held_by = lock.read();
        match lock.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(dir, &held_by)),
            Err(TryLockError::Error(source)) => return Err(file("lock", &path, source)),
        }
        let content = lock.read();
        // Anything but a process number is a user's file with the name of the lock.
        if !content.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(linked(&path));
        }
        let unclean = !content.is_empty();
        lock.write(&std::process::id().to_string()).map_err(|source| file("write", &path, source))?;
        Ok((lock, unclean))
    }

    /// Records a clean stop.
    pub(crate) fn stop_cleanly(&mut self) {
        if let Err(error) = self.write("") {
            tracing::warn!(%error, "a clean stop could not be recorded: the next open checks the whole file");
        }
    }

    fn read(&mut self) -> String {
        /// Upper bound on the length of a process number.
        const LONGEST: u64 = 64;
        let mut text = String::new();
        let read = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| (&mut self.file).take(LONGEST).read_to_string(&mut text));
        if read.is_ok() { text } else { "?".to_owned() }
    }

    fn write(&mut self, text: &str) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        // On a full disk the present content must stay: it says whether the last stop was unclean.
        self.file.write_all(text.as_bytes())?;
        self.file.set_len(text.len() as u64)?;
        self.file.sync_data()
    }
}

/// Hold on the lock of a data directory that keeps owners away, and lets others hold it too. It writes nothing.
#[derive(Debug)]
pub(crate) struct SharedLock {
    /// None where there is no file, as in a copy: an owner would create it first.
    _file: Option<File>,
}

impl SharedLock {
    /// Takes the lock of `dir` beside other holders of this kind.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with `STORE_LOCKED` while the directory has an owner.
    pub(crate) fn take(dir: &Path) -> Result<Self> {
        let path = dir.join(NAME);
        if is_link(&path) {
            return Err(linked(&path));
        }
        let opened = match File::open(&path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(Self { _file: None }),
            Err(source) => return Err(file("open", &path, source)),
        };
        match opened.try_lock_shared() {
            Ok(()) => Ok(Self { _file: Some(opened) }),
            Err(TryLockError::WouldBlock) => Err(in_use(dir, "")),
            Err(TryLockError::Error(source)) => Err(file("lock", &path, source)),
        }
    }
}

fn in_use(dir: &Path, held_by: &str) -> Error {
    let holder = if held_by.is_empty() { String::new() } else { format!(" (process {held_by})") };
    Error::new(
        ErrorKind::Conflict,
        format!("another process uses the data directory `{}`{holder}", dir.display()),
    )
    .with_code("STORE_LOCKED")
    .with_hint("stop it first, or use a command that only reads")
}
