//! `nexus ledger`.

mod export;
mod reconcile;

use std::io::Write;

use nexus_core::ledger::{LedgerEntry, LedgerQuery};
use nexus_core::{MAX_LISTED, Nexus, Result};

use super::table::Table;
use super::whole::{StdoutPipe, create};
use crate::args::{Ledger, Lines};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::usd;
use export::{Sink, export, named};

/// Path that means standard output.
const STANDARD_OUTPUT: &str = "-";

pub(super) async fn run(context: &Context<'_>, command: Ledger) -> Result<Exit> {
    match command {
        Ledger::List { narrowing, unreconciled, limit } => {
            let query = LedgerQuery { unreconciled, ..query(narrowing, limit) };
            context
                .with_reader(async |OpenStore { nexus, .. }| list(context, nexus, query.clone()).await)
                .await
        }
        Ledger::Reconcile(what) => reconcile::run(context, &what).await,
        Ledger::Export { narrowing, csv, jsonl: _, file } => {
            let query = query(narrowing, MAX_LISTED);
            context
                .with_reader(async |OpenStore { nexus, .. }| {
                    let piped = file.as_os_str() == STANDARD_OUTPUT;
                    let out: Box<dyn Write> =
                        if piped { Box::new(StdoutPipe::default()) } else { Box::new(create(&file)?) };
                    export(context, nexus, query.clone(), Sink::new(out, csv))
                        .await
                        .map_err(|error| named(error, &file))
                })
                .await
        }
    }
}

fn query(narrowing: Lines, limit: usize) -> LedgerQuery {
    let Lines { of: user, model, from, until } = narrowing;
    LedgerQuery { user, model, from, until, limit, ..LedgerQuery::default() }
}

async fn list(context: &Context<'_>, nexus: &Nexus, query: LedgerQuery) -> Result<Exit> {
    let lines = nexus.ledger(&context.caller, query).await?;
    if context.output.is_json() {
        context.output.json(&lines)?;
        return Ok(Exit::Done);
    }
    let header = ["LINE", "TIME", "USER", "PROVIDER", "MODEL", "STATUS", "TOKENS", "COST", "ATTEMPT", "CALL"];
    let mut table = Table::new(header);
    for line in lines {
        let (tokens, cost) = added(&line);
        table.row([
            line.seq.to_string(),
            line.ts.to_string(),
            line.consumer.user,
            line.provider,
            line.model,
            line.status.as_str().to_owned(),
            tokens,
            cost,
            line.attempt.to_string(),
            line.call,
        ]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
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
