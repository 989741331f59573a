//! Keeps raw bytes in place while a copy of the store is being made, by this process or another.
//!
//! Whoever copies holds a shared lock on the file `copying`, which the operating system ends with the process; whoever
//! removes bytes must have it alone for that moment, and removes them later otherwise.

use std::fs::File;
use std::path::Path;

use nexus_core::Result;

use crate::error::file;
use crate::files::directory::linked;
use crate::files::file_permissions;

const NAME: &str = "copying";

/// A copy is being made until this is dropped.
#[derive(Debug)]
pub(crate) struct Copying {
    _shared: Option<File>,
}

/// Says that a copy of the store in `dir` is being made. What the store refers to afterwards stays until that ends.
///
/// A store whose owner is of an earlier version has no such file: then a copy that is overtaken says so.
pub(crate) fn begin(dir: &Path) -> Copying {
    let shared = File::open(dir.join(NAME)).and_then(|file| file.lock_shared().map(|()| file));
    Copying { _shared: shared.ok() }
}

/// The owner's handle.
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

    /// Does `work` unless a copy is being made; says whether it was done.
    pub(super) fn unless_copying(&self, work: impl FnOnce()) -> bool {
        if self.0.try_lock().is_err() {
            return false;
        }
        work();
        // It ends with the handle at the latest.
        let _ = self.0.unlock();
        true
    }
}
