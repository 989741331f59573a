//! Sheets of every format: rows become tables. Blank rows separate tables; a lone cell above is a caption. Hidden rows
//! and columns are left out, and the text of a merged cell is repeated in every position that it covers.

pub(super) mod header_footer;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use nexus_core::Result;
use nexus_core::document::UnreadPart;

use super::block_writer::Output;
use super::inline::{self, Subject};
use super::merged_cells::{FURTHEST, Text, repeated};
use super::table::{HeaderRows, Table};

/// Maximum column; cells further right move up to the others, because such sheets are sparse.
const WIDEST: usize = 1024;

/// Merged cell: rows and columns, both ends included, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) top: u32,
    pub(super) left: u32,
    pub(super) bottom: u32,
    pub(super) right: u32,
}

/// Columns and merged cells of a sheet.
#[derive(Debug, Default)]
pub(super) struct Layout {
    first: u32,
    /// Merged cells by the place of their text.
    merges: BTreeMap<(u32, u32), Range>,
    /// Ranges of hidden columns, apart from each other, with the number of hidden columns before each.
    hidden: Vec<(u32, u32, u32)>,
}

impl Layout {
    /// Creates the layout of a sheet whose cells begin in column `first`.
    pub(super) fn new(first: u32, merges: Vec<Range>, mut hidden: Vec<(u32, u32)>) -> Self {
        hidden.sort_unstable();
        let mut apart: Vec<(u32, u32, u32)> = Vec::new();
        for (start, end) in hidden.into_iter().filter(|(start, end)| start <= end) {
            match apart.last_mut() {
                Some(last) if start <= last.1.saturating_add(1) => last.1 = last.1.max(end),
                _ => {
                    let before = apart.last().map_or(0, |(start, end, before)| before + (end - start) + 1);
                    apart.push((start, end, before));
                }
            }
        }
        let merges = merges.into_iter().map(|range| ((range.top, range.left), range)).collect();
        Self { first, merges, hidden: apart }
    }

    /// Moves the first column.
    pub(super) fn with_first(mut self, first: u32) -> Self {
        self.first = first;
        self
    }

    /// Returns the number of hidden columns before a column, and whether the column itself is hidden.
    fn hidden_before(&self, column: u32) -> (u32, bool) {
        let next = self.hidden.partition_point(|(start, ..)| *start <= column);
        let Some((start, end, before)) = next.checked_sub(1).and_then(|at| self.hidden.get(at)) else {
            return (0, false);
        };
        (before + (column.min(*end) - start) + u32::from(column > *end), column <= *end)
    }

    /// Returns the place of a column among the visible ones.
    fn place(&self, column: u32) -> usize {
        let visible = |column: u32| column - self.hidden_before(column).0.min(column);
        visible(column).saturating_sub(visible(self.first)) as usize
    }
}

/// Writes a note on a cell. Programs begin its text with the name of its author, which is no part of the note.
pub(super) fn comment(author: &str, cell: &str, text: &str, out: &mut Output<'_>) -> Result<()> {
    let (author, text) = (author.trim(), text.trim());
    let own = Some(author).filter(|author| !author.is_empty());
    let text = own.and_then(|author| text.strip_prefix(author)?.strip_prefix(':')).unwrap_or(text);
    inline::comment(out.limits, author, Subject::Cell(cell), text).map_or(Ok(()), |text| out.paragraph(&text))
}

/// Merged cell from above that still covers a column.
struct Above {
    text: Text,
    bottom: u32,
}

/// Sheet whose cells arrive row by row.
pub(super) struct Sheet {
    /// Name of the sheet, until its first cell is written.
    name: Option<String>,
    layout: Layout,
    row: Option<u32>,
    cells: Vec<Text>,
    /// Merged cells that begin in the open row, by their place.
    merged: Vec<(usize, Range)>,
    above: BTreeMap<usize, Above>,
    table: Option<Table>,
    hidden_row: Option<u32>,
    hidden_rows: u32,
    /// Hidden rows since the last visible one.
    hidden_since: u32,
    hidden_columns: BTreeSet<u32>,
}

