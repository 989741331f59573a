//! `nexus ledger`.

use std::io::{self, Write};
use std::path::Path;

use nexus_core::ledger::{LedgerLine, LedgerQuery};
use nexus_core::{Error, ErrorKind, MAX_LISTED, NanoUsd, Nexus, Result};
use serde::Serialize;

use super::table::Table;
use super::whole::{Piped, create};
use crate::args::{Ledger, Lines};
use crate::context::{Context, Opened};
use crate::exit::Exit;
use crate::visible::usd;

/// The path that means standard output.
const STANDARD_OUTPUT: &str = "-";

pub(super) async fn run(context: &Context<'_>, command: Ledger) -> Result<Exit> {
    match command {
        Ledger::List { narrowing, limit } => {
            let query = query(narrowing, limit);
            context.read(async |Opened { nexus, .. }| list(context, nexus, query.clone()).await).await
        }
        Ledger::Export { narrowing, csv, jsonl: _, file } => {
            let query = query(narrowing, MAX_LISTED);
            context
                .read(async |Opened { nexus, .. }| {
                    let piped = file.as_os_str() == STANDARD_OUTPUT;
                    let out: Box<dyn Write> =
                        if piped { Box::new(Piped::default()) } else { Box::new(create(&file)?) };
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
    LedgerQuery { user, model, from, until, before: None, limit }
}

async fn list(context: &Context<'_>, nexus: &Nexus, query: LedgerQuery) -> Result<Exit> {
    let lines = nexus.ledger(&context.who, query).await?;
    if context.output.is_json() {
        context.output.document(&lines)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["LINE", "TIME", "USER", "PROVIDER", "MODEL", "STATUS", "TOKENS", "COST"]);
    for line in lines {
        let (cost, tokens) = (usd(line.charged.money), line.charged.tokens.to_string());
        let estimated = if line.estimated { " (estimate)" } else { "" };
        table.row([
            line.seq.to_string(),
            line.ts.to_string(),
            line.consumer.user,
            line.provider,
            line.model,
            line.status.as_str().to_owned(),
            tokens,
            format!("{cost}{estimated}"),
        ]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    Ok(Exit::Done)
}

async fn export(
    context: &Context<'_>,
    nexus: &Nexus,
    mut query: LedgerQuery,
    mut sink: Sink,
) -> Result<Exit> {
    loop {
        let page = nexus.ledger(&context.who, query.clone()).await?;
        let Some(last) = page.last() else { break };
        query.before = Some(last.seq);
        page.into_iter().try_for_each(|line| sink.write(Row::from(line)))?;
    }
    sink.end()?;
    Ok(Exit::Done)
}

/// A line of the ledger as others read it: flat, with names that say their unit.
#[derive(Debug, Serialize)]
struct Row {
    seq: u64,
    ts: String,
    tenant: String,
    organisation: Option<String>,
    user: String,
    investigation: Option<String>,
    run: Option<String>,
    call: String,
    attempt: u32,
    kind: &'static str,
    provider: String,
    model: String,
    price_version: String,
    status: &'static str,
    input_uncached_tokens: u64,
    cache_read_tokens: u64,
    cache_write_5m_tokens: u64,
    cache_write_1h_tokens: u64,
    audio_in_tokens: u64,
    output_text_tokens: u64,
    output_reasoning_tokens: u64,
    audio_out_tokens: u64,
    tool_requests: u64,
    charged_tokens: u64,
    charged_cost_units: u64,
    reserved_nano_usd: String,
    cost_nano_usd: String,
    cost_cents: String,
    estimated: bool,
    error: Option<String>,
}

impl From<LedgerLine> for Row {
    fn from(line: LedgerLine) -> Self {
        let usage = line.usage;
        Self {
            seq: line.seq,
            ts: line.ts.to_string(),
            tenant: line.consumer.tenant,
            organisation: line.consumer.organisation,
            user: line.consumer.user,
            investigation: line.consumer.investigation,
            run: line.consumer.run,
            call: line.call,
            attempt: line.attempt,
            kind: line.kind.as_str(),
            provider: line.provider,
            model: line.model,
            price_version: line.price_version,
            status: line.status.as_str(),
            input_uncached_tokens: usage.input_uncached,
            cache_read_tokens: usage.cache_read,
            cache_write_5m_tokens: usage.cache_write_5m,
            cache_write_1h_tokens: usage.cache_write_1h,
            audio_in_tokens: usage.audio_in,
            output_text_tokens: usage.output_text,
            output_reasoning_tokens: usage.output_reasoning,
            audio_out_tokens: usage.audio_out,
            tool_requests: usage.tool_requests,
            charged_tokens: line.charged.tokens,
            charged_cost_units: line.charged.cost_units,
            reserved_nano_usd: line.reserved.money.as_nanos().to_string(),
            cost_nano_usd: line.charged.money.as_nanos().to_string(),
            cost_cents: cents(line.charged.money),
            estimated: line.estimated,
            error: line.error,
        }
    }
}

impl Row {
    /// The row with texts that a spreadsheet does not take for formulas.
    fn tame(mut self) -> Self {
        let tame = |text: &mut String| {
            if text.starts_with(['=', '+', '-', '@', '\t']) {
                text.insert(0, '\'');
            }
        };
        [
            &mut self.user,
            &mut self.tenant,
            &mut self.provider,
            &mut self.model,
            &mut self.price_version,
            &mut self.call,
        ]
        .into_iter()
        .for_each(tame);
        let options = [&mut self.organisation, &mut self.investigation, &mut self.run];
        options.into_iter().flatten().for_each(tame);
        self
    }
}

/// Cents, exactly: a billionth of a dollar is a ten-millionth of a cent.
fn cents(amount: NanoUsd) -> String {
    let nanos = amount.as_nanos();
    let sign = if nanos < 0 { "-" } else { "" };
    let (whole, rest) = (nanos.unsigned_abs() / 10_000_000, nanos.unsigned_abs() % 10_000_000);
    let text = format!("{sign}{whole}.{rest:07}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Where rows go, in one of two forms.
enum Sink {
    Csv(Box<csv::Writer<Box<dyn Write>>>),
    Jsonl(Box<dyn Write>),
}

impl Sink {
    fn new(out: Box<dyn Write>, csv: bool) -> Self {
        let out: Box<dyn Write> = Box::new(io::BufWriter::new(out));
        if csv { Self::Csv(Box::new(csv::Writer::from_writer(out))) } else { Self::Jsonl(out) }
    }

    fn write(&mut self, row: Row) -> Result<()> {
        match self {
            Self::Csv(out) => out.serialize(row.tame()).map_err(unwritten),
            Self::Jsonl(out) => {
                serde_json::to_writer(&mut *out, &row).map_err(unwritten)?;
                out.write_all(b"\n").map_err(unwritten)
            }
        }
    }

    fn end(&mut self) -> Result<()> {
        match self {
            Self::Csv(out) => out.flush().map_err(unwritten),
            Self::Jsonl(out) => out.flush().map_err(unwritten),
        }
    }
}

fn unwritten(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Unavailable, "the ledger cannot be written").code("FILE_UNUSABLE").because(error)
}

fn named(error: Error, file: &Path) -> Error {
    error.with("file", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_are_exact() {
        let of = |nanos| cents(NanoUsd::from_nanos(nanos));
        assert_eq!(
            [of(0), of(1), of(10_000_000), of(12_500_000), of(-5_000_000)],
            ["0", "0.0000001", "1", "1.25", "-0.5"]
        );
    }
}
