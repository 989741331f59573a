//! Marker: a small file that identifies a directory as the data of one store.

use std::fs::{self, File};
use std::io::{ErrorKind as IoErrorKind, Read as _, Write as _};
use std::path::Path;

use nexus_core::{Error, IdSource as _, Result, UuidV7};
use serde::{Deserialize, Serialize};

use super::no_follow::is_link;
use super::state::linked;
use crate::error::file;
use crate::files::blob::sync_dir;
use crate::files::file_permissions;

/// Name of the marker in a data directory.
pub(super) const NAME: &str = "nexus-store.json";
const DRAFT: &str = ".nexus-store.json.draft";
const FORMAT: u32 = 1;
const ABOUT: &str =
    "This directory is a store of Nexus. Copy, move and restore it as a whole; delete no single file of it.";
/// Upper bound on the bytes of a marker.
const MAX_BYTES: u64 = 4_096;

/// Content of the marker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    #[serde(default)]
    about: String,
    format: u32,
    /// Id of the store, which its database holds too.
    pub(crate) store: String,
    pub(crate) state: Progress,
}

/// Progress of the creation of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Progress {
    /// Its database is still empty.
    Begun,
    /// It has a database, without which its files are of no use.
    Made,
}

/// Content under the marker's name.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// Beginning of a marker whose writing was interrupted.
    Unreadable,
    /// Other content.
    Foreign,
    Marker(Marker),
}

impl Marker {
    /// Returns the marker of a store that is being created.
    pub(crate) fn begun() -> Self {
        Self::of(format!("store-{}", UuidV7.next()), Progress::Begun)
    }

    /// Returns the marker of the store with this id.
    pub(crate) fn made(store: String) -> Self {
        Self::of(store, Progress::Made)
    }

    fn of(store: String, state: Progress) -> Self {
        Self { about: ABOUT.to_owned(), format: FORMAT, store, state }
    }

    fn text(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map_err(|source| Error::unexpected("the marker cannot be written").because(source))
    }

    /// Writes the marker into a directory without one. Nothing is written when another process was faster.
    pub(crate) fn write_new(&self, dir: &Path) -> Result<()> {
        let path = dir.join(NAME);
        let text = self.text()?;
        match file_permissions::options().write(true).create_new(true).open(&path) {
            Ok(file) => put(file, &text),
            Err(error) if error.kind() == IoErrorKind::AlreadyExists => return Ok(()),
            Err(error) => Err(error),
        }
        .and_then(|()| sync_dir(dir))
        .map_err(|source| file("write", &path, source))
    }

    /// Replaces the marker.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        let (draft, path) = (dir.join(DRAFT), dir.join(NAME));
        for name in [&draft, &path] {
            if is_link(name) {
                return Err(linked(name));
            }
        }
        let text = self.text()?;
        file_permissions::create(&draft)
            .and_then(|file| put(file, &text))
            .and_then(|()| fs::rename(&draft, &path))
            .and_then(|()| sync_dir(dir))
            .map_err(|source| file("write", &path, source))
    }
}

fn put(mut file: File, text: &str) -> std::io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Reads the marker in `dir`.
pub(super) fn read(dir: &Path) -> Result<Found> {
    let path = dir.join(NAME);
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(linked(&path)),
        Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(Found::Nothing),
        Err(source) => return Err(file("read", &path, source)),
    }
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    match read {
        Ok(_) => Ok(match serde_json::from_str(&text) {
            Ok(marker) => Found::Marker(marker),
            Err(_) if is_interrupted(&text) => Found::Unreadable,
            Err(_) => Found::Foreign,
        }),
        Err(error) if error.kind() == IoErrorKind::InvalidData => Ok(Found::Foreign),
        Err(source) => Err(file("read", &path, source)),
    }
}

/// Returns whether `text` is left by an interrupted [`Marker::write_new`]: a prefix of a marker.
fn is_interrupted(text: &str) -> bool {
    let compact = |text: &str| text.split_whitespace().collect::<String>();
    let head = compact(&format!("{{\"about\": \"{ABOUT}\", \"format\": {FORMAT}, \"store\": \"store-"));
    let text = compact(text);
    head.starts_with(&text) || text.starts_with(&head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_of_a_marker_is_taken_for_an_interrupted_one() {
        let text = Marker::begun().text().unwrap();
        for (end, _) in text.char_indices() {
            assert!(is_interrupted(text.get(..end).unwrap()), "{end}");
        }
        for foreign in ["{}", "null", "[", "1\n2\n", "{\"my\": \"list\"}", "{\"about\": \"me\"}"] {
            assert!(!is_interrupted(foreign), "{foreign}");
        }
    }
}
