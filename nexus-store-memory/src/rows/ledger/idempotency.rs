//! Idempotency records: the call and the result of each idempotency key.
//!
//! A result holds text, so it is stored with its key and expires with it. A call without a key uses its own id as
//! key, which no other request can name: there is nothing to look up and nothing to store.

use nexus_core::ledger::{Call, CallResult, CallStatus};
use nexus_core::{Result, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::call;
use crate::convert::{from_json, to_json};
use crate::error::sql;
use crate::migrations;

/// Upper bound on the expired keys that are deleted when a new one is added.
const SWEEP: i64 = 4;

/// State of an idempotency key.
pub(super) enum Standing {
    /// No request holds the key.
    Free,
    /// The call of this id is in progress.
    UnderWay(String),
    /// The call has ended.
    Over(Box<(Call, CallResult)>),
    /// The key belongs to another request.
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

/// Returns the state of the idempotency key of a new call.
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

/// Stores a free key for `call`, and deletes a few expired ones.
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

/// Deletes a few expired keys with their results.
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

/// Stores the result of a call with its key, if the key is still its own. A released key is free for the next
/// request, and callers that wait already receive the result.
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

/// Returns the result of a call: none while it is in progress, [`CallResult::NotKept`] once its key is gone.
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
