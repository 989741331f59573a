//! Bounded reads of small files, which never block on a pipe or a device.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

/// Reason why a file was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The path does not exist.
    Missing,
    /// A directory, a pipe, a socket or a device.
    NotAFile,
    /// The file exceeds the bound.
    TooLarge,
    /// I/O error.
    Failed(io::Error),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
            Self::Missing
        } else {
            Self::Failed(error)
        }
    }
}

impl Unread {
    /// Returns the predicate of a sentence whose subject is the file.
    pub(crate) fn reason(&self, max_bytes: u64) -> String {
        match self {
            Self::Missing => "does not exist".to_owned(),
            Self::NotAFile => "is not a regular file".to_owned(),
            Self::TooLarge => format!("has more than {} KiB", max_bytes >> 10),
            Self::Failed(_) => "cannot be read".to_owned(),
        }
    }
}

/// Reads the regular file at `path`, of at most `max_bytes`. A symbolic link is followed to a regular file only.
pub(crate) fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Unread> {
    read_if(path, max_bytes, Metadata::is_file)
}

/// Reads a file that the user named, which may also be a device such as `/dev/null`.
pub(crate) fn read_named(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Unread> {
    read_if(path, max_bytes, |metadata| metadata.is_file() || metadata.file_type().is_char_device())
}

/// Checks the type before opening, since opening a pipe blocks and opening a device may have effects, and again on
/// the open file, since the path may have been replaced.
fn read_if(path: &Path, max_bytes: u64, fits: impl Fn(&Metadata) -> bool) -> Result<Vec<u8>, Unread> {
    if !fits(&std::fs::metadata(path)?) {
        return Err(Unread::NotAFile);
    }
    let file = open_without_waiting(path)?;
    if !fits(&file.metadata()?) {
        return Err(Unread::NotAFile);
    }
    let mut bytes = Vec::new();
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes { Err(Unread::TooLarge) } else { Ok(bytes) }
}

fn open_without_waiting(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn only_a_regular_file_within_the_bound_is_read() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        std::fs::write(at("file"), "12345").unwrap();
        std::fs::create_dir(at("directory")).unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("endless")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        assert_eq!(read(&at("file"), 5).unwrap(), b"12345");
        assert_eq!(read(&at("link"), 5).unwrap(), b"12345");
        assert!(matches!(read(&at("file"), 4), Err(Unread::TooLarge)));
        for other in ["directory", "pipe", "endless"] {
            assert!(matches!(read(&at(other), 5), Err(Unread::NotAFile)), "{other}");
        }
        for missing in ["nothing", "dangling", "file/below"] {
            assert!(matches!(read(&at(missing), 5), Err(Unread::Missing)), "{missing}");
        }
    }

    #[test]
    fn a_device_may_be_named_and_is_read_to_the_bound() {
        assert_eq!(read_named(Path::new("/dev/null"), 5).unwrap(), b"");
        assert!(matches!(read_named(Path::new("/dev/zero"), 5), Err(Unread::TooLarge)));
    }

    #[test]
    fn a_pipe_that_takes_the_place_of_a_file_does_not_block() {
        let home = tempfile::tempdir().unwrap();
        let pipe = home.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(!open_without_waiting(&pipe).unwrap().metadata().unwrap().is_file());
    }
}
