//! Export format of the ledger: rows of CSV or JSON whose numbers can be summed.

use std::io::{self, Write};
use std::path::Path;

use nexus_core::ledger::{LedgerEntry, LedgerQuery};
use nexus_core::{Error, ErrorKind, NanoUsd, Nexus, Result, Usage};
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;

/// Writes the entries of `query`, of which `page` is the first page.
pub(super) async fn export(
    context: &Context<'_>,
    nexus: &Nexus,
    mut query: LedgerQuery,
    mut page: Vec<LedgerEntry>,
    mut sink: Sink,
) -> Result<Exit> {
    while let Some(last) = page.last() {
        query.page.after = Some(last.seq.to_string());
        page.into_iter().try_for_each(|line| sink.write(Row::try_from(line)?))?;
        page = nexus.ledger(&context.caller, query.clone()).await?;
    }
    sink.end()?;
    Ok(Exit::Done)
}

/// Exported ledger entry: flat, with units in the field names. The numbers of a correction are differences.
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
    revision: u32,
    kind: &'static str,
    provider: String,
    model: String,
    price_version: String,
    status: &'static str,
    input_uncached_tokens: i64,
    cache_read_tokens: i64,
    cache_write_5m_tokens: i64,
    cache_write_1h_tokens: i64,
    audio_in_tokens: i64,
    output_text_tokens: i64,
    output_reasoning_tokens: i64,
    audio_out_tokens: i64,
    tool_requests: i64,
    charged_tokens: i64,
    charged_cost_units: i64,
    reserved_nano_usd: String,
    cost_nano_usd: String,
    cost_cents: String,
    estimated: bool,
    error: Option<String>,
    corrected_by: Option<String>,
    reason: Option<String>,
}

impl TryFrom<LedgerEntry> for Row {
    type Error = Error;

    fn try_from(line: LedgerEntry) -> Result<Self> {
        let added = line.change().ok_or_else(too_large)?;
        let before =
            line.correction.as_ref().map_or_else(Usage::default, |correction| correction.usage_before);
        let more = |count: fn(&Usage) -> u64| {
            i64::try_from(i128::from(count(&line.usage)) - i128::from(count(&before)))
                .map_err(|_| too_large())
        };
        // A correction reserves nothing.
        let reserved = if line.correction.is_some() { NanoUsd::ZERO } else { line.reserved.money };
        Ok(Self {
            seq: line.seq,
            ts: line.ts.to_string(),
            attempt: line.attempt,
            revision: line.revision(),
            kind: line.kind.as_str(),
            status: line.status.as_str(),
            input_uncached_tokens: more(|usage| usage.input_uncached)?,
            cache_read_tokens: more(|usage| usage.cache_read)?,
            cache_write_5m_tokens: more(|usage| usage.cache_write_5m)?,
            cache_write_1h_tokens: more(|usage| usage.cache_write_1h)?,
            audio_in_tokens: more(|usage| usage.audio_in)?,
            output_text_tokens: more(|usage| usage.output_text)?,
            output_reasoning_tokens: more(|usage| usage.output_reasoning)?,
            audio_out_tokens: more(|usage| usage.audio_out)?,
            tool_requests: more(|usage| usage.tool_requests)?,
            charged_tokens: added.tokens,
            charged_cost_units: added.cost_units,
            reserved_nano_usd: reserved.as_nanos().to_string(),
            cost_nano_usd: added.money.as_nanos().to_string(),
            cost_cents: cents(added.money),
            estimated: line.estimated,
            tenant: line.consumer.tenant,
            organisation: line.consumer.organisation,
            user: line.consumer.user,
            investigation: line.consumer.investigation,
            run: line.consumer.run,
            call: line.call,
            provider: line.provider,
            model: line.model,
            price_version: line.price_version,
            error: line.error,
            corrected_by: line.correction.as_ref().map(|correction| correction.by.clone()),
            reason: line.correction.map(|correction| correction.reason),
        })
    }
}

fn too_large() -> Error {
    Error::unexpected("a number of a ledger entry is too large for the export").with_code("COUNT_TOO_LARGE")
}

impl Row {
    /// Escapes texts that a spreadsheet would evaluate as formulas.
    fn escape_formula(mut self) -> Self {
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
        let options = [
            &mut self.organisation,
            &mut self.investigation,
            &mut self.run,
            &mut self.corrected_by,
            &mut self.reason,
        ];
        options.into_iter().flatten().for_each(tame);
        self
    }
}

/// Formats an amount in cents, exactly: a billionth of a dollar is a ten-millionth of a cent.
fn cents(amount: NanoUsd) -> String {
    let nanos = amount.as_nanos();
    let sign = if nanos < 0 { "-" } else { "" };
    let (whole, rest) = (nanos.unsigned_abs() / 10_000_000, nanos.unsigned_abs() % 10_000_000);
    let text = format!("{sign}{whole}.{rest:07}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Writer of rows, as CSV or JSON lines.
pub(super) enum Sink {
    Csv(Box<csv::Writer<Box<dyn Write>>>),
    Jsonl(Box<dyn Write>),
}

impl Sink {
    pub(super) fn new(out: Box<dyn Write>, csv: bool) -> Self {
        let out: Box<dyn Write> = Box::new(io::BufWriter::new(out));
        if csv { Self::Csv(Box::new(csv::Writer::from_writer(out))) } else { Self::Jsonl(out) }
    }

    fn write(&mut self, row: Row) -> Result<()> {
        match self {
            Self::Csv(out) => out.serialize(row.escape_formula()).map_err(unwritten),
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
    Error::new(ErrorKind::Unavailable, "cannot write the ledger").with_code("FILE_UNUSABLE").because(error)
}

pub(super) fn named(error: Error, file: &Path) -> Error {
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
