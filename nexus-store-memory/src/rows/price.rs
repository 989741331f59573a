//! Prices that were added at run time. A row never changes: a new price is a new row.

use nexus_core::Result;
use nexus_core::audit::UnsealedRecords;
use nexus_core::price::PriceRow;
use rusqlite::{Connection, params};

use crate::convert::{from_json, to_json};
use crate::error::sql;
use crate::rows::audit;
use crate::rows::settings_version::{self, ALL_TENANTS};

/// Returns the rows in the order of addition.
pub(crate) fn list(connection: &Connection) -> Result<Vec<PriceRow>> {
    let mut statement = connection.prepare_cached("SELECT body FROM price_row ORDER BY seq").map_err(sql)?;
    let bodies = statement.query_map([], |row| row.get::<_, String>(0)).map_err(sql)?;
    bodies.map(|body| from_json(&body.map_err(sql)?)).collect()
}

/// Adds a valid row.
pub(crate) fn add(connection: &Connection, row: &PriceRow, record: &UnsealedRecords) -> Result<()> {
    row.check()?;
    connection
        .prepare_cached("INSERT INTO price_row (body) VALUES (?1)")
        .map_err(sql)?
        .execute(params![to_json(row)?])
        .map_err(sql)?;
    settings_version::raise(connection, ALL_TENANTS)?;
    audit::append(connection, record).map(drop)
}
