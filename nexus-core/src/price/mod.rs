//! What calls cost: dated [`PriceRow`]s, the [`PriceTable`] that finds one, and the arithmetic on them.
//!
//! One unit everywhere: nano-USD for a million tokens. A cost is summed in 128 bits and rounded up once. An unknown
//! price is no price: the call is refused, never billed at zero, unless the model runs on hardware of one's own.

mod table;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::money::NanoUsd;
use crate::usage::Usage;

pub use table::{PriceTable, same_model};

/// A rate no vendor comes near: 10,000 USD for a million tokens. A higher one is a mistake in its unit.
const HIGHEST_RATE: u64 = 10_000 * 1_000_000_000;

/// Prices of each bucket of [`Usage`], in nano-USD for a million tokens. A bucket without a rate of its own costs what
/// its parent costs, within the same tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Prompt tokens.
    pub input: u64,
    /// Prompt tokens read from the vendor's cache; `input` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    /// Prompt tokens written to the vendor's cache for minutes; `input` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_5m: Option<u64>,
    /// Prompt tokens written to the vendor's cache for an hour; `cache_write_5m` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<u64>,
    /// Sound in a prompt; `input` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_in: Option<u64>,
    /// Tokens of the answer.
    pub output: u64,
    /// Tokens of thinking; `output` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
    /// Sound in an answer; `output` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_out: Option<u64>,
    /// A million requests to tools on the vendor's side; nothing unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_requests: Option<u64>,
}

impl Rates {
    fn cost(&self, usage: &Usage) -> Option<i128> {
        let cache_write_5m = self.cache_write_5m.unwrap_or(self.input);
        let parts = [
            (usage.input_uncached, self.input),
            (usage.cache_read, self.cache_read.unwrap_or(self.input)),
            (usage.cache_write_5m, cache_write_5m),
            (usage.cache_write_1h, self.cache_write_1h.unwrap_or(cache_write_5m)),
            (usage.audio_in, self.audio_in.unwrap_or(self.input)),
            (usage.output_text, self.output),
            (usage.output_reasoning, self.reasoning.unwrap_or(self.output)),
            (usage.audio_out, self.audio_out.unwrap_or(self.output)),
            (usage.tool_requests, self.tool_requests.unwrap_or(0)),
        ];
        parts.into_iter().try_fold(0_i128, |sum, (count, rate)| {
            sum.checked_add(i128::from(count).checked_mul(i128::from(rate))?)
        })
    }

    /// The dearest way in which a prompt token can be billed, sound aside, which Nexus does not send.
    fn dearest_input(&self) -> u64 {
        let caches = [self.cache_read, self.cache_write_5m, self.cache_write_1h];
        caches.into_iter().flatten().fold(self.input, u64::max)
    }

    fn dearest_output(&self) -> u64 {
        self.reasoning.map_or(self.output, |rate| rate.max(self.output))
    }

    fn all(&self) -> impl Iterator<Item = u64> {
        let options = [
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.audio_in,
            self.reasoning,
            self.audio_out,
        ];
        [self.input, self.output].into_iter().chain(options.into_iter().flatten())
    }
}

/// Prices of prompts beyond a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Holds for calls whose prompt has more tokens than this.
    pub above_input_tokens: u64,
    /// Its rates.
    pub rates: Rates,
}

/// The price of a model, from one moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceRow {
    /// The provider's type, such as `openai`, or `*` for any.
    pub provider: String,
    /// The model, or `*` for any of the provider.
    pub model: String,
    /// From when on it holds. The latest row that holds already wins.
    pub valid_from: Timestamp,
    /// What a call's record says of where its price came from.
    pub version: String,
    /// The rates.
    pub rates: Rates,
    /// Rates of long prompts, by rising length.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

impl PriceRow {
    /// Checks that the row can be meant.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_PRICE`.
    pub fn check(&self) -> Result<()> {
        let invalid = |what: &'static str| {
            Err(Error::invalid(what)
                .code("INVALID_PRICE")
                .with("model", &self.model)
                .hint("rates are nano-USD for a million tokens: 2.50 USD is 2500000000"))
        };
        crate::id::check_name("provider", &self.provider)?;
        crate::id::check_name("model", &self.model)?;
        crate::id::check_id("price version", &self.version)?;
        let tiers = self.tiers.iter().map(|tier| &tier.rates);
        if std::iter::once(&self.rates).chain(tiers).flat_map(Rates::all).any(|rate| rate > HIGHEST_RATE) {
            return invalid("a price is beyond 10,000 USD for a million tokens");
        }
        if !self.tiers.is_sorted_by(|a, b| a.above_input_tokens < b.above_input_tokens) {
            return invalid("the tiers of a price rise in length");
        }
        Ok(())
    }

    /// What `usage` costs, rounded up to a whole nano-USD.
    ///
    /// # Errors
    /// [`Unexpected`](crate::ErrorKind::Unexpected) with `PRICE_OVERFLOW` when it cannot be represented.
    pub fn cost(&self, usage: &Usage) -> Result<NanoUsd> {
        let rates = usage.input().map(|input| self.rates_for(input));
        rates.and_then(|rates| rates.cost(usage)).and_then(round_up).ok_or_else(overflow)
    }

    /// The most that a call can cost whose prompt has at most `input` tokens and whose answer has at most `output`.
    ///
    /// # Errors
    /// As [`PriceRow::cost`].
    pub fn worst_case(&self, input: u64, output: u64) -> Result<NanoUsd> {
        // A shorter prompt may fall into a dearer tier: every tier that can be reached is looked at.
        let reachable = self.tiers.iter().filter(|tier| tier.above_input_tokens < input);
        let rates = std::iter::once(&self.rates).chain(reachable.map(|tier| &tier.rates));
        let costs = rates.map(|rates| {
            let input = i128::from(input).checked_mul(i128::from(rates.dearest_input()))?;
            input.checked_add(i128::from(output).checked_mul(i128::from(rates.dearest_output()))?)
        });
        let dearest = costs.collect::<Option<Vec<i128>>>().and_then(|costs| costs.into_iter().max());
        dearest.and_then(round_up).ok_or_else(overflow)
    }

    /// The price of a model on hardware of the operator's own.
    pub fn free(provider: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            provider: provider.into(),
            model: model.into(),
            valid_from: Timestamp::from_micros(0),
            version: "local".to_owned(),
            rates: Rates::default(),
            tiers: Vec::new(),
        }
    }

    /// Whether every call is free, as on one's own hardware.
    pub fn is_free(&self) -> bool {
        let tiers = self.tiers.iter().map(|tier| &tier.rates);
        std::iter::once(&self.rates).chain(tiers).flat_map(Rates::all).all(|rate| rate == 0)
    }

    fn rates_for(&self, input: u64) -> &Rates {
        let reached = self.tiers.iter().rev().find(|tier| input > tier.above_input_tokens);
        reached.map_or(&self.rates, |tier| &tier.rates)
    }
}

fn round_up(sum: i128) -> Option<NanoUsd> {
    let whole = sum.checked_add(999_999)?.checked_div(1_000_000)?;
    i64::try_from(whole).ok().filter(|nanos| *nanos >= 0).map(NanoUsd::from_nanos)
}

fn overflow() -> Error {
    Error::unexpected("a cost is too large to be represented").code("PRICE_OVERFLOW")
}

#[cfg(test)]
mod tests;
