//! Passages and their vectors, by version.
//!
//! A passage's id is its version's ordinal, shifted, plus its number: a version's passages are neighbours in the
//! file, and an id alone identifies the version.

use std::ops::Range;

use nexus_core::document::store::StagedPassage;
use nexus_core::document::{Passage, PassageKey};
use nexus_core::id::ModelId;
use nexus_core::language::Language;
use nexus_core::retrieve::unequal_vectors;
use nexus_core::{DocumentId, Error, Page, Result};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::convert::{from_json, limit, number, small, to_json};
use crate::error::{corrupt, sql};

/// Number of bits of a passage's id that hold its number.
const NUMBER_BITS: u32 = 24;

/// Returns the id of a passage.
pub(crate) fn id(version: i64, index: u32) -> Result<i64> {
    if index >> NUMBER_BITS != 0 {
        return Err(Error::invalid("a document has more than 16 million passages")
            .with_code("DOCUMENT_TOO_LARGE")
            .with_hint("split the document, or cut it into longer passages"));
    }
    Ok((version << NUMBER_BITS) | i64::from(index))
}

/// Returns the version and the number of a passage's id.
pub(crate) fn split(id: i64) -> (i64, u32) {
    let index = u32::try_from(id & ((1 << NUMBER_BITS) - 1)).unwrap_or(0);
    (id >> NUMBER_BITS, index)
}

/// Returns the range of a version's passage ids, the end excluded.
fn range(version: i64) -> (i64, i64) {
    (version << NUMBER_BITS, (version + 1) << NUMBER_BITS)
}

/// Adds or replaces passages of a staged version.
pub(crate) fn stage(
    connection: &Connection,
    version: i64,
    passages: &[StagedPassage],
    model: Option<i64>,
) -> Result<()> {
    let mut add = connection
        .prepare_cached(
            "INSERT OR REPLACE INTO passage (id, text, span_start, span_end, page, headings, tokens, hash, language)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .map_err(sql)?;
    let mut add_vector = connection
        .prepare_cached("INSERT OR REPLACE INTO vector (passage, model, numbers) VALUES (?1, ?2, ?3)")
        .map_err(sql)?;
    for passage in passages {
        let chunk = &passage.chunk;
        let id = id(version, chunk.index)?;
        add.execute(params![
            id,
            chunk.text,
            number(chunk.span.start),
            number(chunk.span.end),
            chunk.page,
            to_json(&chunk.heading_path)?,
            chunk.tokens,
            chunk.hash,
            passage.language.code(),
        ])
        .map_err(sql)?;
        if let (Some(model), Some(vector)) = (model, &passage.vector) {
            add_vector.execute(params![id, model, vector_bytes(vector)]).map_err(sql)?;
        }
    }
    Ok(())
}

/// Number and length of a version's vectors.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct VectorCount {
    pub(crate) vectors: i64,
    pub(crate) dimension: Option<i64>,
}

/// Returns the number of a version's passages, and its vectors of `model`.
pub(crate) fn count(connection: &Connection, version: i64, model: Option<i64>) -> Result<(u32, VectorCount)> {
    let (from, to) = range(version);
    let passages: i64 = connection
        .prepare_cached("SELECT count(*) FROM passage WHERE id >= ?1 AND id < ?2")
        .and_then(|mut statement| statement.query_row(params![from, to], |row| row.get(0)))
        .map_err(sql)?;
    let vectors = match model {
        Some(model) => connection
            .prepare_cached(
                "SELECT count(*), min(length(numbers)), max(length(numbers)) FROM vector
                 WHERE passage >= ?1 AND passage < ?2 AND model = ?3",
            )
            .and_then(|mut statement| {
                let columns = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
                statement.query_row(params![from, to, model], columns)
            })
            .map_err(sql)?,
        None => (0, None, None),
    };
    let (vectors, shortest, longest): (i64, Option<i64>, Option<i64>) = vectors;
    if shortest != longest {
        return Err(unequal_vectors());
    }
    Ok((small(passages)?, VectorCount { vectors, dimension: longest.map(|bytes| bytes / 4) }))
}

/// Returns the languages of a version's passages, in order of code.
pub(crate) fn languages(connection: &Connection, version: i64) -> Result<Vec<Language>> {
    let (from, to) = range(version);
    let mut statement = connection
        .prepare_cached("SELECT DISTINCT language FROM passage WHERE id >= ?1 AND id < ?2 ORDER BY language")
        .map_err(sql)?;
    let codes = statement.query_map(params![from, to], |row| row.get::<_, String>(0)).map_err(sql)?;
    codes.map(|code| Language::parse(&code.map_err(sql)?)).collect()
}

/// Removes all passages and vectors of a version.
pub(crate) fn delete(connection: &Connection, version: i64) -> Result<()> {
    let (from, to) = range(version);
    for statement in [
        "DELETE FROM vector WHERE passage >= ?1 AND passage < ?2",
        "DELETE FROM passage WHERE id >= ?1 AND id < ?2",
    ] {
        connection
            .prepare_cached(statement)
            .and_then(|mut statement| statement.execute(params![from, to]))
            .map_err(sql)?;
    }
    Ok(())
}

const COLUMNS: &str = "id, text, span_start, span_end, page, headings, tokens, hash";

/// Returns a page of the passages of a version, in reading order.
pub(crate) fn page(
    connection: &Connection,
    version: i64,
    document: &DocumentId,
    version_number: u32,
    page: &Page,
) -> Result<Vec<Passage>> {
    let from = page.after_number()?.map_or(0, |after| after.saturating_add(1));
    let from = u32::try_from(from).unwrap_or(u32::MAX);
    let first = id(version, from).unwrap_or(i64::MAX);
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM passage WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3"
        ))
        .map_err(sql)?;
    let mut rows = statement.query(params![first, range(version).1, limit(page.limit)]).map_err(sql)?;
    let mut passages = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        passages.push(read(row, document, version_number)?);
    }
    Ok(passages)
}

