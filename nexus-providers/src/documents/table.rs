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

/// Maximum size of a header that is repeated as a row, in estimated tokens and in bytes. Rows under a longer one name
/// each of their values.
const HEADER_TOKENS: usize = 360;
const HEADER_BYTES: usize = 2048;

/// Maximum length of a name before a value, and how far names may lengthen a row.
const NAME_BYTES: usize = 96;
const NAMES_LENGTHEN: usize = 8;

/// Length of the parts of a row that is longer than a passage, and of cells that each part repeats.
const PART_BYTES: usize = 900;
const REPEATED_BYTES: usize = 64;

/// Maximum number of missing cells at the end of a row that are padded. A row that lacks more stays short, because a
/// header can be far wider than all rows below it.
const PADDING: usize = 16;

/// Number of rows that determine the header.
const FIRST_ROWS: usize = 3;

/// Knowledge about the rows that make a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum HeaderRows {
    /// Their cells tell.
    #[default]
    Guessed,
    /// A merged cell of the first row covers several columns.
    Grouped,
    /// The markup declares this number.
    Declared(usize),
}

/// Writer of tables from rows. The first row is the header; a title above it is a paragraph, and a header of two rows
/// becomes one.
#[derive(Default)]
pub(super) struct Table {
    /// Rows held back until the header is known.
    first: Vec<Vec<String>>,
    known: HeaderRows,
    header: Option<String>,
    /// Names of the columns, if rows name each of their values.
    names: Vec<String>,
    columns: usize,
    run: String,
    /// Size of the run so far, and its maximum, in tokens.
    taken: usize,
    room: usize,
    runs: usize,
}

impl Table {
    /// Creates a table with a header that is known.
    pub(super) fn under(known: HeaderRows) -> Self {
        Self { known, ..Self::default() }
    }

