//! Prices of model calls: dated [`PriceRow`]s, the [`PriceTable`] that finds one, and the cost arithmetic.
//!
//! Every rate is in nano-USD for a million tokens. A cost is summed in 128 bits and rounded up once. A call without a
//! known price is refused, never billed at zero, unless the model runs on the operator's own hardware.

mod store;
mod table;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::money::NanoUsd;
use crate::usage::Usage;

pub use store::PriceStore;
pub use table::{PriceTable, same_model};

/// Upper bound of a plausible rate: 10,000 USD for a million tokens. A higher one has the wrong unit.
const HIGHEST_RATE: u64 = 10_000 * 1_000_000_000;

/// Rates of each bucket of [`Usage`], in nano-USD for a million tokens. A bucket without a rate has the rate of its
/// parent in the same tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Prompt tokens.
    pub input: u64,
    /// Prompt tokens read from the vendor's cache, by default `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    /// Prompt tokens written to the vendor's cache for minutes, by default `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_5m: Option<u64>,
    /// Prompt tokens written to the vendor's cache for an hour, by default `cache_write_5m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<u64>,
    /// Audio tokens of the prompt, by default `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_in: Option<u64>,
    /// Answer tokens.
    pub output: u64,
    /// Reasoning tokens, by default `output`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
    /// Audio tokens of the answer, by default `output`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_out: Option<u64>,
    /// A million requests to tools on the vendor's side, by default 0.
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

    /// Returns the highest rate of a prompt token, without audio, which Nexus does not send.
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

/// Rates of prompts beyond a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The tier applies to calls whose prompt has more tokens than this.
    pub above_input_tokens: u64,
    /// The rates.
    pub rates: Rates,
}

/// Price of a model from a start time on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceRow {
    /// The provider's type, such as `openai`, or `*` for any.
    pub provider: String,
    /// The model, or `*` for any of the provider.
    pub model: String,
    /// The start time. Of the rows already valid, the latest applies.
    pub valid_from: Timestamp,
    /// The version, by which a call's record names its price.
    pub version: String,
    /// The rates.
    pub rates: Rates,
    /// Rates of long prompts, by rising length.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

impl PriceRow {
    /// Checks that the row is plausible.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_PRICE`.
    pub fn check(&self) -> Result<()> {
        let invalid = |what: &'static str| {
            Err(Error::invalid(what)
                .with_code("INVALID_PRICE")
                .with("model", &self.model)
                .with_hint("rates are nano-USD for a million tokens: 2.50 USD is 2500000000"))
        };
        crate::id::check_name("provider", &self.provider)?;
        crate::id::check_name("model", &self.model)?;
        crate::id::check_id("price version", &self.version)?;
        let tiers = self.tiers.iter().map(|tier| &tier.rates);
        if std::iter::once(&self.rates).chain(tiers).flat_map(Rates::all).any(|rate| rate > HIGHEST_RATE) {
            return invalid("a rate exceeds 10,000 USD for a million tokens");
        }
        if !self.tiers.is_sorted_by(|a, b| a.above_input_tokens < b.above_input_tokens) {
            return invalid("the tiers are not in ascending order of `above_input_tokens`");
        }
        Ok(())
    }

    /// Returns the cost of `usage`, rounded up to a whole nano-USD.
    ///
    /// # Errors
    /// [`Unexpected`](crate::ErrorKind::Unexpected) with `PRICE_OVERFLOW` on overflow.
    pub fn cost(&self, usage: &Usage) -> Result<NanoUsd> {
        let rates = usage.input().map(|input| self.rates_for(input));
        rates.and_then(|rates| rates.cost(usage)).and_then(round_up).ok_or_else(overflow)
    }

    /// Returns the maximum cost of a call with at most `input` prompt tokens and at most `output` answer tokens.
    ///
    /// # Errors
    /// As [`PriceRow::cost`].
    pub fn worst_case(&self, input: u64, output: u64) -> Result<NanoUsd> {
        // A shorter prompt may fall into a more expensive tier, so every reachable tier counts.
        let reachable = self.tiers.iter().filter(|tier| tier.above_input_tokens < input);
        let rates = std::iter::once(&self.rates).chain(reachable.map(|tier| &tier.rates));
        let costs = rates.map(|rates| {
            let input = i128::from(input).checked_mul(i128::from(rates.dearest_input()))?;
            input.checked_add(i128::from(output).checked_mul(i128::from(rates.dearest_output()))?)
        });
        let dearest = costs.collect::<Option<Vec<i128>>>().and_then(|costs| costs.into_iter().max());
        dearest.and_then(round_up).ok_or_else(overflow)
    }

    /// Returns the price of a model on the operator's own hardware.
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

    /// Returns whether every call is free, as on the operator's own hardware.
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
    Error::unexpected("the cost of a call overflows").with_code("PRICE_OVERFLOW")
}

#[cfg(test)]
mod tests;
