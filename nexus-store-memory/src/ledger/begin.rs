//! How a call begins: claim, stops, limits, in that order.

use nexus_core::Result;
use nexus_core::ledger::{Begun, Call, Intent};
use nexus_core::quota::Refusal;
use rusqlite::Connection;

use super::call::{self, Stored};
use super::claim::{self, Standing};
use super::stop;
use crate::row::to_json;
use crate::{audit, quota};

/// Admits a call, or says why not.
pub(crate) fn begin(connection: &Connection, intent: Intent) -> Result<Begun> {
    let (tenant, mut call) = (intent.tenant.as_str(), intent.call);
    if let Some(no) = look(connection, tenant, &call)? {
        return Ok(no);
    }
    let wanted = &intent.attempt.reserved;
    let reservation = match quota::reserve(connection, tenant, &intent.checks, wanted, call.created_at)? {
        Ok(reservation) => reservation,
        Err(refusal) => return Ok(Begun::Refused(refusal)),
    };
    note_shadowed(&mut call, &reservation.shadowed)?;
    claim::take(connection, tenant, &call, intent.claimed_until)?;
    let mut stored = Stored { call, billable: false, attempt: Some((intent.attempt, reservation.counters)) };
    call::insert(connection, tenant, &mut stored, &intent.owner)?;
    audit::append(connection, &intent.audit)?;
    Ok(Begun::Admitted { shadowed: reservation.shadowed })
}

/// Why a call is not to be made, if its claim or a stop says so.
fn look(connection: &Connection, tenant: &str, call: &Call) -> Result<Option<Begun>> {
    let now = call.created_at;
    Ok(match claim::look(connection, tenant, call)? {
        Standing::UnderWay(id) => Some(Begun::UnderWay(id)),
        Standing::Over(over) => Some(Begun::Replayed(over)),
        Standing::Mismatched => Some(Begun::Mismatched),
        Standing::Free => stop::holding(connection, tenant, &call.consumer.user, now)?.map(Begun::Stopped),
    })
}

/// Writes the limits that were broken in shadow into the call's metadata.
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
