//! `nexus retention`.

use clap::Subcommand;

use super::Removal;

const ABOUT: &str = "\
How long records are kept is set in `[retention]` of nexus.toml, in days. `nexus-server` applies it every hour; without a \
server, `nexus retention apply` does. Ledger entries and audit records are never removed.";

const EXAMPLES: &str = "\
Examples:
  nexus retention show
  nexus retention apply --dry-run
  nexus retention apply --yes";

#[derive(Debug, Subcommand)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) enum Retention {
    /// Print the period of each class of records, and how many are older
    Show,
    /// Remove the records that are older than their period
    ///
    /// Leaves a signed record of what was removed. Removed records cannot be restored.
    #[command(after_long_help = EXAMPLES)]
    Apply {
        #[command(flatten)]
        removal: Removal,
    },
}
