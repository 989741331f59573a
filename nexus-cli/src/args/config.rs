//! `nexus config`.

use clap::{Args, Subcommand};

const ABOUT_SHOW: &str = "\
Shows each field of the configuration that is in force, by its path, and the variables without a field that are set. \
Of a secret only a fingerprint is shown: the first six characters of its SHA-256, which tell whether two are the same.

With `--sources`, says where each value was read from: the command line, the environment, a file of variables, \
`nexus.toml`, a `.env` that was found in the working directory, or the default.";

const EXAMPLES_SHOW: &str = "\
Examples:
  nexus config show --sources
  nexus --env-file ./staging.env config show --sources --json";

/// `nexus config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show what is in force
    #[command(long_about = ABOUT_SHOW, after_long_help = EXAMPLES_SHOW)]
    Show(Show),
}

/// What to show.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Say where each value was read from
    #[arg(long)]
    pub(crate) sources: bool,
}