impl Sheet {
    /// Begins a page for the sheet.
    pub(super) fn begin(name: &str, mut layout: Layout, out: &mut Output<'_>) -> Result<Self> {
        out.begin_page()?;
        if out.limits.read_hidden {
            layout.hidden.clear();
        }
        Ok(Self {
            name: Some(name.to_owned()).filter(|name| !is_default(name)),
            layout,
            row: None,
            cells: Vec::new(),
            merged: Vec::new(),
            above: BTreeMap::new(),
            table: None,
            hidden_row: None,
            hidden_rows: 0,
            hidden_since: 0,
            hidden_columns: BTreeSet::new(),
        })
    }

    /// Adds a merged cell whose text follows.
    pub(super) fn merge(&mut self, range: Range) {
        self.layout.merges.insert((range.top, range.left), range);
    }

    /// Takes a cell. Rows must come in order.
    pub(super) fn cell(&mut self, row: u32, column: u32, text: &str, out: &mut Output<'_>) -> Result<()> {
        out.budget.work(1);
        if text.trim().is_empty() {
            return Ok(());
        }
        if self.layout.hidden_before(column).1 {
            self.hidden_columns.insert(column);
            return Ok(());
        }
        if self.row != Some(row) {
            self.end_row(out)?;
            if self.row.is_some_and(|last| self.is_apart(last, row)) {
                self.end_table(out)?;
            }
            (self.row, self.hidden_since) = (Some(row), 0);
        }
        let place = self.layout.place(column);
        if place < WIDEST && place > self.cells.len() {
            out.budget.work(place - self.cells.len());
            self.cells.resize(place, Text::from(""));
        }
        if let Some(range) = self.layout.merges.get(&(row, column)).filter(|_| place == self.cells.len()) {
            self.merged.push((place, *range));
        }
        // Cells that share one text in the file each get a copy here.
        out.budget.copy(size_of::<String>() + text.len())?;
        self.cells.push(text.into());
        Ok(())
    }

    /// Leaves out a cell of a hidden row.
    pub(super) fn hidden_cell(&mut self, row: u32) {
        if self.hidden_row != Some(row) {
            self.hidden_row = Some(row);
            self.hidden_rows = self.hidden_rows.saturating_add(1);
            self.hidden_since += 1;
        }
    }

