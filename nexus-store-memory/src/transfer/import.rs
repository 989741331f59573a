//! Import: reads a tenant's lines.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use nexus_core::{Error, ErrorKind, Result, hex};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params, params_from_iter};
use serde_json::{Map, Value};

use super::legacy_calls::put_older;
use super::table::{Number, Space, Table};
use super::tables::tables;
use super::{FORMAT, Line, VERSION, damaged};
use crate::convert::to_json;
use crate::error::sql;
use crate::rows::{passage, quota, settings_version, version};
use crate::store::{BlobHold, MemoryStore};

/// Upper bound on the bytes of the first line, which names the format and the tenant.
const LONGEST_FIRST: u64 = 64 * 1024;

/// Upper bound on the bytes of a line: far more than the largest row takes.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Imports an export's lines and returns their number.
pub(super) fn import(
    store: &MemoryStore,
    connection: &Connection,
    tenant: &str,
    from: impl BufRead,
) -> Result<u64> {
    let mut lines = Lines { from, read: 0 };
    let Some(Line::Header { format, version, instance, tenant: of }) = lines.next()? else {
        return Err(no_export());
    };
    if format != FORMAT {
        return Err(no_export());
    }
    if version > VERSION {
        return Err(Error::invalid("the export was written by a newer version of Nexus")
            .with_code("EXPORT_TOO_NEW")
            .with_hint("upgrade this program"));
    }
    if of != tenant {
        return Err(Error::invalid(format!("the export belongs to the tenant `{of}`"))
            .with_code("EXPORT_OF_OTHER_TENANT")
            .with_hint("import it as that tenant: its audit records name it"));
    }
    check_empty(connection, tenant)?;
    adopt(connection, &instance)?;
    // Guards keep the bytes until the rows that reference them exist.
    let mut held = Vec::new();
    // An ended job names no version.
    let mut numbers = Numbers { version, given: HashMap::from([((Space::Version, 0), 0)]) };
    loop {
        match lines.next()?.ok_or_else(|| damaged("the export is truncated"))? {
            Line::Header { .. } => return Err(damaged("the export has two headers")),
            Line::Row { table, row, sha256 } => {
                if hex::sha256(to_json(&row)?.as_bytes()) != sha256 {
                    return Err(
                        damaged("a line of the export does not match its hash").with("line", lines.read)
                    );
                }
                if put_older(connection, tenant, version, (&table, &row))? {
                    continue;
                }
                let table = tables().find(|known| known.name == table);
                put(
                    connection,
                    tenant,
                    table.ok_or_else(|| damaged("the export names an unknown table"))?,
                    row,
                    &mut numbers,
                )?;
            }
            Line::Bytes { hash, piece, last } => {
                held.push(put_bytes(store, tenant, &mut lines, &hash, &piece, last)?);
            }
            Line::End { lines: written, .. } if written + 1 == lines.read => {
                if version < 4 {
                    version::measure_vectors(connection, tenant)?;
                }
                quota::seed_totals(connection, tenant)?;
                settings_version::raise(connection, tenant)?;
                return Ok(lines.read);
            }
            Line::End { .. } => return Err(damaged("the export lacks lines")),
        }
    }
}

fn no_export() -> Error {
    Error::invalid("the input is not a Nexus export").with_code("NOT_AN_EXPORT")
}

struct Lines<R> {
    from: R,
    read: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<Line>> {
        let longest = if self.read == 0 { LONGEST_FIRST } else { LONGEST };
        let mut text = Vec::new();
        let limited = &mut (&mut self.from).take(longest.saturating_add(1));
        let read = limited.read_until(b'\n', &mut text).map_err(|source| {
            Error::new(ErrorKind::Unavailable, "the export could not be read")
                .with_code("EXPORT_IO")
                .because(source)
        })?;
        if read == 0 {
            return Ok(None);
        }
        self.read += 1;
        let unfit = match self.read {
            1 => no_export(),
            line => damaged("a line of the export cannot be read").with("line", line),
        };
        if read as u64 > longest {
            return Err(match self.read {
                1 => unfit,
                line => too_long(line),
            });
        }
        if holds_arrays(&text) {
            return Err(unfit);
        }
        serde_json::from_slice(&text).map(Some).map_err(|source| unfit.because(source))
    }
}

