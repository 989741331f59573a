//! tantivy index: opened, rebuilt, written, and stamped with its watermark.

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

use nexus_core::Result;
use nexus_core::retrieve::analysis::{ANALYSIS_VERSION, analyse, exact_terms};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use tantivy::merge_policy::LogMergePolicy;
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{
    Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, Term,
};

use super::files::Files;
use super::token_stream::{self, TermStream};
use crate::error::{sql, text};
use crate::files::{directory, file_permissions};
use crate::rows::corpus::CorpusRow;
use crate::rows::passage::{self, Searchable};

/// Memory in which new passages are indexed before they become a segment.
const ARENA_BYTES: usize = 48 << 20;

/// Number of passages from which a version is indexed ahead of its publication, so that no search waits for it.
pub(crate) const LARGE: u32 = 1000;

/// Number of retired versions from which the index drops them without waiting for a publication.
const MANY: u32 = 1_000;

/// Fields of the index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    /// Terms of the text, with their positions.
    pub(crate) terms: Field,
    /// Exact terms of the text, each once.
    pub(crate) exact: Field,
    /// Terms and exact terms of the document's name and of the headings, each once.
    pub(crate) title: Field,
    /// Ordinal of the version, the key of deletions.
    pub(crate) version: Field,
    /// Id of the passage.
    pub(crate) passage: Field,
    /// Number of terms of the passage.
    pub(crate) length: Field,
}

/// Index with its watermarks.
pub(super) struct TantivyIndex {
    index: Index,
    pub(super) fields: Fields,
    reader: IndexReader,
    writer: Option<IndexWriter>,
    /// Watermark up to which it holds all publications.
    pub(super) through: i64,
    /// Watermark of its last commit. Passages of versions retired up to it are gone.
    pub(super) stamped: i64,
    /// Large versions that it holds, whole or in part, ahead of their publication.
    ahead: HashSet<i64>,
}

/// Payload of a commit.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    analysis: u32,
    through: i64,
}

impl TantivyIndex {
    /// Creates an empty index in memory, for publications after `through`.
    pub(super) fn in_ram(through: i64) -> Result<Self> {
        let (schema, fields) = schema();
        Self::with(Index::create_in_ram(schema), fields, through)
    }

    fn with(index: Index, fields: Fields, through: i64) -> Result<Self> {
        index.tokenizers().register(token_stream::NAME, TermStream::default());
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(text)?;
        Ok(Self { index, fields, reader, writer: None, through, stamped: through, ahead: HashSet::new() })
    }

    /// Opens the index in `dir`, or replaces it with a new one if it cannot be used. Where other files are in `dir`,
    /// the index is kept in memory.
    pub(super) fn open_or_rebuild(dir: &Path, row: CorpusRow) -> Result<Self> {
        match Self::open(dir) {
            Ok(part) if part.is_of(row) => return Ok(part),
            Ok(_) => {
                tracing::warn!(dir = %dir.display(), "the text index is of another state of the store: rebuilding it");
            }
            Err(_) if !dir.exists() => {}
            Err(error) => {
                tracing::warn!(error = error.report(), dir = %dir.display(), "the text index is damaged: rebuilding it");
            }
        }
        if dir.exists() && !clear(dir)? {
            tracing::warn!(dir = %dir.display(), "the text index is kept in memory: other files are in its directory");
            return Self::in_ram(0);
        }
        file_permissions::create_dir(dir).map_err(|source| crate::error::file("create", dir, source))?;
        let (schema, fields) = schema();
        Self::with(
            Index::create(Files::of(dir).map_err(text)?, schema, IndexSettings::default()).map_err(text)?,
            fields,
            0,
        )
    }

