//! `nexus runs` and `nexus sessions`.

use clap::{Args, Subcommand};
use nexus_core::run::RunState;
use nexus_core::{RunId, SessionId};

const ABOUT_VERIFY: &str = "\
Verifies the signed records of a run or an ingestion job: that no record was changed, added, moved or removed since it \
was written, and that a key in your key ring signed it.

`ok` means complete and unchanged; `open` means unchanged so far, because the run continues or its process died. \
Everything else ends with exit code 6 and names the first record that is wrong. Works while another process uses the \
data directory.";

const EXAMPLES_VERIFY: &str = "\
Examples:
  nexus runs verify 0199c2a4-…
  nexus runs verify --all
  nexus runs verify --all --json | jq .unsound";

#[derive(Debug, Subcommand)]
pub(crate) enum Runs {
    /// List runs, latest first: yours, or those of all users for an admin
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
        /// Maximum number of entries
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show a run: its question, its answer and its outcome
    Show {
        /// The run
        run: RunId,
    },
    /// Print the events of a run, each on a line of its own
    ///
    /// Events are the journal of the run, in the order in which it streamed them.
    Events {
        /// The run
        run: RunId,
        /// The number of the first event to print
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        from: u64,
        /// Follow further events until the run ends
        #[arg(long, short)]
        follow: bool,
    },
    Verify(Verify),
    /// Cancel a run
    ///
    /// When another process drives the run, that process receives the request and cancels within a second.
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
    /// List conversations, latest first: yours, or those of all users for an admin
    List {
        /// Maximum number of entries
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Print the messages of a conversation
    Show {
        /// The conversation
        session: SessionId,
        /// Maximum number of messages, counted from the last
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        limit: usize,
    },
}
