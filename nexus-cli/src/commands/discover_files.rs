//! Discovery of the files below the paths of a command line, and their document ids.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ignore::{DirEntry, WalkBuilder};
use nexus_core::escape::is_refused;
use nexus_core::id::{MAX_ID_CHARS, clean_name};
use nexus_core::{CorpusId, DocumentId, Error, ErrorKind, Result, hex};
use serde::Serialize;

use super::ignored::{self, Ignored};
use super::standard_input::STANDARD_INPUT;
use crate::terminal::count;

/// File to ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Path; `-` is standard input.
    pub(super) path: PathBuf,
    /// Document id; without one Nexus generates it.
    pub(super) id: Option<DocumentId>,
    /// Display name.
    pub(super) name: String,
}

/// Entries of folders that a walk left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct LeftOut {
    /// Hidden files and folders, and those that an ignore file names. A folder counts once.
    ignored: u64,
    /// Symbolic links.
    links: u64,
    /// Pipes, sockets and devices.
    special: u64,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.ignored, format!("{} hidden or ignored", self.ignored)),
            (self.links, count(self.links, "link")),
            (self.special, count(self.special, "special file")),
        ];
        let named: Vec<String> =
            counts.into_iter().filter(|(number, _)| *number > 0).map(|(_, text)| text).collect();
        if named.is_empty() { Ok(()) } else { write!(f, "; left out: {}", named.join(", ")) }
    }
}

/// Returns the files below `roots` in order of path, each once, without those in `except`, and the number of entries
/// that were left out. A path that cannot be read yields an error in its place.
pub(super) fn items(
    roots: &[PathBuf],
    corpus: &CorpusId,
    all: bool,
    except: &[&Path],
) -> (Vec<(PathBuf, Result<Item>)>, LeftOut) {
    let except: Vec<PathBuf> = except.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let mut ids = BTreeSet::new();
    let mut found = Vec::new();
    let mut left_out = LeftOut::default();
    for root in roots {
        if root.as_os_str() == STANDARD_INPUT {
            let item = Item { path: root.clone(), id: None, name: "standard input".to_owned() };
            found.push((root.clone(), Ok(item)));
            continue;
        }
        let ignored = Arc::new(Mutex::new(Ignored::default()));
        if let Err(error) = locked(&ignored).check_around(root, all) {
            found.push((root.clone(), Err(error)));
            continue;
        }
        // Entries of the folders that were walked, without those that were met.
        let mut unmet = 0_u64;
        for entry in walk(root, all, &except, &ignored) {
            let (path, item) = match entry {
                Ok(entry) => {
                    unmet = unmet.saturating_sub(u64::from(entry.depth() > 0));
                    match Kind::of(&entry) {
                        Kind::File => (entry.path().to_owned(), named(root, entry.path(), corpus)),
                        Kind::Folder => {
                            unmet += entries(entry.path());
                            continue;
                        }
                        Kind::Link => {
                            left_out.links += 1;
                            continue;
                        }
                        Kind::Special => {
                            left_out.special += 1;
                            continue;
                        }
                    }
                }
                Err(error) => {
                    unmet = unmet.saturating_sub(1);
                    (root.clone(), Err(unwalkable(error)))
                }
            };
            let item =
                item.and_then(|item| if ids.insert(item.id.clone()) { Ok(item) } else { Err(taken(&item)) });
            found.push((path, item));
        }
        let Ignored { refused, excepted, .. } = std::mem::take(&mut *locked(&ignored));
        left_out.ignored += unmet.saturating_sub(excepted + refused.len() as u64);
        found.extend(refused.into_iter().map(|(folder, error)| (folder, Err(error))));
    }
    (found, left_out)
}

/// Kind of an entry of a folder.
enum Kind {
    File,
    Folder,
    Link,
    Special,
}

impl Kind {
    fn of(entry: &DirEntry) -> Self {
        if entry.depth() > 0 && entry.path_is_symlink() {
            Self::Link
        } else if entry.path().is_dir() {
            Self::Folder
        } else if entry.path().is_file() {
            Self::File
        } else {
            Self::Special
        }
    }
}

/// Returns the number of entries of a folder; 0 for one that cannot be read.
fn entries(folder: &Path) -> u64 {
    folder.read_dir().map_or(0, |entries| entries.count() as u64)
}

