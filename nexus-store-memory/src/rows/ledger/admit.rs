//! Admission of a call: reads the state of each of core's stages, and writes the result.

use std::ops::ControlFlow;

use nexus_core::ledger::{BeginCall, BeginResult, CallState, SwitchStage};
use nexus_core::quota::Reservation;
use nexus_core::{Result, Timestamp};
use rusqlite::Connection;

use super::{call, idempotency, kill_switch};
use crate::rows::{audit, quota};

/// Admits a call, or returns why it was not admitted.
pub(crate) fn begin(connection: &Connection, begin: BeginCall) -> Result<BeginResult> {
    let (tenant, call) = (begin.tenant.as_str(), &begin.call);
    let stage = match begin.admission().decide(idempotency::find(connection, tenant, call)?) {
        ControlFlow::Continue(stage) => stage,
        ControlFlow::Break(taken) => return idempotency::taken(connection, tenant, taken),
    };
    let reservation = match reserve(connection, tenant, &call.consumer.user, stage, call.created_at)? {
        ControlFlow::Continue(reservation) => reservation,
        ControlFlow::Break(refused) => return Ok(refused),
    };
    idempotency::take(connection, tenant, call, begin.key_expires_at)?;
    let mut state = CallState::begun(begin.call, begin.lease.owner, begin.attempt, &reservation);
    call::insert(connection, tenant, &mut state, begin.lease.until)?;
    audit::append(connection, &begin.audit)?;
    Ok(BeginResult::Admitted { shadowed: reservation.shadowed })
}

/// Reserves an attempt of a user's call, or returns why it was refused.
pub(super) fn reserve(
    connection: &Connection,
    tenant: &str,
    user: &str,
    stage: SwitchStage<'_>,
    now: Timestamp,
) -> Result<ControlFlow<BeginResult, Reservation>> {
    match stage.decide(kill_switch::tenant_state(connection, tenant, user)?) {
        ControlFlow::Continue(stage) => {
            let decision = quota::reserve(connection, tenant, stage, now)?;
            Ok(decision.map_break(BeginResult::Refused))
        }
        ControlFlow::Break(refused) => Ok(ControlFlow::Break(refused)),
    }
}
