//! Quota counters, changed inside the transaction that records why: reservations and charges.
//!
//! Core decides; this module reads the counters and writes the result.
//!
//! - `counter`: counters as rows; `seed`: initial state of a new one.
//! - `limit`: the limits that were set.

mod counter;
mod limit;
mod seed;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use nexus_core::ledger::{EndedAttempt, LedgerEntry, LimitStage};
use nexus_core::quota::{self, CounterKey, CounterState, Refusal, Reservation};
use nexus_core::{Result, Timestamp};
use rusqlite::Connection;

use crate::error::too_large;

pub(crate) use counter::{columns, sweep_idle};
pub(crate) use limit::{limits, remove_limit, set_limit};
pub(crate) use seed::seed_totals;

/// Reserves an attempt on every counter of its limits, or on none.
pub(crate) fn reserve(
    connection: &Connection,
    tenant: &str,
    stage: LimitStage<'_>,
    now: Timestamp,
) -> Result<ControlFlow<Refusal, Reservation>> {
    let (mut states, mut is_new) = (BTreeMap::new(), false);
    for key in stage.counters() {
        let found = counter::load(connection, tenant, key)?;
        is_new |= found.is_none();
        let state = found.map_or_else(|| seed::seed(connection, tenant, key), Ok)?;
        states.insert(key.clone(), state);
    }
    let decision = stage.decide(&states)?;
    if let ControlFlow::Continue(reservation) = &decision {
        reservation.counters.iter().try_for_each(|counter| counter::save(connection, tenant, counter))?;
        if is_new {
            counter::sweep(connection, now)?;
        }
    }
    Ok(decision)
}

/// Replaces the reservation of an ended attempt by its charge.
pub(crate) fn settle(connection: &Connection, tenant: &str, ended: &EndedAttempt) -> Result<()> {
    let EndedAttempt { entry, day, started_at, counters } = ended;
    let covering = counter::covering(connection, tenant, entry, day, Some(*started_at))?;
    let changes = quota::settle(counters, covering, &entry.reserved, &entry.charged)?;
    changes.iter().try_for_each(|change| counter::change(connection, tenant, change))
}

/// Adds a correction to the counters of its attempt: those of its day, of its month and of all time. Windows of seconds
/// end by themselves.
pub(crate) fn correct(connection: &Connection, tenant: &str, entry: &LedgerEntry, day: &str) -> Result<()> {
    let covering = counter::covering(connection, tenant, entry, day, None)?;
    let settled = entry.change().ok_or_else(too_large)?;
    quota::correct(covering, settled).try_for_each(|change| counter::change(connection, tenant, &change))
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
