//! Files of variables: one that the user names, and a `.env` that lies in the working directory.
//!
//! A named one is as strong as the environment. A found one may have come with the folder, so [`FoundEnvFile`] keeps
//! nothing of it but vendors' keys and models, and the names of what was ignored.
//!
//! - `lines`: what a file says.

mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nexus_core::{Error, Result};
use zeroize::Zeroizing;

use super::variables::{InFoundFile, VARIABLES, in_found_file};
use crate::Secret;
use crate::files::{self, Unread};
use lines::{Line, lines};

/// The name of a file that is found by itself.
const FOUND: &str = ".env";
/// How long a file may be.
const MAX_BYTES: u64 = 64 << 10;
/// How many characters of a name are shown that stands in someone else's file.
const SHOWN_CHARS: usize = 60;

/// The variables of the file that the user named.
///
/// # Errors
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_ENV_FILE` for a file that cannot be read or has
/// a line that is none of a file of variables.
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
        // The line is not repeated: it may hold a secret.
        Line::Unknown(number) => {
            Err(invalid(format!("line {number} of `{}` cannot be understood", path.display()))
                .hint("write `NAME=value` on each line, and close each quote"))
        }
    };
    lines(&bytes).into_iter().map(variable).collect()
}

fn invalid(message: String) -> Error {
    Error::invalid(message).code("INVALID_ENV_FILE")
}

/// What was taken from a `.env` in the working directory, and what was not.
#[derive(Clone, Debug)]
pub(super) struct FoundEnvFile {
    pub(super) path: PathBuf,
    /// Vendors' keys, models and who answers, by the name of the variable.
    taken: BTreeMap<&'static str, Secret>,
    /// The variables of Nexus that such a file may not set, in the order of the file.
    pub(super) ignored: Vec<String>,
    /// The names of all other variables.
    others: BTreeSet<String>,
    /// Why the file was not read although it is one.
    pub(super) unread: Option<String>,
}

impl FoundEnvFile {
    /// The file `.env` in `directory`; nothing where there is none, or something else of that name. Never fails: what
    /// cannot be understood is another program's.
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
                // What no header carries is no key, and must not stop a command.
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

    /// Notes that the variable `name` is not obeyed.
    pub(super) fn ignore(&mut self, name: &str) {
        let name: String = name.chars().take(SHOWN_CHARS).collect();
        if !self.ignored.contains(&name) {
            self.ignored.push(name);
        }
    }

    /// The value of a variable that such a file may set.
    pub(super) fn get(&self, name: &str) -> Option<&Secret> {
        self.taken.get(name)
    }

    /// Whether the file has a variable `name` of which Nexus knows only through the configuration.
    pub(super) fn has_other(&self, name: &str) -> bool {
        self.others.contains(name)
    }

    /// Everything in it that must not be logged.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Secret> {
        let is_key = |name: &str| in_found_file(name) == Some(InFoundFile::Key);
        self.taken.iter().filter(move |(name, _)| is_key(name)).map(|(_, key)| key)
    }
}
