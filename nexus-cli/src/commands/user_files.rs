//! Files that the user names. A command writes new ones only, so that none is overwritten.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nexus_core::{Error, ErrorKind, Result};

/// Creates a new file that only its user can read, because it holds the text of documents.
pub(super) fn create(path: &Path) -> Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return exists(path);
        }
        unusable(path, "create", error)
    })
}

/// Returns the error for an existing file, because an export never overwrites one.
pub(super) fn exists(path: &Path) -> Error {
    Error::new(ErrorKind::Conflict, format!("`{}` exists already", path.display()))
        .with_code("FILE_EXISTS")
        .with_hint("name a new file")
}

/// Removes an incomplete export, unless another file has its name meanwhile. A failure is ignored: the error to report
/// is the one that interrupted the export.
pub(super) fn remove_if_made(path: &Path, made: Option<&Metadata>) {
    let id = |file: &Metadata| (file.dev(), file.ino());
    if fs::symlink_metadata(path).ok().as_ref().map(id) == made.map(id) {
        let _ = fs::remove_file(path);
    }
}

/// Returns the error for a file that cannot be used as `what` says.
pub(super) fn unusable(path: &Path, what: &str, error: io::Error) -> Error {
    let kind =
        if error.kind() == io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Unavailable };
    Error::new(kind, format!("cannot {what} `{}`", path.display())).with_code("FILE_UNUSABLE").because(error)
}
