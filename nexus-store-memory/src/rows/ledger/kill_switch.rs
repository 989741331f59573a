//! Kill switches, and the hourly statistics of each scope.

use nexus_core::audit::UnsealedRecords;
use nexus_core::ledger::{HourlyStats, KillSwitch, KillSwitchScope, Settlement, TenantState};
use nexus_core::quota::Consumer;
use nexus_core::{NanoUsd, Page, Result, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::convert::{exact, from_json, limit as at_most, money, small, to_json};
use crate::error::sql;
use crate::rows::audit;

/// Number of hours of a scope that are kept.
const HOURS: i64 = 24;

/// Returns the tenant, kind and id of a scope as columns.
fn columns<'a>(tenant: &'a str, scope: &'a KillSwitchScope) -> Result<(&'a str, &'static str, &'a str)> {
    scope.check_tenant(tenant)?;
    Ok(match scope {
        KillSwitchScope::Global => ("", "global", ""),
        KillSwitchScope::Tenant(id) => (tenant, "tenant", id),
        KillSwitchScope::User(id) => (tenant, "user", id),
    })
}

/// Reads the kill switches of a user's calls and the version of its tenant's settings, in one statement.
pub(super) fn tenant_state(connection: &Connection, tenant: &str, user: &str) -> Result<TenantState> {
    let mut statement = connection
        .prepare_cached(
            "SELECT coalesce(sum(version), 0), NULL FROM settings_version WHERE tenant IN ('', ?1)
             UNION ALL SELECT 0, body FROM stop WHERE tenant = '' AND scope = 'global' AND id = ''
             UNION ALL SELECT 0, body FROM stop WHERE tenant = ?1 AND scope = 'tenant' AND id = ?1
             UNION ALL SELECT 0, body FROM stop WHERE tenant = ?1 AND scope = 'user' AND id = ?2",
        )
        .map_err(sql)?;
    let mut rows = statement.query(params![tenant, user]).map_err(sql)?;
    let mut state = TenantState::default();
    while let Some(row) = rows.next().map_err(sql)? {
        match row.get::<_, Option<String>>(1).map_err(sql)? {
            Some(body) => state.kill_switches.push(from_json(&body)?),
            None => state.settings_version = small(row.get(0).map_err(sql)?)?,
        }
    }
    Ok(state)
}

/// Returns a page of the kill switches that hold for any user of a tenant at `now`: the global one, the tenant's, its
/// users'.
pub(crate) fn list(
    connection: &Connection,
    tenant: &str,
    now: Timestamp,
    page: &Page,
) -> Result<Vec<KillSwitch>> {
    let mut statement = connection
        .prepare_cached("SELECT body FROM stop WHERE tenant IN ('', ?1) ORDER BY tenant, scope, id")
        .map_err(sql)?;
    let bodies = statement.query_map(params![tenant], |row| row.get::<_, String>(0)).map_err(sql)?;
    let switches = bodies.map(|body| from_json::<KillSwitch>(&body.map_err(sql)?));
    let is_after = |switch: &KillSwitch| page.after.as_ref().is_none_or(|after| switch.scope.key() > *after);
    switches
        .filter(|switch| switch.as_ref().map_or(true, |switch| switch.is_tripped(now) && is_after(switch)))
        .take(page.limit)
        .collect()
}

/// Trips the kill switch of a scope.
pub(crate) fn trip(
    connection: &Connection,
    tenant: &str,
    switch: &KillSwitch,
    record: &UnsealedRecords,
) -> Result<()> {
    put(connection, tenant, switch)?;
    audit::append(connection, record).map(drop)
}

fn put(connection: &Connection, tenant: &str, switch: &KillSwitch) -> Result<()> {
    let (tenant, scope, id) = columns(tenant, &switch.scope)?;
    connection
        .prepare_cached(
            "INSERT INTO stop (tenant, scope, id, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET body = ?4",
        )
        .map_err(sql)?
        .execute(params![tenant, scope, id, to_json(switch)?])
        .map(drop)
        .map_err(sql)
}

fn get(connection: &Connection, tenant: &str, scope: &KillSwitchScope) -> Result<Option<KillSwitch>> {
    let (tenant, scope, id) = columns(tenant, scope)?;
    let body: Option<String> = connection
        .prepare_cached("SELECT body FROM stop WHERE tenant = ?1 AND scope = ?2 AND id = ?3")
        .and_then(|mut statement| {
            statement.query_row(params![tenant, scope, id], |row| row.get(0)).optional()
        })
        .map_err(sql)?;
    body.map(|body| from_json(&body)).transpose()
}

