//! Styles of cells: number format, and whether the text is struck, raised or lowered.

use std::collections::BTreeMap;
use std::rc::Rc;

use nexus_core::Result;

use super::super::super::ink::{Colour, Ink};
use super::super::super::inline::Level;
use super::super::super::number_format::NumberFormat;
use super::super::super::xml::{Handler, Tag};

/// Style of a cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Style {
    pub(super) format: Option<Rc<NumberFormat>>,
    pub(super) font: Font,
    /// Colour of its fill, where it has one.
    pub(super) ground: Option<Colour>,
    /// Whether a reader sees no text of the cell.
    pub(super) is_unseen: bool,
}

/// Meaning of a font.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Font {
    pub(super) struck: bool,
    pub(super) level: Level,
    ink: Ink,
}

/// Styles part.
#[derive(Default)]
pub(super) struct Styles {
    formats: BTreeMap<u32, Rc<NumberFormat>>,
    fonts: Vec<Font>,
    /// Colours of fills, where they have one.
    fills: Vec<Option<Colour>>,
    cells: Vec<Cell>,
    list: List,
    is_solid: bool,
}

/// Numbers of what makes up the style of a cell.
#[derive(Clone, Copy)]
struct Cell {
    format: u32,
    font: usize,
    fill: usize,
}

/// List that is open. Styles of tables and conditions hold elements of the same names.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum List {
    #[default]
    Other,
    Formats,
    Fonts,
    Fills,
    Cells,
}

impl Styles {
    /// Returns the style of a cell by its number.
    pub(super) fn get(&self, index: usize) -> Style {
        let Some(Cell { format, font, fill }) = self.cells.get(index) else { return Style::default() };
        let font = self.fonts.get(*font).copied().unwrap_or_default();
        let ground = self.fills.get(*fill).copied().flatten();
        let is_unseen = font.ink.on(ground).is_unseen();
        Style { format: self.formats.get(format).cloned(), font, ground, is_unseen }
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
        let (format, font, fill) = (number("numFmtId"), number("fontId"), number("fillId"));
        if !self.formats.contains_key(&format)
            && let Some(built_in) = NumberFormat::built_in(format)
        {
            self.formats.insert(format, Rc::new(built_in));
        }
        self.cells.push(Cell { format, font: font as usize, fill: fill as usize });
    }
}

/// Returns the colour that an element names: of the first theme colours and of the palette, white only is known.
pub(super) fn colour(tag: &Tag<'_>) -> Colour {
    let is = |name: &str, value: &str| tag.attribute(name).is_some_and(|found| found == value);
    let tinted = tag.attribute("tint").is_some_and(|tint| tint.parse::<f64>().is_ok_and(|tint| tint != 0.0));
    if is("theme", "0") && !tinted || is("indexed", "9") || is("indexed", "1") {
        return Colour::WHITE;
    }
    let plain = tag.attribute("rgb").filter(|_| !tinted);
    plain.map_or(Colour::Unknown, |value| Colour::hex(&value))
}

impl Handler for Styles {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        match (self.list, tag.name()) {
            (_, "numFmts") => self.list = List::Formats,
            (_, "fonts") => self.list = List::Fonts,
            (_, "fills") => self.list = List::Fills,
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
            (List::Fonts, "color") => {
                let colour = Some(colour(tag));
                self.fonts.last_mut().into_iter().for_each(|font| font.ink.colour = colour);
            }
            (List::Fonts, "sz") => {
                let points = tag.attribute("val").and_then(|size| size.parse().ok());
                let font = self.fonts.last_mut().zip(points).into_iter();
                font.for_each(|(font, points)| font.ink.size(points));
            }
            (List::Fills, "fill") => self.fills.push(None),
            (List::Fills, "patternFill") => {
                let pattern = tag.attribute("patternType").filter(|kind| kind != "none");
                self.fills
                    .last_mut()
                    .into_iter()
                    .for_each(|fill| *fill = pattern.as_ref().map(|_| Colour::Unknown));
                self.is_solid = pattern.as_deref() == Some("solid");
            }
            (List::Fills, "gradientFill") => {
                self.fills.last_mut().into_iter().for_each(|fill| *fill = Some(Colour::Unknown));
            }
            (List::Fills, "fgColor") if self.is_solid => {
                let colour = colour(tag);
                self.fills.last_mut().into_iter().for_each(|fill| *fill = Some(colour));
            }
            (List::Cells, "xf") => self.add_cell(tag),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        if matches!(name, "numFmts" | "fonts" | "fills" | "cellXfs") {
            self.list = List::Other;
        }
        Ok(())
    }
}
