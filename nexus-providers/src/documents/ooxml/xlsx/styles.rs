//! Styles of cells: number format, and whether the text is struck, raised or lowered.

use std::collections::BTreeMap;
use std::rc::Rc;

use nexus_core::Result;

use super::super::super::inline::Level;
use super::super::super::number_format::NumberFormat;
use super::super::super::xml::{Handler, Tag};

/// Style of a cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Style {
    pub(super) format: Option<Rc<NumberFormat>>,
    pub(super) font: Font,
}

/// Meaning of a font.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Font {
    pub(super) struck: bool,
    pub(super) level: Level,
}

/// Styles part.
#[derive(Default)]
pub(super) struct Styles {
    formats: BTreeMap<u32, Rc<NumberFormat>>,
    fonts: Vec<Font>,
    cells: Vec<(u32, usize)>,
    list: List,
}

/// List that is open. Styles of tables and conditions hold elements of the same names.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum List {
    #[default]
    Other,
    Formats,
    Fonts,
    Cells,
}

impl Styles {
    /// Returns the style of a cell by its number.
    pub(super) fn get(&self, index: usize) -> Style {
        let Some((format, font)) = self.cells.get(index) else { return Style::default() };
        Style {
            format: self.formats.get(format).cloned(),
            font: self.fonts.get(*font).copied().unwrap_or_default(),
        }
    }

    fn add_format(&mut self, tag: &Tag<'_>) {
        let id = tag.attribute("numFmtId").and_then(|id| id.parse().ok());
        if let (Some(id), Some(code)) = (id, tag.attribute("formatCode")) {
            self.formats.insert(id, Rc::new(NumberFormat::parse(&code)));
        }
    }

    fn add_cell(&mut self, tag: &Tag<'_>) {
        let number =
            |name: &str| tag.attribute(name).and_then(|value| value.parse::<u32>().ok()).unwrap_or(0);
        let (format, font) = (number("numFmtId"), number("fontId"));
        if !self.formats.contains_key(&format)
            && let Some(built_in) = NumberFormat::built_in(format)
        {
            self.formats.insert(format, Rc::new(built_in));
        }
        self.cells.push((format, font as usize));
    }
}

impl Handler for Styles {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        match (self.list, tag.name()) {
            (_, "numFmts") => self.list = List::Formats,
            (_, "fonts") => self.list = List::Fonts,
            (_, "cellXfs") => self.list = List::Cells,
            (_, "dxfs" | "cellStyleXfs" | "cellStyles") => self.list = List::Other,
            (List::Formats, "numFmt") => self.add_format(tag),
            (List::Fonts, "font") => self.fonts.push(Font::default()),
            (List::Fonts, "strike") => {
                let struck = tag.is_on();
                self.fonts.last_mut().into_iter().for_each(|font| font.struck = struck);
            }
            (List::Fonts, "vertAlign") => {
                let level = match tag.attribute("val").as_deref() {
                    Some("superscript") => Level::Super,
                    Some("subscript") => Level::Sub,
                    _ => Level::Line,
                };
                self.fonts.last_mut().into_iter().for_each(|font| font.level = level);
            }
            (List::Cells, "xf") => self.add_cell(tag),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        if matches!(name, "numFmts" | "fonts" | "cellXfs") {
            self.list = List::Other;
        }
        Ok(())
    }
}