/// Returns whether JSON holds an array, which no line of an export contains: it could hold millions of values, each
/// far larger in memory than on its line.
fn holds_arrays(json: &[u8]) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    json.iter().any(|byte| {
        let begins = !quoted && *byte == b'[';
        quoted ^= *byte == b'"' && !escaped;
        escaped = quoted && *byte == b'\\' && !escaped;
        begins
    })
}

fn too_long(line: u64) -> Error {
    Error::invalid(format!("line {line} of the export has more than {LONGEST} bytes"))
        .with_code("EXPORT_LINE_TOO_LONG")
        .with_hint("export again: Nexus writes no such line")
}

fn check_empty(connection: &Connection, tenant: &str) -> Result<()> {
    for table in tables().filter(|table| table.columns.iter().any(|(name, _)| *name == "tenant")) {
        let statement = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE tenant = ?1)", table.name);
        let found: bool = connection.query_row(&statement, params![tenant], |row| row.get(0)).map_err(sql)?;
        // Retired versions are markers for indexes and hold no data.
        if found && table.name != "version" {
            return Err(Error::new(ErrorKind::Conflict, format!("the tenant `{tenant}` has data already"))
                .with_code("TENANT_NOT_EMPTY")
                .with_hint("import into a new data directory"));
        }
    }
    Ok(())
}

/// Adopts the name under which the export's audit records were signed, if no record was signed under the store's own.
fn adopt(connection: &Connection, instance: &str) -> Result<()> {
    if crate::migrations::instance(connection)? == instance {
        return Ok(());
    }
    let signed: bool = connection
        .query_row("SELECT EXISTS (SELECT 1 FROM audit_head)", [], |row| row.get(0))
        .map_err(sql)?;
    if signed {
        return Err(Error::new(
            ErrorKind::Conflict,
            "the store's audit records are signed under another name than the export's",
        )
        .with_code("OTHER_INSTANCE")
        .with_hint("import into a new data directory"));
    }
    connection
        .execute("UPDATE meta SET value = ?1 WHERE name = 'instance'", params![instance])
        .map(drop)
        .map_err(sql)
}

/// Mapping of row numbers from those of an export, of any version, to those of this store.
struct Numbers {
    version: u32,
    given: HashMap<(Space, i64), i64>,
}

fn put(
    connection: &Connection,
    tenant: &str,
    table: &Table,
    mut row: Map<String, Value>,
    numbers: &mut Numbers,
) -> Result<()> {
    let (mut names, mut values, mut own) = (Vec::new(), Vec::new(), None);
    for (name, number) in table.columns {
        let Some(value) = row.remove(*name) else {
            if matches!(number, Number::Since(since) if numbers.version < *since) {
                continue;
            }
            return Err(damaged("a row of the export lacks a column"));
        };
        if *name == "tenant" && value.as_str() != Some(tenant) {
            return Err(damaged("a row of the export belongs to another tenant"));
        }
        match (number, value) {
            (Number::Own(space), value) => own = Some((*space, integer(&value)?)),
            (Number::Plain | Number::Since(_), value) => {
                names.push(*name);
                values.push(plain(value)?);
            }
            (Number::Of(_) | Number::Passage, Value::Null) => {
                names.push(*name);
                values.push(Sql::Null);
            }
            (Number::Of(space), value) => {
                names.push(*name);
                values.push(Sql::Integer(given(numbers, *space, integer(&value)?)?));
            }
            (Number::Passage, value) => {
                let (version, index) = passage::split(integer(&value)?);
                names.push(*name);
                values.push(Sql::Integer(passage::id(given(numbers, Space::Version, version)?, index)?));
            }
        }
    }
    let number = insert(connection, table, &names, values)?;
    if let Some((space, old)) = own {
        numbers.given.insert((space, old), number);
    }
    Ok(())
}

/// Adds a row and returns its new number.
fn insert(connection: &Connection, table: &Table, names: &[&str], values: Vec<Sql>) -> Result<i64> {
    if let ("model", [Sql::Text(name)]) = (table.name, values.as_slice()) {
        return passage::model_or_new(connection, &nexus_core::id::ModelId::parse(name.clone())?);
    }
    let marks = vec!["?"; names.len()].join(", ");
    let statement = format!("INSERT INTO {} ({}) VALUES ({marks})", table.name, names.join(", "));
    connection
        .prepare_cached(&statement)
        .and_then(|mut statement| statement.execute(params_from_iter(values)))
        .map_err(|source| damaged("a row of the export conflicts with another").because(source))?;
    Ok(connection.last_insert_rowid())
}

