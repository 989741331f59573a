//! `nexus usage`.

use nexus_core::quota::Days;
use nexus_core::{Clock as _, Result, SystemClock};
use serde_json::json;

use super::table::Table;
use crate::args::{Period, Usage};
use crate::context::{Context, Opened};
use crate::exit::Exit;
use crate::visible::usd;

pub(super) async fn run(context: &Context<'_>, usage: Usage) -> Result<Exit> {
    let days = days(context, &usage.period)?;
    let read = async |Opened { nexus, .. }: &Opened| nexus.usage(&context.who, usage.by.into(), &days).await;
    let rows = context.read(read).await?;
    if context.output.is_json() {
        let (from, to) = (days.from(), days.to());
        context.output.document(&json!({ "from": from, "to": to, "rows": rows }))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["WHO OR WHAT", "CALLS", "TOKENS", "COST UNITS", "COST"]);
    for row in rows {
        let (calls, tokens, units) =
            (row.calls.to_string(), row.tokens.to_string(), row.cost_units.to_string());
        table.row([row.id, calls, tokens, units, usd(row.cost)]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    context.output.note(format_args!("from {} to {}", days.from(), days.to()));
    Ok(Exit::Done)
}

fn days(context: &Context<'_>, period: &Period) -> Result<Days> {
    match (&period.day, &period.month, &period.from, &period.to) {
        (Some(day), ..) => Days::day(day),
        (_, Some(month), ..) => Days::month(month),
        (_, _, Some(from), Some(to)) => Days::between(from, to),
        _ => Days::month(&context.config.limits.zone.month(SystemClock.now())),
    }
}
