//! Claims: which call a request is, and what came of it.
//!
//! A result holds text, so it is kept with its claim and goes with it. A call that nobody gave a key is claimed under its
//! own id, which nobody can ask for again: there is nothing to look up and nothing to keep.

use nexus_core::ledger::{Call, CallResult, CallStatus};
use nexus_core::{Result, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::call;
use crate::convert::{from_json, to_json};
use crate::error::sql;
use crate::migrations;

/// How many claims that ran out are deleted when a new one is made.
const SWEEP: i64 = 4;

/// How a claim stands.
pub(super) enum Standing {
    /// Nobody has it.
    Free,
    /// The call of this id is being made.
    UnderWay(String),
    /// The call was made.
    Over(Box<(Call, CallResult)>),
    /// It is for another request.
    Mismatched,
}

struct Row {
    call: String,
    digest: String,
    result: Option<String>,
}

fn is_keyless(call: &Call) -> bool {
    call.claim.key == call.id
}

/// Looks up how the claim of a call that is not made yet stands.
pub(super) fn look(connection: &Connection, tenant: &str, call: &Call) -> Result<Standing> {
    if is_keyless(call) {
        return Ok(Standing::Free);
    }
    let (claim, now) = (&call.claim, call.created_at);
    let found = connection
        .prepare_cached(
            "SELECT call, digest, result FROM claim
             WHERE tenant = ?1 AND operation = ?2 AND key = ?3 AND expires_at > ?4 AND given_back = 0",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![tenant, claim.operation.as_str(), claim.key, now.as_micros()], |row| {
                    Ok(Row { call: row.get(0)?, digest: row.get(1)?, result: row.get(2)? })
                })
                .optional()
        })
        .map_err(sql)?;
    let Some(row) = found else { return Ok(Standing::Free) };
    if row.digest != call.digest {
        return Ok(Standing::Mismatched);
    }
    let Some(result) = row.result else { return Ok(Standing::UnderWay(row.call)) };
    let call = call::load(connection, tenant, &row.call)?.call;
    Ok(Standing::Over(Box::new((call, from_json(&result)?))))
}

/// Takes a free claim for `call`, and deletes a few that ran out.
pub(super) fn take(connection: &Connection, tenant: &str, call: &Call, until: Timestamp) -> Result<()> {
    if is_keyless(call) {
        return Ok(());
    }
    sweep(connection, call.created_at)?;
    connection
        .prepare_cached(
            "INSERT INTO claim (tenant, operation, key, call, digest, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET call = ?4, digest = ?5, expires_at = ?6, given_back = 0, result = NULL",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                tenant,
                call.claim.operation.as_str(),
                call.claim.key,
                call.id,
                call.digest,
                until.as_micros(),
            ])
        })
        .map(drop)
        .map_err(sql)
}

/// Deletes a few claims that ran out, with the answers that they keep.
fn sweep(connection: &Connection, now: Timestamp) -> Result<()> {
    let ran_out: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM claim WHERE expires_at <= ?1)")
        .and_then(|mut statement| statement.query_row(params![now.as_micros()], |row| row.get(0)))
        .map_err(sql)?;
    if !ran_out {
        return Ok(());
    }
    migrations::with_secure_delete(connection, || {
        connection
            .prepare_cached(
                "DELETE FROM claim WHERE (tenant, operation, key) IN (
                     SELECT tenant, operation, key FROM claim WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
            )
            .and_then(|mut statement| statement.execute(params![now.as_micros(), SWEEP]))
            .map(drop)
            .map_err(sql)
    })
}

/// Keeps what came of a call with its claim, if that is still its own. A claim that is given back is free for
/// whoever asks next, and tells those who wait already what came of the call.
pub(super) fn finish(
    connection: &Connection,
    tenant: &str,
    call: &Call,
    result: &CallResult,
    given_back: bool,
) -> Result<()> {
    if is_keyless(call) {
        return Ok(());
    }
    let result = to_json(result)?;
    connection
        .prepare_cached(
            "UPDATE claim SET result = ?5, given_back = ?6
             WHERE tenant = ?1 AND operation = ?2 AND key = ?3 AND call = ?4",
        )
        .and_then(|mut statement| {
            let claim = &call.claim;
            statement.execute(params![
                tenant,
                claim.operation.as_str(),
                claim.key,
                call.id,
                result,
                given_back
            ])
        })
        .map(drop)
        .map_err(sql)
}

/// What became of a call: nothing while it is under way, [`CallResult::NotKept`] once its claim is gone.
pub(crate) fn result(connection: &Connection, tenant: &str, id: &str) -> Result<Option<CallResult>> {
    let call = call::load(connection, tenant, id)?.call;
    if call.status == CallStatus::Open {
        return Ok(None);
    }
    let result: Option<Option<String>> = connection
        .prepare_cached(
            "SELECT result FROM claim WHERE tenant = ?1 AND operation = ?2 AND key = ?3 AND call = ?4",
        )
        .and_then(|mut statement| {
            let claim = &call.claim;
            statement
                .query_row(params![tenant, claim.operation.as_str(), claim.key, id], |row| row.get(0))
                .optional()
        })
        .map_err(sql)?;
    match result.flatten() {
        Some(result) => from_json(&result).map(Some),
        None => Ok(Some(CallResult::NotKept)),
    }
}
