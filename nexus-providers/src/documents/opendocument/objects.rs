//! Objects within an `OpenDocument` file: charts with their tables, and formulas.

use std::collections::BTreeMap;
use std::rc::Rc;

use nexus_core::Result;

use super::super::archive::Archive;
use super::super::block_writer::Output;
use super::super::budget::Budget;
use super::super::table;
use super::super::xml::{Handler, Tag};

/// Objects by their folder.
#[derive(Default)]
pub(super) struct Objects {
    by_folder: BTreeMap<String, Object>,
}

impl Objects {
    /// Reads the objects of a document.
    pub(super) fn of(archive: &mut Archive<'_>, budget: &Rc<Budget>) -> Result<Self> {
        let mut objects = Self::default();
        for name in archive.names() {
            let Some(folder) = name.strip_suffix("/content.xml") else { continue };
            let mut object = Object::new(budget);
            archive.xml(&name, &mut object)?;
            objects.by_folder.insert(folder.to_owned(), object);
        }
        Ok(objects)
    }

    /// Returns the object that a link names, if it has text.
    pub(super) fn get(&self, link: &str) -> Option<&Object> {
        let folder = link.trim_start_matches("./").trim_end_matches('/');
        self.by_folder.get(folder).filter(|object| object.is_chart() || !object.formula().is_empty())
    }
}

/// Chart or formula.
#[expect(clippy::struct_excessive_bools, reason = "each says where the walk is")]
pub(super) struct Object {
    title: String,
    rows: Vec<Vec<String>>,
    /// Source of a formula, and its symbols.
    source: String,
    symbols: String,
    chart: bool,
    in_title: usize,
    in_table: bool,
    in_math: bool,
    in_source: bool,
    budget: Rc<Budget>,
}

impl Object {
    fn new(budget: &Rc<Budget>) -> Self {
        Self {
            title: String::new(),
            rows: Vec::new(),
            source: String::new(),
            symbols: String::new(),
            chart: false,
            in_title: 0,
            in_table: false,
            in_math: false,
            in_source: false,
            budget: Rc::clone(budget),
        }
    }

    /// Returns whether the object is a chart with values.
    pub(super) fn is_chart(&self) -> bool {
        self.chart && self.rows.len() > 1
    }

    /// Returns the formula of an object that is one.
    pub(super) fn formula(&self) -> &str {
        let source = self.source.trim();
        if source.is_empty() { self.symbols.trim() } else { source }
    }

    /// Writes a chart: its title as a paragraph, its values as a table.
    pub(super) fn write(&self, out: &mut Output<'_>) -> Result<()> {
        if !self.title.trim().is_empty() {
            out.paragraph(&format!("Chart: {}", self.title.trim()))?;
        }
        table::write(&self.rows, out)
    }
}

impl Handler for Object {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        match tag.name() {
            "chart" => self.chart = true,
            "title" if !self.in_table => self.in_title += 1,
            "table" => self.in_table = true,
            "table-row" => self.rows.push(Vec::new()),
            "table-cell" => {
                self.budget.copy(size_of::<String>())?;
                self.rows.last_mut().into_iter().for_each(|row| row.push(String::new()));
            }
            "math" => self.in_math = true,
            "annotation" => self.in_source = true,
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        match name {
            "title" => self.in_title = self.in_title.saturating_sub(1),
            "table" => self.in_table = false,
            "math" => self.in_math = false,
            "annotation" => self.in_source = false,
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        let place = if self.in_source {
            &mut self.source
        } else if self.in_math {
            &mut self.symbols
        } else if self.in_title > 0 {
            &mut self.title
        } else if let Some(cell) =
            self.rows.last_mut().and_then(|row| row.last_mut()).filter(|_| self.in_table)
        {
            cell
        } else {
            return Ok(());
        };
        self.budget.copy(text.len())?;
        place.push_str(text.trim_matches(['\n', '\r']));
        Ok(())
    }
}
