//! Environment variables of the process and of a file, or of a test: [`Environment`].

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use nexus_core::{Error, Result};

use super::Origin;
use super::env_file::{self, FoundEnvFile};
use super::variables::is_of_process;

/// Variable that names a file of variables.
const ENV_FILE: &str = "NEXUS_ENV_FILE";
/// Variable that disables files of variables.
const NO_ENV_FILE: &str = "NEXUS_NO_ENV_FILE";

/// Environment variables. An empty variable counts as unset.
///
/// ```
/// use nexus_providers::bootstrap::Environment;
///
/// let env = Environment::from([("AUDIT_SECRET", "a secret of at least sixteen bytes"), ("HOME", "")]);
/// assert!(env.text("AUDIT_SECRET")?.is_some());
/// assert!(env.path("HOME").is_none());
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<OsString, Variable>,
    found: Option<FoundEnvFile>,
    /// Variables of a named file that a file cannot set.
    without_effect: Vec<String>,
}

#[derive(Clone)]
struct Variable {
    value: OsString,
    origin: Origin,
}

/// Choice of a file of variables on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EnvFile {
    /// No choice: the file that `NEXUS_ENV_FILE` names, else a `.env` in the working directory.
    #[default]
    Unsaid,
    /// This file.
    Named(PathBuf),
    /// No file.
    Without,
}

impl Environment {
    /// Returns the current variables of this process.
    pub fn of_process() -> Self {
        let variable = |(name, value)| (name, Variable { value, origin: Origin::Environment });
        Self {
            variables: std::env::vars_os().map(variable).collect(),
            found: None,
            without_effect: Vec::new(),
        }
    }

    /// Adds the variables of a file.
    ///
    /// A file that `wanted` or `NEXUS_ENV_FILE` names sets every variable that is unset here. Otherwise a `.env` in
    /// `directory` is read, unless `CI` is `true`; a [`Config`](super::Config) takes vendors' keys and models from
    /// it, and no other method sees it. `NEXUS_NO_ENV_FILE=true` is [`EnvFile::Without`].
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_ENV_FILE` for a named file that cannot be
    /// read or parsed, with `INVALID_SETTING` for an invalid variable above. A found file never fails.
    pub fn with_env_file(mut self, wanted: &EnvFile, directory: &Path) -> Result<Self> {
        let named = match wanted {
            EnvFile::Without => return Ok(self),
            EnvFile::Named(file) => Some(file.clone()),
            EnvFile::Unsaid if self.is_true(NO_ENV_FILE)? => return Ok(self),
            EnvFile::Unsaid => self.path(ENV_FILE),
        };
        match named {
            Some(file) => self.add_named(&file)?,
            None if self.text("CI")?.is_some_and(|ci| ci.eq_ignore_ascii_case("true")) => {}
            None => self.found = FoundEnvFile::find(directory),
        }
        Ok(self)
    }

    fn add_named(&mut self, file: &Path) -> Result<()> {
        for (name, value) in env_file::named(file)? {
            if is_of_process(&name) {
                self.without_effect.push(format!("`{name}` in `{}`", file.display()));
                continue;
            }
            let variable = Variable { value: value.into(), origin: Origin::EnvFile(file.to_owned()) };
            let is_set = self.raw(&name).is_some_and(|set| set.origin == Origin::Environment);
            if !is_set {
                self.variables.insert(name.into(), variable);
            }
        }
        Ok(())
    }

    /// Returns a variable as a path. An empty variable names none.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name)
            .map(|variable| PathBuf::from(&variable.value))
            .filter(|path| !path.as_os_str().is_empty())
    }

    /// Returns a variable as text.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `INVALID_SETTING` when it is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        let invalid =
            |_| Error::invalid(format!("the variable `{name}` is not UTF-8")).with_code("INVALID_SETTING");
        self.raw(name).map(|variable| variable.value.clone().into_string().map_err(invalid)).transpose()
    }

    /// Returns the origin of the variable `name`, if it is set.
    pub fn origin(&self, name: &str) -> Option<&Origin> {
        self.raw(name).map(|variable| &variable.origin)
    }

    /// Returns warnings of variables without effect, each with a hint, beside those of
    /// [`Config::warnings`](super::Config::warnings).
    pub fn warnings(&self) -> impl Iterator<Item = (String, &'static str)> {
        let names = self.without_effect.iter();
        names.map(|name| (format!("{name} has no effect"), "set it in the environment of the process itself"))
    }

    /// Returns the sorted UTF-8 names of the variables that are set.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let set = self.variables.iter().filter(|(_, variable)| !variable.value.is_empty());
        set.filter_map(|(name, _)| name.to_str())
    }

    /// Returns the `.env` found in the working directory.
    pub(super) fn found(&self) -> Option<&FoundEnvFile> {
        self.found.as_ref()
    }

    /// Sets a found `.env` with the content `text`.
    #[cfg(test)]
    pub(super) fn beside(mut self, text: &str) -> Self {
        self.found = Some(FoundEnvFile::of("./.env".into(), text.as_bytes()));
        self
    }

    /// Adds a variable.
    #[cfg(test)]
    pub(super) fn and(mut self, name: &str, value: &str) -> Self {
        let variable = Variable { value: value.into(), origin: Origin::Environment };
        self.variables.insert(name.into(), variable);
        self
    }

    fn is_true(&self, name: &str) -> Result<bool> {
        let Some(text) = self.text(name)? else { return Ok(false) };
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(Error::invalid(format!("cannot parse the variable `{name}`"))
                .with_code("INVALID_SETTING")
                .with_hint("it may be: true, false")),
        }
    }

    fn raw(&self, name: &str) -> Option<&Variable> {
        self.variables.get(OsStr::new(name)).filter(|variable| !variable.value.is_empty())
    }
}

impl<K: Into<OsString>, V: Into<OsString>, const N: usize> From<[(K, V); N]> for Environment {
    fn from(variables: [(K, V); N]) -> Self {
        let variable = |value: V| Variable { value: value.into(), origin: Origin::Environment };
        let variables = variables.into_iter().map(|(name, value)| (name.into(), variable(value))).collect();
        Self { variables, found: None, without_effect: Vec::new() }
    }
}

impl fmt::Debug for Environment {
    /// Prints names only, since values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