    /// Takes the next row.
    pub(super) fn row<S: AsRef<str>>(&mut self, cells: &[S], out: &mut Output<'_>) -> Result<()> {
        out.budget.work(cells.len());
        if self.header.is_some() {
            return self.data(cells, out);
        }
        self.first.push(cells.iter().map(|cell| cell.as_ref().to_owned()).collect());
        let needed = match self.known {
            HeaderRows::Declared(rows) => (rows.min(header::DEEPEST) + 1).max(FIRST_ROWS),
            HeaderRows::Guessed | HeaderRows::Grouped => FIRST_ROWS,
        };
        if self.first.len() < needed {
            return Ok(());
        }
        match header::title(&self.first, self.known).map(str::to_owned) {
            Some(title) => {
                self.first.remove(0);
                if let HeaderRows::Declared(rows) = &mut self.known {
                    *rows = rows.saturating_sub(1);
                }
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
        let joined = header::of(&rows, self.known);
        let rest = rows.split_off(joined.as_ref().map_or(1, |(_, depth)| *depth).min(rows.len()));
        let names = joined.map(|(names, _)| names).or_else(|| rows.pop()).unwrap_or_default();
        let widest = rest.iter().map(Vec::len).max().unwrap_or(0).max(self.columns);
        self.columns = names.len().max(widest.min(names.len() + PADDING));
        let header = format!("{}\n{}\n", line(&names, self.columns), rule(self.columns));
        let mut size = EstimatedTokens.count(&header);
        if size > HEADER_TOKENS || header.len() > HEADER_BYTES {
            size = 0;
            self.names = names;
        }
        let rows = RUN_TOKENS.saturating_sub(size).max(RUN_TOKENS / 2);
        self.room = rows.min(LONG_RUN_TOKENS.saturating_sub(size));
        self.header = Some(header);
        rest.iter().try_for_each(|row| self.data(row, out))
    }

    fn data<S: AsRef<str>>(&mut self, cells: &[S], out: &mut Output<'_>) -> Result<()> {
        let row = line(cells, self.columns) + "\n";
        if let Some(named) = named(&self.names, cells, row.len()) {
            if self.runs == 0 {
                self.flush(out)?;
            }
            return out.paragraph(&named);
        }
        let tokens = EstimatedTokens.count(&row);
        if tokens <= LONG_RUN_TOKENS {
            return self.add(&row, tokens, out);
        }
        let parts = parts(cells, self.columns);
        parts.iter().try_for_each(|part| self.add(part, EstimatedTokens.count(part), out))
    }

    fn add(&mut self, row: &str, tokens: usize, out: &mut Output<'_>) -> Result<()> {
        if !self.run.is_empty() && self.taken + tokens > self.room {
            self.flush(out)?;
        }
        self.taken += tokens;
        self.run.push_str(row);
        Ok(())
    }

    fn flush(&mut self, out: &mut Output<'_>) -> Result<()> {
        let header = self.header.as_deref().unwrap_or_default();
        let header = if self.runs == 0 || self.names.is_empty() { header } else { "" };
        out.push(BlockKind::Table, &format!("{header}{}", self.run))?;
        self.run.clear();
        self.taken = 0;
        self.runs += 1;
        Ok(())
    }
}

/// Returns whether a cell holds a number.
pub(super) fn is_number(cell: &str) -> bool {
    header::is_number(cell)
}

/// Returns whether the first rows of a table make a header of two rows.
pub(super) fn begins_with_header(rows: &[Vec<String>]) -> bool {
    header::of(rows, HeaderRows::Guessed).is_some()
}

/// Writes a table in memory. A table of one cell becomes a paragraph, an empty one is dropped.
pub(super) fn write<S: AsRef<str>>(rows: &[Vec<S>], out: &mut Output<'_>) -> Result<()> {
    write_under(HeaderRows::Guessed, rows, out)
}

/// Writes a table in memory with a header that is known.
pub(super) fn write_under<S: AsRef<str>>(
    known: HeaderRows,
    rows: &[Vec<S>],
    out: &mut Output<'_>,
) -> Result<()> {
    if rows.iter().flatten().all(|cell| cell.as_ref().trim().is_empty()) {
        return Ok(());
    }
    if let [row] = rows
        && let [cell] = row.as_slice()
    {
        return out.paragraph(cell.as_ref());
    }
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut table = Table { columns: width, ..Table::under(known) };
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

/// Returns a row as lines of names and values, unless there are no names or they lengthen the row too much.
fn named<S: AsRef<str>>(names: &[String], cells: &[S], length: usize) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let most = length.saturating_mul(NAMES_LENGTHEN);
    let mut text = String::new();
    for (index, cell) in cells.iter().map(AsRef::as_ref).enumerate() {
        if cell.trim().is_empty() {
            continue;
        }
        let name = names.get(index).map_or("", String::as_str).trim();
        let short = name.get(..name.floor_char_boundary(NAME_BYTES)).unwrap_or_default();
        text.push_str(if text.is_empty() { "" } else { "\n" });
        text.push_str(short);
        text.push_str(if short.is_empty() { "" } else { ": " });
        text.push_str(cell.trim());
        if text.len() > most {
            return None;
        }
    }
    Some(text)
}

/// Parts a row that is longer than a passage. Each part repeats the short cells and continues the long ones.
fn parts<S: AsRef<str>>(cells: &[S], columns: usize) -> Vec<String> {
    let short: usize =
        cells.iter().map(|cell| cell.as_ref().len()).filter(|size| *size <= REPEATED_BYTES).sum();
    if short > PART_BYTES {
        return vec![line(cells, columns) + "\n"];
    }
    let mut rest: Vec<&str> = cells.iter().map(|cell| cell.as_ref().trim()).collect();
    let long = rest.iter().filter(|cell| cell.len() > REPEATED_BYTES).count();
    let size = (PART_BYTES / long.max(1)).max(REPEATED_BYTES);
    let mut parts = Vec::new();
    let mut is_first = true;
    while std::mem::take(&mut is_first)
        || rest.iter().zip(cells).any(|(rest, cell)| is_long(cell) && !rest.is_empty())
    {
        let row: Vec<&str> = rest
            .iter_mut()
            .zip(cells)
            .map(|(rest, cell)| if is_long(cell) { cut(rest, size) } else { rest })
            .collect();
        parts.push(line(&row, columns) + "\n");
    }
    parts
}

fn is_long<S: AsRef<str>>(cell: &S) -> bool {
    cell.as_ref().len() > REPEATED_BYTES
}

/// Takes the first words of a text, up to about `size` bytes.
fn cut<'a>(text: &mut &'a str, size: usize) -> &'a str {
    let end = text.floor_char_boundary(size);
    let head = text.get(..end).unwrap_or_default();
    let end = if end == text.len() {
        end
    } else {
        head.rfind(char::is_whitespace).filter(|at| *at > size / 2).unwrap_or(end)
    };
    let (head, tail) = text.split_at_checked(end).unwrap_or((text, ""));
    *text = tail.trim_start();
    head
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
