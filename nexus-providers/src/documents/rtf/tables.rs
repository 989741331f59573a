//! Rows of an RTF table. Merged cells are repeated in each position that they cover.

use nexus_core::Result;

use super::super::block_writer::Output;
use super::super::budget::Budget;
use super::super::merged_cells::{self, Text};
use super::super::table::{self, HeaderRows};

/// Maximum number of columns with properties of their own.
const WIDEST: usize = 256;

/// Whether a cell continues the one beside or above it.
#[derive(Clone, Copy, Debug, Default)]
struct Merged {
    with_left: bool,
    with_above: bool,
}

/// Rows of the open table.
#[derive(Default)]
pub(super) struct Rows {
    texts: Vec<Vec<Text>>,
    merged: Vec<Merged>,
    next: Merged,
    /// Number of rows that are declared as header.
    declared: usize,
    /// Whether a cell of the row has a ground of its own.
    is_shaded: bool,
}

impl Rows {
    /// Takes a control word that defines a row or its cells.
    pub(super) fn word(&mut self, word: &str) {
        match word {
            "trowd" => {
                self.merged.clear();
                self.is_shaded = false;
            }
            "trhdr" => self.declared += 1,
            "clmrg" => self.next.with_left = true,
            "clvmrg" => self.next.with_above = true,
            "cellx" if self.merged.len() < WIDEST => self.merged.push(std::mem::take(&mut self.next)),
            _ => {}
        }
    }

    /// Records that a cell of the row has a ground of its own.
    pub(super) fn shade(&mut self) {
        self.is_shaded = true;
    }

    pub(super) fn is_shaded(&self) -> bool {
        self.is_shaded
    }

    /// Ends a cell.
    pub(super) fn cell(&mut self, text: &str, budget: &Budget) -> Result<()> {
        budget.copy(size_of::<Text>() + text.len())?;
        if self.texts.is_empty() {
            self.texts.push(Vec::new());
        }
        self.texts.last_mut().into_iter().for_each(|row| row.push(text.into()));
        Ok(())
    }

    /// Ends a row.
    pub(super) fn end_row(&mut self, budget: &Budget) -> Result<()> {
        if let Some((row, above)) = self.texts.split_last_mut() {
            let above = above.last();
            for (column, merged) in self.merged.iter().enumerate() {
                let left = column.checked_sub(1).and_then(|left| row.get(left)).filter(|_| merged.with_left);
                let covering = left.or_else(|| above?.get(column).filter(|_| merged.with_above));
                let covering = covering.map(merged_cells::repeated);
                if let Some((place, text)) = row.get_mut(column).zip(covering) {
                    budget.copy(text.len())?;
                    *place = text;
                }
            }
        }
        self.texts.push(Vec::new());
        Ok(())
    }

    /// Writes the table, if one is open.
    pub(super) fn write(&mut self, out: &mut Output<'_>) -> Result<()> {
        let mut rows = std::mem::take(&mut self.texts);
        rows.retain(|row| !row.is_empty());
        let known = if self.declared > 1 { HeaderRows::Declared(self.declared) } else { HeaderRows::Guessed };
        self.declared = 0;
        table::write_under(known, &rows, out)
    }
}