/// Locks `ignored`; no update under this lock can panic halfway.
fn locked(ignored: &Mutex<Ignored>) -> MutexGuard<'_, Ignored> {
    ignored.lock().unwrap_or_else(PoisonError::into_inner)
}

fn walk(
    root: &Path,
    all: bool,
    except: &[PathBuf],
    ignored: &Arc<Mutex<Ignored>>,
) -> impl Iterator<Item = Result<DirEntry, ignore::Error>> {
    let (except, ignored) = (except.to_vec(), Arc::clone(ignored));
    WalkBuilder::new(root)
        .standard_filters(!all)
        .require_git(false)
        .git_global(false)
        .add_custom_ignore_filename(ignored::OWN)
        .sort_by_file_path(Path::cmp)
        .filter_entry(move |entry| {
            let excepted =
                !except.is_empty() && entry.path().canonicalize().is_ok_and(|path| except.contains(&path));
            let folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let mut ignored = locked(&ignored);
            ignored.excepted += u64::from(excepted);
            !excepted && (!folder || ignored.admit(entry.path(), all))
        })
        .build()
}

/// Names a file by its path below `root`, or by its file name if it is a root itself.
fn named(root: &Path, path: &Path, corpus: &CorpusId) -> Result<Item> {
    let below = path.strip_prefix(root).ok().filter(|below| !below.as_os_str().is_empty());
    let below = below.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
    let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let relative = parts.join("/");
    let id = document_id(corpus, &relative)?;
    Ok(Item { path: path.to_owned(), id: Some(id), name: clean_name(&relative) })
}

/// Returns `corpus/path`, because ids are unique per tenant. A path that is invalid as an id is truncated and cleaned,
/// and ends in a hash of the original.
fn document_id(corpus: &CorpusId, relative: &str) -> Result<DocumentId> {
    let whole = format!("{corpus}/{relative}");
    DocumentId::parse(whole.as_str()).or_else(|_| {
        let fingerprint: String = hex::sha256(whole.as_bytes()).chars().take(16).collect();
        let kept = whole.chars().filter(|&c| !is_refused(c)).take(MAX_ID_CHARS - fingerprint.len() - 1);
        DocumentId::parse(format!("{}~{fingerprint}", kept.collect::<String>()))
    })
}

fn taken(item: &Item) -> Error {
    Error::new(ErrorKind::Conflict, format!("two files of this command have the name `{}`", item.name))
        .with_code("DUPLICATE_ID")
        .with_hint("ingest a folder that holds both, or one at a time with `--id`")
}

fn unwalkable(error: ignore::Error) -> Error {
    use std::io::ErrorKind as Io;
    let kind = match error.io_error().map(std::io::Error::kind) {
        Some(Io::NotFound) => Error::not_found("there is no such file or folder"),
        Some(Io::PermissionDenied) => unavailable("permission denied on a file or folder in it"),
        Some(Io::InvalidFilename) => {
            unavailable("the path of a file or folder in it is too long for the file system")
                .with_hint("ingest the deeper folders by themselves, from a working directory within")
        }
        _ => unavailable("cannot read the file or folder"),
    };
    kind.with_code("FILE_UNREADABLE").because(error)
}

