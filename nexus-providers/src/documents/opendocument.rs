//! `OpenDocument`: texts, presentations (slide = page) and spreadsheets (sheet = page) in one XML vocabulary.

use std::rc::Rc;

use nexus_core::Result;
use nexus_core::document::parser::{BlockKind, Source};

use super::archive::Archive;
use super::block_writer::Output;
use super::merged_cells::{self, Text};
use super::xml::{Handler, Tag};
use super::{error, ods, table, title};

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut archive = Archive::open(source, out.limits, &out.budget)?;
    if archive.text("META-INF/manifest.xml")?.is_some_and(|manifest| manifest.contains("encryption-data")) {
        return Err(error::encrypted());
    }
    title::take(&mut archive, "meta.xml", out)?;
    if archive.text("mimetype")?.is_some_and(|kind| kind.contains("spreadsheet")) {
        return ods::read(&mut archive, out);
    }
    if !archive.xml("content.xml", &mut Body::new(out))? {
        return Err(error::malformed("it has no content"));
    }
    Ok(())
}

/// Open paragraph or heading. Paragraphs nest through notes and frames.
struct Paragraph {
    text: String,
    heading: Option<u8>,
}

/// Open table.
#[derive(Default)]
struct OpenTable {
    rows: Vec<Vec<Text>>,
    /// Text of the open cell.
    cell: Option<String>,
    /// Repetitions of the open cell in its row.
    repeated: usize,
}

struct Body<'a, 'o> {
    out: &'a mut Output<'o>,
    paragraphs: Vec<Paragraph>,
    tables: Vec<OpenTable>,
    lists: usize,
    spreadsheet: bool,
    skipped: usize,
}

/// Elements outside the text.
const SKIPPED: &[&str] =
    &["annotation", "tracked-changes", "note-citation", "automatic-styles", "font-face-decls", "scripts"];

impl<'a, 'o> Body<'a, 'o> {
    fn new(out: &'a mut Output<'o>) -> Self {
        Self { out, paragraphs: Vec::new(), tables: Vec::new(), lists: 0, spreadsheet: false, skipped: 0 }
    }

    fn begin_paragraph(&mut self, tag: &Tag<'_>) {
        let level = || tag.attribute("outline-level").and_then(|level| level.parse().ok()).unwrap_or(1);
        let heading = (tag.name() == "h").then(level);
        self.paragraphs.push(Paragraph { text: String::new(), heading });
    }

    fn end_paragraph(&mut self) -> Result<()> {
        let Some(Paragraph { text, heading }) = self.paragraphs.pop() else { return Ok(()) };
        if let Some(cell) = self.cell() {
            cell.push_str(&text);
            cell.push('\n');
            return Ok(());
        }
        match heading {
            Some(level) => self.out.heading(level, &text),
            None if self.lists > 0 => self.out.push(BlockKind::ListItem, &text),
            None => self.out.paragraph(&text),
        }
    }

    fn cell(&mut self) -> Option<&mut String> {
        self.tables.last_mut()?.cell.as_mut()
    }

    fn begin_table(&mut self, tag: &Tag<'_>) -> Result<()> {
        if self.spreadsheet && self.tables.is_empty() {
            self.out.begin_page()?;
            self.out.name(1, &tag.attribute("name").unwrap_or_default())?;
        }
        self.tables.push(OpenTable::default());
        Ok(())
    }

    fn begin_cell(&mut self, tag: &Tag<'_>) {
        let repeated =
            tag.attribute("number-columns-repeated").and_then(|count| count.parse().ok()).unwrap_or(1);
        let Some(table) = self.tables.last_mut() else { return };
        table.repeated = repeated;
        table.cell = table.rows.last().map(|_| String::new());
    }

    /// Ends a cell and repeats it as declared, up to a limit: the last cells pad a sheet to its full width.
    fn end_cell(&mut self) -> Result<()> {
        const WIDEST: usize = 256;
        let Some(table) = self.tables.last_mut() else { return Ok(()) };
        let Some(cell) = table.cell.take() else { return Ok(()) };
        let Some(row) = table.rows.last_mut() else { return Ok(()) };
        let room = WIDEST.saturating_sub(row.len() + 1);
        let more = table.repeated.saturating_sub(1).min(room);
        let first = Text::from(cell);
        let further = merged_cells::repeated(&first);
        self.out.budget.work(more + 1);
        self.out.budget.copy((more + 1).saturating_mul(size_of::<Text>() + further.len()))?;
        row.push(first);
        row.extend(std::iter::repeat_n(further, more));
        Ok(())
    }

    fn end_row(&mut self) {
        let Some(row) = self.tables.last_mut().and_then(|table| table.rows.last_mut()) else { return };
        let filled = row.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |last| last + 1);
        row.truncate(filled);
    }

    fn end_table(&mut self) -> Result<()> {
        let Some(mut table) = self.tables.pop() else { return Ok(()) };
        table.rows.retain(|row| !row.is_empty());
        let budget = Rc::clone(&self.out.budget);
        if let Some(cell) = self.cell() {
            return table::inline(&table.rows, cell, &budget);
        }
        table::write(&table.rows, self.out)?;
        if self.spreadsheet {
            self.out.end_page();
        }
        Ok(())
    }

    fn append(&mut self, text: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text.push_str(text);
        }
    }
}

impl Handler for Body<'_, '_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if self.skipped > 0 || SKIPPED.contains(&tag.name()) {
            self.skipped += 1;
            return Ok(());
        }
        match tag.name() {
            "p" | "h" => self.begin_paragraph(tag),
            "s" | "line-break" | "tab" => self.append(if tag.name() == "line-break" { "\n" } else { " " }),
            "list-item" => self.lists += 1,
            "spreadsheet" => self.spreadsheet = true,
            "page" => self.out.begin_page()?,
            "table" => self.begin_table(tag)?,
            "table-row" => self.tables.last_mut().into_iter().for_each(|table| table.rows.push(Vec::new())),
            "table-cell" | "covered-table-cell" => self.begin_cell(tag),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return Ok(());
        }
        match name {
            "p" | "h" => return self.end_paragraph(),
            "table" => return self.end_table(),
            "list-item" => self.lists = self.lists.saturating_sub(1),
            "page" => self.out.end_page(),
            "table-row" => self.end_row(),
            "table-cell" | "covered-table-cell" => return self.end_cell(),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if self.skipped == 0 {
            self.append(text);
        }
        Ok(())
    }
}
