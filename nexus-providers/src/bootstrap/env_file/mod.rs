//! Files of variables: a file that the user names, and a `.env` found in the working directory.
//!
//! A named file has the strength of the environment. A found one may come with the folder, so [`FoundEnvFile`] keeps
//! only vendors' keys and models, and the names of ignored variables.
//!
//! - `lines`: parser.

mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nexus_core::{Error, Result};
use zeroize::Zeroizing;

use super::variables::{InFoundFile, VARIABLES, in_found_file};
use crate::Secret;
use crate::files::{self, Unread};
use lines::{Line, lines};

/// Name of a found file.
const FOUND: &str = ".env";
/// Size limit of a file, in bytes.
const MAX_BYTES: u64 = 64 << 10;
/// Length limit of a name from a found file in messages, in characters.
const SHOWN_CHARS: usize = 60;

/// Reads the variables of the file that the user named.
///
/// # Errors
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_ENV_FILE` for a file that cannot be read or
/// has a malformed line.
pub(super) fn named(path: &Path) -> Result<Vec<(String, String)>> {
    let bytes = files::read_named(path, MAX_BYTES).map_err(|unread| {
        let error = invalid(format!("`{}` {}", path.display(), unread.reason(MAX_BYTES)));
        match unread {
            Unread::Failed(cause) => error.because(cause),
            Unread::Missing | Unread::NotAFile | Unread::TooLarge => error,
        }
    })?;
    let bytes = Zeroizing::new(bytes);
    let variable = |line| match line {
        Line::Variable { name, value } => Ok((name, value)),
        // The line is omitted, since it may hold a secret.
        Line::Unknown(number) => Err(invalid(format!("line {number} of `{}` is malformed", path.display()))
            .with_hint("write `NAME=value` on each line, and close each quote")),
    };
    lines(&bytes).into_iter().map(variable).collect()
}

fn invalid(message: String) -> Error {
    Error::invalid(message).with_code("INVALID_ENV_FILE")
}

/// Variables of a `.env` in the working directory, used and ignored.
#[derive(Clone, Debug)]
pub(super) struct FoundEnvFile {
    pub(super) path: PathBuf,
    /// Vendors' keys, models and the provider of answers, by the name of the variable.
    taken: BTreeMap<&'static str, Secret>,
    /// Variables of Nexus that such a file may not set, in the order of the file.
    pub(super) ignored: Vec<String>,
    /// Names of all other variables.
    others: BTreeSet<String>,
    /// Reason why the regular file was not read.
    pub(super) unread: Option<String>,
}

impl FoundEnvFile {
    /// Reads the file `.env` in `directory`; `None` if it is absent or not a regular file. Never fails: malformed
    /// lines belong to another program.
    pub(super) fn find(directory: &Path) -> Option<Self> {
        let path = directory.join(FOUND);
        match files::read(&path, MAX_BYTES) {
            Ok(bytes) => Some(Self::of(path, &Zeroizing::new(bytes))),
            Err(Unread::Missing | Unread::NotAFile) => None,
            Err(unread) => {
                let unread = Some(unread.reason(MAX_BYTES));
                Some(Self { unread, ..Self::of(path, &[]) })
            }
        }
    }

    pub(super) fn of(path: PathBuf, bytes: &[u8]) -> Self {
        let mut found =
            Self { path, taken: BTreeMap::new(), ignored: Vec::new(), others: BTreeSet::new(), unread: None };
        for line in lines(bytes) {
            if let Line::Variable { name, value } = line {
                found.add(name, value);
            }
        }
        found
    }

    fn add(&mut self, name: String, value: String) {
        match in_found_file(&name) {
            Some(InFoundFile::Key | InFoundFile::Model | InFoundFile::Provider) => {
                let value = Secret::new(value);
                // A value that no header can carry is no key, and must not fail a command.
                let known = VARIABLES.iter().find(|(known, _)| *known == name);
                match known {
                    Some((known, _)) if value.header("").is_ok() => drop(self.taken.insert(known, value)),
                    _ if value.is_empty() => {}
                    _ => self.ignore(&name),
                }
            }
            Some(InFoundFile::Ignored) => self.ignore(&name),
            Some(InFoundFile::System) => {}
            None => {
                self.others.insert(name);
            }
        }
    }

    /// Records that the variable `name` is ignored.
    pub(super) fn ignore(&mut self, name: &str) {
        let name: String = name.chars().take(SHOWN_CHARS).collect();
        if !self.ignored.contains(&name) {
            self.ignored.push(name);
        }
    }

    /// Returns the value of a variable that such a file may set.
    pub(super) fn get(&self, name: &str) -> Option<&Secret> {
        self.taken.get(name)
    }

    /// Whether the file has a variable `name` that Nexus knows only through the configuration.
    pub(super) fn has_other(&self, name: &str) -> bool {
        self.others.contains(name)
    }

    /// Returns the secrets of the file.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Secret> {
        let is_key = |name: &str| in_found_file(name) == Some(InFoundFile::Key);
        self.taken.iter().filter(move |(name, _)| is_key(name)).map(|(_, key)| key)
    }
}
