//! Selection and removal of records that are older than their retention.

use nexus_core::audit::Erasable;
use nexus_core::retention::{Expire, RetentionClass};
use nexus_core::{Result, RunId, SessionId, Timestamp};
use rusqlite::{Connection, params};

use crate::error::sql;
use crate::migrations;
use crate::rows::{audit, erasure, ledger, quota, run};

/// Returns the tenants that have audit chains, which includes every tenant with data. Each is found by one look-up.
pub(crate) fn tenants(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection
        .prepare_cached(
            "WITH RECURSIVE next (tenant) AS (
                 SELECT min(tenant) FROM audit_head
                 UNION ALL
                 SELECT (SELECT min(tenant) FROM audit_head WHERE tenant > next.tenant) FROM next
                 WHERE next.tenant IS NOT NULL)
             SELECT tenant FROM next WHERE tenant IS NOT NULL",
        )
        .map_err(sql)?;
    statement.query_map([], |row| row.get(0)).map_err(sql)?.collect::<rusqlite::Result<_>>().map_err(sql)
}

/// Removes expired records with their audit record, and returns their ids.
pub(crate) fn expire(connection: &Connection, step: &Expire) -> Result<Vec<String>> {
    let ids = expired(connection, step.tenant.as_str(), step.class, step.before, step.limit)?;
    if ids.is_empty() {
        return Ok(ids);
    }
    migrations::with_secure_delete(connection, || {
        ids.iter().try_for_each(|id| {
            remove(connection, step.tenant.as_str(), step.class, id)?;
            note_erasure(connection, step, id)
        })
    })?;
    let records = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    audit::append(connection, &step.audit.clone().with_count("records", records))?;
    Ok(ids)
}

/// Returns the ids of at most `limit` expired records, oldest first.
pub(crate) fn expired(
    connection: &Connection,
    tenant: &str,
    class: RetentionClass,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached(candidates(class)).map_err(sql)?;
    let mut rows = statement.query(params![tenant]).map_err(sql)?;
    let (text, mut ids) = (before.to_string(), Vec::new());
    // Candidates come in the order of their start, and a record cannot have ended before it started.
    while let Some(row) = rows.next().map_err(sql)? {
        let (began, ended) = match class {
            RetentionClass::Journals | RetentionClass::Runs | RetentionClass::Jobs => {
                let (began, ended): (String, String) = (row.get(1).map_err(sql)?, row.get(2).map_err(sql)?);
                (began < text, ended < text)
            }
            RetentionClass::Sessions | RetentionClass::Calls => {
                let began: i64 = row.get(1).map_err(sql)?;
                (began < before.as_micros(), true)
            }
        };
        if !began || ids.len() >= limit {
            break;
        }
        if ended {
            ids.push(row.get(0).map_err(sql)?);
        }
    }
    Ok(ids)
}

/// Returns the statement for the removable records of a class: the id, the start and, where it differs, the end, in
/// the order of the start.
pub(crate) fn candidates(class: RetentionClass) -> &'static str {
    match class {
        RetentionClass::Journals => {
            "SELECT id, body ->> '$.created_at', coalesce(body ->> '$.completed_at', body ->> '$.updated_at')
             FROM run INDEXED BY run_with_journal WHERE tenant = ?1 AND closed = 1 AND pruned = 0 ORDER BY seq"
        }
        RetentionClass::Runs => {
            "SELECT id, body ->> '$.created_at', coalesce(body ->> '$.completed_at', body ->> '$.updated_at')
             FROM run WHERE tenant = ?1 AND closed = 1 ORDER BY seq"
        }
        RetentionClass::Sessions => {
            "SELECT id, touched FROM session INDEXED BY session_by_time
             WHERE tenant = ?1 AND NOT EXISTS (
                 SELECT 1 FROM run WHERE run.tenant = ?1 AND run.session = session.id AND run.closed = 0)
             ORDER BY touched"
        }
        RetentionClass::Jobs => {
            "SELECT id, body ->> '$.queued_at', body ->> '$.queued_at' FROM job INDEXED BY job_finished
             WHERE tenant = ?1 AND state IN ('succeeded', 'failed') ORDER BY seq"
        }
        RetentionClass::Calls => {
            "SELECT id, created_at FROM llm_api_calls AS c INDEXED BY call_by_time
             WHERE tenant = ?1 AND status <> 'open'
               AND NOT EXISTS (SELECT 1 FROM idempotency_key WHERE idempotency_key.tenant = ?1 AND idempotency_key.operation = c.endpoint
                                AND idempotency_key.key = c.request_id AND idempotency_key.call = c.id)
               AND NOT EXISTS (SELECT 1 FROM billing_ledger AS l WHERE l.tenant = ?1 AND l.call = c.id
                                AND l.revision = 0 AND l.estimated = 1
                                AND NOT EXISTS (SELECT 1 FROM billing_ledger AS r WHERE r.tenant = ?1 AND r.call = c.id
                                                 AND r.attempt = l.attempt AND r.revision > 0))
             ORDER BY created_at"
        }
    }
}

/// Removes counters, kill switches and hourly statistics without effect on any decision, at most `limit` of each.
pub(crate) fn sweep_idle(
    connection: &Connection,
    tenant: &str,
    before: Timestamp,
    limit: usize,
) -> Result<u64> {
    let removed = quota::sweep_idle(connection, tenant, before, limit)?
        + ledger::kill_switch::prune_kill_switches(connection, tenant, before, limit)?
        + ledger::kill_switch::prune_hourly_stats(connection, tenant, before, limit)?;
    Ok(u64::try_from(removed).unwrap_or(u64::MAX))
}

/// Stores which record tells of a removal.
fn note_erasure(connection: &Connection, step: &Expire, id: &str) -> Result<()> {
    let object = match step.class {
        RetentionClass::Journals | RetentionClass::Runs => Erasable::Run(RunId::parse(id)?),
        RetentionClass::Sessions => Erasable::Session(SessionId::parse(id)?),
        RetentionClass::Calls => Erasable::Call(id.to_owned()),
        RetentionClass::Jobs => return Ok(()),
    };
    erasure::put(connection, step.tenant.as_str(), &object, &step.audit)
}

fn remove(connection: &Connection, tenant: &str, class: RetentionClass, id: &str) -> Result<()> {
    let delete = |statement: &str| {
        connection
            .prepare_cached(statement)
            .and_then(|mut statement| statement.execute(params![tenant, id]))
            .map(drop)
            .map_err(sql)
    };
    match class {
        RetentionClass::Journals => run::prune(connection, tenant, &RunId::parse(id)?),
        RetentionClass::Runs => {
            run::prune(connection, tenant, &RunId::parse(id)?)?;
            delete("DELETE FROM run WHERE tenant = ?1 AND id = ?2")
        }
        RetentionClass::Sessions => delete("DELETE FROM session WHERE tenant = ?1 AND id = ?2"),
        RetentionClass::Jobs => delete("DELETE FROM job WHERE tenant = ?1 AND id = ?2"),
        RetentionClass::Calls => delete("DELETE FROM llm_api_calls WHERE tenant = ?1 AND id = ?2"),
    }
}
