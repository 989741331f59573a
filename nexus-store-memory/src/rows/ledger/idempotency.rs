//! Idempotency records: the call and the result of each idempotency key.
//!
//! A result holds text, so it is stored with its key and expires with it.

use nexus_core::ledger::{BeginResult, Call, CallResult, IdempotencyKey, KeyRecord, KeyTaken};
use nexus_core::{Result, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::call;
use crate::convert::{from_json, to_json};
use crate::error::{corrupt, sql};
use crate::migrations;

/// Upper bound on the expired keys that are deleted when a new one is added.
const SWEEP: i64 = 4;

/// Returns the record of a call's key, if there is one.
pub(super) fn find(connection: &Connection, tenant: &str, call: &Call) -> Result<Option<KeyRecord>> {
    if call.is_keyless() {
        return Ok(None);
    }
    let IdempotencyKey { operation, key } = &call.idempotency_key;
    connection
        .prepare_cached(
            "SELECT call, digest, result IS NOT NULL, given_back, expires_at FROM idempotency_key
             WHERE tenant = ?1 AND operation = ?2 AND key = ?3",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![tenant, operation.as_str(), key], |row| {
                    Ok(KeyRecord {
                        call: row.get(0)?,
                        digest: row.get(1)?,
                        is_settled: row.get(2)?,
                        is_released: row.get(3)?,
                        expires_at: Timestamp::from_micros(row.get(4)?),
                    })
                })
                .optional()
        })
        .map_err(sql)
}

/// Returns the result of an admission whose key is taken.
pub(super) fn taken(connection: &Connection, tenant: &str, taken: KeyTaken) -> Result<BeginResult> {
    Ok(match taken {
        KeyTaken::InProgress(call) => BeginResult::InProgress(call),
        KeyTaken::Mismatched => BeginResult::IdempotencyConflict,
        KeyTaken::Settled(call) => {
            let call = call::load(connection, tenant, &call)?.call;
            let result = stored(connection, tenant, &call)?;
            let result = result.ok_or_else(|| corrupt("an idempotency key has lost its result"))?;
            BeginResult::Replayed(Box::new((call, result)))
        }
    })
}

/// Stores a free key for `call`, and deletes a few expired ones.
pub(super) fn take(connection: &Connection, tenant: &str, call: &Call, until: Timestamp) -> Result<()> {
    if call.is_keyless() {
        return Ok(());
    }
    sweep(connection, call.created_at)?;
    connection
        .prepare_cached(
            "INSERT INTO idempotency_key (tenant, operation, key, call, digest, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET call = ?4, digest = ?5, expires_at = ?6, given_back = 0, result = NULL",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                tenant,
                call.idempotency_key.operation.as_str(),
                call.idempotency_key.key,
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
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM idempotency_key WHERE expires_at <= ?1)")
        .and_then(|mut statement| statement.query_row(params![now.as_micros()], |row| row.get(0)))
        .map_err(sql)?;
    if !ran_out {
        return Ok(());
    }
    migrations::with_secure_delete(connection, || {
        connection
            .prepare_cached(
                "DELETE FROM idempotency_key WHERE (tenant, operation, key) IN (
                     SELECT tenant, operation, key FROM idempotency_key WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
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
    if call.is_keyless() {
        return Ok(());
    }
    let result = to_json(result)?;
    connection
        .prepare_cached(
            "UPDATE idempotency_key SET result = ?5, given_back = ?6
             WHERE tenant = ?1 AND operation = ?2 AND key = ?3 AND call = ?4",
        )
        .and_then(|mut statement| {
            let key = &call.idempotency_key;
            statement.execute(params![tenant, key.operation.as_str(), key.key, call.id, result, given_back])
        })
        .map(drop)
        .map_err(sql)
}

/// Returns the result of a call: none while it is in progress, [`CallResult::NotKept`] once its key is gone.
pub(crate) fn result(connection: &Connection, tenant: &str, id: &str) -> Result<Option<CallResult>> {
    let call = call::load(connection, tenant, id)?.call;
    Ok(call.result(stored(connection, tenant, &call)?))
}

/// Returns the result that is stored with the key of a call.
fn stored(connection: &Connection, tenant: &str, call: &Call) -> Result<Option<CallResult>> {
    let IdempotencyKey { operation, key } = &call.idempotency_key;
    let result: Option<Option<String>> = connection
        .prepare_cached(
            "SELECT result FROM idempotency_key WHERE tenant = ?1 AND operation = ?2 AND key = ?3 AND call = ?4",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![tenant, operation.as_str(), key, call.id], |row| row.get(0))
                .optional()
        })
        .map_err(sql)?;
    result.flatten().map(|result| from_json(&result)).transpose()
}
