//! [`Environment`]: variables by name, those of the process and of a `.env` file, or a test's own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};

use nexus_core::{Error, ErrorKind, Result};

/// The file whose variables stand in for those that are not set.
const DOTENV: &str = ".env";

/// Environment variables. A variable that is set to nothing counts as not set.
///
/// ```
/// use nexus_providers::shell::Environment;
///
/// let env = Environment::from([("AUDIT_SECRET", "a secret of at least sixteen bytes"), ("HOME", "")]);
/// assert!(env.text("AUDIT_SECRET")?.is_some());
/// assert!(env.path("HOME").is_none());
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The variables of this process, as they are now.
    pub fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// These variables, and for those that do not occur the ones of the file `.env` in `directory`, if there is one.
    /// Where `CI` is `true` the file is not read: a build depends on nothing that lies around.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) with `INVALID_DOTENV` for a file that is none;
    /// [`Unavailable`](ErrorKind::Unavailable) when it cannot be read.
    pub fn with_dotenv(mut self, directory: &Path) -> Result<Self> {
        if self.text("CI")?.is_some_and(|ci| ci.eq_ignore_ascii_case("true")) {
            return Ok(self);
        }
        let path = directory.join(DOTENV);
        let variables = match dotenvy::from_path_iter(&path) {
            Ok(variables) => variables,
            Err(dotenvy::Error::Io(error)) if error.kind() == IoErrorKind::NotFound => return Ok(self),
            Err(error) => return Err(unreadable(&path, error)),
        };
        for variable in variables {
            let (name, value) = variable.map_err(|error| unreadable(&path, error))?;
            self.0.entry(name.into()).or_insert_with(|| value.into());
        }
        Ok(self)
    }

    /// A variable that holds a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from)
    }

    /// A variable that holds text.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_SETTING` when it is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        let invalid =
            |_| Error::invalid(format!("the variable `{name}` is not UTF-8")).code("INVALID_SETTING");
        self.raw(name).map(|value| value.clone().into_string().map_err(invalid)).transpose()
    }

    /// The names of the variables that are set and whose names are UTF-8, sorted.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, value)| !value.is_empty()).filter_map(|(name, _)| name.to_str())
    }

    fn raw(&self, name: &str) -> Option<&OsString> {
        self.0.get(OsStr::new(name)).filter(|value| !value.is_empty())
    }
}

/// Where the line cannot be understood, the cause is left out: it quotes the line, and that may hold a secret.
fn unreadable(path: &Path, error: dotenvy::Error) -> Error {
    if let dotenvy::Error::Io(error) = error {
        return Error::new(ErrorKind::Unavailable, format!("`{}` cannot be read", path.display()))
            .code("INVALID_DOTENV")
            .because(error);
    }
    Error::invalid(format!("`{}` has a line that cannot be understood", path.display()))
        .code("INVALID_DOTENV")
        .hint("write `NAME=value` on each line, and quote values with blanks")
}

impl<K: Into<OsString>, V: Into<OsString>, const N: usize> From<[(K, V); N]> for Environment {
    fn from(variables: [(K, V); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Environment {
    /// Prints names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