/// Returns one passage by its id.
pub(crate) fn load(connection: &Connection, id: i64, key: &PassageKey) -> Result<Passage> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM passage WHERE id = ?1")).map_err(sql)?;
    let mut rows = statement.query(params![id]).map_err(sql)?;
    let row = rows.next().map_err(sql)?.ok_or_else(|| corrupt("a passage that was found is missing"))?;
    read(row, &key.document, key.version)
}

fn read(row: &Row<'_>, document: &DocumentId, version: u32) -> Result<Passage> {
    let (_, index) = split(row.get(0).map_err(sql)?);
    Ok(Passage {
        key: PassageKey { document: document.clone(), version, index },
        text: row.get(1).map_err(sql)?,
        span: small(row.get(2).map_err(sql)?)?..small(row.get(3).map_err(sql)?)?,
        page: row.get(4).map_err(sql)?,
        heading_path: from_json(row.get_ref(5).and_then(|value| Ok(value.as_str()?)).map_err(sql)?)?,
        tokens: row.get(6).map_err(sql)?,
        hash: row.get(7).map_err(sql)?,
    })
}

/// Passage as an index reads it.
pub(crate) struct Searchable<'a> {
    pub(crate) id: i64,
    pub(crate) text: &'a str,
    /// Name of the document, and the headings above the passage, one a line.
    pub(crate) title: &'a str,
    pub(crate) language: Language,
}

/// Calls `take` with each passage of a version with one of these numbers: id, text, language.
pub(crate) fn each_text(
    connection: &Connection,
    version: i64,
    numbers: Range<u32>,
    mut take: impl FnMut(Searchable<'_>) -> Result<()>,
) -> Result<()> {
    let (first, end) = range(version);
    let (from, to) = (first + i64::from(numbers.start), end.min(first + i64::from(numbers.end)));
    let name: Option<String> = connection
        .prepare_cached("SELECT json_extract(described, '$.name') FROM version WHERE ordinal = ?1")
        .and_then(|mut statement| statement.query_row(params![version], |row| row.get(0)).optional())
        .map_err(sql)?
        .flatten();
    let mut statement = connection
        .prepare_cached(
            "SELECT id, text, language, headings FROM passage WHERE id >= ?1 AND id < ?2 ORDER BY id",
        )
        .map_err(sql)?;
    let mut rows = statement.query(params![from, to]).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let text = row.get_ref(1).and_then(|value| Ok(value.as_str()?)).map_err(sql)?;
        let language = row.get_ref(2).and_then(|value| Ok(value.as_str()?)).map_err(sql)?;
        let headings: Vec<String> = from_json(&row.get::<_, String>(3).map_err(sql)?)?;
        let title = name.iter().chain(&headings).map(String::as_str).collect::<Vec<_>>().join("\n");
        take(Searchable {
            id: row.get(0).map_err(sql)?,
            text,
            title: &title,
            language: Language::parse(language)?,
        })?;
    }
    Ok(())
}

/// Calls `take` with each vector of a version: its id, its passage's id, its numbers.
pub(crate) fn each_vector(
    connection: &Connection,
    version: i64,
    model: i64,
    mut take: impl FnMut(i64, i64, &[f32]),
) -> Result<()> {
    let (from, to) = range(version);
    let mut statement = connection
        .prepare_cached(
            "SELECT id, passage, numbers FROM vector WHERE passage >= ?1 AND passage < ?2 AND model = ?3 ORDER BY passage",
        )
        .map_err(sql)?;
    let mut rows = statement.query(params![from, to, model]).map_err(sql)?;
    let mut numbers = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        read_vector(row, 2, &mut numbers)?;
        take(row.get(0).map_err(sql)?, row.get(1).map_err(sql)?, &numbers);
    }
    Ok(())
}

/// Reads the vector with this id into `numbers`.
pub(crate) fn vector(connection: &Connection, id: i64, numbers: &mut Vec<f32>) -> Result<()> {
    let mut statement = connection.prepare_cached("SELECT numbers FROM vector WHERE id = ?1").map_err(sql)?;
    let mut rows = statement.query(params![id]).map_err(sql)?;
    let row = rows.next().map_err(sql)?.ok_or_else(|| corrupt("a vector that was found is missing"))?;
    read_vector(row, 0, numbers)
}

fn read_vector(row: &Row<'_>, column: usize, numbers: &mut Vec<f32>) -> Result<()> {
    let bytes = row.get_ref(column).and_then(|value| Ok(value.as_blob()?)).map_err(sql)?;
    // A remainder after the last whole number makes the vector's length wrong.
    let (chunks, _) = bytes.as_chunks::<4>();
    numbers.clear();
    numbers.extend(chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)));
    Ok(())
}

fn vector_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Returns the number of a model, if any vector of it was ever stored.
pub(crate) fn model(connection: &Connection, model: &ModelId) -> Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM model WHERE name = ?1")
        .and_then(|mut statement| statement.query_row(params![model.as_str()], |row| row.get(0)).optional())
        .map_err(sql)
}

/// Returns the number of a model, assigned if it is new.
pub(crate) fn model_or_new(connection: &Connection, name: &ModelId) -> Result<i64> {
    if let Some(id) = model(connection, name)? {
        return Ok(id);
    }
    connection
        .query_row("INSERT INTO model (name) VALUES (?1) RETURNING id", params![name.as_str()], |row| {
            row.get(0)
        })
        .map_err(sql)
}
