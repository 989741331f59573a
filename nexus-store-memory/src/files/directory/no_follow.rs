//! Inspection and removal of single files without following a link.

use std::fs;
use std::io;
use std::path::Path;

/// Returns whether `path` is a directory itself, rather than a link to one.
pub(crate) fn is_real_dir(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Returns whether `path` is a symbolic link, to any target.
pub(crate) fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

/// Removes the file `path`, which lies somewhere below `dir`. Returns whether it existed.
///
/// Nothing is removed, and an error is returned, when `dir`, a directory on the way or the file itself is a link or
/// has an unexpected type.
pub(crate) fn remove_file(dir: &Path, path: &Path) -> io::Result<bool> {
    let mut above = path.parent();
    while let Some(here) = above {
        if !is_real_dir(here) {
            return if here.exists() { Err(linked(here)) } else { Ok(false) };
        }
        if here == dir {
            break;
        }
        above = here.parent();
    }
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => fs::remove_file(path).map(|()| true),
        Ok(_) => Err(linked(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn linked(path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("`{}` is a link, or has an unexpected type", path.display()),
    )
}
