//! `[pricing]`: prices of models, over the built-in table.

use std::collections::BTreeMap;

use nexus_core::price::{PriceRow, PriceTable, Rates, Tier};
use nexus_core::{Error, Result, Timestamp};
use serde::Deserialize;

use super::Config;
use super::money::Usd;
use super::provider::{ProviderConfig, ProviderKind};

/// Version, in a call's record, of a price without a version of its own.
const VERSION: &str = "nexus.toml";

/// Type of servers whose calls are priced by the server's name.
const COMPATIBLE: &str = ProviderKind::OpenAiCompatible.as_str();

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
    /// Type of the provider, name of an `openai_compatible` server, or `*` for every provider.
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
    /// Returns the built-in table with these prices added, for the configured `providers`.
    pub(super) fn table(&self, providers: &BTreeMap<String, ProviderConfig>) -> Result<PriceTable> {
        // The ceiling is older than any price, so that a price for every model of a provider overrides it.
        let ceiling =
            self.ceiling.map(|rates| row("*", "*", Timestamp::from_micros(-1), "ceiling", rates.into()));
        // Rows of a type come first, so that one of a server's own name overrides them.
        let (of_type, named): (Vec<_>, Vec<_>) =
            self.rows.iter().partition(|price| price.provider == COMPATIBLE);
        let mut rows: Vec<PriceRow> = ceiling.into_iter().collect();
        for price in of_type.into_iter().chain(named) {
            let priced = priced(&price.provider, providers)?;
            rows.extend(priced.into_iter().map(|provider| price.row(&provider)));
        }
        rows.iter().try_for_each(PriceRow::check)?;
        Ok(PriceTable::shipped()?.with(rows))
    }
}

impl PriceConfig {
    fn row(&self, provider: &str) -> PriceRow {
        let tier = |tier: &TierConfig| Tier {
            above_input_tokens: tier.above_input_tokens,
            rates: tier.rates.into(),
        };
        PriceRow {
            tiers: self.tiers.iter().map(tier).collect(),
            ..row(
                provider,
                &self.model,
                self.valid_from.unwrap_or(Timestamp::from_micros(0)),
                self.version.as_deref().unwrap_or(VERSION),
                self.rates.into(),
            )
        }
    }
}

impl Config {
    /// Returns the providers of price rows that `provider` stands for: the names of all servers for
    /// `openai_compatible`, and otherwise itself.
    ///
    /// # Errors
    /// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) with `PRICE_OF_NONE` if no call could have the price.
    pub fn priced_providers(&self, provider: &str) -> Result<Vec<String>> {
        priced(provider, &self.providers)
    }
}

fn priced(provider: &str, providers: &BTreeMap<String, ProviderConfig>) -> Result<Vec<String>> {
    let kind = |name: &str| providers.get(name).and_then(|section| section.kind(name).ok());
    let is_compatible = |name: &str| kind(name) == Some(ProviderKind::OpenAiCompatible);
    let shown = provider.escape_debug();
    let none = |hint: String| {
        let message = format!("a price names the provider `{shown}`, and no call could have that price");
        Err(Error::invalid(message).with_code("PRICE_OF_NONE").with_hint(hint))
    };
    if provider == COMPATIBLE {
        let servers: Vec<String> = providers.keys().filter(|name| is_compatible(name)).cloned().collect();
        if servers.is_empty() {
            return none(format!("configure a server of the type `{COMPATIBLE}`, or remove the price"));
        }
        return Ok(servers);
    }
    if provider == "*" || ProviderKind::named(provider).is_some() || is_compatible(provider) {
        return Ok(vec![provider.to_owned()]);
    }
    if let Some(kind) = kind(provider) {
        return none(format!("name its type: `{kind}`"));
    }
    let kinds = ProviderKind::ALL.map(ProviderKind::as_str).join(", ");
    none(format!("name a type ({kinds}), or the name of an `{COMPATIBLE}` server"))
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
