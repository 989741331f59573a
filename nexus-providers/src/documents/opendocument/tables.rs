//! Open tables of a text or a presentation.

use nexus_core::Result;

use super::super::budget::Budget;
use super::super::ink::Colour;
use super::super::merged_cells::Cell;
use super::super::table::{self, HeaderRows};
use super::super::xml::Tag;

/// Open table.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each says where the walk is")]
pub(super) struct OpenTable {
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) in_cell: bool,
    pub(super) repeated: usize,
    /// Whether the open cell ends with a list item.
    pub(super) listed: bool,
    pub(super) hidden_row: bool,
    pub(super) in_header: bool,
    /// Number of rows that are declared as header.
    header_rows: usize,
    /// Grounds of the table, the open row and the open cell.
    grounds: [Option<Colour>; 3],
}

impl OpenTable {
    pub(super) fn new(ground: Option<Colour>) -> Self {
        Self { grounds: [ground, None, None], ..Self::default() }
    }

    /// Returns what the table declares about its header.
    pub(super) fn header(&self) -> HeaderRows {
        if self.header_rows > 1 { HeaderRows::Declared(self.header_rows) } else { HeaderRows::Guessed }
    }

    /// Returns the ground of the open cell, if it is not that of the page.
    pub(super) fn ground(&self) -> Option<Colour> {
        self.grounds.into_iter().rev().find_map(|ground| ground)
    }

    pub(super) fn begin_row(&mut self, hidden: bool, ground: Option<Colour>) {
        let [table_ground, ..] = self.grounds;
        self.grounds = [table_ground, ground, None];
        self.rows.push(Vec::new());
        self.header_rows += usize::from(self.in_header);
        self.hidden_row = hidden;
    }

    pub(super) fn begin_cell(
        &mut self,
        tag: &Tag<'_>,
        ground: Option<Colour>,
        budget: &Budget,
    ) -> Result<()> {
        let [table_ground, row_ground, _] = self.grounds;
        self.grounds = [table_ground, row_ground, ground];
        budget.copy(size_of::<Cell>())?;
        let number = |name: &str| tag.attribute(name).and_then(|count| count.parse().ok()).unwrap_or(1);
        let (columns, rows) = (number("number-columns-spanned"), number("number-rows-spanned"));
        self.repeated = number("number-columns-repeated");
        (self.in_cell, self.listed) = (true, false);
        let cell = Cell { text: String::new(), columns, rows };
        self.rows.last_mut().into_iter().for_each(|row| row.push(cell.clone()));
        Ok(())
    }

    /// Ends a cell and repeats it as declared, up to a limit.
    pub(super) fn end_cell(&mut self, budget: &Budget) -> Result<()> {
        const WIDEST: usize = 256;
        self.in_cell = false;
        let Some(row) = self.rows.last_mut() else { return Ok(()) };
        let more = self.repeated.saturating_sub(1).min(WIDEST.saturating_sub(row.len()));
        let Some(cell) = row.last().cloned() else { return Ok(()) };
        budget.work(more + 1);
        budget.copy(more.saturating_mul(size_of::<Cell>() + cell.text.len()))?;
        row.extend(std::iter::repeat_n(cell, more));
        Ok(())
    }

    /// Appends a paragraph to the open cell.
    pub(super) fn paragraph(&mut self, text: &str, listed: bool) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
            table::add_paragraph(&mut cell.text, &mut self.listed, text, listed);
        }
    }

    /// Ends a row. Returns whether it is hidden and had text.
    pub(super) fn end_row(&mut self, read_hidden: bool) -> bool {
        if !std::mem::take(&mut self.hidden_row) || read_hidden {
            return false;
        }
        self.rows.pop().is_some_and(|row| row.iter().any(|cell| !cell.text.trim().is_empty()))
    }
}
