//! `nexus runs` and `nexus sessions`.

use clap::{Args, Subcommand};
use nexus_core::run::RunState;
use nexus_core::{RunId, SessionId};

const ABOUT_VERIFY: &str = "\
Checks the signed record of a run or an ingestion job: that no record was changed, added, moved or taken away since it \
was written, and that the key in your key ring signed it.

`ok` means complete and unchanged; `open` means unchanged so far, because the run goes on or its process died. \
Everything else ends with exit code 6 and names the first record that is wrong. Works while another process uses the \
data directory.";

const EXAMPLES_VERIFY: &str = "\
Examples:
  nexus runs verify 0199c2a4-…
  nexus runs verify --all
  nexus runs verify --all --json | jq .unsound";

#[derive(Debug, Subcommand)]
pub(crate) enum Runs {
    /// List runs, latest first: yours, or everybody's for an admin
    List {
        /// Only those of this conversation
        #[arg(long, value_name = "ID")]
        session: Option<SessionId>,
        /// Only those that are `running` or `closed`
        #[arg(long)]
        state: Option<RunState>,
        /// Only those with this label
        #[arg(long)]
        tag: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show a run: its question, its answer and what became of it
    Show {
        /// The run
        run: RunId,
    },
    /// Print the events of a run, each on a line of its own
    ///
    /// Events are what the run told its user, in the order in which it did.
    Events {
        /// The run
        run: RunId,
        /// The number of the first event to print
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        from: u64,
        /// Wait for the events to come, until the run is over
        #[arg(long, short)]
        follow: bool,
    },
    Verify(Verify),
    /// End a run
    ///
    /// When another process works on it, that process is asked to end it, and does so within a second.
    Cancel {
        /// The run
        run: RunId,
    },
}

/// Check signed records
#[derive(Debug, Args)]
#[command(long_about = ABOUT_VERIFY, after_long_help = EXAMPLES_VERIFY)]
#[group(required = true, multiple = false)]
pub(crate) struct Verify {
    /// The run or job
    pub(crate) run: Option<String>,
    /// Check the records of every run and job of the tenant
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sessions {
    /// List conversations, latest first: yours, or everybody's for an admin
    List {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Print what was said in a conversation
    Show {
        /// The conversation
        session: SessionId,
        /// Only the last so many messages
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        limit: usize,
    },
}
