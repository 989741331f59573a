//! Erasures: the audit chain that tells of each, by its object.

use nexus_core::Result;
use nexus_core::audit::{Erasable, UnsealedRecords};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::sql;

/// Returns the key of an object's row.
fn key(object: &Erasable) -> String {
    match object {
        Erasable::Run(id) => format!("run/{id}"),
        Erasable::Session(id) => format!("session/{id}"),
        Erasable::Call(id) => format!("call/{id}"),
    }
}

/// Stores which chain tells of an erasure: the one of `record`. A later erasure of the same object replaces it.
pub(crate) fn put(
    connection: &Connection,
    tenant: &str,
    object: &Erasable,
    record: &UnsealedRecords,
) -> Result<()> {
    let Some(draft) = record.drafts.first() else { return Ok(()) };
    connection
        .prepare_cached(
            "INSERT INTO erasure (tenant, subject, chain) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET chain = ?3",
        )
        .and_then(|mut statement| statement.execute(params![tenant, key(object), draft.chain_id]))
        .map(drop)
        .map_err(sql)
}

/// Returns the chain that tells of an erasure.
pub(crate) fn find(connection: &Connection, tenant: &str, object: &Erasable) -> Result<Option<String>> {
    connection
        .prepare_cached("SELECT chain FROM erasure WHERE tenant = ?1 AND subject = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![tenant, key(object)], |row| row.get(0)).optional()
        })
        .map_err(sql)
}
