//! `nexus pricing`.

use nexus_core::price::{PriceRow, Rates};
use nexus_core::{Clock as _, NanoUsd, Result, SystemClock};

use super::models::rate;
use super::table::Table;
use crate::args::{PriceSet, Pricing};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;

pub(super) async fn run(context: &Context<'_>, command: Pricing) -> Result<Exit> {
    match command {
        Pricing::List { provider, model } => {
            let fits = |row: &PriceRow| {
                provider.as_ref().is_none_or(|provider| *provider == row.provider)
                    && model.as_ref().is_none_or(|model| *model == row.model)
            };
            let mut rows = if context.has_store()? {
                context
                    .with_reader(async |OpenStore { nexus, .. }| nexus.prices(&context.caller).await)
                    .await?
            } else {
                context.config.gateway_settings()?.prices.rows().to_vec()
            };
            rows.retain(fits);
            list(context, &rows)
        }
        Pricing::Set(set) => {
            let row = row(context, *set);
            let add =
                async |OpenStore { nexus, .. }: &OpenStore| nexus.add_price(&context.caller, &row).await;
            context.with_writer_or_create(add).await?;
            list(context, std::slice::from_ref(&row))
        }
    }
}

fn row(context: &Context<'_>, set: PriceSet) -> PriceRow {
    let now = SystemClock.now();
    let rate = |amount: NanoUsd| u64::try_from(amount.as_nanos()).unwrap_or(0);
    let day = || format!("set/{}", context.config.limits.zone.day(now));
    PriceRow {
        provider: set.provider,
        model: set.model,
        valid_from: set.from.unwrap_or(now),
        version: set.price_version.unwrap_or_else(day),
        rates: Rates {
            input: rate(set.input),
            output: rate(set.output),
            cache_read: set.cache_read.map(rate),
            cache_write_5m: set.cache_write_5m.map(rate),
            cache_write_1h: set.cache_write_1h.map(rate),
            reasoning: set.reasoning.map(rate),
            ..Rates::default()
        },
        tiers: Vec::new(),
    }
}

fn list(context: &Context<'_>, rows: &[PriceRow]) -> Result<Exit> {
    if context.output.is_json() {
        context.output.json(&rows)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["PROVIDER", "MODEL", "INPUT", "OUTPUT", "FROM", "VERSION"]);
    for row in rows {
        table.row([
            row.provider.clone(),
            row.model.clone(),
            rate(row.rates.input),
            rate(row.rates.output),
            row.valid_from.to_string(),
            row.version.clone(),
        ]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    context
        .output
        .note("prices are for a million tokens; `--json` shows those of caches and long prompts too");
    Ok(Exit::Done)
}
