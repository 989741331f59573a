//! `nexus retention`.

use clap::Subcommand;

use super::Removal;

const ABOUT: &str = "\
`[retention]` of nexus.toml sets the retention periods of records, in days. `nexus-server` applies them every hour; \
without a server, `nexus retention apply` does. Ledger entries and audit records are never removed.";

const EXAMPLES: &str = "\
Examples:
  nexus retention show
  nexus retention apply --dry-run
  nexus retention apply --yes";

#[derive(Debug, Subcommand)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) enum Retention {
    /// Print the retention period of each class of records, and the number of older ones
    Show,
    /// Remove the records that are older than their retention period
    ///
    /// Leaves a signed record of the removal. Removed records cannot be restored.
    #[command(after_long_help = EXAMPLES)]
    Apply {
        #[command(flatten)]
        removal: Removal,
    },
}
