//! `nexus pricing`.

use clap::{Args, Subcommand};
use nexus_core::price::{PriceRow, Rates};
use nexus_core::{Clock as _, NanoUsd, Page, Result, SystemClock, Timestamp};

use super::models::rate;
use super::pages::{ALL, PageArgs, read_all};
use super::table::Table;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;

const EXAMPLES: &str = "\
Prices are dollars for a million tokens. A price is never changed: a later one replaces it from its own time on, and \
earlier charges stay.

Examples:
  nexus pricing list --provider openai
  nexus pricing set --provider openai --model gpt-4o --input 2.50 --output 10 --cache-read 1.25";

/// `nexus pricing`.
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub(crate) enum PricingCommand {
    /// List current and future prices
    List {
        /// Only those of this type of provider
        #[arg(long)]
        provider: Option<String>,
        /// Only those of this model
        #[arg(long)]
        model: Option<String>,
        #[command(flatten)]
        page: PageArgs<ALL>,
    },
    /// Add a price, for every tenant
    #[command(after_long_help = EXAMPLES)]
    Set(Box<PriceSet>),
}

/// Price to add.
#[derive(Debug, Args)]
pub(crate) struct PriceSet {
    /// The type of the provider, or the name of one that is `openai_compatible`
    #[arg(long)]
    provider: String,
    /// The model, or `*` for any of the provider
    #[arg(long)]
    model: String,
    /// Prompt tokens
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    input: NanoUsd,
    /// Tokens of the answer
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    output: NanoUsd,
    /// Prompt tokens read from the vendor's cache [default: as input]
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    cache_read: Option<NanoUsd>,
    /// Prompt tokens written to the vendor's cache for minutes [default: as input]
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    cache_write_5m: Option<NanoUsd>,
    /// Prompt tokens written to the vendor's cache for an hour [default: as for minutes]
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    cache_write_1h: Option<NanoUsd>,
    /// Tokens of thinking [default: as output]
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    reasoning: Option<NanoUsd>,
    /// Time from which it applies, as 2026-03-01T00:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Source of the price, as records show it [default: the current day]
    #[arg(long, value_name = "NAME")]
    price_version: Option<String>,
}

pub(super) async fn run(context: &Context<'_>, command: PricingCommand) -> Result<Exit> {
    match command {
        PricingCommand::List { provider, model, page } => {
            let fits = |row: &PriceRow| {
                provider.as_ref().is_none_or(|provider| *provider == row.provider)
                    && model.as_ref().is_none_or(|model| *model == row.model)
            };
            let numbered: Vec<(u64, PriceRow)> =
                (1..).zip(all(context).await?).filter(|(_, row)| fits(row)).collect();
            let read = async |page: Page| {
                let after = page.after_number()?.unwrap_or(0);
                let following = numbered.iter().filter(|(number, _)| *number > after);
                Ok(following.take(page.limit).cloned().collect())
            };
            let rows = page.read(read, |_, (number, _)| number.to_string()).await?;
            list(context, rows.entries.iter().map(|(_, row)| row).collect())?;
            rows.tell(context.output);
            Ok(Exit::Done)
        }
        PricingCommand::Set(set) => {
            let providers = context.config.priced_providers(&set.provider)?;
            let row = row(context, *set);
            let rows: Vec<PriceRow> =
                providers.into_iter().map(|provider| PriceRow { provider, ..row.clone() }).collect();
            let add = async |OpenStore { nexus, .. }: &OpenStore| {
                for row in &rows {
                    nexus.add_price(&context.caller, row).await?;
                }
                Ok(())
            };
            context.with_writer_or_create(add).await?;
            list(context, rows.iter().collect())
        }
    }
}

/// Returns the prices in force, with those of the store where there is one.
pub(super) async fn all(context: &Context<'_>) -> Result<Vec<PriceRow>> {
    if !context.has_store()? {
        return Ok(context.config.gateway_settings()?.prices.rows().to_vec());
    }
    let read = async |OpenStore { nexus, .. }: &OpenStore| {
        read_all(|page| nexus.prices(&context.caller, page), |number, _| number.to_string()).await
    };
    context.with_reader(read).await
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

fn list(context: &Context<'_>, rows: Vec<&PriceRow>) -> Result<Exit> {
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
