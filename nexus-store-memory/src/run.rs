//! Runs as rows, with their journals and the passages they showed.

use nexus_core::grounding::Evidence;
use nexus_core::run::{Advance, Event, Journal, Run, RunQuery, RunState};
use nexus_core::{Error, ErrorKind, Result, RunId, SessionId, SubjectId, TenantId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::sql;
use crate::row::{from_json, limit, number, to_json};
use crate::{audio, audit, ledger, session};

fn not_found() -> Error {
    Error::not_found("there is no such run").code("RUN_NOT_FOUND")
}

pub(crate) fn advance(connection: &Connection, step: &Advance) -> Result<()> {
    let run = &step.run;
    let tenant = run.tenant();
    put(connection, run)?;
    add_events(connection, tenant, &run.id, &step.events)?;
    if let Some(evidence) = &step.evidence {
        put_evidence(connection, tenant, &run.id, evidence)?;
    }
    if let Some(speech) = &step.audio {
        audio::put(connection, tenant, &run.id, speech)?;
    }
    session::say(connection, tenant, &run.session_id, run.principal.subject(), &step.messages)?;
    audit::append(connection, &step.audit).map(drop)
}

/// Writes the run, if the stored one is exactly one version behind.
fn put(connection: &Connection, run: &Run) -> Result<()> {
    let (body, closed) = (to_json(run)?, run.state() == RunState::Closed);
    let (tenant, id, version) = (run.tenant().as_str(), run.id.as_str(), number(run.version));
    let changed = if run.version == 1 {
        connection
            .prepare_cached(
                "INSERT INTO run (tenant, id, owner, session, closed, version, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            )
            .and_then(|mut statement| {
                let owner = run.principal.subject().as_str();
                statement.execute(params![tenant, id, owner, run.session_id.as_str(), closed, version, body])
            })
    } else {
        connection
            .prepare_cached(
                "UPDATE run SET closed = ?3, version = ?4, body = ?5
                 WHERE tenant = ?1 AND id = ?2 AND version = ?4 - 1",
            )
            .and_then(|mut statement| statement.execute(params![tenant, id, closed, version, body]))
    };
    if changed.map_err(sql)? == 1 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Conflict, "the run was changed by another driver").code("RUN_CONFLICT"))
}

/// Adds events at the end of a run's journal, which has no gaps.
pub(crate) fn add_events(
    connection: &Connection,
    tenant: &TenantId,
    run: &RunId,
    events: &[Event],
) -> Result<()> {
    let Some(first) = events.first() else { return Ok(()) };
    let next: i64 = connection
        .prepare_cached("SELECT coalesce(max(seq) + 1, 0) FROM event WHERE tenant = ?1 AND run = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![tenant.as_str(), run.as_str()], |row| row.get(0))
        })
        .map_err(sql)?;
    let pruned = next == 0 && first.seq > 0 && is_pruned(connection, tenant, run)?;
    let start = if pruned { first.seq } else { u64::try_from(next).unwrap_or(0) };
    let mut statement = connection
        .prepare_cached("INSERT INTO event (tenant, run, seq, body) VALUES (?1, ?2, ?3, ?4)")
        .map_err(sql)?;
    for (expected, event) in (start..).zip(events) {
        if event.seq != expected {
            return Err(Error::new(ErrorKind::Conflict, "an event is not the next of its run's journal")
                .code("RUN_CONFLICT")
                .with("expected", expected)
                .with("given", event.seq));
        }
        statement
            .execute(params![tenant.as_str(), run.as_str(), number(event.seq), to_json(event)?])
            .map_err(sql)?;
    }
    Ok(())
}

pub(crate) fn put_evidence(
    connection: &Connection,
    tenant: &TenantId,
    run: &RunId,
    evidence: &[Evidence],
) -> Result<()> {
    let body = to_json(&evidence)?;
    connection
        .prepare_cached("UPDATE run SET evidence = ?3 WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| statement.execute(params![tenant.as_str(), run.as_str(), body]))
        .map(drop)
        .map_err(sql)
}

pub(crate) fn load(connection: &Connection, tenant: &TenantId, id: &RunId) -> Result<Run> {
    let body: Option<String> = connection
        .prepare_cached("SELECT body FROM run WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![tenant.as_str(), id.as_str()], |row| row.get(0)).optional()
        })
        .map_err(sql)?;
    from_json(&body.ok_or_else(not_found)?)
}

