//! Settlement on counters: a charge replaces its reservation, and a correction moves the settled amounts.

use super::amounts::too_large;
use super::{CounterKey, MeterAmounts, MeterDelta};
use crate::error::Result;

/// Change of one counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterChange {
    /// The counter.
    pub key: CounterKey,
    /// The reservation that is released.
    pub released: MeterAmounts,
    /// The change of the settled amounts.
    pub settled: MeterDelta,
    /// Whether the counter must exist: it holds the reservation. Any other one may have been removed with its window.
    pub is_required: bool,
}

/// Returns the changes that replace the `reserved` amounts of an attempt by its `charged` ones.
///
/// `holding` are the counters that hold the reservation, and `covering` are all existing ones that count the attempt. Each of
/// them gets the charge once, so that a counter equals its ledger entries also if it was created during the attempt.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `COUNT_TOO_LARGE`.
pub fn settle(
    holding: &[CounterKey],
    covering: Vec<CounterKey>,
    reserved: &MeterAmounts,
    charged: &MeterAmounts,
) -> Result<Vec<CounterChange>> {
    let settled = MeterDelta::between(&MeterAmounts::ZERO, charged).ok_or_else(too_large)?;
    let is_required = *reserved != MeterAmounts::ZERO;
    let held = holding.iter().map(|key| CounterChange {
        key: key.clone(),
        released: *reserved,
        settled,
        is_required,
    });
    let others = correct(covering.into_iter().filter(|key| !holding.contains(key)), settled);
    Ok(held.chain(others).collect())
}

/// Returns the changes of the counters that count a corrected attempt.
pub fn correct(
    covering: impl IntoIterator<Item = CounterKey>,
    settled: MeterDelta,
) -> impl Iterator<Item = CounterChange> {
    let change = move |key| CounterChange { key, released: MeterAmounts::ZERO, settled, is_required: false };
    covering.into_iter().map(change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::NanoUsd;
    use crate::quota::ScopeKind;

    fn key(window: &str) -> CounterKey {
        CounterKey {
            scope: ScopeKind::User,
            id: "ada".to_owned(),
            model: "*".to_owned(),
            window: window.to_owned(),
        }
    }

    fn amounts(tokens: u64) -> MeterAmounts {
        MeterAmounts { calls: 1, tokens, cost_units: 0, money: NanoUsd::from_nanos(5) }
    }

    #[test]
    fn each_counter_gets_the_charge_once_and_the_holding_ones_lose_the_reservation() {
        let (held, swept, new) = (key("d/2026-03-01"), key("s60/1"), key("m/2026-03"));
        let covering = vec![held.clone(), new.clone()];
        let changes = settle(&[held.clone(), swept.clone()], covering, &amounts(9), &amounts(7)).unwrap();
        let settled = MeterDelta { calls: 1, tokens: 7, cost_units: 0, money: NanoUsd::from_nanos(5) };
        let holding = |key| CounterChange { key, released: amounts(9), settled, is_required: true };
        let other = CounterChange { key: new, released: MeterAmounts::ZERO, settled, is_required: false };
        assert_eq!(changes, [holding(held), holding(swept), other]);
    }

    #[test]
    fn a_counter_without_a_reservation_may_be_gone() {
        let changes = settle(&[key("s60/1")], Vec::new(), &MeterAmounts::ZERO, &amounts(7)).unwrap();
        assert!(!changes[0].is_required);
    }

    #[test]
    fn a_charge_that_no_counter_holds_is_an_error() {
        let error = settle(&[], Vec::new(), &MeterAmounts::ZERO, &amounts(u64::MAX)).unwrap_err();
        assert_eq!(error.code(), "COUNT_TOO_LARGE");
    }
}
