//! `nexus retention`.

use clap::Subcommand;
use nexus_core::Result;
use nexus_core::retention::{Removed, Retention, RetentionClass};
use serde_json::json;

use super::removal::{Removal, Target, may_go_on};
use super::table::Table;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;

const ABOUT: &str = "\
`[retention]` of nexus.toml sets the retention periods of records, in days. `nexus-server` applies them every hour; \
without a server, `nexus retention apply` does. Ledger entries and audit records are never removed.";

const EXAMPLES: &str = "\
Examples:
  nexus retention show
  nexus retention apply --dry-run
  nexus retention apply --yes";

#[derive(Debug, Subcommand)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) enum RetentionCommand {
    /// Print the retention period of each class of records, and the number of older ones
    Show,
    /// Remove the records that are older than their retention period
    ///
    /// Leaves a signed record of the removal. Removed records cannot be restored.
    #[command(after_long_help = EXAMPLES)]
    Apply {
        #[command(flatten)]
        removal: Removal,
    },
}

pub(super) async fn run(context: &Context<'_>, command: RetentionCommand) -> Result<Exit> {
    match command {
        RetentionCommand::Show => {
            let (periods, expired) =
                context.with_reader(async |opened| expired(context, opened).await).await?;
            let records =
                |class| expired.iter().find(|found| found.class == class).map_or(0, |found| found.records);
            let every = RetentionClass::ALL.map(|class| Removed { class, records: records(class) });
            print(context, "EXPIRED", periods, &every)
        }
        RetentionCommand::Apply { removal } => {
            let targets = async |opened: &OpenStore| {
                let (periods, expired) = expired(context, opened).await?;
                let expired = expired.into_iter().filter(|found| found.records > 0);
                Ok(expired.map(|found| target(periods, found)).collect())
            };
            if !may_go_on(context, removal, targets).await? {
                return Ok(Exit::Done);
            }
            let apply = async |OpenStore { nexus, .. }: &OpenStore| {
                Ok((nexus.retention(&context.caller).await?, nexus.apply_retention(&context.caller).await?))
            };
            let (periods, removed) = context.with_writer(apply).await?;
            print(context, "REMOVED", periods, &removed)
        }
    }
}

/// Returns the retention periods of the tenant, and the numbers of older records.
async fn expired(
    context: &Context<'_>,
    OpenStore { nexus, .. }: &OpenStore,
) -> Result<(Retention, Vec<Removed>)> {
    Ok((nexus.retention(&context.caller).await?, nexus.expired_records(&context.caller).await?))
}

/// Returns the retention period of a class, in days.
fn days(periods: Retention, class: RetentionClass) -> Option<u64> {
    periods.of(class).map(|period| period.as_secs() / 86_400)
}

fn target(periods: Retention, Removed { class, records }: Removed) -> Target {
    let days = days(periods, class);
    let words = words(class, records, days.unwrap_or_default());
    Target { words, json: json!({ "class": class, "days": days, "records": records }) }
}

/// Formats the records of a class and their age: `1 run older than 30 days`.
fn words(class: RetentionClass, records: u64, days: u64) -> String {
    let class = if records == 1 { class.as_str().trim_end_matches('s') } else { class.as_str() };
    let unit = if days == 1 { "day" } else { "days" };
    format!("{records} {class} older than {days} {unit}")
}

fn print(
    context: &Context<'_>,
    heading: &'static str,
    periods: Retention,
    classes: &[Removed],
) -> Result<Exit> {
    if context.output.is_json() {
        let rows = classes.iter().map(|removed| {
            json!({ "class": removed.class, "days": days(periods, removed.class), "records": removed.records })
        });
        context.output.json(&rows.collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    if classes.is_empty() {
        context.output.line("every class of records is kept for ever: set `[retention]` in nexus.toml")?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["CLASS", "DAYS", heading]);
    for Removed { class, records } in classes {
        let days = days(periods, *class).map_or_else(|| "for ever".to_owned(), |days| days.to_string());
        table.row([class.as_str().to_owned(), days, records.to_string()]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_and_one_day_are_said_in_the_singular() {
        assert_eq!(words(RetentionClass::Runs, 1, 1), "1 run older than 1 day");
        assert_eq!(words(RetentionClass::Jobs, 2, 90), "2 jobs older than 90 days");
    }
}
