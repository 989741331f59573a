//! `nexus usage`.

use clap::{Args, ValueEnum};
use nexus_core::ledger::UsageBy;
use nexus_core::quota::DateRange;
use nexus_core::{Clock as _, Result, SystemClock};
use serde_json::json;

use super::table::Table;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::usd;

const EXAMPLES: &str = "\
Examples:
  nexus usage                                   # this month, by user
  nexus usage --by model --day 2026-03-01
  nexus usage --by org --month 2026-03 --json
  nexus usage --by tenant --from 2026-01-01 --to 2026-03-31";

/// Sum up consumption
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct UsageArgs {
    /// Key to sum by; without the role admin only your own sum by user
    #[arg(long, value_enum, default_value_t = By::User)]
    by: By,
    #[command(flatten)]
    period: Period,
}

/// Key of a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    Tenant,
    Org,
    User,
    Model,
}

impl From<By> for UsageBy {
    fn from(by: By) -> Self {
        match by {
            By::Tenant => Self::Tenant,
            By::Org => Self::Organisation,
            By::User => Self::User,
            By::Model => Self::Model,
        }
    }
}

/// Range of days.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which days [default: this month]")]
struct Period {
    /// One day, as 2026-03-01
    #[arg(long, conflicts_with_all = ["month", "from", "to"])]
    day: Option<String>,
    /// One month, as 2026-03
    #[arg(long, conflicts_with_all = ["from", "to"])]
    month: Option<String>,
    /// From this day on
    #[arg(long, value_name = "DAY", requires = "to")]
    from: Option<String>,
    /// Up to and including this day
    #[arg(long, value_name = "DAY", requires = "from")]
    to: Option<String>,
}

pub(super) async fn run(context: &Context<'_>, usage: UsageArgs) -> Result<Exit> {
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
