//! Tables as Markdown rows, in runs of bounded size that each repeat the header.

use nexus_core::Result;
use nexus_core::document::parser::BlockKind;

use super::block_writer::Output;
use super::budget::Budget;

/// The size at which a run of rows is handed on.
const RUN_BYTES: usize = 4 * 1024;

/// The longest header that is repeated; rows under a longer one go without.
const HEADER_BYTES: usize = 1024;

/// How many missing cells at the end of a row are filled up; a row that lacks more stays short, as a header can be far
/// wider than all that is below it.
const PADDING: usize = 16;

/// Takes rows and hands on tables. The first row is the header.
#[derive(Default)]
pub(super) struct Table {
    header: Option<String>,
    columns: usize,
    run: String,
    runs: usize,
}

impl Table {
    /// Takes the next row.
    pub(super) fn row<S: AsRef<str>>(&mut self, cells: &[S], out: &mut Output<'_>) -> Result<()> {
        out.budget.work(cells.len());
        if self.header.is_none() {
            self.columns = cells.len().max(self.columns.min(cells.len() + PADDING));
            self.header = Some(format!("{}\n{}\n", line(cells, self.columns), rule(self.columns)));
            return Ok(());
        }
        let row = line(cells, self.columns);
        if !self.run.is_empty() && self.run.len() + row.len() > RUN_BYTES {
            self.flush(out)?;
        }
        self.run.push_str(&row);
        self.run.push('\n');
        Ok(())
    }

    /// Ends the table.
    pub(super) fn end(&mut self, out: &mut Output<'_>) -> Result<()> {
        if self.runs == 0 || !self.run.is_empty() {
            self.flush(out)?;
        }
        *self = Self::default();
        Ok(())
    }

    fn flush(&mut self, out: &mut Output<'_>) -> Result<()> {
        let header = self.header.as_deref().unwrap_or_default();
        let header = if self.runs == 0 || header.len() <= HEADER_BYTES { header } else { "" };
        out.push(BlockKind::Table, &format!("{header}{}", self.run))?;
        self.run.clear();
        self.runs += 1;
        Ok(())
    }
}

/// Hands on a table that is in memory. A table of one cell is a paragraph, one without text is nothing.
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

/// Appends a table that stands within a cell of another one to that cell's text, a line for each row. The text moves
/// up through each table around it, so it is charged as a copy.
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

/// One row; one that lacks a few cells is filled up to `columns`.
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

/// The line under the header, as wide as tables get that people make.
fn rule(columns: usize) -> String {
    const WIDEST: usize = 1024;
    format!("|{}", " --- |".repeat(columns.min(WIDEST)))
}
