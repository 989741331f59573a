//! Quota counters, changed inside the transaction that records why: reservations and charges.
//!
//! Core's [`admit`] decides; this module reads the counters and writes the result.
//!
//! - `counter`: counters as rows; `seed`: initial state of a new one.
//! - `limit`: the limits that were set.

mod counter;
mod limit;
mod seed;

use std::collections::BTreeMap;

use nexus_core::ledger::Operation;
use nexus_core::quota::{
    Consumer, CounterKey, CounterState, LimitCheck, MeterAmounts, QuotaDecision, Refusal, admit,
};
use nexus_core::{Error, Result, Timestamp};
use rusqlite::Connection;

use crate::error::{corrupt, too_large};

pub(crate) use counter::{columns, sweep_idle};
pub(crate) use limit::{limits, remove_limit, set_limit};
pub(crate) use seed::seed_totals;

/// Reservation of an attempt.
pub(crate) struct Reservation {
    /// Counters that hold it: the settlement releases these, even if limits and windows have changed since.
    pub(crate) counters: Vec<CounterKey>,
    /// Limits that it exceeded in shadow mode.
    pub(crate) shadowed: Vec<Refusal>,
}

/// Reserves `wanted` on every counter of `checks`, or on none.
pub(crate) fn reserve(
    connection: &Connection,
    tenant: &str,
    checks: &[LimitCheck],
    wanted: &MeterAmounts,
    now: Timestamp,
) -> Result<std::result::Result<Reservation, Refusal>> {
    let mut counters = BTreeMap::new();
    for check in checks {
        if !counters.contains_key(&check.key) {
            let found = counter::load(connection, tenant, &check.key)?;
            let is_new = found.is_none();
            let used = found.map_or_else(|| seed::seed(connection, tenant, &check.key), Ok)?;
            counters.insert(&check.key, (used, check.resets_at, is_new));
        }
    }
    let used = |key: &CounterKey| counters.get(key).map_or_else(CounterState::default, |(used, ..)| *used);
    let shadowed = match admit(checks, wanted, used) {
        QuotaDecision::Refused(refusal) => return Ok(Err(refusal)),
        QuotaDecision::Admitted { shadowed } => shadowed,
    };
    for (key, (used, ends_at, _)) in &counters {
        let reserved = used.reserved.checked_add(wanted).ok_or_else(too_large)?;
        counter::save(connection, tenant, key, *ends_at, &CounterState { reserved, ..*used })?;
    }
    if counters.values().any(|(.., is_new)| *is_new) {
        counter::sweep(connection, now)?;
    }
    Ok(Ok(Reservation { counters: counters.into_keys().cloned().collect(), shadowed }))
}

/// Charge of an ended attempt.
pub(crate) struct Charge<'a> {
    /// Consumer.
    pub(crate) consumer: &'a Consumer,
    /// Model.
    pub(crate) model: &'a str,
    /// Operation of the call.
    pub(crate) kind: Operation,
    /// Civil day of the booking.
    pub(crate) day: &'a str,
    /// Amounts that were reserved.
    pub(crate) reserved: &'a MeterAmounts,
    /// Amounts that are charged, which may exceed the reservation.
    pub(crate) charged: &'a MeterAmounts,
}

/// Replaces the reservation of an attempt that `started` then by its charge.
pub(crate) fn settle(
    connection: &Connection,
    tenant: &str,
    counters: &[CounterKey],
    charge: &Charge<'_>,
    started: Timestamp,
) -> Result<()> {
    for key in counters {
        // A counter without a reservation is swept soon after its window.
        if !counter::settle(connection, tenant, key, charge)? && *charge.reserved != MeterAmounts::ZERO {
            return Err(lost());
        }
    }
    // INVARIANT: a counter equals its ledger entries, so one that was created while the attempt was in flight is
    // charged too.
    for key in counter::covering(connection, tenant, charge, Some(started))? {
        if !counters.contains(&key) {
            counter::settle(connection, tenant, &key, &Charge { reserved: &MeterAmounts::ZERO, ..*charge })?;
        }
    }
    Ok(())
}

/// Adds a reconciliation to the counters of its attempt: those of its day, of its month and of all time. Windows of
/// seconds end by themselves.
pub(crate) fn correct(
    connection: &Connection,
    tenant: &str,
    charge: &Charge<'_>,
    change: [i64; 4],
) -> Result<()> {
    let keys = counter::covering(connection, tenant, charge, None)?;
    keys.iter().try_for_each(|key| counter::add(connection, tenant, key, change))
}

fn lost() -> Error {
    corrupt("a reservation is missing from its counter")
}

/// Returns the states of counters.
pub(crate) fn used(connection: &Connection, tenant: &str, keys: &[CounterKey]) -> Result<Vec<CounterState>> {
    keys.iter()
        .map(|key| {
            let found = counter::load(connection, tenant, key)?;
            found.map_or_else(|| seed::seed(connection, tenant, key), Ok)
        })
        .collect()
}
