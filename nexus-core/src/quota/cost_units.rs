//! Rates of a tenant's own currency: [`CostUnits`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Rates of cost units.
///
/// ```
/// use nexus_core::quota::CostUnits;
///
/// let units = CostUnits { per_1k_tokens: [("gpt-4o".to_owned(), 3)].into(), per_call: 2 };
/// assert_eq!(units.of("gpt-4o", 1_001), Some(4)); // 3.003, rounded up
/// assert_eq!(units.of("another", 1_001), Some(2));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CostUnits {
    /// Units for a thousand tokens, by model; `*` is every model without a rate of its own.
    pub per_1k_tokens: BTreeMap<String, u64>,
    /// Units for a call of a model without a rate.
    pub per_call: u64,
}

impl CostUnits {
    /// Returns the cost units of a call of `model` with `tokens`: tokens times rate over a thousand, rounded up once,
    /// or the flat price of a model without a rate. `None` on overflow.
    pub fn of(&self, model: &str, tokens: u64) -> Option<u64> {
        match self.per_1k_tokens.get(model).or_else(|| self.per_1k_tokens.get("*")) {
            Some(rate) => u64::try_from((u128::from(tokens) * u128::from(*rate)).div_ceil(1_000)).ok(),
            None => Some(self.per_call),
        }
    }

    /// Returns whether a call of `model`, or of any model, can cost a unit. A limit on units that no call costs would
    /// admit everything.
    pub fn can_count(&self, model: Option<&str>) -> bool {
        match model {
            Some(model) => self.of(model, 1_000).is_none_or(|units| units > 0),
            None => self.per_call > 0 || self.per_1k_tokens.values().any(|rate| *rate > 0),
        }
    }
}