    /// Opens the index in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let index = Index::open(Files::of(dir).map_err(text)?).map_err(text)?;
        let (schema, fields) = schema();
        if index.schema() != schema {
            return Err(crate::error::corrupt("the text index has another schema"));
        }
        let through = stamp(&index)?;
        Self::with(index, fields, through)
    }

    /// Returns whether the index can be updated to the snapshot of `row`: it is not newer, and the versions retired
    /// since are still recorded.
    pub(super) fn is_of(&self, row: CorpusRow) -> bool {
        row.swept <= self.through && self.through <= row.watermark
    }

    /// Returns the current searcher.
    pub(super) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// Drops the writer with its memory and its uncommitted additions.
    pub(super) fn rest(&mut self) -> Result<()> {
        self.ahead.clear();
        self.writer.take().map_or(Ok(()), |writer| writer.wait_merging_threads().map_err(text))
    }

    /// Opens the newest commit; returns whether it changed.
    pub(super) fn reload(&mut self) -> Result<bool> {
        let before = self.through;
        loop {
            let through = stamp(&self.index)?;
            self.reader.reload().map_err(text)?;
            // The stamp and the segments are read one after the other: both must be of one commit.
            if stamp(&self.index)? == through {
                self.through = through;
                return Ok(through != before);
            }
        }
    }

    /// Adds the publications up to `watermark`, and commits them.
    pub(super) fn add_published(
        &mut self,
        connection: &Connection,
        corpus: i64,
        watermark: i64,
    ) -> Result<()> {
        if self.through >= watermark {
            return Ok(());
        }
        let mut statement = connection
            .prepare_cached(
                "SELECT ordinal, passages FROM version INDEXED BY version_by_publication
                 WHERE corpus = ?1 AND published > ?2 AND state = 'live' ORDER BY published",
            )
            .map_err(sql)?;
        let versions: Vec<(i64, u32)> = statement
            .query_map(params![corpus, self.through], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .map_err(sql)?;
        // Without a publication the removal of retired versions waits for the next one, unless they are many.
        let is_due = !versions.is_empty()
            || retired_since(connection, corpus, self.stamped, MANY)?.len() >= MANY as usize;
        if is_due {
            self.add(connection, corpus, &versions, watermark)?;
        }
        self.through = watermark;
        Ok(())
    }

    fn add(
        &mut self,
        connection: &Connection,
        corpus: i64,
        versions: &[(i64, u32)],
        watermark: i64,
    ) -> Result<()> {
        let mut writer = self.take_writer()?;
        for version in retired_since(connection, corpus, self.stamped, u32::MAX)? {
            writer.delete_term(Term::from_field_u64(self.fields.version, version.unsigned_abs()));
        }
        for &(version, passages) in versions {
            let (ahead, large) = (self.ahead.remove(&version), passages >= LARGE);
            if ahead && large {
                continue;
            }
            if ahead || large {
                // An interrupted attempt may have left a part of it.
                writer.delete_term(Term::from_field_u64(self.fields.version, version.unsigned_abs()));
            }
            add_passages(&writer, self.fields, connection, version, 0..u32::MAX)?;
        }
        let stamp = crate::convert::to_json(&Stamp { analysis: ANALYSIS_VERSION, through: watermark })?;
        let mut commit = writer.prepare_commit().map_err(text)?;
        commit.set_payload(&stamp);
        commit.commit().map_err(text)?;
        self.reader.reload().map_err(text)?;
        self.writer = Some(writer);
        self.stamped = watermark;
        Ok(())
    }

    /// Adds a piece of an unpublished version, for the commit that follows its publication.
    pub(super) fn add_ahead(
        &mut self,
        connection: &Connection,
        version: i64,
        range: Range<u32>,
    ) -> Result<()> {
        let writer = self.take_writer()?;
        if range.start == 0 {
            writer.delete_term(Term::from_field_u64(self.fields.version, version.unsigned_abs()));
            self.ahead.insert(version);
        }
        // A writer dropped meanwhile lost the beginning: then the publication adds the whole version.
        if self.ahead.contains(&version) {
            add_passages(&writer, self.fields, connection, version, range)?;
        }
        self.writer = Some(writer);
        Ok(())
    }

    /// Takes the writer, which must be put back after success: a dropped writer loses its uncommitted additions.
    fn take_writer(&mut self) -> Result<IndexWriter> {
        if let Some(writer) = self.writer.take() {
            return Ok(writer);
        }
        self.ahead.clear();
        self.start_writer()
    }

    fn start_writer(&self) -> Result<IndexWriter> {
        let writer = self.index.writer_with_num_threads(1, ARENA_BYTES).map_err(text)?;
        let mut policy = LogMergePolicy::default();
        policy.set_min_num_segments(6);
        writer.set_merge_policy(Box::new(policy));
        Ok(writer)
    }
}

