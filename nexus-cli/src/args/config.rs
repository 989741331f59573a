//! `nexus config`.

use clap::{Args, Subcommand};

const ABOUT_SHOW: &str = "\
Shows each effective field of the configuration, by its path, and the variables without a field that are set. \
Of a secret only a fingerprint is shown: the first six characters of its SHA-256, enough to compare two secrets.

With `--sources`, shows the source of each value: the command line, the environment, a file of variables, \
`nexus.toml`, a `.env` that was found in the working directory, or the default.";

const EXAMPLES_SHOW: &str = "\
Examples:
  nexus config show --sources
  nexus --env-file ./staging.env config show --sources --json";

/// `nexus config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show the effective configuration
    #[command(long_about = ABOUT_SHOW, after_long_help = EXAMPLES_SHOW)]
    Show(Show),
}

/// Arguments of `nexus config show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Show the source of each value
    #[arg(long)]
    pub(crate) sources: bool,
}
