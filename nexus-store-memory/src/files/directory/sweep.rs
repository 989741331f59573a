//! Sweep: removes the unreferenced files of ended processes.

use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::file_names::{is_cancel_draft, is_draft, is_hash, is_index_file, ordinal};
use super::no_follow::{is_real_dir, remove_file};

/// Age, counted from the last change, from which an unreferenced file is removed.
const GRACE: Duration = Duration::from_hours(24);

/// Numbers of unreferenced files that the opening of a store removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files whose writing had been interrupted.
    pub drafts: usize,
    /// Raw bytes that no document references.
    pub blobs: usize,
    /// Text indexes of deleted corpora.
    pub indexes: usize,
}

impl Swept {
    /// Returns whether there was nothing to remove.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// References of a store's records.
#[derive(Debug)]
pub(crate) struct Referenced {
    /// Files of raw bytes.
    pub(crate) blobs: HashSet<PathBuf>,
    /// Ordinals of corpora.
    pub(crate) corpora: HashSet<i64>,
}

/// Removes unreferenced files from the store in `dir` that have not changed within [`GRACE`] before `now`.
pub(crate) fn sweep(dir: &Path, referenced: &Referenced, now: SystemTime) -> Swept {
    let mut swept = Swept::default();
    for home in entries(&dir.join("blobs"), is_hash) {
        for found in entries(&home.path(), |name| is_hash(name) || is_draft(name)) {
            let path = found.path();
            let count = if found.file_name().to_str().is_some_and(is_draft) {
                &mut swept.drafts
            } else {
                &mut swept.blobs
            };
            if !referenced.blobs.contains(&path) && is_old(&path, now) {
                *count += usize::from(removed(dir, &path));
            }
        }
    }
    for found in entries(&dir.join("requests"), is_cancel_draft) {
        if is_old(&found.path(), now) {
            swept.drafts += usize::from(removed(dir, &found.path()));
        }
    }
    let is_gone = |name: &str| ordinal(name).is_some_and(|ordinal| !referenced.corpora.contains(&ordinal));
    for index in entries(&dir.join("text"), is_gone) {
        swept.indexes += usize::from(remove_index(&index.path(), |file| is_old(file, now)));
    }
    swept
}

/// Returns the files of the text index in `index`, if the directory holds no other files.
pub(crate) fn index_files(index: &Path) -> Option<Vec<PathBuf>> {
    if !is_real_dir(index) {
        return None;
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(index).ok()? {
        let entry = entry.ok()?;
        let is_own = entry.file_name().to_str().is_some_and(is_index_file);
        if !is_own || !entry.file_type().ok()?.is_file() {
            return None;
        }
        files.push(entry.path());
    }
    // Tantivy writes the list of its files before any of them.
    (files.is_empty() || files.iter().any(|file| file.ends_with(".managed.json"))).then_some(files)
}

/// Removes the text index in `index`, if all its files belong to an index and `may_go` accepts them.
pub(crate) fn remove_index(index: &Path, may_go: impl Fn(&Path) -> bool) -> bool {
    let Some(mut files) = index_files(index).filter(|files| !files.is_empty()) else { return false };
    // Last, so that an interrupted removal leaves a recognisable index.
    files.sort_by_key(|file| file.ends_with(".managed.json"));
    files.iter().all(|file| may_go(file))
        && files.iter().all(|file| removed(index, file))
        && fs::remove_dir(index).is_ok()
}

/// Returns the entries of `dir`, a directory and no link, whose names `is_ours` accepts.
fn entries(dir: &Path, is_ours: impl Fn(&str) -> bool) -> Vec<DirEntry> {
    if !is_real_dir(dir) {
        return Vec::new();
    }
    let all = fs::read_dir(dir).into_iter().flatten().flatten();
    all.filter(|entry| entry.file_name().to_str().is_some_and(&is_ours)).collect()
}

fn is_old(path: &Path, now: SystemTime) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|found| found.modified());
    changed.is_ok_and(|changed| now.duration_since(changed).is_ok_and(|age| age >= GRACE))
}

fn removed(dir: &Path, path: &Path) -> bool {
    remove_file(dir, path).unwrap_or_else(|error| {
        tracing::warn!(%error, path = %path.display(), "a file that no record refers to was not removed");
        false
    })
}
