//! Paragraph styles of a DOCX: headings and list items.

use std::collections::BTreeMap;

use nexus_core::Result;

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
        };
        Styles { by_id: places.into_iter().map(|(id, place)| (id.to_owned(), effect(place))).collect() }
    }
}

/// Effect of a style on its paragraphs.
#[derive(Clone, Copy, Debug, Default)]
struct Effect {
    heading: Option<u8>,
    list: bool,
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
            "numId" => style.numbered = tag.is_on(),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        if name == "style" {
            self.styles.extend(self.current.take());
        }
        Ok(())
    }

    fn text(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// Returns the heading level. Outline levels count from 0; 9 means body text.
pub(super) fn outline_level(tag: &Tag<'_>) -> Option<u8> {
    tag.attribute("val")?.parse::<u8>().ok().filter(|level| *level < 9).map(|level| level + 1)
}
