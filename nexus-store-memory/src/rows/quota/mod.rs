//! What may be consumed, inside the transaction that records why: reservations, and what they become.
//!
//! The decision is core's [`admit`]; this reads the counters it looks at and writes what follows from it.
//!
//! - `counter`: counters as rows; `seed`: what a new one begins with.
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

/// A reservation that was made.
pub(crate) struct Reservation {
    /// The counters that hold it: it is taken back from these, whatever limits and windows there are by then.
    pub(crate) counters: Vec<CounterKey>,
    /// Limits that it broke in shadow.
    pub(crate) shadowed: Vec<Refusal>,
}

/// Reserves `wanted` on every counter that `checks` look at, or on none.
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

/// What an attempt that is over leaves on the counters.
pub(crate) struct Charge<'a> {
    /// Who consumed.
    pub(crate) consumer: &'a Consumer,
    /// The model.
    pub(crate) model: &'a str,
    /// What it was called for.
    pub(crate) kind: Operation,
    /// The civil day it is booked on.
    pub(crate) day: &'a str,
    /// What was reserved.
    pub(crate) reserved: &'a MeterAmounts,
    /// What it is charged with, which may be more.
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
        // A counter that holds no reservation is not kept for long after its window.
        if !counter::settle(connection, tenant, key, charge)? && *charge.reserved != MeterAmounts::ZERO {
            return Err(lost());
        }
    }
    // INVARIANT: a counter holds what the ledger has for it, so one that was made while the attempt was under way is
    // charged too.
    for key in counter::covering(connection, tenant, charge, Some(started))? {
        if !counters.contains(&key) {
            counter::settle(connection, tenant, &key, &Charge { reserved: &MeterAmounts::ZERO, ..*charge })?;
        }
    }
    Ok(())
}

/// Adds a correction to the counters that hold what it corrects: those of its day, of its month and of all time. A stretch of
/// seconds passes by itself.
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
    corrupt("a reservation is not on the counter that should hold it")
}

/// How counters stand.
pub(crate) fn used(connection: &Connection, tenant: &str, keys: &[CounterKey]) -> Result<Vec<CounterState>> {
    keys.iter()
        .map(|key| {
            let found = counter::load(connection, tenant, key)?;
            found.map_or_else(|| seed::seed(connection, tenant, key), Ok)
        })
        .collect()
}
