//! `[pricing]`: what models cost, where the table that ships does not say or says it wrong.

use nexus_core::price::{PriceRow, PriceTable, Rates, Tier};
use nexus_core::{Result, Timestamp};
use serde::Deserialize;

use super::money::Usd;

/// What a call's record says of a price from the configuration that has no version of its own.
const VERSION: &str = "nexus.toml";

/// Prices beside those that ship.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PricingConfig {
    /// What a model without a price is charged with; without this its calls are refused.
    pub ceiling: Option<RatesConfig>,
    /// Prices of single models.
    pub rows: Vec<PriceConfig>,
}

/// The price of one model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceConfig {
    /// The provider's type; the provider's name for a server that is `openai_compatible`.
    pub provider: String,
    /// The model, or `*` for any of the provider.
    pub model: String,
    /// From when on it holds; always unless told.
    #[serde(default)]
    pub valid_from: Option<Timestamp>,
    /// What records say of where it came from; `nexus.toml` unless told.
    #[serde(default)]
    pub version: Option<String>,
    /// Its rates.
    pub rates: RatesConfig,
    /// Rates of long prompts, by rising length.
    #[serde(default)]
    pub tiers: Vec<TierConfig>,
}

/// Rates of prompts beyond a length.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierConfig {
    /// Holds for prompts with more tokens than this.
    pub above_input_tokens: u64,
    /// Its rates.
    pub rates: RatesConfig,
}

/// Dollars for a million tokens. What is absent costs what [`Rates`] says.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatesConfig {
    /// Prompt tokens; characters for speech.
    pub input: Usd,
    /// Tokens of the answer.
    #[serde(default)]
    pub output: Usd,
    /// Prompt tokens read from the vendor's cache.
    #[serde(default)]
    pub cache_read: Option<Usd>,
    /// Prompt tokens written to the vendor's cache for minutes.
    #[serde(default)]
    pub cache_write_5m: Option<Usd>,
    /// Prompt tokens written to the vendor's cache for an hour.
    #[serde(default)]
    pub cache_write_1h: Option<Usd>,
    /// Sound in a prompt.
    #[serde(default)]
    pub audio_in: Option<Usd>,
    /// Tokens of thinking.
    #[serde(default)]
    pub reasoning: Option<Usd>,
    /// Sound in an answer.
    #[serde(default)]
    pub audio_out: Option<Usd>,
    /// A million requests to tools on the vendor's side.
    #[serde(default)]
    pub tool_requests: Option<Usd>,
}

impl From<RatesConfig> for Rates {
    fn from(rates: RatesConfig) -> Self {
        Self {
            input: rates.input.nanos(),
            cache_read: rates.cache_read.map(Usd::nanos),
            cache_write_5m: rates.cache_write_5m.map(Usd::nanos),
            cache_write_1h: rates.cache_write_1h.map(Usd::nanos),
            audio_in: rates.audio_in.map(Usd::nanos),
            output: rates.output.nanos(),
            reasoning: rates.reasoning.map(Usd::nanos),
            audio_out: rates.audio_out.map(Usd::nanos),
            tool_requests: rates.tool_requests.map(Usd::nanos),
        }
    }
}

impl PricingConfig {
    /// The table that ships with these prices added.
    pub(super) fn table(&self) -> Result<PriceTable> {
        // A ceiling is older than any price, so that one for every model of a provider wins over it.
        let ceiling =
            self.ceiling.map(|rates| row("*", "*", Timestamp::from_micros(-1), "ceiling", rates.into()));
        let rows = self.rows.iter().map(|price| PriceRow {
            tiers: price
                .tiers
                .iter()
                .map(|tier| Tier { above_input_tokens: tier.above_input_tokens, rates: tier.rates.into() })
                .collect(),
            ..row(
                &price.provider,
                &price.model,
                price.valid_from.unwrap_or(Timestamp::from_micros(0)),
                price.version.as_deref().unwrap_or(VERSION),
                price.rates.into(),
            )
        });
        let rows: Vec<PriceRow> = ceiling.into_iter().chain(rows).collect();
        rows.iter().try_for_each(PriceRow::check)?;
        Ok(PriceTable::shipped()?.with(rows))
    }
}

fn row(provider: &str, model: &str, valid_from: Timestamp, version: &str, rates: Rates) -> PriceRow {
    PriceRow {
        provider: provider.to_owned(),
        model: model.to_owned(),
        valid_from,
        version: version.to_owned(),
        rates,
        tiers: Vec::new(),
    }
}