fn unavailable(what: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, what)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn corpus() -> CorpusId {
        CorpusId::parse("c").unwrap()
    }

    /// Checks the names that a walk of a folder with these files finds.
    #[track_caller]
    fn check(files: &[&str], all: bool, expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "*.log\n").unwrap();
        }
        let data = folder.path().join("data");
        let (found, _) = items(&[folder.path().to_owned()], &corpus(), all, &[&data]);
        let names: Vec<String> = found.into_iter().map(|(_, item)| item.unwrap().name).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn files_are_found_in_order_and_named_by_their_path_below_the_folder() {
        check(&["b.md", "a/z.md", "a/b/c.md"], false, &["a/b/c.md", "a/z.md", "b.md"]);
    }

    #[test]
    fn hidden_and_ignored_files_and_the_data_itself_are_left_out() {
        let files = [".nexusignore", ".hidden/x.md", "a.log", "a.md", "data/nexus.db"];
        check(&files, false, &["a.md"]);
        check(&files[1..], true, &[".hidden/x.md", "a.log", "a.md"]);
    }

    #[test]
    fn an_ignore_file_is_obeyed_without_a_repository() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".gitignore"), "secret.txt\n/drafts/\n").unwrap();
        for path in ["open.txt", "secret.txt", "drafts/a.txt"] {
            fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            fs::write(folder.path().join(path), "x").unwrap();
        }
        let (found, left_out) = items(&[folder.path().to_owned()], &corpus(), false, &[]);
        let names: Vec<String> = found.into_iter().map(|(_, item)| item.unwrap().name).collect();
        assert_eq!(names, ["open.txt"]);
        assert_eq!(left_out.to_string(), "; left out: 3 hidden or ignored");
    }

    #[test]
    fn links_pipes_and_ignored_entries_are_counted_and_the_data_itself_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let below = |name: &str| folder.path().join(name);
        for path in ["a.md", ".hidden", "sub/b.md", "sub/.c", "data/nexus.db"] {
            fs::create_dir_all(below(path).parent().unwrap()).unwrap();
            fs::write(below(path), "x").unwrap();
        }
        std::os::unix::fs::symlink(below("a.md"), below("link")).unwrap();
        std::os::unix::fs::symlink(below("sub"), below("sub/loop")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(below("socket")).unwrap();
        let (found, left_out) = items(&[folder.path().to_owned()], &corpus(), false, &[&below("data")]);
        assert_eq!(found.len(), 2);
        assert_eq!(left_out, LeftOut { ignored: 2, links: 2, special: 1 });
        let shown = "; left out: 2 hidden or ignored, 2 links, 1 special file";
        assert_eq!(left_out.to_string(), shown);
        let (found, left_out) = items(&[below("a.md")], &corpus(), false, &[]);
        assert_eq!((found.len(), left_out), (1, LeftOut::default()));
    }

    #[test]
    fn a_file_that_does_not_exist_is_an_error_in_its_place() {
        let (found, _) = items(&[PathBuf::from("/nowhere/at/all")], &corpus(), false, &[]);
        assert_eq!(found.first().unwrap().1.as_ref().unwrap_err().code(), "FILE_UNREADABLE");
    }

    #[test]
    fn a_folder_whose_ignore_file_is_refused_is_left_out_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join(".nexusignore"), format!("{}1\n", "*a".repeat(200)).repeat(1_000)).unwrap();
        fs::write(inner.join("secret.md"), "x").unwrap();
        fs::write(folder.path().join("a.md"), "x").unwrap();
        let (found, _) = items(&[folder.path().to_owned()], &corpus(), false, &[]);
        let names: Vec<_> =
            found.iter().filter_map(|(_, item)| Some(item.as_ref().ok()?.name.as_str())).collect();
        assert_eq!(names, ["a.md"]);
        let (path, refused) = found.last().unwrap();
        assert_eq!((path, refused.as_ref().unwrap_err().code()), (&inner, "IGNORE_FILE_REFUSED"));
        let (found, _) = items(&[inner], &corpus(), false, &[]);
        assert_eq!(found.first().unwrap().1.as_ref().unwrap_err().code(), "IGNORE_FILE_REFUSED");
    }

    #[test]
    fn a_path_that_is_too_long_is_named_as_the_cause() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("x".repeat(300));
        let (found, _) = items(&[long], &corpus(), false, &[]);
        let error = found.first().unwrap().1.as_ref().unwrap_err();
        assert!(error.message().contains("too long"), "{}", error.message());
    }

    #[test]
    fn two_files_of_one_name_are_not_taken_for_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let roots = ["a", "b"].map(|name| folder.path().join(name));
        for root in &roots {
            fs::create_dir(root).unwrap();
            fs::write(root.join("same.md"), "x").unwrap();
        }
        let (found, _) = items(&roots, &corpus(), false, &[]);
        assert!(found[0].1.is_ok());
        assert_eq!(found[1].1.as_ref().unwrap_err().code(), "DUPLICATE_ID");
    }

    #[test]
    fn every_path_has_an_id_of_its_own() {
        let long = "x".repeat(300);
        let paths = [
            "a.md".to_owned(),
            long.clone(),
            format!("{long}y"),
            "e\u{202e}vil".to_owned(),
            "evil".to_owned(),
        ];
        let ids: BTreeSet<DocumentId> =
            paths.iter().map(|path| document_id(&corpus(), path).unwrap()).collect();
        assert_eq!(ids.len(), paths.len());
        assert!(ids.contains(&DocumentId::parse("c/a.md").unwrap()));
    }
}
