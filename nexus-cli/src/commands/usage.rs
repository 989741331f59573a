//! `nexus usage`.

use nexus_core::quota::DateRange;
use nexus_core::{Clock as _, Result, SystemClock};
use serde_json::json;

use super::table::Table;
use crate::args::{Period, Usage};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::usd;

pub(super) async fn run(context: &Context<'_>, usage: Usage) -> Result<Exit> {
    let days = days(context, &usage.period)?;
    let read = async |OpenStore { nexus, .. }: &OpenStore| {
        nexus.usage(&context.caller, usage.by.into(), &days).await
    };
    let rows = context.with_reader(read).await?;
    if context.output.is_json() {
        let (from, to) = (days.from(), days.to());
        context.output.json(&json!({ "from": from, "to": to, "rows": rows }))?;
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

fn days(context: &Context<'_>, period: &Period) -> Result<DateRange> {
    match (&period.day, &period.month, &period.from, &period.to) {
        (Some(day), ..) => DateRange::day(day),
        (_, Some(month), ..) => DateRange::month(month),
        (_, _, Some(from), Some(to)) => DateRange::between(from, to),
        _ => DateRange::month(&context.config.limits.zone.month(SystemClock.now())),
    }
}
