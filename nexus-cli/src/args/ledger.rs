//! `nexus ledger`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use nexus_core::ledger::VendorBill;
use nexus_core::{NanoUsd, Timestamp, Usage};

const EXAMPLES_LEDGER: &str = "\
Examples:
  nexus ledger list --model gpt-4o --limit 20
  nexus ledger list --unreconciled
  nexus ledger reconcile CALL --not-billed --reason \"invoice 2026-03\"
  nexus ledger export --csv ledger.csv
  nexus ledger export --jsonl | jq -s 'map(.cost_nano_usd | tonumber) | add'";

const ABOUT_EXPORT: &str = "\
Exports every entry of the ledger, latest first: one for each attempt to call a vendor, billed once, and one for each \
correction, with a `revision` above 0. The numbers of a correction are differences and may be negative, so the sum over \
all entries is the total. Money is in whole billionths of a dollar (`cost_nano_usd`) and, exactly, in cents (`cost_cents`).";

const ABOUT_RECONCILE: &str = "\
Corrects the estimated charge of an attempt, such as one of unknown outcome, to the amount of the vendor's bill. The \
entry stays; another one with the difference is added, on the same day. Budgets and sums follow. A correction can be \
corrected again.";

/// `nexus ledger`.
#[derive(Debug, Subcommand)]
pub(crate) enum Ledger {
    /// List attempts to call a vendor, latest first: yours, or those of all users for an admin
    #[command(after_long_help = EXAMPLES_LEDGER)]
    List {
        #[command(flatten)]
        narrowing: Lines,
        /// Only those of unknown outcome that are not reconciled with the vendor's bill
        #[arg(long)]
        unreconciled: bool,
        /// Maximum number of entries
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Replace an estimate by the amount of the vendor's bill
    #[command(long_about = ABOUT_RECONCILE, after_long_help = EXAMPLES_LEDGER)]
    Reconcile(Reconcile),
    /// Write the ledger to a file
    #[command(long_about = ABOUT_EXPORT, after_long_help = EXAMPLES_LEDGER)]
    Export {
        #[command(flatten)]
        narrowing: Lines,
        /// As comma-separated values, with a header
        #[arg(long, conflicts_with = "jsonl")]
        csv: bool,
        /// As JSON, one object on each line; this is the default
        #[arg(long)]
        jsonl: bool,
        /// The file, which must not exist; `-` is standard output
        #[arg(default_value = "-")]
        file: PathBuf,
    },
}

/// Filter of ledger entries.
#[derive(Debug, Args)]
pub(crate) struct Lines {
    /// Only those of this user
    #[arg(long, value_name = "USER")]
    pub(crate) of: Option<String>,
    /// Only those of this model
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Only from this moment on, as 2026-03-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Timestamp>,
    /// Only before this moment
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Timestamp>,
}

/// Attempt, and the amounts of the vendor's bill for it.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("bill").required(true).args(["not_billed", "input_tokens", "cost"]))]
pub(crate) struct Reconcile {
    /// The call's id, as `nexus ledger list` shows it
    pub(crate) call: String,
    /// Which attempt of the call [default: the one that was estimated]
    #[arg(long, value_name = "N")]
    pub(crate) attempt: Option<u32>,
    /// The vendor did not bill it
    #[arg(long)]
    pub(crate) not_billed: bool,
    /// The vendor billed so many tokens of the prompt
    #[arg(long, value_name = "N", requires = "output_tokens")]
    pub(crate) input_tokens: Option<u64>,
    /// And so many of the answer
    #[arg(long, value_name = "N", requires = "input_tokens")]
    pub(crate) output_tokens: Option<u64>,
    /// The vendor billed so much money
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    pub(crate) cost: Option<NanoUsd>,
    /// Why, for those who read the ledger
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

impl Reconcile {
    /// Returns the vendor's bill.
    pub(crate) fn bill(&self) -> VendorBill {
        let tokens = self.input_tokens.zip(self.output_tokens);
        let usage = tokens.map(|(input_uncached, output_text)| {
            VendorBill::Usage(Usage { input_uncached, output_text, ..Usage::default() })
        });
        self.cost.map(VendorBill::Money).or(usage).unwrap_or(VendorBill::Nothing)
    }
}
