//! DOCX: the body in one streaming pass, then footnotes and endnotes, without deleted text and fallbacks.

use std::rc::Rc;

use nexus_core::Result;
use nexus_core::document::parser::{BlockKind, Source};

use super::super::archive::Archive;
use super::super::block_writer::Output;
use super::super::merged_cells::{self, Text};
use super::super::xml::{Handler, Tag};
use super::super::{error, table, title};
use super::styles::{StyleSheet, Styles, outline_level};
use super::{PROPERTIES, Relations, main_part};

pub(in super::super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut archive = Archive::open(source, out.limits, &out.budget)?;
    let main = main_part(&mut archive, "word/document.xml")?;
    let relations = Relations::of(&main, &mut archive)?;
    title::take(&mut archive, PROPERTIES, out)?;
    let mut declared = StyleSheet::default();
    if let Some(part) = relations.first("styles") {
        archive.xml(part, &mut declared)?;
    }
    let styles = declared.resolve();
    if !archive.xml(&main, &mut Body::new(&styles, out))? {
        return Err(error::malformed("it has no main part"));
    }
    for notes in ["footnotes", "endnotes"].iter().filter_map(|kind| relations.first(kind)) {
        archive.xml(notes, &mut Body::new(&styles, out))?;
    }
    Ok(())
}

/// Maximum depth of an equation's part that gets parentheses.
const DEEPEST_GROUP: usize = 32;

/// Open paragraph.
#[derive(Default)]
struct Paragraph {
    text: String,
    style: Option<String>,
    outline: Option<u8>,
    numbered: Option<bool>,
    /// Start positions of the open parts of an equation.
    groups: Vec<usize>,
}

/// Open table.
#[derive(Default)]
struct OpenTable {
    rows: Vec<Vec<Text>>,
    /// Text of the open cell.
    cell: Option<String>,
    /// Column span of the open cell.
    span: usize,
    /// Whether the open cell belongs to the merged cell above it.
    merged: bool,
}

/// State of the walk. Paragraphs nest through text boxes, tables through cells.
struct Body<'a, 'o> {
    styles: &'a Styles,
    out: &'a mut Output<'o>,
    paragraphs: Vec<Paragraph>,
    tables: Vec<OpenTable>,
    /// Depth within an element that is left out.
    skipped: usize,
    in_text: bool,
}

impl<'a, 'o> Body<'a, 'o> {
    fn new(styles: &'a Styles, out: &'a mut Output<'o>) -> Self {
        Self { styles, out, paragraphs: Vec::new(), tables: Vec::new(), skipped: 0, in_text: false }
    }

