//! Export: writes a tenant's lines.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use nexus_core::document::PassageKey;
use nexus_core::{DocumentId, Error, ErrorKind, Result, hex};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use serde_json::{Map, Value, json};

use super::table::Table;
use super::tables::tables;
use super::{FORMAT, Line, PIECE, VERSION};
use crate::convert::to_json;
use crate::error::sql;
use crate::store::MemoryStore;

/// Code of an export that cannot be written.
pub(super) const EXPORT_IO: &str = "EXPORT_IO";

/// Writes a tenant's lines, and returns their number and the passages of removed documents that runs hold.
pub(super) fn export(
    store: &MemoryStore,
    connection: &Connection,
    tenant: &str,
    out: &mut dyn Write,
) -> Result<(u64, BTreeMap<DocumentId, u64>)> {
    let mut lines = Lines { out, written: 0 };
    lines.write(&Line::Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        instance: store.instance_name().to_owned(),
        tenant: tenant.to_string(),
    })?;
    for table in tables() {
        export_rows(connection, tenant, table, &mut lines)?;
    }
    export_bytes(store, connection, tenant, &mut lines)?;
    let removed = removed_documents(connection, tenant)?;
    lines.write(&Line::End { lines: lines.written, removed: removed.clone() })?;
    lines.out.flush().map_err(unwritten)?;
    Ok((lines.written, removed))
}

/// Counts the passages in the evidence of runs whose document is gone, by document.
fn removed_documents(connection: &Connection, tenant: &str) -> Result<BTreeMap<DocumentId, u64>> {
    let mut statement = connection
        .prepare(
            "SELECT DISTINCT shown.value ->> 'passage' \
             FROM run, json_each(iif(json_valid(run.evidence), run.evidence, '[]')) AS shown WHERE run.tenant = ?1",
        )
        .map_err(sql)?;
    let mut is_present =
        connection.prepare("SELECT 1 FROM document WHERE tenant = ?1 AND id = ?2").map_err(sql)?;
    let mut removed = BTreeMap::new();
    let mut shown = statement.query(params![tenant]).map_err(sql)?;
    while let Some(row) = shown.next().map_err(sql)? {
        // An export takes what is stored as it is: a verification finds what was changed.
        let Some(key) =
            row.get::<_, Option<String>>(0).map_err(sql)?.and_then(|key| PassageKey::try_from(key).ok())
        else {
            continue;
        };
        if !is_present.exists(params![tenant, key.document.as_str()]).map_err(sql)? {
            *removed.entry(key.document).or_default() += 1;
        }
    }
    Ok(removed)
}

/// Writes lines from memory.
pub(super) fn write_all(out: &mut dyn Write, lines: &[u8]) -> Result<()> {
    out.write_all(lines).and_then(|()| out.flush()).map_err(unwritten)
}

struct Lines<'a> {
    out: &'a mut dyn Write,
    written: u64,
}

impl Lines<'_> {
    fn write(&mut self, line: &Line) -> Result<()> {
        writeln!(self.out, "{}", to_json(line)?).map_err(unwritten)?;
        self.written += 1;
        Ok(())
    }
}

fn unwritten(source: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the export could not be written").with_code(EXPORT_IO).because(source)
}

fn export_rows(connection: &Connection, tenant: &str, table: &Table, lines: &mut Lines<'_>) -> Result<()> {
    let mut statement = connection.prepare(table.rows).map_err(sql)?;
    let mut rows = statement.query(params![tenant]).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let row = object(row, table)?;
        let sha256 = hex::sha256(to_json(&row)?.as_bytes());
        lines.write(&Line::Row { table: table.name.to_owned(), row, sha256 })?;
    }
    Ok(())
}

fn object(row: &Row<'_>, table: &Table) -> Result<Map<String, Value>> {
    let mut object = Map::new();
    for (place, (name, _)) in table.columns.iter().enumerate() {
        let value = match row.get_ref(place).map_err(sql)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => json!(number),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
            ValueRef::Blob(bytes) => json!({ "hex": hex::encode(bytes) }),
        };
        object.insert((*name).to_owned(), value);
    }
    Ok(object)
}

fn export_bytes(
    store: &MemoryStore,
    connection: &Connection,
    tenant: &str,
    lines: &mut Lines<'_>,
) -> Result<()> {
    let mut statement = connection
        .prepare("SELECT DISTINCT hash FROM document WHERE tenant = ?1 ORDER BY hash")
        .map_err(sql)?;
    let mut rows = statement.query(params![tenant]).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let hash: String = row.get(0).map_err(sql)?;
        let mut source = store.blobs().open(tenant, &hash).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "a document was deleted while it was exported")
                .with_code("EXPORT_OVERTAKEN")
                .with_hint("export again")
                .because(error)
        })?;
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            source.by_ref().take(PIECE as u64).read_to_end(&mut piece).map_err(unwritten)?;
            let last = piece.len() < PIECE;
            lines.write(&Line::Bytes { hash: hash.clone(), piece: hex::encode(&piece), last })?;
            if last {
                break;
            }
        }
    }
    Ok(())
}
