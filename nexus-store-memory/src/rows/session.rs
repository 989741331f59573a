//! Conversations as rows, with their messages.

use nexus_core::access::{Authorised, RequiredAccess};
use nexus_core::llm::MessageRole;
use nexus_core::session::{Message, Session};
use nexus_core::{Error, Page, Result, RunId, SessionId, SubjectId, invalid_cursor};
use rusqlite::{Connection, OptionalExtension, params};

use crate::convert::{from_json, limit, to_json};
use crate::db::select::Select;
use crate::error::sql;

pub(crate) fn not_found() -> Error {
    Error::not_found("there is no such session").with_code("SESSION_NOT_FOUND")
}

pub(crate) fn find(connection: &Connection, tenant: &str, id: &SessionId) -> Result<Option<Session>> {
    let body: Option<String> = connection
        .prepare_cached("SELECT body FROM session WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![tenant, id.as_str()], |row| row.get(0)).optional()
        })
        .map_err(sql)?;
    body.map(|body| from_json(&body)).transpose()
}

pub(crate) fn open(connection: &Connection, tenant: &str, session: Session) -> Result<Session> {
    match find(connection, tenant, &session.id)? {
        Some(found) if found.owner == session.owner => Ok(found),
        Some(_) => Err(not_found()),
        None => save(connection, tenant, &session).map(|()| session),
    }
}

pub(crate) fn save(connection: &Connection, tenant: &str, session: &Session) -> Result<()> {
    let body = to_json(session)?;
    connection
        .prepare_cached(
            "INSERT INTO session (tenant, id, owner, touched, body) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (tenant, id) DO UPDATE SET touched = ?4, body = ?5",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                tenant,
                session.id.as_str(),
                session.owner.as_str(),
                session.updated_at.as_micros(),
                body,
            ])
        })
        .map(drop)
        .map_err(sql)
}

/// Adds a question of `owner` and the model's answer. A deleted session and its messages stay deleted, even when
/// another subject has opened a session of the same id since.
pub(crate) fn say(
    connection: &Connection,
    tenant: &str,
    id: &SessionId,
    owner: &SubjectId,
    messages: &[Message],
) -> Result<()> {
    let (Some(last), Some(mut session)) = (messages.last(), find(connection, tenant, id)?) else {
        return Ok(());
    };
    if session.owner != *owner {
        return Ok(());
    }
    session.updated_at = session.updated_at.max(last.at);
    save(connection, tenant, &session)?;
    add(connection, tenant, id, messages)
}

pub(crate) fn add(connection: &Connection, tenant: &str, id: &SessionId, messages: &[Message]) -> Result<()> {
    let mut statement = connection
        .prepare_cached("INSERT INTO message (tenant, session, body) VALUES (?1, ?2, ?3)")
        .map_err(sql)?;
    for message in messages {
        statement.execute(params![tenant, id.as_str(), to_json(message)?]).map_err(sql)?;
    }
    Ok(())
}

/// Returns a page of sessions, that with the latest message first.
pub(crate) fn list(
    connection: &Connection,
    tenant: &str,
    owner: Option<&SubjectId>,
    page: &Page,
) -> Result<Vec<Session>> {
    let mut select = Select::new(match owner {
        Some(_) => "SELECT body FROM session INDEXED BY session_by_owner",
        None => "SELECT body FROM session INDEXED BY session_by_time",
    });
    select.equal("tenant", tenant);
    if let Some(owner) = owner {
        select.equal("owner", owner.as_str());
    }
    if let Some(after) = &page.after {
        let (touched, id) = Session::parse_key(after)?;
        select.before(["touched", "id"], touched.as_micros(), id.to_owned());
    }
    let (statement, values) = select.ordered("touched DESC, id DESC", page.limit);
    let mut statement = connection.prepare_cached(&statement).map_err(sql)?;
    let bodies = statement
        .query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(0))
        .map_err(sql)?;
    bodies.map(|body| from_json(&body.map_err(sql)?)).collect()
}

/// Returns a page of messages, the last added first.
pub(crate) fn messages(
    connection: &Connection,
    tenant: &str,
    id: &SessionId,
    page: &Page,
) -> Result<Vec<Message>> {
    let end = match &page.after {
        None => i64::MAX,
        Some(after) => {
            let (run, speaker) = after.rsplit_once('/').ok_or_else(invalid_cursor)?;
            seq(connection, tenant, id, run, speaker)?.ok_or_else(invalid_cursor)?
        }
    };
    before(connection, tenant, id, end, page.limit)
}

/// Returns the place of the last message of a run and an author.
fn seq(
    connection: &Connection,
    tenant: &str,
    id: &SessionId,
    run: &str,
    speaker: &str,
) -> Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT seq FROM message WHERE tenant = ?1 AND session = ?2
               AND json_extract(body, '$.run') = ?3 AND json_extract(body, '$.speaker') = ?4
             ORDER BY seq DESC LIMIT 1",
        )
        .and_then(|mut statement| {
            let key = params![tenant, id.as_str(), run, speaker];
            statement.query_row(key, |row| row.get(0)).optional()
        })
        .map_err(sql)
}

/// Returns the last messages whose `seq` is less than `end`, latest first.
fn before(
    connection: &Connection,
    tenant: &str,
    id: &SessionId,
    end: i64,
    at_most: usize,
) -> Result<Vec<Message>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT body FROM message WHERE tenant = ?1 AND session = ?2 AND seq < ?3
             ORDER BY seq DESC LIMIT ?4",
        )
        .map_err(sql)?;
    let key = params![tenant, id.as_str(), end, limit(at_most)];
    let bodies = statement.query_map(key, |row| row.get::<_, String>(0)).map_err(sql)?;
    bodies.map(|body| from_json(&body.map_err(sql)?)).collect()
}

/// Returns the messages of one run, in order.
pub(crate) fn messages_of(
    connection: &Connection,
    tenant: &str,
    id: &SessionId,
    run: &RunId,
) -> Result<Vec<Message>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT body FROM message WHERE tenant = ?1 AND session = ?2 AND json_extract(body, '$.run') = ?3
             ORDER BY seq",
        )
        .map_err(sql)?;
    let key = params![tenant, id.as_str(), run.as_str()];
    let bodies = statement.query_map(key, |row| row.get::<_, String>(0)).map_err(sql)?;
    bodies.map(|body| from_json(&body.map_err(sql)?)).collect()
}

/// Returns the last messages before the question of `run`, oldest first.
pub(crate) fn history(
    connection: &Connection,
    tenant: &str,
    id: &SessionId,
    run: &RunId,
    at_most: usize,
) -> Result<Vec<Message>> {
    match seq(connection, tenant, id, run.as_str(), MessageRole::User.as_str())? {
        Some(question) => {
            let mut messages = before(connection, tenant, id, question, at_most)?;
            messages.reverse();
            Ok(messages)
        }
        None => Ok(Vec::new()),
    }
}

/// Removes a session with its messages.
pub(crate) fn delete(
    connection: &Connection,
    access: &Authorised<RequiredAccess>,
    id: &SessionId,
) -> Result<()> {
    let tenant = access.tenant().as_str();
    let session = find(connection, tenant, id)?.ok_or_else(not_found)?;
    access.check_owner(&session.owner).map_err(|_| not_found())?;
    connection
        .execute("DELETE FROM session WHERE tenant = ?1 AND id = ?2", params![tenant, id.as_str()])
        .map(drop)
        .map_err(sql)
}
