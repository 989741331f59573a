//! Styles of a spreadsheet: hidden sheets, and struck, raised and lowered text.

use std::collections::{BTreeMap, BTreeSet};

use nexus_core::Result;

use super::super::inline::Level;
use super::super::xml::{Handler, Tag};

/// Meaning of a style of text or cells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TextStyle {
    pub(super) struck: bool,
    pub(super) level: Level,
}

/// Styles by name.
#[derive(Default)]
pub(super) struct Styles {
    texts: BTreeMap<String, TextStyle>,
    hidden: BTreeSet<String>,
    open: String,
}

impl Styles {
    pub(super) fn text(&self, name: Option<String>) -> TextStyle {
        name.and_then(|name| self.texts.get(&name)).copied().unwrap_or_default()
    }

    /// Returns whether sheets of this style are hidden.
    pub(super) fn hides(&self, name: Option<String>) -> bool {
        name.is_some_and(|name| self.hidden.contains(&name))
    }

    fn describe(&mut self, tag: &Tag<'_>) {
        let struck =
            tag.attribute("text-line-through-style").or_else(|| tag.attribute("text-line-through-type"));
        let position = tag.attribute("text-position").unwrap_or_default();
        let level = match position.split_whitespace().next() {
            Some("super") => Level::Super,
            Some("sub") => Level::Sub,
            Some(raised) if raised.trim_end_matches('%').parse::<i32>().is_ok_and(|raised| raised > 0) => {
                Level::Super
            }
            Some(raised) if raised.starts_with('-') => Level::Sub,
            _ => Level::Line,
        };
        let style = TextStyle { struck: struck.is_some_and(|style| style != "none"), level };
        self.texts.insert(self.open.clone(), style);
    }
}

impl Handler for Styles {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        match tag.name() {
            "style" => self.open = tag.attribute("name").unwrap_or_default(),
            "text-properties" => self.describe(tag),
            "table-properties" if tag.attribute("display").as_deref() == Some("false") => {
                self.hidden.insert(self.open.clone());
            }
            _ => {}
        }
        Ok(())
    }
}
