//! Chart of a spreadsheet: its title and the table of its values.

use nexus_core::Result;

use super::super::block_writer::Output;
use super::super::table;
use super::super::xml::{Handler, Tag};

/// Content of an object.
#[derive(Default)]
pub(super) struct Chart {
    /// Whether the object is a chart.
    pub(super) found: bool,
    title: String,
    rows: Vec<Vec<String>>,
    place: Place,
}

#[derive(Default, PartialEq, Eq)]
enum Place {
    #[default]
    Outside,
    Title,
    Cell,
}

impl Chart {
    pub(super) fn has_values(&self) -> bool {
        self.rows.iter().flatten().any(|cell| cell.bytes().any(|byte| byte.is_ascii_digit()))
    }

    /// Writes the title as a paragraph and the values as a table.
    pub(super) fn write(&self, out: &mut Output<'_>) -> Result<()> {
        out.paragraph(format!("Chart: {}", self.title.trim()).trim_end())?;
        table::write(&self.rows, out)
    }
}

impl Handler for Chart {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        match tag.name() {
            "chart" => self.found = true,
            "title" | "subtitle" if self.found => self.place = Place::Title,
            "table-row" => self.rows.push(Vec::new()),
            "table-cell" => {
                self.rows.last_mut().into_iter().for_each(|row| row.push(String::new()));
                self.place = Place::Cell;
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        match name {
            "title" | "subtitle" => {
                self.title.push(' ');
                self.place = Place::Outside;
            }
            "table-cell" => self.place = Place::Outside,
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        match self.place {
            Place::Title => self.title.push_str(text),
            Place::Cell => {
                if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
                    cell.push_str(text);
                }
            }
            Place::Outside => {}
        }
        Ok(())
    }
}
