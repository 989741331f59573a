//! `nexus retention`.

use nexus_core::Result;
use nexus_core::retention::{Removed, RetentionClass};
use serde_json::json;

use super::removal::{Target, may_go_on};
use super::table::Table;
use crate::args::Retention;
use crate::context::{Context, Opened};
use crate::exit::Exit;

pub(super) async fn run(context: &Context<'_>, command: Retention) -> Result<Exit> {
    match command {
        Retention::Show => {
            print(context, "EXPIRED", &context.read(async |opened| expired(context, opened).await).await?)
        }
        Retention::Apply { removal } => {
            let targets = async |opened: &Opened| {
                let expired = expired(context, opened).await?;
                Ok(expired.into_iter().map(|removed| target(context, removed)).collect())
            };
            if !may_go_on(context, removal, targets).await? {
                return Ok(Exit::Done);
            }
            let apply = async |Opened { nexus, .. }: &Opened| nexus.apply_retention(&context.who).await;
            print(context, "REMOVED", &context.own(apply).await?)
        }
    }
}

async fn expired(context: &Context<'_>, Opened { nexus, .. }: &Opened) -> Result<Vec<Removed>> {
    nexus.expired_records(&context.who).await
}

/// The period of a class, in days.
fn days(context: &Context<'_>, class: RetentionClass) -> Option<u64> {
    context.settings.retention.of(class).map(|period| period.as_secs() / 86_400)
}

fn target(context: &Context<'_>, Removed { class, records }: Removed) -> Target {
    let days = days(context, class);
    let words = format!("{records} {} older than {} days", class.as_str(), days.unwrap_or_default());
    Target { words, json: json!({ "class": class, "days": days, "records": records }) }
}

fn print(context: &Context<'_>, heading: &'static str, classes: &[Removed]) -> Result<Exit> {
    if context.output.is_json() {
        let rows = classes.iter().map(|removed| {
            json!({ "class": removed.class, "days": days(context, removed.class), "records": removed.records })
        });
        context.output.document(&rows.collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    if classes.is_empty() {
        context.output.line("every class of records is kept for ever: set `[retention]` in nexus.toml")?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["CLASS", "DAYS", heading]);
    for Removed { class, records } in classes {
        let days = days(context, *class).map_or_else(String::new, |days| days.to_string());
        table.row([class.as_str().to_owned(), days, records.to_string()]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    Ok(Exit::Done)
}
