//! Objects within an `OpenDocument` file: charts with their tables, and formulas.

use std::collections::BTreeMap;
use std::rc::Rc;

use nexus_core::Result;
use nexus_core::document::UnreadPart;

use super::super::archive::Archive;
use super::super::block_writer::Output;
use super::super::budget::Budget;
use super::super::xml::{Handler, Tag};
use super::super::{inline, table};

/// Objects by their folder.
#[derive(Default)]
pub(in super::super) struct Objects {
    by_folder: BTreeMap<String, Object>,
}

impl Objects {
    /// Reads the objects of a document.
    pub(in super::super) fn of(archive: &mut Archive<'_>, budget: &Rc<Budget>) -> Result<Self> {
        let mut objects = Self::default();
        for name in archive.names() {
            let Some(folder) = name.strip_suffix("/content.xml") else { continue };
            let mut object = Object::new(budget);
            archive.xml(&name, &mut object)?;
            objects.by_folder.insert(folder.to_owned(), object);
        }
        Ok(objects)
    }

    /// Returns the object that a link names, or the part to count where it has no text.
    pub(in super::super) fn get(&self, link: &str) -> std::result::Result<&Object, UnreadPart> {
        let folder = link.trim_start_matches("./").trim_end_matches('/');
        let object = self.by_folder.get(folder).ok_or(UnreadPart::Attachment)?;
        if object.has_values() || !object.formula().is_empty() {
            return Ok(object);
        }
        Err(if object.chart { UnreadPart::Chart } else { UnreadPart::Attachment })
    }
}

/// Text of an object, by the element that is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Title,
    /// Title of the axis of values, and of the other ones.
    ValueAxis,
    OtherAxis,
    /// Symbols of a formula, and its source.
    Symbols,
    Source,
}

/// Chart or formula.
pub(in super::super) struct Object {
    title: String,
    measure: String,
    rows: Vec<Vec<String>>,
    source: String,
    symbols: String,
    chart: bool,
    in_table: bool,
    /// Open axis: whether it is that of values.
    axis: Option<bool>,
    places: Vec<Place>,
    budget: Rc<Budget>,
}

impl Object {
    fn new(budget: &Rc<Budget>) -> Self {
        Self {
            title: String::new(),
            measure: String::new(),
            rows: Vec::new(),
            source: String::new(),
            symbols: String::new(),
            chart: false,
            in_table: false,
            axis: None,
            places: Vec::new(),
            budget: Rc::clone(budget),
        }
    }

    fn has_values(&self) -> bool {
        let values = self.rows.iter().skip(1).flatten();
        self.chart && values.into_iter().any(|cell| cell.bytes().any(|byte| byte.is_ascii_digit()))
    }

    /// Returns the formula of an object that is one.
    pub(in super::super) fn formula(&self) -> &str {
        let source = self.source.trim();
        if source.is_empty() { self.symbols.trim() } else { source }
    }

    /// Writes a chart as its caption and the table of its values, and a formula as a paragraph.
    pub(in super::super) fn write(&self, out: &mut Output<'_>) -> Result<()> {
        if !self.has_values() {
            return out.paragraph(self.formula());
        }
        if let Some(caption) = inline::chart(&self.title, &self.measure) {
            out.paragraph(&caption)?;
        }
        table::write(&self.rows, out)
    }

    /// Returns whether the object is written after its paragraph, rather than within.
    pub(in super::super) fn is_block(&self) -> bool {
        self.has_values()
    }
}

impl Handler for Object {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        match tag.name() {
            "chart" => self.chart = true,
            "axis" => self.axis = Some(tag.attribute("dimension").as_deref() == Some("y")),
            "title" | "subtitle" if !self.in_table => self.places.push(match self.axis {
                None => Place::Title,
                Some(true) => Place::ValueAxis,
                Some(false) => Place::OtherAxis,
            }),
            "table" => self.in_table = true,
            "table-row" => self.rows.push(Vec::new()),
            "table-cell" => {
                self.budget.copy(size_of::<String>())?;
                self.rows.last_mut().into_iter().for_each(|row| row.push(String::new()));
            }
            "math" => self.places.push(Place::Symbols),
            "annotation" => self.places.push(Place::Source),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        match name {
            "title" | "subtitle" if !self.in_table => {
                self.title.push(' ');
                self.places.pop();
            }
            "axis" => self.axis = None,
            "table" => self.in_table = false,
            "math" | "annotation" => drop(self.places.pop()),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        let place = match self.places.last() {
            Some(Place::Title) => &mut self.title,
            Some(Place::ValueAxis) => &mut self.measure,
            Some(Place::OtherAxis) => return Ok(()),
            Some(Place::Symbols) => &mut self.symbols,
            Some(Place::Source) => &mut self.source,
            None => {
                let cell = self.rows.last_mut().and_then(|row| row.last_mut()).filter(|_| self.in_table);
                let Some(cell) = cell else { return Ok(()) };
                cell
            }
        };
        self.budget.copy(text.len())?;
        place.push_str(text.trim_matches(['\n', '\r']));
        Ok(())
    }
}
