//! The paragraph styles of a DOCX: which of them are headings, and which make list items.

use std::collections::HashMap;

use nexus_core::Result;

use super::super::xml::{Handler, Tag};

/// What a style makes of its paragraphs.
#[derive(Clone, Debug, Default)]
struct Style {
    based_on: Option<String>,
    name: String,
    outline: Option<u8>,
    numbered: bool,
}

/// All paragraph styles by id.
#[derive(Debug, Default)]
pub(super) struct Styles {
    by_id: HashMap<String, Style>,
    current: Option<String>,
}

impl Styles {
    /// The heading level of a style, its own or inherited.
    pub(super) fn heading(&self, id: &str) -> Option<u8> {
        self.lineage(id).find_map(|style| style.outline.or_else(|| named_heading(&style.name)))
    }

    /// Whether the style numbers or bullets its paragraphs.
    pub(super) fn is_list(&self, id: &str) -> bool {
        self.lineage(id).any(|style| style.numbered || style.name.starts_with("list "))
    }

    fn lineage<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a Style> {
        const DEEPEST: usize = 16;
        let parent = |style: &&'a Style| self.by_id.get(style.based_on.as_deref()?);
        std::iter::successors(self.by_id.get(id), parent).take(DEEPEST)
    }
}

fn named_heading(name: &str) -> Option<u8> {
    if name == "title" {
        return Some(1);
    }
    name.strip_prefix("heading ")?.parse().ok().filter(|level| (1..=9).contains(level))
}

impl Handler for Styles {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if tag.name() == "style" {
            self.current = tag.attribute("styleId");
        }
        let Some(style) = self.current.clone().map(|id| self.by_id.entry(id).or_default()) else {
            return Ok(());
        };
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
            self.current = None;
        }
        Ok(())
    }

    fn text(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// Outline levels count from 0; 9 means body text.
pub(super) fn outline_level(tag: &Tag<'_>) -> Option<u8> {
    tag.attribute("val")?.parse::<u8>().ok().filter(|level| *level < 9).map(|level| level + 1)
}
