//! Table of a slide while its cells arrive. The ground of a cell follows its text.

use super::super::super::ink::{Colour, Ink, Inks};
use super::super::super::inline::{Inline, Level};
use super::super::super::merged_cells::Cell;
use super::super::super::xml::Tag;

/// Styles of tables without a colour of their own.
const PLAIN: [&str; 2] = ["{2D5ABB26-0587-4C30-8999-92F81FD0307C}", "{5940675A-B579-460E-94D1-54222C63F5DA}"];

/// Cells of the open table.
#[derive(Default)]
pub(super) struct Cells {
    rows: Vec<Vec<Cell>>,
    is_open: bool,
    is_styled: bool,
    ground: Option<Colour>,
    inks: Inks,
}

impl Cells {
    /// Begins a table. One that names no style has no colours.
    pub(super) fn begin(&mut self) {
        self.is_styled = false;
    }

    /// Takes the style of the table.
    pub(super) fn style(&mut self, style: &str) {
        self.is_styled = !PLAIN.contains(&style.trim());
    }

    pub(super) fn begin_row(&mut self) {
        self.rows.push(Vec::new());
    }

    /// Begins a cell. Positions covered by another cell have empty elements of their own.
    pub(super) fn begin_cell(&mut self, tag: &Tag<'_>) {
        let is_covered = |name: &str| tag.attribute(name).is_some_and(|value| value == "1");
        self.is_open = !["hMerge", "vMerge"].into_iter().any(is_covered);
        if self.is_open {
            let span = |name: &str| tag.attribute(name).and_then(|span| span.parse().ok()).unwrap_or(1);
            let cell = Cell { text: String::new(), columns: span("gridSpan"), rows: span("rowSpan") };
            self.rows.last_mut().into_iter().for_each(|row| row.push(cell.clone()));
        }
    }

    /// Returns whether a cell is open.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Takes the colour of the open cell.
    pub(super) fn fill(&mut self, ground: Colour) {
        self.ground = Some(ground);
    }

    /// Appends a run to the open paragraph of a cell.
    pub(super) fn push(&mut self, paragraph: &mut Inline, text: &str, level: Level, ink: Ink) {
        let before = self.rows.last().and_then(|row| row.last()).map_or(0, |cell| cell.text.len());
        let start = ink.may_be_unseen().then(|| paragraph.settle());
        paragraph.push(text, level);
        if let Some(start) = start {
            self.inks.add(before + start..before + paragraph.settle(), ink);
        }
    }

    /// Appends a paragraph to the open cell.
    pub(super) fn end_paragraph(&mut self, text: &str) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
            cell.text.push_str(text);
            cell.text.push('\n');
        }
    }

    /// Ends a cell of a table on this ground. Returns the number of runs that were left out because they are not seen.
    pub(super) fn end_cell(&mut self, ground: Colour, reads_hidden: bool) -> u32 {
        let inks = std::mem::take(&mut self.inks);
        let ground = self.ground.take().unwrap_or(if self.is_styled { Colour::Unknown } else { ground });
        let cell = self.rows.last_mut().and_then(|row| row.last_mut());
        let was_open = std::mem::take(&mut self.is_open);
        let Some(cell) = cell.filter(|_| was_open && !inks.is_empty() && !reads_hidden) else { return 0 };
        let (text, unseen) = inks.visible(&cell.text, Some(ground));
        cell.text = text;
        unseen
    }

    /// Returns the rows of the table, which ends.
    pub(super) fn take(&mut self) -> Vec<Vec<Cell>> {
        std::mem::take(self).rows
    }
}
