//! Consumption of a call: [`MeterAmounts`] of each [`Meter`].

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::money::NanoUsd;

/// Quantity that a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meter {
    /// Calls.
    Calls,
    /// Tokens of prompt and answer together.
    Tokens,
    /// The tenant's own units, see [`CostUnits`](super::CostUnits).
    CostUnits,
    /// Money, in billionths of a dollar.
    Money,
}

impl Meter {
    /// Every meter, in the order in which limits are checked.
    pub const ALL: [Self; 4] = [Self::Calls, Self::Tokens, Self::CostUnits, Self::Money];

    /// Returns the meter's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Tokens => "tokens",
            Self::CostUnits => "cost_units",
            Self::Money => "money",
        }
    }
}

/// Amount of each meter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterAmounts {
    /// Calls.
    pub calls: u64,
    /// Tokens.
    pub tokens: u64,
    /// Cost units.
    pub cost_units: u64,
    /// Money.
    pub money: NanoUsd,
}

impl MeterAmounts {
    /// Zero of each meter.
    pub const ZERO: Self = Self { calls: 0, tokens: 0, cost_units: 0, money: NanoUsd::ZERO };

    /// Returns the amount of `meter`. Negative money, which no rule here produces, counts as zero.
    pub fn of(&self, meter: Meter) -> u64 {
        match meter {
            Meter::Calls => self.calls,
            Meter::Tokens => self.tokens,
            Meter::CostUnits => self.cost_units,
            Meter::Money => u64::try_from(self.money.as_nanos()).unwrap_or(0),
        }
    }

    /// Returns the smaller amount of each meter.
    #[must_use]
    pub fn at_most(&self, other: &Self) -> Self {
        Self {
            calls: self.calls.min(other.calls),
            tokens: self.tokens.min(other.tokens),
            cost_units: self.cost_units.min(other.cost_units),
            money: self.money.min(other.money),
        }
    }

    /// Returns the sum, or `None` when a meter overflows.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        Some(Self {
            calls: self.calls.checked_add(other.calls)?,
            tokens: self.tokens.checked_add(other.tokens)?,
            cost_units: self.cost_units.checked_add(other.cost_units)?,
            money: self.money.checked_add(other.money)?,
        })
    }

    /// Returns the difference, or `None` when a meter would fall below zero.
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

/// Signed difference of two amounts of each meter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeterDelta {
    /// Calls.
    pub calls: i64,
    /// Tokens.
    pub tokens: i64,
    /// Cost units.
    pub cost_units: i64,
    /// Money.
    pub money: NanoUsd,
}

impl MeterDelta {
    /// Returns the difference from `before` to `after`, or `None` on overflow.
    pub fn between(before: &MeterAmounts, after: &MeterAmounts) -> Option<Self> {
        let change =
            |before: u64, after: u64| i64::try_from(i128::from(after).checked_sub(i128::from(before))?).ok();
        let money = after.money.as_nanos().checked_sub(before.money.as_nanos())?;
        Some(Self {
            calls: change(before.calls, after.calls)?,
            tokens: change(before.tokens, after.tokens)?,
            cost_units: change(before.cost_units, after.cost_units)?,
            money: NanoUsd::from_nanos(money),
        })
    }
}

impl MeterAmounts {
    /// Returns the amounts after a change, or `None` when a meter would fall below zero or overflow.
    #[must_use]
    pub fn checked_change(&self, change: &MeterDelta) -> Option<Self> {
        let money = self.money.checked_add(change.money).filter(|money| *money >= NanoUsd::ZERO)?;
        Some(Self {
            calls: self.calls.checked_add_signed(change.calls)?,
            tokens: self.tokens.checked_add_signed(change.tokens)?,
            cost_units: self.cost_units.checked_add_signed(change.cost_units)?,
            money,
        })
    }
}

/// The error for a sum that no counter holds.
pub(crate) fn too_large() -> Error {
    Error::invalid("a count is too large to be stored").with_code("COUNT_TOO_LARGE")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amounts() -> impl Strategy<Value = MeterAmounts> {
        let count = || prop_oneof![3 => 0_u64..1_000, 1 => any::<u64>()];
        (count(), count(), count(), 0_i64..=i64::MAX).prop_map(|(calls, tokens, cost_units, nanos)| {
            MeterAmounts { calls, tokens, cost_units, money: NanoUsd::from_nanos(nanos) }
        })
    }

    proptest! {
        #[test]
        fn a_change_leads_from_one_to_the_other_and_back_or_there_is_none(one in amounts(), other in amounts()) {
            let fits = |one: u64, other: u64| i64::try_from(i128::from(other) - i128::from(one)).is_ok();
            let all = [(one.calls, other.calls), (one.tokens, other.tokens), (one.cost_units, other.cost_units)];
            match MeterDelta::between(&one, &other) {
                Some(change) => prop_assert_eq!(one.checked_change(&change), Some(other)),
                None => prop_assert!(all.iter().any(|(one, other)| !fits(*one, *other))),
            }
            if let Some(back) = MeterDelta::between(&other, &one) {
                prop_assert_eq!(other.checked_change(&back), Some(one));
            }
        }
    }

    #[test]
    fn nothing_is_ever_less_than_nothing() {
        let less = MeterDelta { money: NanoUsd::from_nanos(-1), ..MeterDelta::default() };
        assert_eq!(MeterAmounts::ZERO.checked_change(&less), None);
        assert_eq!(
            MeterAmounts::ZERO.checked_change(&MeterDelta { tokens: -1, ..MeterDelta::default() }),
            None
        );
    }
}
