//! `nexus ledger`.

mod export;
mod reconcile;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use nexus_core::ledger::{LedgerEntry, LedgerQuery};
use nexus_core::{Nexus, Page, Result, Timestamp};

use super::pages::PageArgs;
use super::stdout_pipe::{STANDARD_OUTPUT, StdoutPipe};
use super::table::Table;
use super::user_files::create;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::usd;
use export::{Sink, export, named};
use reconcile::ReconcileArgs;

const EXAMPLES: &str = "\
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

/// `nexus ledger`.
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// List attempts to call a vendor, latest first: yours, or those of all users for an admin
    #[command(after_long_help = EXAMPLES)]
    List {
        #[command(flatten)]
        narrowing: Lines,
        /// Only those of unknown outcome that are not reconciled with the vendor's bill
        #[arg(long)]
        unreconciled: bool,
        #[command(flatten)]
        page: PageArgs<50>,
    },
    /// Replace an estimate by the amount of the vendor's bill
    #[command(long_about = reconcile::ABOUT, after_long_help = EXAMPLES)]
    Reconcile(ReconcileArgs),
    /// Write the ledger to a file
    #[command(long_about = ABOUT_EXPORT, after_long_help = EXAMPLES)]
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
    of: Option<String>,
    /// Only those of this model
    #[arg(long)]
    model: Option<String>,
    /// Only from this moment on, as 2026-03-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

pub(super) async fn run(context: &Context<'_>, command: LedgerCommand) -> Result<Exit> {
    match command {
        LedgerCommand::List { narrowing, unreconciled, page } => {
            let query = LedgerQuery { unreconciled, ..query(narrowing) };
            context
                .with_reader(async |OpenStore { nexus, .. }| list(context, nexus, &query, &page).await)
                .await
        }
        LedgerCommand::Reconcile(what) => reconcile::run(context, &what).await,
        LedgerCommand::Export { narrowing, csv, jsonl: _, file } => {
            let query = LedgerQuery { page: Page::first(Page::MAX), ..query(narrowing) };
            context
                .with_reader(async |OpenStore { nexus, .. }| {
                    // A caller without the right gets no file.
                    let first = nexus.ledger(&context.caller, query.clone()).await?;
                    let piped = file.as_os_str() == STANDARD_OUTPUT;
                    let out: Box<dyn Write> =
                        if piped { Box::new(StdoutPipe::default()) } else { Box::new(create(&file)?) };
                    export(context, nexus, query.clone(), first, Sink::new(out, csv))
                        .await
                        .map_err(|error| named(error, &file))
                })
                .await
        }
    }
}

fn query(narrowing: Lines) -> LedgerQuery {
    let Lines { of: user, model, from, until } = narrowing;
    LedgerQuery { user, model, from, until, ..LedgerQuery::default() }
}

async fn list(
    context: &Context<'_>,
    nexus: &Nexus,
    query: &LedgerQuery,
    page: &PageArgs<50>,
) -> Result<Exit> {
    let read = |page| nexus.ledger(&context.caller, LedgerQuery { page, ..query.clone() });
    let lines = page.read(read, |_, line| line.seq.to_string()).await?;
    if context.output.is_json() {
        context.output.json(&lines.entries)?;
        return Ok(Exit::Done);
    }
    let header =
        ["ENTRY", "TIME", "USER", "PROVIDER", "MODEL", "STATUS", "TOKENS", "COST", "ATTEMPT", "CALL"];
    let mut table = Table::new(header);
    for line in &lines.entries {
        let (tokens, cost) = added(line);
        table.row([
            line.seq.to_string(),
            line.ts.to_string(),
            line.consumer.user.clone(),
            line.provider.clone(),
            line.model.clone(),
            line.status.as_str().to_owned(),
            tokens,
            cost,
            line.attempt.to_string(),
            line.call.clone(),
        ]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    lines.tell(context.output);
    Ok(Exit::Done)
}

/// Returns the tokens and the money of an entry, which are differences in a correction.
fn added(line: &LedgerEntry) -> (String, String) {
    let is = match (&line.correction, line.estimated) {
        (Some(_), _) => " (correction)",
        (None, true) => " (estimate)",
        (None, false) => "",
    };
    match line.change() {
        Some(change) => (change.tokens.to_string(), format!("{}{is}", usd(change.money))),
        None => ("-".to_owned(), format!("-{is}")),
    }
}
