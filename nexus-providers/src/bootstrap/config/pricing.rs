//! `[pricing]`: prices of models, over the built-in table.

use nexus_core::price::{PriceRow, PriceTable, Rates, Tier};
use nexus_core::{Result, Timestamp};
use serde::Deserialize;

use super::money::Usd;

/// Version, in a call's record, of a price without a version of its own.
const VERSION: &str = "nexus.toml";

/// Prices beside the built-in ones.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PricingConfig {
    /// Price of a model without a price; its calls are refused by default.
    pub ceiling: Option<RatesConfig>,
    /// Prices of single models.
    pub rows: Vec<PriceConfig>,
}

/// Price of one model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceConfig {
    /// Type of the provider; its name for an `openai_compatible` server.
    pub provider: String,
    /// Model, or `*` for every model of the provider.
    pub model: String,
    /// Start of validity; always valid by default.
    #[serde(default)]
    pub valid_from: Option<Timestamp>,
    /// Version in records; `nexus.toml` by default.
    #[serde(default)]
    pub version: Option<String>,
    /// Rates.
    pub rates: RatesConfig,
    /// Rates of long prompts, by increasing length.
    #[serde(default)]
    pub tiers: Vec<TierConfig>,
}

/// Rates of prompts beyond a length.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierConfig {
    /// Lower bound, exclusive, on the tokens of the prompt.
    pub above_input_tokens: u64,
    /// Rates.
    pub rates: RatesConfig,
}

/// Dollars per million tokens. An absent rate follows [`Rates`].
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
    /// Prompt tokens written to the vendor's cache for five minutes.
    #[serde(default)]
    pub cache_write_5m: Option<Usd>,
    /// Prompt tokens written to the vendor's cache for an hour.
    #[serde(default)]
    pub cache_write_1h: Option<Usd>,
    /// Audio tokens of a prompt.
    #[serde(default)]
    pub audio_in: Option<Usd>,
    /// Reasoning tokens.
    #[serde(default)]
    pub reasoning: Option<Usd>,
    /// Audio tokens of an answer.
    #[serde(default)]
    pub audio_out: Option<Usd>,
    /// A million requests to server tools of the vendor.
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
    /// Returns the built-in table with these prices added.
    pub(super) fn table(&self) -> Result<PriceTable> {
        // The ceiling is older than any price, so that a price for every model of a provider overrides it.
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
