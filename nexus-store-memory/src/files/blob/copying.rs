//! Lock that keeps raw bytes in place while this process or another copies the store.
//!
//! A copier holds a shared lock on the file `copying`, which the operating system releases with the process; the
//! owner removes bytes under an exclusive lock, or later when it cannot get the lock.

use std::fs::File;
use std::path::Path;

use nexus_core::Result;

use crate::error::file;
use crate::files::directory::linked;
use crate::files::file_permissions;

const NAME: &str = "copying";

/// Guard of a copy in progress.
#[derive(Debug)]
pub(crate) struct Copying {
    _shared: Option<File>,
}

/// Begins a copy of the store in `dir`. All bytes referenced from then on stay until the guard is dropped.
///
/// A store whose owner is of an earlier version has no such file: then a copy that is overtaken fails.
pub(crate) fn begin(dir: &Path) -> Copying {
    let shared = File::open(dir.join(NAME)).and_then(|file| file.lock_shared().map(|()| file));
    Copying { _shared: shared.ok() }
}

/// Owner's handle.
#[derive(Debug)]
pub(super) struct Copies(File);

impl Copies {
    pub(super) fn of(dir: &Path) -> Result<Self> {
        let path = dir.join(NAME);
        if std::fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            return Err(linked(&path));
        }
        let open =
            file_permissions::options().read(true).write(true).create(true).truncate(false).open(&path);
        open.map(Self).map_err(|source| file("open", &path, source))
    }

    /// Runs `work` unless a copy is in progress; returns whether it ran.
    pub(super) fn unless_copying(&self, work: impl FnOnce()) -> bool {
        if self.0.try_lock().is_err() {
            return false;
        }
        work();
        // The lock ends with the handle at the latest.
        let _ = self.0.unlock();
        true
    }
}