fn given(numbers: &Numbers, space: Space, old: i64) -> Result<i64> {
    numbers
        .given
        .get(&(space, old))
        .copied()
        .ok_or_else(|| damaged("a row of the export refers to a missing row"))
}

fn integer(value: &Value) -> Result<i64> {
    value.as_i64().ok_or_else(|| damaged("a number of the export cannot be read"))
}

fn plain(value: Value) -> Result<Sql> {
    match value {
        Value::Null => Ok(Sql::Null),
        Value::String(text) => Ok(Sql::Text(text)),
        Value::Number(number) => number
            .as_i64()
            .map(Sql::Integer)
            .or_else(|| number.as_f64().map(Sql::Real))
            .ok_or_else(|| damaged("a number of the export cannot be read")),
        Value::Object(object) => {
            let bytes = object.get("hex").and_then(Value::as_str).and_then(hex::decode);
            bytes.map(Sql::Blob).ok_or_else(|| damaged("bytes of the export cannot be read"))
        }
        Value::Bool(_) | Value::Array(_) => Err(damaged("a value of the export cannot be read")),
    }
}

fn put_bytes<R: BufRead>(
    store: &MemoryStore,
    tenant: &str,
    lines: &mut Lines<R>,
    hash: &str,
    piece: &str,
    last: bool,
) -> Result<BlobHold> {
    let mut pieces = Pieces { lines, hash: hash.to_owned(), piece: unhex(piece)?, at: 0, last, failed: None };
    let kept = store.blobs().put(tenant, &mut pieces, u64::MAX);
    if let Some(error) = pieces.failed.take() {
        return Err(error);
    }
    let kept = kept?;
    // Dropping the guard removes bytes that do not match.
    let hold = store.hold(tenant, &kept.hash);
    if kept.hash == hash { Ok(hold) } else { Err(damaged("raw bytes of the export do not match their hash")) }
}

fn unhex(piece: &str) -> Result<Vec<u8>> {
    hex::decode(piece).ok_or_else(|| damaged("bytes of the export cannot be read"))
}

/// Raw bytes that stand in consecutive lines.
struct Pieces<'a, R> {
    lines: &'a mut Lines<R>,
    hash: String,
    piece: Vec<u8>,
    at: usize,
    last: bool,
    failed: Option<Error>,
}

impl<R: BufRead> Pieces<'_, R> {
    fn advance(&mut self) -> Result<()> {
        match self.lines.next()? {
            Some(Line::Bytes { hash, piece, last }) if hash == self.hash => {
                (self.piece, self.at, self.last) = (unhex(&piece)?, 0, last);
                Ok(())
            }
            _ => Err(damaged("raw bytes of the export are truncated")),
        }
    }
}

impl<R: BufRead> Read for Pieces<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.at >= self.piece.len() {
            if self.last {
                return Ok(0);
            }
            if let Err(error) = self.advance() {
                self.failed = Some(error);
                return Err(std::io::ErrorKind::InvalidData.into());
            }
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let count = rest.len().min(out.len());
        if let (Some(out), Some(rest)) = (out.get_mut(..count), rest.get(..count)) {
            out.copy_from_slice(rest);
        }
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, repeat};

    use super::*;

    #[test]
    fn a_line_without_an_end_is_refused_after_so_many_bytes() {
        let mut lines = Lines { from: BufReader::new(repeat(b'a')), read: 0 };
        assert_eq!(lines.next().unwrap_err().code(), "NOT_AN_EXPORT");
        let mut lines = Lines { from: BufReader::new(repeat(b'a')), read: 1 };
        assert_eq!(lines.next().unwrap_err().code(), "EXPORT_LINE_TOO_LONG");
    }

    #[test]
    fn arrays_are_found_outside_of_texts_only() {
        assert!(holds_arrays(br#"{"a": [1]}"#));
        assert!(!holds_arrays(br#"{"a": "[", "b": "\\\"[", "c": "\\"}"#));
        assert!(holds_arrays(br#"{"c": "\\", "d": []}"#));
    }
}
