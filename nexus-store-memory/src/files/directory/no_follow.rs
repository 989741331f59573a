//! Looking at and removing single files without following a link.

use std::fs;
use std::io;
use std::path::Path;

/// Whether `path` is a directory itself, rather than a link to one.
pub(crate) fn is_real_dir(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Whether `path` is a symbolic link, to whatever it leads.
pub(crate) fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

/// Removes the file `path`, which lies somewhere below `dir`. Says whether there was one.
///
/// Nothing is removed, and that is an error, when `dir`, a directory on the way or the file itself is a link or of
/// another kind than is expected.
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
    io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` is a link, or of another kind", path.display()))
}
