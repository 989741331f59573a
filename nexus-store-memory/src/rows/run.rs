//! Runs as rows, with their journals and their retrieved passages.

use nexus_core::grounding::Evidence;
use nexus_core::owner::{OwnerLease, owner_lost};
use nexus_core::run::{Event, Journal, Run, RunContents, RunQuery, RunState, RunTransition};
use nexus_core::system::OpenRun;
use nexus_core::{Error, ErrorKind, OwnerId, Result, RunId, SessionId, SubjectId, invalid_cursor};
use rusqlite::{Connection, OptionalExtension, params};

use crate::convert::{from_json, limit, number, to_json};
use crate::db::select::Select;
use crate::error::sql;
use crate::rows::{audio, audit, ledger, session};

fn not_found() -> Error {
    Error::not_found("there is no such run").with_code("RUN_NOT_FOUND")
}

pub(crate) fn advance(connection: &Connection, step: &RunTransition) -> Result<()> {
    let run = &step.run;
    let tenant = run.principal.tenant_id();
    put(connection, run, &step.lease)?;
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

/// Writes the run, if the stored one is exactly one version behind and of the same owner.
fn put(connection: &Connection, run: &Run, lease: &OwnerLease) -> Result<()> {
    let (body, closed) = (to_json(run)?, run.state() == RunState::Closed);
    let (tenant, id, version) = (run.principal.tenant_id(), run.id.as_str(), number(run.version));
    let (driver, until) = (lease.owner.as_str(), lease.until.as_micros());
    let changed = if run.version == 1 {
        connection
            .prepare_cached(
                "INSERT INTO run (tenant, id, owner, session, closed, version, body, driver, lease_until)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
            )
            .and_then(|mut statement| {
                let (owner, session) = (run.principal.subject().as_str(), run.session_id.as_str());
                statement.execute(params![tenant, id, owner, session, closed, version, body, driver, until])
            })
    } else {
        connection
            .prepare_cached(
                "UPDATE run SET closed = ?3, version = ?4, body = ?5, lease_until = ?7
                 WHERE tenant = ?1 AND id = ?2 AND version = ?4 - 1 AND driver = ?6",
            )
            .and_then(|mut statement| {
                statement.execute(params![tenant, id, closed, version, body, driver, until])
            })
    };
    if changed.map_err(sql)? == 1 {
        return Ok(());
    }
    match self::driver(connection, run.principal.tenant_id(), &run.id)? {
        Some(other) if other != driver => Err(owner_lost("run")),
        Some(_) | None => Err(Error::new(ErrorKind::Conflict, "the run was changed by another driver")
            .with_code("RUN_CONFLICT")),
    }
}

/// Returns the owner that drives an unfinished run; none where there is no such run.
pub(crate) fn driver(connection: &Connection, tenant: &str, id: &RunId) -> Result<Option<String>> {
    connection
        .prepare_cached("SELECT driver FROM run WHERE tenant = ?1 AND id = ?2 AND closed = 0")
        .and_then(|mut statement| {
            statement.query_row(params![tenant, id.as_str()], |row| row.get(0)).optional()
        })
        .map_err(sql)
}

/// Appends events to a run's journal, which has no gaps.
pub(crate) fn add_events(connection: &Connection, tenant: &str, run: &RunId, events: &[Event]) -> Result<()> {
    let Some(first) = events.first() else { return Ok(()) };
    let next: i64 = connection
        .prepare_cached("SELECT coalesce(max(seq) + 1, 0) FROM event WHERE tenant = ?1 AND run = ?2")
        .and_then(|mut statement| statement.query_row(params![tenant, run.as_str()], |row| row.get(0)))
        .map_err(sql)?;
    let pruned = next == 0 && first.seq > 0 && is_pruned(connection, tenant, run)?;
    let start = if pruned { first.seq } else { u64::try_from(next).unwrap_or(0) };
    let mut statement = connection
        .prepare_cached("INSERT INTO event (tenant, run, seq, body) VALUES (?1, ?2, ?3, ?4)")
        .map_err(sql)?;
    for (expected, event) in (start..).zip(events) {
        if event.seq != expected {
            return Err(Error::new(
                ErrorKind::Conflict,
                "an event does not follow the last event of its run's journal",
            )
            .with_code("RUN_CONFLICT")
            .with("expected", expected)
            .with("given", event.seq));
        }
        statement.execute(params![tenant, run.as_str(), number(event.seq), to_json(event)?]).map_err(sql)?;
    }
    Ok(())
}

pub(crate) fn put_evidence(
    connection: &Connection,
    tenant: &str,
    run: &RunId,
    evidence: &[Evidence],
) -> Result<()> {
    let body = to_json(&evidence)?;
    connection
        .prepare_cached("UPDATE run SET evidence = ?3 WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| statement.execute(params![tenant, run.as_str(), body]))
        .map(drop)
        .map_err(sql)
}

pub(crate) fn load(connection: &Connection, tenant: &str, id: &RunId) -> Result<Run> {
    let body: Option<String> = connection
        .prepare_cached("SELECT body FROM run WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![tenant, id.as_str()], |row| row.get(0)).optional()
        })
        .map_err(sql)?;
    from_json(&body.ok_or_else(not_found)?)
}

/// Returns a page of a tenant's runs, latest first.
pub(crate) fn list(connection: &Connection, tenant: &str, query: &RunQuery) -> Result<Vec<Run>> {
    let cursor = query.page.after.as_deref();
    let before = cursor.map(|id| seq(connection, tenant, query.owner.as_ref(), id)).transpose()?;
    let mut select = Select::new(source(query));
    select.equal("r.tenant", tenant);
    if let Some(tag) = &query.tag {
        select.equal("t.tenant", tenant).equal("t.tag", tag.as_str());
    }
    if let Some(session) = &query.session {
        select.equal("r.session", session.as_str());
    }
    if let Some(owner) = &query.owner {
        select.equal("r.owner", owner.as_str());
    }
    match query.state {
        // A literal, so that SQLite can use the index of open runs.
        Some(RunState::Running) => drop(select.and("r.closed = 0")),
        Some(RunState::Closed) => drop(select.and("r.closed <> 0")),
        None => {}
    }
    let order = if query.tag.is_some() { "t.run" } else { "r.seq" };
    if let Some(before) = before {
        select.compare(order, "<", before);
    }
    let (statement, values) = select.ordered(&format!("{order} DESC"), query.page.limit);
    let mut statement = connection.prepare_cached(&statement).map_err(sql)?;
    let bodies = statement
        .query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(0))
        .map_err(sql)?;
    bodies.map(|body| from_json(&body.map_err(sql)?)).collect()
}

