//! What every command takes that removes something.

use clap::Args;

/// How something is removed.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Removing")]
pub(crate) struct Removal {
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask first, which is done on a terminal only
    #[arg(long, short)]
    pub(crate) yes: bool,
}
