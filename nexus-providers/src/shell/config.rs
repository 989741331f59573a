//! The user's configuration directory and the file `config.toml` in it.

use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};

use nexus_core::{Error, ErrorKind, Result};
use serde::Deserialize;

use super::Environment;

const FILE: &str = "config.toml";

/// What `config.toml` may say. All of it is optional; an option on the command line or a variable wins over it.
///
/// ```toml
/// data = "/srv/nexus"
/// tenant = "acme"
/// user = "ada"
/// roles = ["editor"]
/// groups = ["finance"]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The data directory.
    pub data: Option<PathBuf>,
    /// The tenant to act in.
    pub tenant: Option<String>,
    /// Who acts.
    pub user: Option<String>,
    /// The roles of that user.
    pub roles: Vec<String>,
    /// The groups of that user.
    pub groups: Vec<String>,
}

impl Config {
    /// Reads `config.toml` in `directory`; without the file, nothing is configured.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) with `INVALID_CONFIG` when it is not what it should be;
    /// [`Unavailable`](ErrorKind::Unavailable) when it cannot be read.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("`{}` cannot be read", path.display()),
                )
                .hint("make it readable, or point `NEXUS_CONFIG_DIR` elsewhere")
                .because(error));
            }
        };
        toml::from_str(&text).map_err(|error| {
            Error::invalid(format!("`{}` cannot be understood: {}", path.display(), error.message()))
                .code("INVALID_CONFIG")
                .hint("it may hold `data`, `tenant`, `user`, `roles` and `groups`")
        })
    }
}

/// The user's configuration directory: `$NEXUS_CONFIG_DIR`, else `$XDG_CONFIG_HOME/nexus`, else
/// `$HOME/.config/nexus`. It need not exist.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) with `NO_CONFIG_DIR` when none of the three is set.
pub fn config_dir(env: &Environment) -> Result<PathBuf> {
    env.path("NEXUS_CONFIG_DIR")
        .or_else(|| env.path("XDG_CONFIG_HOME").map(|xdg| xdg.join("nexus")))
        .or_else(|| env.path("HOME").map(|home| home.join(".config").join("nexus")))
        .ok_or_else(|| {
            Error::invalid("there is no configuration directory, because `HOME` is not set")
                .code("NO_CONFIG_DIR")
                .hint("set `NEXUS_CONFIG_DIR`")
        })
}