/// Returns the source of runs for the most selective condition.
fn source(query: &RunQuery) -> &'static str {
    match query {
        RunQuery { tag: Some(_), .. } => {
            "SELECT r.body FROM run_tag AS t CROSS JOIN run AS r ON r.seq = t.run"
        }
        RunQuery { session: Some(_), .. } => "SELECT r.body FROM run AS r INDEXED BY run_by_session",
        RunQuery { state: Some(RunState::Running), .. } => "SELECT r.body FROM run AS r INDEXED BY run_open",
        RunQuery { owner: Some(_), .. } => "SELECT r.body FROM run AS r INDEXED BY run_by_owner",
        _ => "SELECT r.body FROM run AS r INDEXED BY run_by_tenant",
    }
}

/// Returns the place of a cursor in the order in which runs began. Another owner's run is no cursor.
fn seq(connection: &Connection, tenant: &str, owner: Option<&SubjectId>, id: &str) -> Result<i64> {
    connection
        .prepare_cached("SELECT seq FROM run WHERE tenant = ?1 AND id = ?2 AND owner = coalesce(?3, owner)")
        .and_then(|mut statement| {
            let key = params![tenant, id, owner.map(SubjectId::as_str)];
            statement.query_row(key, |row| row.get(0)).optional()
        })
        .map_err(sql)?
        .ok_or_else(invalid_cursor)
}

/// Returns the open runs of an owner, of all tenants, in the order in which they began. One that cannot be read is logged
/// and hides no other.
pub(crate) fn unfinished(connection: &Connection, owner: &OwnerId) -> Result<Vec<OpenRun>> {
    let mut statement = connection
        .prepare_cached("SELECT seq, body FROM run INDEXED BY run_open WHERE closed = 0 AND driver = ?1")
        .map_err(sql)?;
    let rows =
        statement.query_map([owner.as_str()], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
    let mut open = rows.and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>).map_err(sql)?;
    open.sort_unstable_by_key(|(seq, _)| *seq);
    let read = |(seq, body): (i64, String)| {
        from_json(&body)
            .inspect_err(|error: &Error| {
                tracing::error!(seq, error = %error.report(), "an unfinished run cannot be read");
            })
            .ok()
            .map(|run: Run| OpenRun { tenant: run.principal.tenant_id().to_owned(), run: run.id })
    };
    Ok(open.into_iter().filter_map(read).collect())
}

pub(crate) fn evidence(connection: &Connection, tenant: &str, id: &RunId) -> Result<Vec<Evidence>> {
    stored_evidence(connection, tenant, id).map(Option::unwrap_or_default)
}

/// Returns the passages of a run; `None` before they are found, and after their erasure.
fn stored_evidence(connection: &Connection, tenant: &str, id: &RunId) -> Result<Option<Vec<Evidence>>> {
    let body: Option<Option<String>> = connection
        .prepare_cached("SELECT evidence FROM run WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![tenant, id.as_str()], |row| row.get(0)).optional()
        })
        .map_err(sql)?;
    body.flatten().map(|body| from_json(&body)).transpose()
}

fn is_pruned(connection: &Connection, tenant: &str, id: &RunId) -> Result<bool> {
    connection
        .prepare_cached("SELECT pruned FROM run WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![tenant, id.as_str()], |row| row.get(0)).optional()
        })
        .map_err(sql)?
        .ok_or_else(not_found)
}

pub(crate) fn journal(
    connection: &Connection,
    tenant: &str,
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
    let key = params![tenant, id.as_str(), number(from), limit(at_most)];
    let bodies = statement.query_map(key, |row| row.get::<_, String>(0)).map_err(sql)?;
    bodies.map(|body| from_json(&body.map_err(sql)?)).collect::<Result<_>>().map(Journal::Events)
}

/// Returns the stored texts of a run, of which a message in its session is one.
pub(crate) fn contents(
    connection: &Connection,
    tenant: &str,
    id: &RunId,
    session: &SessionId,
) -> Result<RunContents> {
    let run = match load(connection, tenant, id) {
        Ok(run) => Some(run),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let journal = match run {
        Some(_) => journal(connection, tenant, id, 0, usize::MAX)?,
        None => Journal::Pruned,
    };
    Ok(RunContents {
        evidence: stored_evidence(connection, tenant, id)?,
        journal,
        messages: session::messages_of(connection, tenant, session, id)?,
        audio: audio::get(connection, tenant, id)?,
        run,
    })
}

pub(crate) fn prune(connection: &Connection, tenant: &str, id: &RunId) -> Result<()> {
    let key = params![tenant, id.as_str()];
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
            Err(Error::new(ErrorKind::Conflict, "the run has ended already").with_code("RUN_CLOSED"))
        }
    }
}
