//! Files of an index on disk: tantivy's layout with access for their owner alone.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, TerminatingWrite,
    WatchCallback, WatchHandle, WritePtr,
};

use crate::files::{directory, file_permissions};

/// Directory of an index.
#[derive(Clone, Debug)]
pub(super) struct Files {
    dir: PathBuf,
    inner: MmapDirectory,
}

impl Files {
    /// Returns the files in `dir`, which exists.
    pub(super) fn of(dir: &Path) -> tantivy::Result<Self> {
        Ok(Self { dir: dir.to_owned(), inner: MmapDirectory::open(dir)? })
    }
}

impl Directory for Files {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.inner.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        // The list of removable files is a file in the directory too: it must not lead elsewhere.
        let is_own = path.to_str().is_some_and(directory::is_index_file);
        if !is_own || self.dir.join(path).symlink_metadata().is_ok_and(|found| !found.is_file()) {
            let io_error = Arc::new(io::Error::new(
                ErrorKind::PermissionDenied,
                "the file does not belong to a text index",
            ));
            return Err(DeleteError::IoError { io_error, filepath: path.to_owned() });
        }
        self.inner.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.inner.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let made = file_permissions::options().write(true).create_new(true).open(self.dir.join(path));
        let file = made.map_err(|error| {
            if error.kind() == ErrorKind::AlreadyExists {
                OpenWriteError::FileAlreadyExists(path.to_owned())
            } else {
                OpenWriteError::wrap_io_error(error, path.to_owned())
            }
        })?;
        Ok(BufWriter::new(Box::new(Written(file))))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.inner.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        // Its draft is a temporary file, which is private to its owner already.
        self.inner.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.inner.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        file_permissions::touch(&self.dir.join(&lock.filepath)).map_err(LockError::wrap_io_error)?;
        self.inner.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.inner.watch(callback)
    }
}

/// File that is on disk once it is terminated.
struct Written(File);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl TerminatingWrite for Written {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.0.sync_data()
    }
}
