//! Tables as Markdown rows, in runs of bounded size that each repeat the header.

mod header;

use nexus_core::Result;
use nexus_core::document::chunk::{EstimatedTokens, TokenCounter};
use nexus_core::document::parser::BlockKind;

use super::block_writer::Output;
use super::budget::Budget;

/// Size of a run of rows with its header, in estimated tokens. Two of them fit a passage of the default size, so that a
/// passage begins with a header.
const RUN_TOKENS: usize = 240;

/// Maximum size of a run whose header is long, in estimated tokens.
const LONG_RUN_TOKENS: usize = 480;

/// Maximum length of a header that is repeated. Rows under a longer one have no header.
const HEADER_BYTES: usize = 1024;

/// Maximum number of missing cells at the end of a row that are padded. A row that lacks more stays short, because a
/// header can be far wider than all rows below it.
const PADDING: usize = 16;

/// Number of rows that determine the header.
const FIRST_ROWS: usize = 3;

/// Writer of tables from rows. The first row is the header; a title above it is a paragraph, and a header of two rows
/// becomes one.
#[derive(Default)]
pub(super) struct Table {
    /// Rows held back until the header is known.
    first: Vec<Vec<String>>,
    header: Option<String>,
    columns: usize,
    run: String,
    /// Size of the run so far, and its maximum, in tokens.
    taken: usize,
    room: usize,
    runs: usize,
}

impl Table {
    /// Takes the next row.
    pub(super) fn row<S: AsRef<str>>(&mut self, cells: &[S], out: &mut Output<'_>) -> Result<()> {
        out.budget.work(cells.len());
        if self.header.is_some() {
            return self.data(cells, out);
        }
        self.first.push(cells.iter().map(|cell| cell.as_ref().to_owned()).collect());
        if self.first.len() < FIRST_ROWS {
            return Ok(());
        }
        match header::title(&self.first).map(str::to_owned) {
            Some(title) => {
                self.first.remove(0);
                out.paragraph(&title)
            }
            None => self.begin(out),
        }
    }

    /// Ends the table.
    pub(super) fn end(&mut self, out: &mut Output<'_>) -> Result<()> {
        if !self.first.is_empty() {
            self.begin(out)?;
        }
        if self.header.is_some() && (self.runs == 0 || !self.run.is_empty()) {
            self.flush(out)?;
        }
        *self = Self::default();
        Ok(())
    }

    /// Makes the header of the first rows and writes the others below it.
    fn begin(&mut self, out: &mut Output<'_>) -> Result<()> {
        let mut rows = std::mem::take(&mut self.first);
        let joined = header::joined(&rows);
        let rest = rows.split_off(if joined.is_some() { 2 } else { 1 });
        let names = joined.or_else(|| rows.pop()).unwrap_or_default();
        self.columns = names.len().max(self.columns.min(names.len() + PADDING));
        let header = format!("{}\n{}\n", line(&names, self.columns), rule(self.columns));
        let size = if header.len() <= HEADER_BYTES { EstimatedTokens.count(&header) } else { 0 };
        let rows = RUN_TOKENS.saturating_sub(size).max(RUN_TOKENS / 2);
        self.room = rows.min(LONG_RUN_TOKENS.saturating_sub(size));
        self.header = Some(header);
        rest.iter().try_for_each(|row| self.data(row, out))
    }

    fn data<S: AsRef<str>>(&mut self, cells: &[S], out: &mut Output<'_>) -> Result<()> {
        let row = line(cells, self.columns) + "\n";
        let tokens = EstimatedTokens.count(&row);
        if !self.run.is_empty() && self.taken + tokens > self.room {
            self.flush(out)?;
        }
        self.taken += tokens;
        self.run.push_str(&row);
        Ok(())
    }

    fn flush(&mut self, out: &mut Output<'_>) -> Result<()> {
        let header = self.header.as_deref().unwrap_or_default();
        let header = if self.runs == 0 || header.len() <= HEADER_BYTES { header } else { "" };
        out.push(BlockKind::Table, &format!("{header}{}", self.run))?;
        self.run.clear();
        self.taken = 0;
        self.runs += 1;
        Ok(())
    }
}

/// Returns whether the first rows of a table make a header of two rows.
pub(super) fn begins_with_header(rows: &[Vec<String>]) -> bool {
    header::joined(rows).is_some()
}

/// Writes a table in memory. A table of one cell becomes a paragraph, an empty one is dropped.
pub(super) fn write<S: AsRef<str>>(rows: &[Vec<S>], out: &mut Output<'_>) -> Result<()> {
    if rows.iter().flatten().all(|cell| cell.as_ref().trim().is_empty()) {
        return Ok(());
    }
    if let [row] = rows
        && let [cell] = row.as_slice()
    {
        return out.paragraph(cell.as_ref());
    }
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut table = Table { columns: width, ..Table::default() };
    rows.iter().try_for_each(|row| table.row(row, out))?;
    table.end(out)
}

/// Appends a paragraph to the text of a cell. Items of a list are separated by commas; `in_list` says whether the
/// paragraph before is one.
pub(super) fn add_paragraph(cell: &mut String, in_list: &mut bool, text: &str, is_item: bool) {
    if text.trim().is_empty() {
        return;
    }
    let follows = std::mem::replace(in_list, is_item) && is_item;
    cell.truncate(cell.trim_end().len());
    if follows && cell.ends_with(|c: char| !c.is_ascii_punctuation()) {
        cell.push(',');
    }
    cell.push_str(if cell.is_empty() { "" } else { "\n" });
    cell.push_str(text.trim());
}

/// Appends a nested table to the text of the cell around it, a line for each row. The text moves up through each
/// enclosing table, so it is charged as a copy.
pub(super) fn inline<S: AsRef<str>>(rows: &[Vec<S>], cell: &mut String, budget: &Budget) -> Result<()> {
    for row in rows {
        for (index, text) in row.iter().map(AsRef::as_ref).enumerate() {
            budget.copy(text.len() + 1)?;
            cell.push_str(if index > 0 { " " } else { "" });
            cell.push_str(text);
        }
        cell.push('\n');
    }
    Ok(())
}

/// Formats one row. A row that lacks a few cells is padded to `columns`.
fn line<S: AsRef<str>>(cells: &[S], columns: usize) -> String {
    let mut line = String::from("|");
    for cell in cells {
        line.push(' ');
        let mut words = cell.as_ref().split_whitespace();
        line.push_str(&words.next().unwrap_or_default().replace('|', "\\|"));
        for word in words {
            line.push(' ');
            line.push_str(&word.replace('|', "\\|"));
        }
        line.push_str(" |");
    }
    let missing = columns.saturating_sub(cells.len());
    line.push_str(&"  |".repeat(if missing > PADDING { 0 } else { missing }));
    line
}

/// Returns the line under the header, up to the width of hand-made tables.
fn rule(columns: usize) -> String {
    const WIDEST: usize = 1024;
    format!("|{}", " --- |".repeat(columns.min(WIDEST)))
}