/// Rearms the kill switch of a scope. A switch that was not tripped leaves no record.
pub(crate) fn rearm(
    connection: &Connection,
    tenant: &str,
    scope: &KillSwitchScope,
    now: Timestamp,
    record: &UnsealedRecords,
) -> Result<bool> {
    let was_tripped = get(connection, tenant, scope)?.is_some_and(|switch| switch.is_tripped(now));
    let (of, kind, id) = columns(tenant, scope)?;
    connection
        .prepare_cached("DELETE FROM stop WHERE tenant = ?1 AND scope = ?2 AND id = ?3")
        .and_then(|mut statement| statement.execute(params![of, kind, id]))
        .map_err(sql)?;
    connection
        .prepare_cached("DELETE FROM hour_tally WHERE tenant = ?1 AND scope = ?2 AND id = ?3 AND hour = ?4")
        .and_then(|mut statement| statement.execute(params![of, kind, id, HourlyStats::hour(now)]))
        .map_err(sql)?;
    if was_tripped {
        audit::append(connection, record)?;
    }
    Ok(was_tripped)
}

/// Deletes a tenant's kill switches that expired before `before`. They hold for no later call.
pub(crate) fn prune_kill_switches(
    connection: &Connection,
    tenant: &str,
    before: Timestamp,
    limit: usize,
) -> Result<usize> {
    let mut statement =
        connection.prepare_cached("SELECT scope, id, body FROM stop WHERE tenant = ?1").map_err(sql)?;
    let mut rows = statement.query(params![tenant]).map_err(sql)?;
    let mut over: Vec<(String, String)> = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let body: String = row.get(2).map_err(sql)?;
        if over.len() < limit && !from_json::<KillSwitch>(&body)?.is_tripped(before) {
            over.push((row.get(0).map_err(sql)?, row.get(1).map_err(sql)?));
        }
    }
    for (scope, id) in &over {
        connection
            .prepare_cached("DELETE FROM stop WHERE tenant = ?1 AND scope = ?2 AND id = ?3")
            .and_then(|mut statement| statement.execute(params![tenant, scope, id]))
            .map_err(sql)?;
    }
    Ok(over.len())
}

/// Deletes hourly statistics before `before`. An automatic trip depends on the current hour alone.
pub(crate) fn prune_hourly_stats(
    connection: &Connection,
    tenant: &str,
    before: Timestamp,
    limit: usize,
) -> Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM hour_tally WHERE (tenant, scope, id, hour) IN (
                 SELECT tenant, scope, id, hour FROM hour_tally WHERE tenant = ?1 AND hour < ?2 LIMIT ?3)",
        )
        .and_then(|mut statement| {
            statement.execute(params![tenant, HourlyStats::hour(before), at_most(limit)])
        })
        .map_err(sql)
}

/// Adds an ended call to the statistics of its scopes in this hour, trips the switches whose rule is broken, and returns
/// them.
pub(super) fn count(
    connection: &Connection,
    settlement: &Settlement,
    consumer: &Consumer,
    call: &HourlyStats,
) -> Result<Vec<KillSwitch>> {
    let (tenant, now) = (settlement.tenant.as_str(), settlement.at);
    let mut tripped = Vec::new();
    for scope in KillSwitchScope::counted_for(consumer) {
        let hour = add_to_hour(connection, tenant, &scope, now, call)?;
        let Some(switch) = settlement.auto_trip.trip(scope, &hour, now) else { continue };
        if switch.replaces(get(connection, tenant, &switch.scope)?.as_ref()) {
            put(connection, tenant, &switch)?;
            tripped.push(switch);
        }
    }
    Ok(tripped)
}

/// Adds to a scope's statistics of the hour of `at`, and returns them.
fn add_to_hour(
    connection: &Connection,
    tenant: &str,
    scope: &KillSwitchScope,
    at: Timestamp,
    more: &HourlyStats,
) -> Result<HourlyStats> {
    let (tenant, scope, id) = columns(tenant, scope)?;
    let hour = HourlyStats::hour(at);
    let [more_spent, more_calls, more_failed] = [money(more.spent)?, exact(more.calls)?, exact(more.failed)?];
    let (spent, calls, failed) = connection
        .prepare_cached(
            "INSERT INTO hour_tally (tenant, scope, id, hour, spent_nano, calls, failed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET spent_nano = spent_nano + ?5, calls = calls + ?6, failed = failed + ?7
             RETURNING spent_nano, calls, failed",
        )
        .and_then(|mut statement| {
            let values = params![tenant, scope, id, hour, more_spent, more_calls, more_failed];
            statement.query_row(values, |row| Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))
        })
        .map_err(sql)?;
    if calls == 1 {
        connection
            .prepare_cached(
                "DELETE FROM hour_tally WHERE tenant = ?1 AND scope = ?2 AND id = ?3 AND hour < ?4",
            )
            .and_then(|mut statement| {
                statement.execute(params![tenant, scope, id, hour.saturating_sub(HOURS)])
            })
            .map_err(sql)?;
    }
    Ok(HourlyStats { spent: NanoUsd::from_nanos(spent), calls: small(calls)?, failed: small(failed)? })
}
