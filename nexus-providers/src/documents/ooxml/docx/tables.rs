//! Open tables of a DOCX: merged cells are repeated; rows that were deleted or hidden are left out.

use nexus_core::Result;
use nexus_core::document::UnreadPart;

use super::super::super::budget::Budget;
use super::super::super::ink::Colour;
use super::super::super::merged_cells::{self, Text};
use super::super::super::table::{self, HeaderRows};
use super::super::super::xml::Tag;
use super::super::styles::shading;

/// Maximum number of columns that a cell may cover or a row may skip.
const WIDEST: usize = 100;

/// Open table.
#[derive(Default)]
pub(super) struct OpenTable {
    pub(super) rows: Vec<Vec<Text>>,
    /// Text of the open cell.
    pub(super) cell: Option<String>,
    /// Column span of the open cell.
    span: usize,
    /// Whether the open cell belongs to the merged cell above it.
    merged: bool,
    /// Whether the open cell ends with a list item.
    listed: bool,
    /// Ground of the table, where its properties or its style may give one, and that of the open cell.
    table_ground: Option<Colour>,
    cell_ground: Option<Colour>,
    /// Whether properties of the table or of the open cell are open.
    in_properties: bool,
    /// Number of first rows that are declared as header.
    header_rows: usize,
    /// Reason for which the open row is left out.
    row_left_out: Option<UnreadPart>,
}

impl OpenTable {
    /// Begins or ends properties of the table or of the open cell.
    pub(super) fn properties(&mut self, open: bool) {
        self.in_properties = open;
    }

    /// Takes a property that may give the table or the open cell a ground. Returns whether it is one of theirs.
    pub(super) fn shade(&mut self, tag: &Tag<'_>) -> bool {
        let ground = match tag.name() {
            "tblStyle" => Some(Colour::Unknown),
            _ => shading(tag),
        };
        let place = if self.cell.is_some() { &mut self.cell_ground } else { &mut self.table_ground };
        if self.in_properties {
            *place = ground.or(*place);
        }
        self.in_properties
    }

    /// Returns what the table declares about its header.
    pub(super) fn header(&self) -> HeaderRows {
        if self.header_rows > 1 { HeaderRows::Declared(self.header_rows) } else { HeaderRows::Guessed }
    }

    /// Returns the ground of the open cell, if it is not that of the page.
    pub(super) fn ground(&self) -> Option<Colour> {
        self.cell_ground.or(self.table_ground)
    }

    pub(super) fn begin_row(&mut self) {
        self.rows.push(Vec::new());
        self.row_left_out = None;
    }

    /// Takes a property of the open row or cell.
    pub(super) fn property(&mut self, tag: &Tag<'_>, read_hidden: bool) {
        let number = || tag.attribute("val").and_then(|number| number.parse().ok()).unwrap_or(1_usize);
        match tag.name() {
            "gridBefore" if self.cell.is_none() => {
                let row = self.rows.last_mut().into_iter();
                row.for_each(|row| row.extend(std::iter::repeat_n(Text::from(""), number().min(WIDEST))));
            }
            "tblHeader" if tag.is_on() && self.header_rows + 1 == self.rows.len() => self.header_rows += 1,
            "gridSpan" => self.span = number().min(WIDEST),
            "vMerge" => self.merged = tag.attribute("val").is_none_or(|value| value == "continue"),
            "hidden" if self.cell.is_none() && tag.is_on() && !read_hidden => {
                self.row_left_out = Some(UnreadPart::HiddenRow);
            }
            _ => {}
        }
    }

    /// Marks the open row as deleted.
    pub(super) fn delete_row(&mut self) {
        self.row_left_out = Some(UnreadPart::StruckText);
    }

    /// Ends a row. Returns the reason if it had text and is left out.
    pub(super) fn end_row(&mut self) -> Option<UnreadPart> {
        let reason = self.row_left_out.take()?;
        let row = self.rows.pop()?;
        row.iter().any(|cell| !cell.trim().is_empty()).then_some(reason)
    }

    pub(super) fn begin_cell(&mut self) {
        (self.span, self.merged, self.listed, self.cell_ground) = (1, false, false, None);
        self.cell = self.rows.last().map(|_| String::new());
    }

    /// Appends a paragraph to the open cell.
    pub(super) fn paragraph(&mut self, text: &str, listed: bool) {
        if let Some(cell) = &mut self.cell {
            table::add_paragraph(cell, &mut self.listed, text, listed);
        }
    }

    /// Ends a cell. Its text is repeated in every position that it covers, unless it is long.
    pub(super) fn end_cell(&mut self, budget: &Budget) -> Result<()> {
        let Some(cell) = self.cell.take() else { return Ok(()) };
        let Some((row, above)) = self.rows.split_last_mut() else { return Ok(()) };
        let covered = above.last().and_then(|above| above.get(row.len())).filter(|_| self.merged);
        let first = covered.map_or_else(|| cell.into(), merged_cells::repeated);
        let further = merged_cells::repeated(&first);
        let span = self.span.max(1);
        budget.work(span);
        budget.copy(span.saturating_mul(size_of::<Text>() + further.len()))?;
        row.push(first);
        row.extend(std::iter::repeat_n(further, span - 1));
        Ok(())
    }
}
