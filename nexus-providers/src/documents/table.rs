//! Tables as Markdown rows, in runs of bounded size that each repeat the header.

use nexus_core::Result;
use nexus_core::document::parser::BlockKind;

use super::output::Output;

/// The size at which a run of rows is handed on.
const RUN_BYTES: usize = 4 * 1024;

/// The longest header that is repeated; rows under a longer one go without.
const HEADER_BYTES: usize = 1024;

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
        if self.header.is_none() {
            self.columns = cells.len();
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
pub(super) fn write(rows: &[Vec<String>], out: &mut Output<'_>) -> Result<()> {
    if rows.iter().flatten().all(|cell| cell.trim().is_empty()) {
        return Ok(());
    }
    if let [row] = rows
        && let [cell] = row.as_slice()
    {
        return out.paragraph(cell);
    }
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut table = Table::default();
    for row in rows {
        let mut row: Vec<&str> = row.iter().map(String::as_str).collect();
        row.resize(width, "");
        table.row(&row, out)?;
    }
    table.end(out)
}

/// One row; short ones are filled up to `columns`.
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
    line.push_str(&"  |".repeat(columns.saturating_sub(cells.len())));
    line
}

fn rule(columns: usize) -> String {
    format!("|{}", " --- |".repeat(columns))
}
