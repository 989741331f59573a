//! State that the parts of a document share: marks of notes, texts that comments refer to, numbers of lists.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::ink::Colour;
use super::super::super::inline::{Margin, note_mark};
use super::super::super::xml::Tag;
use super::super::numbering::{Numbering, roman};
use super::super::styles::Styles;

/// Maximum number of comments that may refer to the same text, and maximum length of the text quoted for one.
const ANCHORS: usize = 8;
const ANCHOR_BYTES: usize = 160;

/// Kind of a part with text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Story {
    Main,
    Notes,
    Comments,
    /// Header or footer.
    Furniture(Margin),
}

/// State that the parts of a document share.
pub(super) struct Document<'a> {
    pub(super) styles: &'a Styles,
    pub(super) numbering: Numbering,
    /// Marks of the notes, by kind and id.
    pub(super) marks: BTreeMap<(bool, String), String>,
    /// Numbers of footnotes and endnotes so far.
    pub(super) notes: (u32, u32),
    /// Text that each comment refers to.
    pub(super) anchors: BTreeMap<String, String>,
    pub(super) open_anchors: Vec<String>,
    /// Headers and footers written so far.
    pub(super) furniture: BTreeSet<String>,
    /// Ground of the pages, if it is not white.
    pub(super) ground: Option<Colour>,
}

impl<'a> Document<'a> {
    pub(super) fn new(styles: &'a Styles, numbering: Numbering) -> Self {
        Self {
            styles,
            numbering,
            marks: BTreeMap::new(),
            notes: (0, 0),
            anchors: BTreeMap::new(),
            open_anchors: Vec::new(),
            furniture: BTreeSet::new(),
            ground: None,
        }
    }

    /// Returns the mark of a note at its reference: numbers for footnotes, Roman numerals for endnotes.
    pub(super) fn mark(&mut self, tag: &Tag<'_>) -> Option<String> {
        let is_endnote = tag.name() == "endnoteReference";
        if tag.attribute("customMarkFollows").is_some_and(|custom| !matches!(custom.as_str(), "0" | "false"))
        {
            return None;
        }
        let number = if is_endnote { &mut self.notes.1 } else { &mut self.notes.0 };
        *number += 1;
        let mark = if is_endnote { roman(*number) } else { number.to_string() };
        self.marks.insert((is_endnote, tag.attribute("id")?), mark.clone());
        Some(note_mark(&mark))
    }

    /// Adds text to the anchors of the open comments.
    pub(super) fn anchor(&mut self, text: &str) {
        for id in &self.open_anchors {
            if let Some(anchor) = self.anchors.get_mut(id)
                && anchor.len() < ANCHOR_BYTES
            {
                anchor.push_str(text.get(..text.floor_char_boundary(ANCHOR_BYTES)).unwrap_or_default());
            }
        }
    }

    /// Begins the text that a comment refers to.
    pub(super) fn begin_anchor(&mut self, id: String) {
        if self.open_anchors.len() < ANCHORS {
            self.anchors.insert(id.clone(), String::new());
            self.open_anchors.push(id);
        }
    }

    /// Ends the text that a comment refers to.
    pub(super) fn end_anchor(&mut self, id: &str) {
        self.open_anchors.retain(|open| open != id);
    }
}
