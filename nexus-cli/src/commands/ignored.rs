//! Size check of ignore files before a walk compiles their patterns: a few megabytes of wildcards take gigabytes. A
//! folder whose ignore file is refused is skipped, because its files might be meant to be ignored.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use nexus_core::{Error, ErrorKind, Result};

/// Name of Nexus's own ignore files.
pub(super) const OWN: &str = ".nexusignore";

/// Ignore files that a folder may hold.
const NAMES: [&str; 4] = [OWN, ".ignore", ".gitignore", ".git/info/exclude"];

/// Size limit of an ignore file, in bytes.
const LONGEST: u64 = 256 * 1024;

/// Limit of wildcards and patterns in all ignore files of one walk.
const MOST: usize = 200_000;

/// Limit of wildcards and patterns in one ignore file.
const MOST_IN_ONE: usize = 20_000;

/// Patterns and wildcards of a walk's ignore files so far.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    asked: usize,
    /// Number of entries that the program itself excepts, such as its data directory.
    pub(super) excepted: u64,
    /// Skipped folders, with the reason.
    pub(super) refused: Vec<(PathBuf, Error)>,
}

impl Ignored {
    /// Returns whether a walk may enter `folder` and read its ignore files; with `all` it reads only Nexus's own.
    pub(super) fn admit(&mut self, folder: &Path, all: bool) -> bool {
        match self.check(folder, all) {
            Ok(()) => true,
            Err(error) => {
                self.refused.push((folder.to_owned(), error));
                false
            }
        }
    }

    /// Checks the ignore files that apply to everything below `root`: its own, and those of parent folders.
    pub(super) fn check_around(&mut self, root: &Path, all: bool) -> Result<()> {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        root.ancestors().try_for_each(|folder| self.check(folder, all))
    }

    fn check(&mut self, folder: &Path, all: bool) -> Result<()> {
        let names = NAMES.iter().filter(|name| !all || **name == OWN);
        names.map(|name| folder.join(name)).try_for_each(|path| self.check_file(&path))?;
        // In a worktree this is a file with the path of the repository.
        let git = folder.join(".git");
        if git.is_dir() { Ok(()) } else { self.check_file(&git) }
    }

    fn check_file(&mut self, path: &Path) -> Result<()> {
        let Ok(found) = fs::metadata(path) else { return Ok(()) };
        if found.is_dir() {
            return Ok(());
        }
        if !found.is_file() {
            return Err(refusal(path, "is not a regular file"));
        }
        if found.len() > LONGEST {
            return Err(refusal(path, format_args!("has more than {LONGEST} bytes")));
        }
        let asked = File::open(path).and_then(demand);
        let asked = asked.map_err(|error| refusal(path, "cannot be read").because(error))?;
        self.asked = self.asked.saturating_add(asked);
        if asked > MOST_IN_ONE || self.asked > MOST {
            return Err(refusal(path, "holds too many patterns and wildcards"));
        }
        Ok(())
    }
}

/// Counts the patterns and wildcards in an ignore file.
fn demand(file: File) -> io::Result<usize> {
    let (mut lines, mut line, mut asked) = (BufReader::new(file.take(LONGEST)), Vec::new(), 0);
    while lines.read_until(b'\n', &mut line)? > 0 {
        let pattern = line.trim_ascii();
        if !pattern.is_empty() && !pattern.starts_with(b"#") {
            asked += 1 + pattern.iter().filter(|byte| b"*?[{,".contains(byte)).count();
        }
        line.clear();
    }
    Ok(asked)
}

fn refusal(path: &Path, what: impl std::fmt::Display) -> Error {
    let own = path.file_name().is_some_and(|name| name == OWN);
    Error::new(ErrorKind::InvalidInput, format!("the ignore file `{}` {what}", path.display()))
        .with_code("IGNORE_FILE_REFUSED")
        .with_hint(if own { "shorten it" } else { "shorten it, or ingest all files with `--all`" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &str, admitted: bool) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".gitignore"), content).unwrap();
        assert_eq!(Ignored::default().admit(folder.path(), false), admitted, "{content:.60}");
        assert!(Ignored::default().admit(folder.path(), true), "not read with `--all`");
    }

    #[test]
    fn ordinary_ignore_files_are_admitted() {
        check("", true);
        check("# a comment with * and ?\n*.log\n/target\n[ab]?.tmp\n", true);
        check(&"some/folder/*.bak\n".repeat(5_000), true);
    }

    #[test]
    fn long_and_wild_ones_are_refused() {
        check(&"x".repeat(300_000), false);
        check(&format!("{}1\n", "*a".repeat(200)).repeat(200), false);
        check(&"a\n".repeat(30_000), false);
    }

    #[test]
    fn what_is_no_file_is_refused_and_a_folder_of_that_name_is_none() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.path().join(".nexusignore")).unwrap();
        let mut ignored = Ignored::default();
        assert!(!ignored.admit(folder.path(), false));
        assert_eq!(ignored.refused.first().unwrap().1.code(), "IGNORE_FILE_REFUSED");
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".gitignore")).unwrap();
        assert!(Ignored::default().admit(folder.path(), false));
    }

    #[test]
    fn all_files_of_a_walk_share_one_bound() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".ignore"), "a\n".repeat(15_000)).unwrap();
        let mut ignored = Ignored::default();
        let admitted = (0..20).filter(|_| ignored.admit(folder.path(), false)).count();
        assert_eq!((admitted, ignored.refused.len()), (13, 7));
    }
}
