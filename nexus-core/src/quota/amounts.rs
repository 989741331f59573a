//! What a call takes from a budget: [`Amounts`] of each [`Meter`].

use serde::{Deserialize, Serialize};

use crate::money::NanoUsd;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meter {
    /// Calls.
    Calls,
    /// Tokens, of prompt and answer together.
    Tokens,
    /// The tenant's own units, see [`CostUnits`](super::CostUnits).
    CostUnits,
    /// Money, in billionths of a dollar.
    Money,
}

impl Meter {
    /// Every meter, in the order in which limits are checked.
    pub const ALL: [Self; 4] = [Self::Calls, Self::Tokens, Self::CostUnits, Self::Money];

    /// The meter's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Tokens => "tokens",
            Self::CostUnits => "cost_units",
            Self::Money => "money",
        }
    }
}

/// An amount of each meter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// Calls.
    pub calls: u64,
    /// Tokens.
    pub tokens: u64,
    /// Cost units.
    pub cost_units: u64,
    /// Money.
    pub money: NanoUsd,
}

impl Amounts {
    /// Nothing.
    pub const ZERO: Self = Self { calls: 0, tokens: 0, cost_units: 0, money: NanoUsd::ZERO };

    /// How much of `meter`. Money that is negative, which no rule here makes, counts as none.
    pub fn of(&self, meter: Meter) -> u64 {
        match meter {
            Meter::Calls => self.calls,
            Meter::Tokens => self.tokens,
            Meter::CostUnits => self.cost_units,
            Meter::Money => u64::try_from(self.money.as_nanos()).unwrap_or(0),
        }
    }

    /// The sum, or `None` when a meter overflows.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        Some(Self {
            calls: self.calls.checked_add(other.calls)?,
            tokens: self.tokens.checked_add(other.tokens)?,
            cost_units: self.cost_units.checked_add(other.cost_units)?,
            money: self.money.checked_add(other.money)?,
        })
    }

    /// The difference, or `None` when there is less of a meter than is taken away.
    #[must_use]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        let money = self.money.as_nanos().checked_sub(other.money.as_nanos()).filter(|left| *left >= 0)?;
        Some(Self {
            calls: self.calls.checked_sub(other.calls)?,
            tokens: self.tokens.checked_sub(other.tokens)?,
            cost_units: self.cost_units.checked_sub(other.cost_units)?,
            money: NanoUsd::from_nanos(money),
        })
    }
}