/// Removes the files of the index in `dir`; returns false and keeps all when it holds other files.
fn clear(dir: &Path) -> Result<bool> {
    let Some(files) = directory::index_files(dir) else { return Ok(false) };
    for file in files {
        directory::remove_file(dir, &file).map_err(|source| crate::error::file("remove", &file, source))?;
    }
    Ok(true)
}

/// Returns the versions retired since then, whose passages the index should drop.
fn retired_since(connection: &Connection, corpus: i64, watermark: i64, most: u32) -> Result<Vec<i64>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT ordinal FROM version INDEXED BY version_retired
             WHERE corpus = ?1 AND state = 'retired' AND changed > ?2 LIMIT ?3",
        )
        .map_err(sql)?;
    let found = statement.query_map(params![corpus, watermark, most], |row| row.get(0));
    found.and_then(Iterator::collect).map_err(sql)
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let indexing = |norms, option| {
        let indexing = TextFieldIndexing::default().set_tokenizer(token_stream::NAME);
        TextOptions::default().set_indexing_options(indexing.set_fieldnorms(norms).set_index_option(option))
    };
    let fields = Fields {
        terms: schema.add_text_field("terms", indexing(true, IndexRecordOption::WithFreqsAndPositions)),
        exact: schema.add_text_field("exact", indexing(false, IndexRecordOption::WithFreqs)),
        title: schema.add_text_field("title", indexing(false, IndexRecordOption::WithFreqs)),
        version: schema.add_u64_field("version", INDEXED),
        passage: schema.add_u64_field("passage", FAST),
        length: schema.add_u64_field("length", FAST),
    };
    (schema.build(), fields)
}

fn stamp(index: &Index) -> Result<i64> {
    let payload = index.load_metas().map_err(text)?.payload;
    let Some(payload) = payload else { return Ok(0) };
    let stamp: Stamp = crate::convert::from_json(&payload)?;
    if stamp.analysis != ANALYSIS_VERSION {
        return Err(crate::error::corrupt("the text index was made with another analysis"));
    }
    Ok(stamp.through)
}

fn add_passages(
    writer: &IndexWriter,
    fields: Fields,
    connection: &Connection,
    version: i64,
    range: Range<u32>,
) -> Result<()> {
    passage::each_text(connection, version, range, |passage| {
        writer.add_document(document(fields, version, &passage)).map(drop).map_err(text)
    })
}

fn document(fields: Fields, version: i64, passage: &Searchable<'_>) -> TantivyDocument {
    let terms = analyse(passage.text, passage.language);
    let mut title: Vec<String> =
        analyse(passage.title, passage.language).into_iter().map(|token| token.term).collect();
    title.extend(exact_terms(passage.title).into_iter().map(|exact| exact_title(&exact.term)));
    let exact = exact_terms(passage.text).into_iter().map(|exact| exact.term).collect();
    let mut document = TantivyDocument::default();
    document.add_u64(fields.version, version.unsigned_abs());
    document.add_u64(fields.passage, passage.id.unsigned_abs());
    document.add_u64(fields.length, terms.len() as u64);
    document.add_text(fields.terms, token_stream::joined(&terms));
    document.add_text(fields.exact, token_stream::joined_once(exact));
    document.add_text(fields.title, token_stream::joined_once(title));
    document
}

/// Returns the form of an exact term among the terms of a title.
pub(super) fn exact_title(term: &str) -> String {
    format!("={term}")
}
