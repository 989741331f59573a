//! Calls and their open attempts, as rows.

use nexus_core::ledger::{Call, CallState, LedgerEntry, LedgerQuery, OpenAttempt, OpenCall};
use nexus_core::{Error, ErrorKind, OwnerId, Result, Timestamp, invalid_cursor};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::entry::BLOCK;
use crate::convert::{exact, from_json, money, to_json};
use crate::db::select::Select;
use crate::error::{sql, too_large, unreadable};

fn not_found() -> Error {
    Error::not_found("there is no such call").with_code("CALL_NOT_FOUND")
}

/// Serializes a call: the body, and the metadata, which has its own column.
fn split(call: &mut Call) -> Result<(String, String)> {
    let metadata = std::mem::take(&mut call.metadata);
    let (body, column) = (to_json(call), to_json(&metadata));
    call.metadata = metadata;
    Ok((body?, column?))
}

fn join(body: &str, metadata: &str) -> Result<Call> {
    let mut call: Call = from_json(body)?;
    call.metadata = serde_json::from_str(metadata).map_err(unreadable)?;
    Ok(call)
}

/// Adds a call with its open attempt, on which its owner has a lease until `lease_until`.
pub(super) fn insert(
    connection: &Connection,
    tenant: &str,
    state: &mut CallState,
    lease_until: Timestamp,
) -> Result<()> {
    let (body, metadata) = split(&mut state.call)?;
    let (attempt, counters) = open_attempt(state)?;
    let call = &state.call;
    let (input, output) = tokens(call)?;
    let inserted = connection
        .prepare_cached(
            "INSERT INTO llm_api_calls (tenant, id, organisation, user, provider, model, endpoint, request_id,
                 correlation_id, created_at, status, input_tokens, output_tokens, cost_nano, latency_ms, was_cached,
                 owner, lease_until, request_metadata, body, attempt, counters)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)
             ON CONFLICT DO NOTHING",
        )
        .map_err(sql)?
        .execute(params![
            tenant,
            call.id,
            call.consumer.organisation,
            call.consumer.user,
            call.provider,
            call.model,
            call.idempotency_key.operation.as_str(),
            call.idempotency_key.key,
            call.correlation_id,
            call.created_at.as_micros(),
            call.status.as_str(),
            input,
            output,
            money(call.cost)?,
            call.latency_ms.map(exact).transpose()?,
            call.was_cached,
            state.owner.as_str(),
            lease_until.as_micros(),
            metadata,
            body,
            attempt,
            counters,
        ])
        .map_err(sql)?;
    if inserted == 1 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Conflict, "there is a call with this id already").with_code("CALL_EXISTS"))
}

/// Serializes the open attempt and its counters as two columns.
fn open_attempt(state: &CallState) -> Result<(Option<String>, Option<String>)> {
    let Some(OpenAttempt { attempt, counters }) = &state.attempt else { return Ok((None, None)) };
    Ok((Some(to_json(attempt)?), Some(to_json(counters)?)))
}

fn tokens(call: &Call) -> Result<(i64, i64)> {
    let count = |tokens: Option<u64>| tokens.ok_or_else(too_large).and_then(exact);
    Ok((count(call.usage.input())?, count(call.usage.output())?))
}

/// Writes the changes of a call, with its open attempt, if any.
pub(super) fn update(
    connection: &Connection,
    tenant: &str,
    state: &mut CallState,
    reasoning: Option<&str>,
) -> Result<()> {
    let (body, metadata) = split(&mut state.call)?;
    let (attempt, counters) = open_attempt(state)?;
    let call = &state.call;
    let (input, output) = tokens(call)?;
    connection
        .prepare_cached(
            "UPDATE llm_api_calls SET provider = ?3, model = ?4, status = ?5, input_tokens = ?6, output_tokens = ?7,
                 cost_nano = ?8, latency_ms = ?9, billable = ?10, request_metadata = ?11, body = ?12, reasoning = ?13,
                 was_cached = ?14, attempt = ?15, counters = ?16
             WHERE tenant = ?1 AND id = ?2",
        )
        .map_err(sql)?
        .execute(params![
            tenant,
            call.id,
            call.provider,
            call.model,
            call.status.as_str(),
            input,
            output,
            money(call.cost)?,
            call.latency_ms.map(exact).transpose()?,
            state.is_billable,
            metadata,
            body,
            reasoning,
            call.was_cached,
            attempt,
            counters,
        ])
        .map(drop)
        .map_err(sql)
}

/// Updates the usage and cost of a call from the latest ledger entry of each of its attempts.
pub(super) fn revise(connection: &Connection, tenant: &str, id: &str, latest: &[LedgerEntry]) -> Result<()> {
    let mut call = load(connection, tenant, id)?.call;
    call.revise(latest)?;
    let (body, _) = split(&mut call)?;
    let (input, output) = tokens(&call)?;
    connection
        .prepare_cached(
            "UPDATE llm_api_calls SET input_tokens = ?3, output_tokens = ?4, cost_nano = ?5, body = ?6
             WHERE tenant = ?1 AND id = ?2",
        )
        .map_err(sql)?
        .execute(params![tenant, id, input, output, money(call.cost)?, body])
        .map(drop)
        .map_err(sql)
}

