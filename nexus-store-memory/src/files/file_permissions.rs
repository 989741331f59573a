//! Permissions for the owner alone: directories of mode 0700 and files of mode 0600, regardless of the umask.
//!
//! Existing files keep their permissions, which may be intended; opening logs one warning about them. SQLite gives
//! its journals the permissions of their database, so creating the database first is enough.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates `dir` and its missing parents.
pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Returns options under which a new file is private to its owner.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Opens an empty file for writing.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    options().write(true).create(true).truncate(true).open(path)
}

/// Creates an empty file if it is missing, to be opened by name later.
///
/// An existing file is not opened: closing it would end the locks that this process holds on it for SQLite.
pub(crate) fn touch(path: &Path) -> io::Result<()> {
    match options().write(true).create_new(true).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Logs a warning if other users may enter, list or write a directory.
pub(crate) fn tell_if_open(dir: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(dir).map_or(0, |directory| directory.permissions().mode() & 0o777);
        if mode & 0o077 != 0 {
            let (dir, mode) = (dir.display(), format!("{mode:o}"));
            tracing::warn!(%dir, mode, "other users may access the data directory: run `chmod -R go= {dir}` to prevent it");
        }
    }
    #[cfg(not(unix))]
    let _ = dir;
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_its_owners_and_what_exists_is_left_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        let (dir, file) = (root.path().join("a/b"), root.path().join("a/b/c"));
        create_dir(&dir).unwrap();
        touch(&file).unwrap();
        assert_eq!([mode(&root.path().join("a")), mode(&dir), mode(&file)], [0o700, 0o700, 0o600]);
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        std::fs::write(&file, "kept").unwrap();
        touch(&file).unwrap();
        assert_eq!((mode(&file), std::fs::read(&file).unwrap().as_slice()), (0o640, b"kept".as_slice()));
        drop(create(&file).unwrap());
        assert_eq!((mode(&file), std::fs::read(&file).unwrap().len()), (0o640, 0));
    }
}
