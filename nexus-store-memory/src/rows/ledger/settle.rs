//! Settlement of attempts and calls: takes a step of core's [`CallState`](nexus_core::ledger::CallState), and writes its rows.

use std::ops::ControlFlow;

use nexus_core::Result;
use nexus_core::ledger::{BeginResult, EndedAttempt, RetryCall, Settlement};
use rusqlite::Connection;

use super::{admit, call, entry, idempotency, kill_switch, usage};
use crate::rows::{audit, quota};

/// Settles one attempt and admits the next. A refused next attempt leaves the first settled.
pub(crate) fn retry(connection: &Connection, retry: &RetryCall) -> Result<BeginResult> {
    let tenant = retry.tenant.as_str();
    let mut state = call::load(connection, tenant, &retry.call)?;
    book(connection, tenant, &state.retry(retry)?)?;
    let (user, now) = (&state.call.consumer.user, retry.attempt.started_at);
    let begun = match admit::reserve(connection, tenant, user, retry.admission(), now)? {
        ControlFlow::Continue(reservation) => {
            state.admit(&retry.attempt, &reservation);
            BeginResult::Admitted { shadowed: reservation.shadowed }
        }
        ControlFlow::Break(refused) => refused,
    };
    call::update(connection, tenant, &mut state, None)?;
    audit::append(connection, &retry.audit)?;
    Ok(begun)
}

/// Settles a call, once.
pub(crate) fn settle(connection: &Connection, mut settlement: Settlement) -> Result<bool> {
    let tenant = &settlement.tenant.to_string();
    let mut state = call::load(connection, tenant, &settlement.call)?;
    let Some(settled) = state.settle(&settlement)? else { return Ok(false) };
    if let Some(attempt) = &settled.attempt {
        book(connection, tenant, attempt)?;
    }
    let call = &state.call;
    let tripped = kill_switch::count(connection, &settlement, &call.consumer, &settled.statistics)?;
    for switch in &tripped {
        settlement.record_trip(switch);
    }
    if settled.is_question {
        usage::count_question(connection, tenant, &settlement.day, &call.provider)?;
    }
    let result = settlement.result.without_reasoning();
    idempotency::finish(connection, tenant, call, &result, settled.releases_key)?;
    let reasoning = Some(settlement.reasoning.as_str()).filter(|text| !text.is_empty());
    call::update(connection, tenant, &mut state, reasoning)?;
    audit::append(connection, &settlement.audit)?;
    Ok(true)
}

/// Writes the rows of an ended attempt.
fn book(connection: &Connection, tenant: &str, ended: &EndedAttempt) -> Result<()> {
    quota::settle(connection, tenant, ended)?;
    entry::add(connection, tenant, &ended.entry, &ended.day, &ended.counters)?;
    usage::book(connection, tenant, &ended.entry, &ended.day)
}