/// Reads a call.
pub(super) fn load(connection: &Connection, tenant: &str, id: &str) -> Result<CallState> {
    let state = connection
        .prepare_cached(
            "SELECT body, request_metadata, billable, attempt, counters, owner FROM llm_api_calls
             WHERE tenant = ?1 AND id = ?2",
        )
        .and_then(|mut statement| statement.query_row(params![tenant, id], |row| Ok(read(row))).optional())
        .map_err(sql)?;
    state.ok_or_else(not_found)?
}

fn read(row: &Row<'_>) -> Result<CallState> {
    let text = |column| row.get_ref(column).map_err(sql)?.as_str().map_err(|error| sql(error.into()));
    let attempt = row.get_ref(3).and_then(|body| Ok(body.as_str_or_null()?)).map_err(sql)?;
    let open = |body| Ok(OpenAttempt { attempt: from_json(body)?, counters: from_json(text(4)?)? });
    Ok(CallState {
        call: join(text(0)?, text(1)?)?,
        owner: OwnerId::parse(text(5)?)?,
        is_billable: row.get(2).map_err(sql)?,
        attempt: attempt.map(open).transpose()?,
    })
}

/// Returns the open calls of every tenant, oldest first. One that cannot be read is logged and hides no other.
pub(crate) fn open(connection: &Connection) -> Result<Vec<OpenCall>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT body, request_metadata, billable, attempt, counters, owner, tenant FROM llm_api_calls
             WHERE status = 'open' ORDER BY seq",
        )
        .map_err(sql)?;
    let mut rows = statement.query([]).map_err(sql)?;
    let mut open = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        match read_open(row) {
            Ok(call) => open.push(call),
            Err(error) => {
                tracing::error!(error = %error.report(), "an open call cannot be read, and stays open");
            }
        }
    }
    Ok(open)
}

fn read_open(row: &Row<'_>) -> Result<OpenCall> {
    let CallState { call, owner, attempt, .. } = read(row)?;
    Ok(OpenCall { tenant: row.get(6).map_err(sql)?, call, attempt: attempt.map(|open| open.attempt), owner })
}

/// Returns a page of a tenant's calls, latest first.
pub(crate) fn list(connection: &Connection, tenant: &str, query: &LedgerQuery) -> Result<Vec<Call>> {
    let (source, order) = source(query);
    let mut select = Select::new(source);
    select.equal("c.tenant", tenant);
    super::entry::filter(query, "c.", "created_at", &mut select);
    if let Some(call) = &query.call {
        select.equal("c.id", call);
    } else if let Some(model) = query.model.as_deref().filter(|_| is_in_blocks(query)) {
        select.equal("b.tenant", tenant).equal("b.model", model);
    }
    if let Some(cursor) = &query.page.after {
        let (created_at, seq) = place(connection, tenant, query.user.as_deref(), cursor)?;
        if is_in_blocks(query) {
            select.compare("b.block", "<=", seq / BLOCK).compare("c.seq", "<", seq);
        } else {
            select.before(["c.created_at", "c.seq"], created_at, seq);
        }
    }
    let (statement, values) = select.ordered(order, query.page.limit);
    let mut statement = connection.prepare_cached(&statement).map_err(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(sql)?;
    let mut calls = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let (body, metadata): (String, String) = (row.get(0).map_err(sql)?, row.get(1).map_err(sql)?);
        calls.push(join(&body, &metadata)?);
    }
    Ok(calls)
}

/// Returns whether calls are found by the blocks of their model, in the order of admission.
fn is_in_blocks(query: &LedgerQuery) -> bool {
    query.call.is_none() && query.user.is_none() && query.model.is_some()
}

/// Returns the time and the number of a cursor. Another user's call is no cursor.
fn place(connection: &Connection, tenant: &str, user: Option<&str>, id: &str) -> Result<(i64, i64)> {
    connection
        .prepare_cached(
            "SELECT created_at, seq FROM llm_api_calls WHERE tenant = ?1 AND id = ?2 AND user = coalesce(?3, user)",
        )
        .and_then(|mut statement| {
            let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
            statement.query_row(params![tenant, id, user], read).optional()
        })
        .map_err(sql)?
        .ok_or_else(invalid_cursor)
}

/// Returns the source of calls for the most selective condition, and its order.
fn source(query: &LedgerQuery) -> (&'static str, &'static str) {
    match query {
        LedgerQuery { call: Some(_), .. } => {
            ("SELECT c.body, c.request_metadata FROM llm_api_calls AS c", "c.created_at DESC")
        }
        LedgerQuery { user: Some(_), .. } => (
            "SELECT c.body, c.request_metadata FROM llm_api_calls AS c INDEXED BY call_by_user",
            "c.created_at DESC, c.seq DESC",
        ),
        // The order of admission is that of time, unless a clock was set back.
        LedgerQuery { model: Some(_), .. } => (
            "SELECT c.body, c.request_metadata FROM call_block_of_model AS b
             CROSS JOIN llm_api_calls AS c NOT INDEXED ON c.seq >= b.block << 10 AND c.seq < (b.block + 1) << 10",
            "b.block DESC, c.seq DESC",
        ),
        _ => (
            "SELECT c.body, c.request_metadata FROM llm_api_calls AS c INDEXED BY call_by_time",
            "c.created_at DESC, c.seq DESC",
        ),
    }
}

/// Returns the reasoning of the model in a call.
pub(crate) fn reasoning(connection: &Connection, tenant: &str, id: &str) -> Result<Option<String>> {
    connection
        .prepare_cached("SELECT reasoning FROM llm_api_calls WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| statement.query_row(params![tenant, id], |row| row.get(0)).optional())
        .map_err(sql)?
        .ok_or_else(not_found)
}
