//! Styles of an `OpenDocument` file that decide whether text is read.

use std::collections::BTreeMap;

use nexus_core::Result;

use super::super::ink::{Colour, Ink};
use super::super::inline::{Format, Level};
use super::super::xml::{Handler, Tag};

/// Maximum depth of style inheritance.
const DEEPEST: usize = 16;

/// Styles by name.
#[derive(Debug, Default)]
pub(in super::super) struct Styles {
    by_name: BTreeMap<String, Style>,
    open: Option<String>,
}

#[derive(Debug, Default)]
struct Style {
    parent: Option<String>,
    format: Format,
    /// Fill of a slide or a shape, if the style gives one.
    fill: Option<Fill>,
    /// Whether slides or sheets in this style are hidden.
    hides_page: bool,
}

/// Fill of a slide or a shape.
#[derive(Clone, Copy, Debug)]
enum Fill {
    Nothing,
    With(Colour),
}

impl Styles {
    /// Takes an element that may be a style or belong to one.
    pub(in super::super) fn take(&mut self, tag: &Tag<'_>) {
        if tag.name() == "style" {
            self.open = tag.attribute("name");
            let Some(name) = self.open.clone() else { return };
            self.by_name
                .insert(name, Style { parent: tag.attribute("parent-style-name"), ..Style::default() });
            return;
        }
        let Some(style) = self.open.as_ref().and_then(|name| self.by_name.get_mut(name)) else { return };
        match tag.name() {
            "text-properties" => {
                let ground = style.format.ink.ground;
                style.format = format(tag);
                style.format.ink = style.format.ink.on(ground);
            }
            "paragraph-properties" | "table-row-properties" | "table-cell-properties" => {
                style.format.ink.ground = style.format.ink.ground.or_else(|| ground(tag));
            }
            "graphic-properties" => style.fill = fill(tag),
            "drawing-page-properties" => {
                style.fill = fill(tag);
                style.hides_page = tag.attribute("visibility").as_deref() == Some("hidden");
            }
            "table-properties" => {
                style.hides_page = tag.attribute("display").as_deref() == Some("false");
                style.format.ink.ground = style.format.ink.ground.or_else(|| ground(tag));
            }
            _ => {}
        }
    }

    /// Ends the style that is open.
    pub(in super::super) fn end(&mut self) {
        self.open = None;
    }

    /// Returns the formatting of a style, its own or inherited.
    pub(in super::super) fn format(&self, name: &str) -> Format {
        let first = self.by_name.get(name);
        let lineage = std::iter::successors(first, |style| self.by_name.get(style.parent.as_deref()?));
        lineage.take(DEEPEST).fold(Format::default(), |format, style| format.or(style.format))
    }

    /// Returns the colour that a style gives a slide or a shape.
    pub(super) fn fill(&self, name: &str) -> Option<Colour> {
        let first = self.by_name.get(name);
        let lineage = std::iter::successors(first, |style| self.by_name.get(style.parent.as_deref()?));
        lineage.take(DEEPEST).find_map(|style| style.fill).and_then(|fill| match fill {
            Fill::Nothing => None,
            Fill::With(colour) => Some(colour),
        })
    }

    /// Returns whether slides or sheets in a style are hidden.
    pub(in super::super) fn hides_page(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|style| style.hides_page)
    }
}

impl Handler for Styles {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        self.take(tag);
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        if name == "style" {
            self.end();
        }
        Ok(())
    }
}

/// Returns the colour of the ground, unless it has none.
pub(super) fn ground(tag: &Tag<'_>) -> Option<Colour> {
    tag.attribute("background-color").filter(|value| value != "transparent").map(|value| Colour::hex(&value))
}

fn fill(tag: &Tag<'_>) -> Option<Fill> {
    let colour = || tag.attribute("fill-color").map_or(Colour::Unknown, |colour| Colour::hex(&colour));
    tag.attribute_exactly("draw:fill").map(|fill| match fill.as_str() {
        "none" => Fill::Nothing,
        "solid" => Fill::With(colour()),
        _ => Fill::With(Colour::Unknown),
    })
}

/// Returns the colours and the size of text with these properties.
fn ink(tag: &Tag<'_>) -> Ink {
    let automatic = tag.attribute("use-window-font-color").is_some_and(|value| value == "true");
    let colour = tag.attribute_exactly("fo:color").map(|value| Colour::hex(&value));
    let mut ink = Ink {
        colour: if automatic { Some(Colour::Unknown) } else { colour },
        ground: ground(tag),
        ..Ink::default()
    };
    let points = tag.attribute_exactly("fo:font-size");
    if let Some(points) = points.and_then(|size| size.strip_suffix("pt")?.trim().parse::<f64>().ok()) {
        ink.size(points);
    }
    ink
}

fn format(tag: &Tag<'_>) -> Format {
    let lines = ["text-line-through-style", "text-line-through-type"].map(|name| tag.attribute(name));
    let lines = lines.iter().flatten().map(|line| line != "none");
    let position = tag.attribute("text-position").unwrap_or_default();
    let level = match position.split_whitespace().next() {
        Some("super") => Some(Level::Super),
        Some("sub") => Some(Level::Sub),
        Some(shift) if shift.starts_with('-') => Some(Level::Sub),
        Some(shift) if shift.starts_with('0') => Some(Level::Line),
        Some(_) => Some(Level::Super),
        None => None,
    };
    Format {
        struck: lines.reduce(|one, other| one && other),
        hidden: tag.attribute("display").map(|display| display == "none"),
        level,
        ink: ink(tag),
    }
}
