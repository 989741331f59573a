//! Admission of a call: idempotency key, kill switches, limits, in that order.

use nexus_core::Result;
use nexus_core::ledger::{BeginCall, BeginResult, Call};
use nexus_core::quota::Refusal;
use rusqlite::Connection;

use super::call::{self, Stored};
use super::idempotency::{self, Standing};
use super::kill_switch;
use crate::convert::to_json;
use crate::rows::{audit, quota};

/// Admits a call, or returns why it was not admitted.
pub(crate) fn begin(connection: &Connection, intent: BeginCall) -> Result<BeginResult> {
    let (tenant, mut call) = (intent.tenant.as_str(), intent.call);
    if let Some(no) = look(connection, tenant, &call, intent.settings_version)? {
        return Ok(no);
    }
    let wanted = &intent.attempt.reserved;
    let reservation = match quota::reserve(connection, tenant, &intent.checks, wanted, call.created_at)? {
        Ok(reservation) => reservation,
        Err(refusal) => return Ok(BeginResult::Refused(refusal)),
    };
    note_shadowed(&mut call, &reservation.shadowed)?;
    idempotency::take(connection, tenant, &call, intent.claimed_until)?;
    let mut stored = Stored { call, billable: false, attempt: Some((intent.attempt, reservation.counters)) };
    call::insert(connection, tenant, &mut stored, &intent.owner)?;
    audit::append(connection, &intent.audit)?;
    Ok(BeginResult::Admitted { shadowed: reservation.shadowed })
}

/// Returns the result that the idempotency key, a kill switch or changed settings decide, if any.
fn look(
    connection: &Connection,
    tenant: &str,
    call: &Call,
    settings_version: u64,
) -> Result<Option<BeginResult>> {
    Ok(match idempotency::look(connection, tenant, call)? {
        Standing::UnderWay(id) => Some(BeginResult::InProgress(id)),
        Standing::Over(over) => Some(BeginResult::Replayed(over)),
        Standing::Mismatched => Some(BeginResult::IdempotencyConflict),
        Standing::Free => {
            let standing = kill_switch::standing(connection, tenant, &call.consumer.user)?;
            let is_current = standing.settings_version == settings_version;
            match standing.tripped(call.created_at) {
                Some(switch) => Some(BeginResult::KillSwitch(switch)),
                None => (!is_current).then_some(BeginResult::SettingsChanged),
            }
        }
    })
}

/// Adds the limits exceeded in shadow mode to the call's metadata.
pub(super) fn note_shadowed(call: &mut Call, shadowed: &[Refusal]) -> Result<()> {
    if shadowed.is_empty() {
        return Ok(());
    }
    let more: serde_json::Value =
        serde_json::from_str(&to_json(&shadowed)?).map_err(crate::error::unreadable)?;
    match (call.metadata.get_mut("shadowed"), more) {
        (Some(serde_json::Value::Array(there)), serde_json::Value::Array(more)) => there.extend(more),
        (_, more) => {
            call.metadata.insert("shadowed".to_owned(), more);
        }
    }
    Ok(())
}
