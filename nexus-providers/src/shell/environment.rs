//! [`Environment`]: variables by name, those of the process or a test's own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use nexus_core::{Error, Result};

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

    fn raw(&self, name: &str) -> Option<&OsString> {
        self.0.get(std::ffi::OsStr::new(name)).filter(|value| !value.is_empty())
    }
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
