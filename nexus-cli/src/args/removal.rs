//! Options of every command that removes something.

use clap::Args;

/// Options of a removal.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Removing")]
pub(crate) struct Removal {
    /// List the objects to remove, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Skip the confirmation, asked on a terminal only
    #[arg(long, short)]
    pub(crate) yes: bool,
}