    /// Ends the tables of the sheet.
    pub(super) fn end_tables(mut self, out: &mut Output<'_>) -> Result<()> {
        self.end_row(out)?;
        self.end_table(out)?;
        out.unread(UnreadPart::HiddenRow, self.hidden_rows);
        out.unread(UnreadPart::HiddenColumn, u32::try_from(self.hidden_columns.len()).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Returns whether a blank row lies between two rows.
    fn is_apart(&self, last: u32, row: u32) -> bool {
        let covered = self.above.values().map(|above| above.bottom).max().unwrap_or(last).max(last);
        row.abs_diff(last) > 1 + self.hidden_since && row > covered.saturating_add(1) || row < last
    }

    fn end_row(&mut self, out: &mut Output<'_>) -> Result<()> {
        if self.cells.is_empty() {
            return Ok(());
        }
        if let Some(name) = self.name.take() {
            out.name(1, &name)?;
        }
        let row = self.row.unwrap_or_default();
        let own = self.cells.iter().filter(|cell| !cell.is_empty()).count();
        let is_group =
            own == 1 && self.merged.iter().any(|(place, range)| *place > 0 && range.right > range.left);
        let covers = self.above.values().any(|above| above.bottom >= row);
        if own > 1 || is_group || covers {
            self.spread(out)?;
        }
        let has_group = own > 1 && self.merged.iter().any(|(_, range)| range.right > range.left) || is_group;
        let known = if has_group { HeaderRows::Grouped } else { HeaderRows::Guessed };
        self.cover(row, out)?;
        let cells = std::mem::take(&mut self.cells);
        self.merged.clear();
        let caption = cells.iter().find(|cell| !cell.is_empty());
        match (&mut self.table, caption) {
            (None, Some(caption)) if own == 1 && !is_group && !covers => out.paragraph(caption),
            (table, _) => table.get_or_insert_with(|| Table::under(known)).row(&cells, out),
        }
    }

    /// Repeats the text of each merged cell in the columns that it covers.
    fn spread(&mut self, out: &mut Output<'_>) -> Result<()> {
        for at in 0..self.merged.len() {
            let Some((place, range)) = self.merged.get(at).copied() else { break };
            let text = self.cells.get(place).map(repeated).unwrap_or_default();
            let last = self.layout.place(range.right).min(place + FURTHEST);
            for place in place + 1..=last {
                self.fill(place, &text, out)?;
            }
        }
        Ok(())
    }

    /// Repeats the texts of merged cells from above, and keeps those of this row for the rows below.
    fn cover(&mut self, row: u32, out: &mut Output<'_>) -> Result<()> {
        self.above.retain(|_, above| above.bottom >= row);
        let above: Vec<(usize, Text)> =
            self.above.iter().map(|(place, above)| (*place, Rc::clone(&above.text))).collect();
        out.budget.work(above.len());
        for (place, text) in above {
            self.fill(place, &text, out)?;
        }
        for (place, range) in std::mem::take(&mut self.merged) {
            let text = self.cells.get(place).map(repeated).unwrap_or_default();
            let last = self.layout.place(range.right).min(place + FURTHEST).max(place);
            for place in place..=last {
                if range.bottom > row {
                    out.budget.copy(size_of::<Above>())?;
                    self.above.insert(place, Above { text: Rc::clone(&text), bottom: range.bottom });
                }
            }
        }
        Ok(())
    }

    /// Writes a repeated text to a position that is empty.
    fn fill(&mut self, place: usize, text: &Text, out: &mut Output<'_>) -> Result<()> {
        if place >= WIDEST {
            return Ok(());
        }
        if place >= self.cells.len() {
            out.budget.work(place - self.cells.len());
            self.cells.resize(place + 1, Text::from(""));
        }
        if let Some(cell) = self.cells.get_mut(place).filter(|cell| cell.is_empty()) {
            out.budget.copy(size_of::<Text>() + text.len())?;
            *cell = Rc::clone(text);
        }
        Ok(())
    }

    fn end_table(&mut self, out: &mut Output<'_>) -> Result<()> {
        self.above.clear();
        self.table.take().map_or(Ok(()), |mut table| table.end(out))
    }
}

/// Returns the letters of a column, counted from 0.
pub(super) fn letters(column: u32) -> String {
    let letter = |number: u32| char::from_u32(u32::from(b'A') + number % 26).unwrap_or('?');
    match column.checked_sub(26) {
        None => letter(column).to_string(),
        Some(more) => format!("{}{}", letters(more / 26), letter(more)),
    }
}

/// Returns whether a name is the default name of a new sheet.
fn is_default(name: &str) -> bool {
    name.strip_prefix("Sheet").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_letters() {
        assert_eq!([0, 25, 26, 51, 52, 255, 16_383].map(letters), ["A", "Z", "AA", "AZ", "BA", "IV", "XFD"]);
    }

    #[test]
    fn hidden_columns_take_no_place() {
        let layout = Layout::new(1, Vec::new(), vec![(7, 9), (3, 3), (4, 4), (9, 10)]);
        let found = [1, 2, 3, 4, 5, 6, 8, 11, 12]
            .map(|column| (layout.place(column), layout.hidden_before(column).1));
        let expected = [
            (0, false),
            (1, false),
            (2, true),
            (2, true),
            (2, false),
            (3, false),
            (4, true),
            (4, false),
            (5, false),
        ];
        assert_eq!(found, expected);
    }
}
