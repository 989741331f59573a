//! Speech output of answers, one for each run.

use nexus_core::speech::Speech;
use nexus_core::{Result, RunId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::sql;

/// Stores the speech output of a run's answer, in place of an earlier one.
pub(crate) fn put(connection: &Connection, tenant: &str, run: &RunId, speech: &Speech) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO audio (tenant, run, mime, bytes) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET mime = ?3, bytes = ?4",
        )
        .and_then(|mut statement| statement.execute(params![tenant, run.as_str(), speech.mime, speech.bytes]))
        .map(drop)
        .map_err(sql)
}

/// Returns the speech output of a run's answer.
pub(crate) fn get(connection: &Connection, tenant: &str, run: &RunId) -> Result<Option<Speech>> {
    connection
        .prepare_cached("SELECT mime, bytes FROM audio WHERE tenant = ?1 AND run = ?2")
        .and_then(|mut statement| {
            let speech = |row: &rusqlite::Row<'_>| Ok(Speech { mime: row.get(0)?, bytes: row.get(1)? });
            statement.query_row(params![tenant, run.as_str()], speech).optional()
        })
        .map_err(sql)
}

/// Erases the speech output of a run's answer.
pub(crate) fn erase(connection: &Connection, tenant: &str, run: &RunId) -> Result<()> {
    connection
        .execute("DELETE FROM audio WHERE tenant = ?1 AND run = ?2", params![tenant, run.as_str()])
        .map(drop)
        .map_err(sql)
}
