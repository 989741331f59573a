//! Source of a configuration value: [`Origin`], and its precedence.

use std::fmt;
use std::path::PathBuf;

/// Source of a value.
///
/// A stronger origin overrides a weaker one, and a key never goes to an address that only a weaker origin names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The default.
    Default,
    /// A `.env` found in the working directory, whose author may be that of the folder.
    FoundEnvFile(PathBuf),
    /// The user's configuration file.
    ConfigFile(PathBuf),
    /// A file of variables that `--env-file` or `NEXUS_ENV_FILE` names.
    EnvFile(PathBuf),
    /// The environment of the process.
    Environment,
    /// An option of the command line.
    CommandLine,
}

/// Trust in an origin, weakest first. Origins of equal strength are trusted alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    Default,
    Found,
    ConfigFile,
    Environment,
    CommandLine,
}

impl Origin {
    pub(super) fn strength(&self) -> Strength {
        match self {
            Self::Default => Strength::Default,
            Self::FoundEnvFile(_) => Strength::Found,
            Self::ConfigFile(_) => Strength::ConfigFile,
            Self::EnvFile(_) | Self::Environment => Strength::Environment,
            Self::CommandLine => Strength::CommandLine,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::FoundEnvFile(path) | Self::ConfigFile(path) | Self::EnvFile(path) => path.display().fmt(f),
            Self::Environment => f.write_str("environment"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// Origin of a value, with its variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Origin.
    pub origin: Origin,
    /// Variable, if the value came from one.
    pub variable: Option<String>,
}

impl Source {
    /// Creates the source of a value without a variable.
    pub fn of(origin: Origin) -> Self {
        Self { origin, variable: None }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variable {
            Some(variable) => write!(f, "{} ({variable})", self.origin),
            None => self.origin.fmt(f),
        }
    }
}
