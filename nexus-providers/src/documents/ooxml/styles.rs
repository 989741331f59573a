//! Styles of a DOCX: headings, list items, and the formatting that decides whether text is read.

use std::collections::BTreeMap;

use nexus_core::Result;

use super::super::ink::Colour;
use super::super::inline::{Format, Level};
use super::super::xml::{Handler, Tag};

/// Maximum depth of style inheritance.
const DEEPEST: usize = 16;

/// Style as declared in the styles part.
#[derive(Clone, Debug, Default)]
struct Style {
    id: String,
    based_on: Option<String>,
    name: String,
    outline: Option<u8>,
    numbered: bool,
    number: Option<String>,
    level: Option<usize>,
    run: Format,
}

impl Format {
    /// Takes a property of a run.
    pub(super) fn property(&mut self, tag: &Tag<'_>) {
        match tag.name() {
            "strike" | "dstrike" => self.struck = Some(tag.is_on() || self.struck == Some(true)),
            "vanish" | "specVanish" => self.hidden = Some(tag.is_on()),
            "vertAlign" => {
                self.level = Some(match tag.attribute("val").as_deref() {
                    Some("superscript") => Level::Super,
                    Some("subscript") => Level::Sub,
                    _ => Level::Line,
                });
            }
            "color" => self.ink.colour = tag.attribute("val").map(|value| Colour::hex(&value)),
            "shd" => self.ink.ground = shading(tag).or(self.ink.ground),
            "highlight" => {
                let name = tag.attribute("val").filter(|name| !matches!(name.as_str(), "none" | "white"));
                self.ink.ground = name.map(|_| Colour::Unknown).or(self.ink.ground);
            }
            "sz" => {
                if let Some(halves) = tag.attribute("val").and_then(|size| size.parse::<f64>().ok()) {
                    self.ink.size(halves / 2.0);
                }
            }
            _ => {}
        }
    }
}

/// Returns the colour of a shading, unless it has none. A pattern mixes two colours.
pub(super) fn shading(tag: &Tag<'_>) -> Option<Colour> {
    let pattern = tag.attribute("val").is_some_and(|kind| !matches!(kind.as_str(), "clear" | "nil"));
    match tag.attribute("fill").as_deref() {
        _ if pattern => Some(Colour::Unknown),
        None | Some("auto") if tag.attribute("themeFill").is_some() => Some(Colour::Unknown),
        None | Some("auto") => None,
        Some(fill) => Some(Colour::hex(fill)),
    }
}

/// Styles of a document as declared in the styles part.
#[derive(Debug, Default)]
pub(super) struct StyleSheet {
    styles: Vec<Style>,
    current: Option<Style>,
}

impl StyleSheet {
    /// Resolves the effect of each style, inheritance included. Done once, so that a paragraph costs one look-up
    /// regardless of the depth of inheritance.
    pub(super) fn resolve(&self) -> Styles {
        let places: BTreeMap<&str, usize> =
            self.styles.iter().enumerate().map(|(place, style)| (style.id.as_str(), place)).collect();
        let parents: Vec<Option<usize>> =
            self.styles.iter().map(|style| places.get(style.based_on.as_deref()?).copied()).collect();
        let lineage = |place: usize| {
            std::iter::successors(Some(place), |place| *parents.get(*place)?)
                .take(DEEPEST)
                .filter_map(|place| self.styles.get(place))
        };
        let effect = |place: usize| Effect {
            heading: lineage(place).find_map(|style| style.outline.or_else(|| named_heading(&style.name))),
            list: lineage(place).any(|style| style.numbered || style.name.starts_with("list ")),
            number: lineage(place).find_map(|style| style.number.clone()),
            level: lineage(place).find_map(|style| style.level),
            run: lineage(place).fold(Format::default(), |format, style| format.or(style.run)),
        };
        Styles { by_id: places.into_iter().map(|(id, place)| (id.to_owned(), effect(place))).collect() }
    }
}

/// Effect of a style on its paragraphs.
#[derive(Clone, Debug, Default)]
struct Effect {
    heading: Option<u8>,
    list: bool,
    number: Option<String>,
    level: Option<usize>,
    run: Format,
}

/// All paragraph styles by id.
#[derive(Debug, Default)]
pub(super) struct Styles {
    by_id: BTreeMap<String, Effect>,
}

impl Styles {
    /// Returns the heading level of a style, its own or inherited.
    pub(super) fn heading(&self, id: &str) -> Option<u8> {
        self.by_id.get(id)?.heading
    }

    /// Returns whether the style numbers or bullets its paragraphs.
    pub(super) fn is_list(&self, id: &str) -> bool {
        self.by_id.get(id).is_some_and(|effect| effect.list)
    }

    /// Returns the list that the style puts its paragraphs into, and the level within it.
    pub(super) fn number(&self, id: &str) -> (Option<&str>, Option<usize>) {
        self.by_id.get(id).map_or((None, None), |effect| (effect.number.as_deref(), effect.level))
    }

    /// Returns the formatting of the text in a style.
    pub(super) fn run(&self, id: &str) -> Format {
        self.by_id.get(id).map_or_else(Format::default, |effect| effect.run)
    }
}

fn named_heading(name: &str) -> Option<u8> {
    if name == "title" {
        return Some(1);
    }
    name.strip_prefix("heading ")?.parse().ok().filter(|level| (1..=9).contains(level))
}

impl Handler for StyleSheet {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if tag.name() == "style" {
            self.current = tag.attribute("styleId").map(|id| Style { id, ..Style::default() });
        }
        let Some(style) = &mut self.current else { return Ok(()) };
        match tag.name() {
            "name" => style.name = tag.attribute("val").unwrap_or_default().to_lowercase(),
            "basedOn" => style.based_on = tag.attribute("val"),
            "outlineLvl" => style.outline = outline_level(tag),
            "numId" => {
                style.numbered = tag.is_on();
                style.number = tag.attribute("val");
            }
            "ilvl" => style.level = tag.attribute("val").and_then(|level| level.parse().ok()),
            _ => style.run.property(tag),
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        if name == "style" {
            self.styles.extend(self.current.take());
        }
        Ok(())
    }
}

/// Returns the heading level. Outline levels count from 0; 9 means body text.
pub(super) fn outline_level(tag: &Tag<'_>) -> Option<u8> {
    tag.attribute("val")?.parse::<u8>().ok().filter(|level| *level < 9).map(|level| level + 1)
}