pub(crate) fn list(connection: &Connection, tenant: &TenantId, query: &RunQuery) -> Result<Vec<Run>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT body FROM run AS r WHERE tenant = ?1
               AND (?2 IS NULL OR owner = ?2) AND (?3 IS NULL OR session = ?3) AND (?4 IS NULL OR closed = ?4)
               AND (?5 IS NULL OR ?5 IN (SELECT value FROM json_each(r.body, '$.ask.tags')))
               AND (?6 IS NULL OR seq < (SELECT seq FROM run WHERE tenant = ?1 AND id = ?6))
             ORDER BY seq DESC LIMIT ?7",
        )
        .map_err(sql)?;
    let bodies = statement
        .query_map(
            params![
                tenant.as_str(),
                query.owner.as_ref().map(SubjectId::as_str),
                query.session.as_ref().map(SessionId::as_str),
                query.state.map(|state| state == RunState::Closed),
                query.tag,
                query.before.as_ref().map(RunId::as_str),
                limit(query.limit),
            ],
            |row| row.get::<_, String>(0),
        )
        .map_err(sql)?;
    bodies.map(|body| from_json(&body.map_err(sql)?)).collect()
}

pub(crate) fn unfinished(connection: &Connection) -> Result<Vec<Run>> {
    let mut statement =
        connection.prepare_cached("SELECT body FROM run WHERE closed = 0 ORDER BY seq").map_err(sql)?;
    let bodies = statement.query_map([], |row| row.get::<_, String>(0)).map_err(sql)?;
    bodies.map(|body| from_json(&body.map_err(sql)?)).collect()
}

pub(crate) fn evidence(connection: &Connection, tenant: &TenantId, id: &RunId) -> Result<Vec<Evidence>> {
    let body: Option<Option<String>> = connection
        .prepare_cached("SELECT evidence FROM run WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![tenant.as_str(), id.as_str()], |row| row.get(0)).optional()
        })
        .map_err(sql)?;
    body.flatten().map_or_else(|| Ok(Vec::new()), |body| from_json(&body))
}

fn is_pruned(connection: &Connection, tenant: &TenantId, id: &RunId) -> Result<bool> {
    connection
        .prepare_cached("SELECT pruned FROM run WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![tenant.as_str(), id.as_str()], |row| row.get(0)).optional()
        })
        .map_err(sql)?
        .ok_or_else(not_found)
}

pub(crate) fn journal(
    connection: &Connection,
    tenant: &TenantId,
    id: &RunId,
    from: u64,
    at_most: usize,
) -> Result<Journal> {
    if is_pruned(connection, tenant, id)? {
        return Ok(Journal::Pruned);
    }
    let mut statement = connection
        .prepare_cached(
            "SELECT body FROM event WHERE tenant = ?1 AND run = ?2 AND seq >= ?3 ORDER BY seq LIMIT ?4",
        )
        .map_err(sql)?;
    let key = params![tenant.as_str(), id.as_str(), number(from), limit(at_most)];
    let bodies = statement.query_map(key, |row| row.get::<_, String>(0)).map_err(sql)?;
    bodies.map(|body| from_json(&body.map_err(sql)?)).collect::<Result<_>>().map(Journal::Events)
}

pub(crate) fn prune(connection: &Connection, tenant: &TenantId, id: &RunId) -> Result<()> {
    let key = params![tenant.as_str(), id.as_str()];
    let found = connection
        .execute("UPDATE run SET pruned = 1, evidence = NULL WHERE tenant = ?1 AND id = ?2", key)
        .map_err(sql)?;
    if found == 0 {
        return Err(not_found());
    }
    audio::erase(connection, tenant, id)?;
    ledger::forget_run(connection, tenant, id)?;
    connection.execute("DELETE FROM event WHERE tenant = ?1 AND run = ?2", key).map(drop).map_err(sql)
}

pub(crate) fn check_cancellable(run: &Run) -> Result<()> {
    match run.state() {
        RunState::Running => Ok(()),
        RunState::Closed => {
            Err(Error::new(ErrorKind::Conflict, "the run is over already").code("RUN_CLOSED"))
        }
    }
}
