//! Settlement of attempts and calls.

use nexus_core::ledger::{
    Attempt, AttemptOutcome, AttemptStatus, BeginResult, CallResult, CallStatus, LedgerEntry, Operation,
    RetryCall, Settlement,
};
use nexus_core::quota::{CounterKey, MeterAmounts};
use nexus_core::{Error, ErrorKind, Result, Timestamp};
use rusqlite::Connection;

use super::admit::note_shadowed;
use super::call::{self, Stored};
use super::{entry, idempotency, kill_switch, usage};
use crate::error::too_large;
use crate::rows::{audit, quota};

/// Settles one attempt and admits the next. A refused next attempt leaves the first settled.
pub(crate) fn retry(connection: &Connection, retry: &RetryCall) -> Result<BeginResult> {
    let tenant = retry.tenant.as_str();
    let mut stored = call::load(connection, tenant, &retry.call)?;
    if retry.attempt.number <= retry.ending.number {
        return Err(Error::invalid("the next attempt must have a higher number").code("INVALID_ATTEMPT"));
    }
    let open = take_open(&mut stored, &retry.ending)?;
    end(connection, tenant, &mut stored, &open, &retry.ending, &retry.day)?;
    let begun = next(connection, retry, &mut stored)?;
    call::update(connection, tenant, &mut stored, None)?;
    audit::append(connection, &retry.audit)?;
    Ok(begun)
}

/// Admits the next attempt.
fn next(connection: &Connection, retry: &RetryCall, stored: &mut Stored) -> Result<BeginResult> {
    let (tenant, attempt, call) = (retry.tenant.as_str(), &retry.attempt, &mut stored.call);
    let now = attempt.started_at;
    if let Some(switch) = kill_switch::standing(connection, tenant, &call.consumer.user)?.tripped(now) {
        return Ok(BeginResult::KillSwitch(switch));
    }
    match quota::reserve(connection, tenant, &retry.checks, &attempt.reserved, now)? {
        Err(refusal) => Ok(BeginResult::Refused(refusal)),
        Ok(reservation) => {
            (call.provider, call.model) = (attempt.provider.clone(), attempt.model.clone());
            note_shadowed(call, &reservation.shadowed)?;
            stored.attempt = Some((attempt.clone(), reservation.counters));
            Ok(BeginResult::Admitted { shadowed: reservation.shadowed })
        }
    }
}

/// Settles a call, once.
pub(crate) fn settle(connection: &Connection, mut settlement: Settlement) -> Result<bool> {
    let tenant = settlement.tenant.clone();
    let tenant = tenant.as_str();
    let mut stored = call::load(connection, tenant, &settlement.call)?;
    if stored.call.status != CallStatus::Open {
        return Ok(false);
    }
    if settlement.status == CallStatus::Open {
        return Err(Error::invalid("the status of a settlement cannot be `open`").code("INVALID_SETTLEMENT"));
    }
    if let Some(ending) = &settlement.ending {
        let open = take_open(&mut stored, ending)?;
        end(connection, tenant, &mut stored, &open, ending, &settlement.day)?;
    } else if stored.attempt.is_some() {
        return Err(
            Error::new(ErrorKind::Conflict, "an attempt of the call is still open").code("ATTEMPT_OPEN")
        );
    }
    finish(&mut stored, &settlement);
    let call = &stored.call;
    let failed = settlement.status == CallStatus::Failed;
    let tripped = kill_switch::count(connection, &settlement, &call.consumer.user, call.cost, failed)?;
    tripped.iter().for_each(|switch| settlement.record_trip(switch));
    if call.claim.operation == Operation::Chat {
        usage::count_question(connection, tenant, &settlement.day, &call.provider)?;
    }
    let given_back = !stored.billable && settlement.status != CallStatus::Succeeded;
    if let CallResult::Reply(reply) = &mut settlement.result {
        // The reasoning has its own column.
        reply.reasoning.clear();
    }
    idempotency::finish(connection, tenant, call, &settlement.result, given_back)?;
    let reasoning = Some(settlement.reasoning.as_str()).filter(|text| !text.is_empty());
    call::update(connection, tenant, &mut stored, reasoning)?;
    audit::append(connection, &settlement.audit)?;
    Ok(true)
}

/// Takes the open attempt of an outcome, and its counters.
fn take_open(stored: &mut Stored, ending: &AttemptOutcome) -> Result<(Attempt, Vec<CounterKey>)> {
    let open = stored.attempt.take().filter(|(attempt, _)| attempt.number == ending.number);
    open.ok_or_else(|| {
        Error::new(ErrorKind::Conflict, "the attempt has ended already, or never began")
            .code("ATTEMPT_OVER")
            .with("attempt", ending.number)
    })
}

/// Ends an attempt: its charge replaces its reservation, and the ledger gets its entry.
fn end(
    connection: &Connection,
    tenant: &str,
    stored: &mut Stored,
    (attempt, counters): &(Attempt, Vec<CounterKey>),
    ending: &AttemptOutcome,
    day: &str,
) -> Result<()> {
    let call = &mut stored.call;
    let line = LedgerEntry {
        seq: 0,
        ts: ending.at,
        consumer: call.consumer.clone(),
        call: call.id.clone(),
        attempt: attempt.number,
        kind: call.claim.operation,
        provider: attempt.provider.clone(),
        model: attempt.model.clone(),
        price_version: attempt.price_version.clone(),
        status: ending.status,
        usage: ending.usage,
        reserved: attempt.reserved,
        charged: ending.charged,
        estimated: ending.estimated,
        error: ending.error.clone(),
        correction: None,
    };
    let charge = quota::Charge {
        consumer: &line.consumer,
        model: &line.model,
        kind: line.kind,
        day,
        reserved: &line.reserved,
        charged: &line.charged,
    };
    quota::settle(connection, tenant, counters, &charge, attempt.started_at)?;
    entry::add(connection, tenant, &line, day, counters)?;
    usage::book(connection, tenant, &line, day)?;
    call.usage = call.usage.checked_add(&ending.usage).ok_or_else(too_large)?;
    call.cost = call.cost.checked_add(ending.charged.money).ok_or_else(too_large)?;
    call.estimated |= ending.estimated;
    call.error.clone_from(&ending.error);
    stored.billable |= ending.status != AttemptStatus::FailedUnbilled || ending.charged != MeterAmounts::ZERO;
    Ok(())
}

/// Writes the outcome of a call into it.
fn finish(stored: &mut Stored, settlement: &Settlement) {
    let call = &mut stored.call;
    let after = |at: Timestamp| u64::try_from(at.since(call.created_at).as_millis()).unwrap_or(u64::MAX);
    let (latency, first_byte) = (after(settlement.at), settlement.first_byte_at.map(after));
    (call.status, call.latency_ms, call.first_byte_ms) = (settlement.status, Some(latency), first_byte);
    call.distillation_eligible = settlement.distillation_eligible;
    if let Some(avoided) = settlement.avoided {
        (call.was_cached, call.avoided) = (true, avoided);
    }
    match (&settlement.result, settlement.status) {
        (_, CallStatus::Succeeded) => call.error = None,
        (CallResult::Failed(failure), _) => call.error = Some(failure.code.clone()),
        (CallResult::Reply(_) | CallResult::NotKept, _) => {}
    }
}