    fn append(&mut self, text: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text.push_str(text);
        }
    }

    fn property(&mut self, tag: &Tag<'_>) {
        let Some(paragraph) = self.paragraphs.last_mut() else { return };
        match tag.name() {
            "pStyle" => paragraph.style = tag.attribute("val"),
            "outlineLvl" => paragraph.outline = outline_level(tag),
            "numId" => paragraph.numbered = Some(tag.is_on()),
            _ => {}
        }
    }

    /// Begins a part of an equation. Equations become a line of text: `x^2`, `(a+b)/c`.
    fn begin_group(&mut self, name: &str) {
        self.append(match name {
            "den" => "/",
            "sup" => "^",
            "sub" => "_",
            "rad" => "√",
            _ => "",
        });
        self.paragraphs
            .last_mut()
            .into_iter()
            .for_each(|paragraph| paragraph.groups.push(paragraph.text.len()));
    }

    fn end_group(&mut self, name: &str) {
        let Some(paragraph) = self.paragraphs.last_mut() else { return };
        let Some(start) = paragraph.groups.pop() else { return };
        let inner = paragraph.text.get(start..).unwrap_or_default();
        // Wrapping moves the text, so parts beyond the depth of ordinary equations stay unwrapped.
        if paragraph.groups.len() < DEEPEST_GROUP && (inner.chars().nth(1).is_some() || name == "d") {
            self.out.budget.work(inner.len());
            paragraph.text.insert(start, '(');
            paragraph.text.push(')');
        }
    }

    fn begin_cell(&mut self) {
        let Some(table) = self.tables.last_mut() else { return };
        (table.span, table.merged) = (1, false);
        table.cell = table.rows.last().map(|_| String::new());
    }

    /// Ends a cell. Its text is repeated in every position that it covers, unless it is long.
    fn end_cell(&mut self) -> Result<()> {
        let Some(table) = self.tables.last_mut() else { return Ok(()) };
        let Some(cell) = table.cell.take() else { return Ok(()) };
        let Some((row, above)) = table.rows.split_last_mut() else { return Ok(()) };
        let covered = above.last().and_then(|above| above.get(row.len())).filter(|_| table.merged);
        let first = covered.map_or_else(|| cell.into(), merged_cells::repeated);
        let further = merged_cells::repeated(&first);
        let span = table.span.max(1);
        self.out.budget.work(span);
        self.out.budget.copy(span.saturating_mul(size_of::<Text>() + further.len()))?;
        row.push(first);
        row.extend(std::iter::repeat_n(further, span - 1));
        Ok(())
    }

    fn span(&mut self, tag: &Tag<'_>) {
        const WIDEST: usize = 100;
        let span = tag.attribute("val").and_then(|span| span.parse().ok()).unwrap_or(1);
        self.tables.last_mut().into_iter().for_each(|table| table.span = span.min(WIDEST));
    }

    fn end_paragraph(&mut self) -> Result<()> {
        let Some(paragraph) = self.paragraphs.pop() else { return Ok(()) };
        if let Some(cell) = self.cell() {
            cell.push_str(&paragraph.text);
            cell.push('\n');
            return Ok(());
        }
        let style = paragraph.style.as_deref().unwrap_or_default();
        let list = paragraph.numbered.unwrap_or_else(|| self.styles.is_list(style));
        match paragraph.outline.or_else(|| self.styles.heading(style)) {
            Some(level) => self.out.heading(level, &paragraph.text),
            None if list => self.out.push(BlockKind::ListItem, &paragraph.text),
            None => self.out.paragraph(&paragraph.text),
        }
    }

    /// Returns the text of the open cell.
    fn cell(&mut self) -> Option<&mut String> {
        self.tables.last_mut()?.cell.as_mut()
    }

    fn end_table(&mut self) -> Result<()> {
        let Some(table) = self.tables.pop() else { return Ok(()) };
        let budget = Rc::clone(&self.out.budget);
        if let Some(cell) = self.cell() {
            return table::inline(&table.rows, cell, &budget);
        }
        table::write(&table.rows, self.out)
    }
}

/// Elements that are left out: deleted or moved text, and fallbacks for older programs.
const SKIPPED: &[&str] = &["del", "moveFrom", "Fallback"];

impl Handler for Body<'_, '_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if self.skipped > 0 || SKIPPED.contains(&tag.name()) {
            self.skipped += 1;
            return Ok(());
        }
        match tag.name() {
            "p" => self.paragraphs.push(Paragraph::default()),
            "t" => self.in_text = true,
            "tab" | "ptab" => self.append("\t"),
            "br" | "cr" => self.append("\n"),
            "noBreakHyphen" => self.append("-"),
            "tbl" => self.tables.push(OpenTable::default()),
            "tr" => self.tables.last_mut().into_iter().for_each(|table| table.rows.push(Vec::new())),
            "tc" => self.begin_cell(),
            "gridSpan" => self.span(tag),
            "vMerge" => {
                let continued = tag.attribute("val").is_none_or(|value| value == "continue");
                self.tables.last_mut().into_iter().for_each(|table| table.merged = continued);
            }
            "num" | "den" | "sup" | "sub" | "rad" | "d" => self.begin_group(tag.name()),
            _ => self.property(tag),
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return Ok(());
        }
        match name {
            "p" => self.end_paragraph(),
            "tbl" => self.end_table(),
            _ => {
                self.in_text &= name != "t";
                match name {
                    "tc" => return self.end_cell(),
                    "num" | "den" | "sup" | "sub" | "rad" | "d" => self.end_group(name),
                    _ => {}
                }
                Ok(())
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if self.skipped == 0 && self.in_text {
            self.append(text);
        }
        Ok(())
    }
}
