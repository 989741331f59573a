//! Where a value was read from: [`Origin`], and how strong that makes it.

use std::fmt;
use std::path::PathBuf;

/// Where a value was read from.
///
/// A stronger origin wins over a weaker one, and a key never goes where only a weaker origin says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// What holds where nothing was said.
    Default,
    /// A `.env` that was found in the working directory, which may have come with the folder.
    FoundEnvFile(PathBuf),
    /// The user's configuration file.
    ConfigFile(PathBuf),
    /// A file of variables that the user named, with `--env-file` or `NEXUS_ENV_FILE`.
    EnvFile(PathBuf),
    /// The environment of the process.
    Environment,
    /// An option of the command line.
    CommandLine,
}

/// How much an origin is trusted, the weakest first. Two origins of one strength are trusted alike.
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

/// An origin, and the variable that had the value there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where the value was read from.
    pub origin: Origin,
    /// The variable, where it was one.
    pub variable: Option<String>,
}

impl Source {
    /// A value that was no variable's.
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
