//! Open paragraphs of a DOCX, and the drawings and fields within them.

use nexus_core::document::UnreadPart;

use super::super::super::ink::Colour;
use super::super::super::inline::{Format, Inline, asks_for_page_number};
use super::super::super::xml::Tag;
use super::super::equation::Equation;

/// Open paragraph.
#[derive(Default)]
pub(super) struct Paragraph {
    pub(super) text: Inline,
    pub(super) style: Option<String>,
    pub(super) outline: Option<u8>,
    pub(super) list: Option<String>,
    pub(super) level: Option<usize>,
    pub(super) equation: Equation,
    pub(super) run: Format,
    /// Whether a run has begun. Properties before it are those of the paragraph.
    pub(super) has_run: bool,
    pub(super) in_mark: bool,
    pub(super) ground: Option<Colour>,
    pub(super) run_style: Format,
    pub(super) style_run: Format,
    /// Kind of the text that was left out last, while no other text follows.
    pub(super) leaving_out: Option<UnreadPart>,
    /// Charts and diagrams within the paragraph, which follow it.
    pub(super) graphics: Vec<String>,
    pub(super) has_page_number: bool,
}

/// Open drawing.
#[derive(Default)]
pub(super) struct Drawing {
    pub(super) description: String,
    pub(super) images: u32,
    pub(super) has_content: bool,
}

/// Open field, such as a page number.
#[derive(Default)]
pub(super) struct Field {
    pub(super) instruction: String,
}

impl Field {
    pub(super) fn is_page_number(&self) -> bool {
        asks_for_page_number(&self.instruction)
    }
}

/// Form field of the older kind, whose value stands in its properties.
#[derive(Default)]
pub(super) struct FormField {
    checked: Option<bool>,
    entries: Vec<String>,
    chosen: usize,
}

impl FormField {
    /// Takes a property.
    pub(super) fn property(&mut self, tag: &Tag<'_>) {
        let number = || tag.attribute("val").and_then(|value| value.parse().ok()).unwrap_or(0);
        match tag.name() {
            "default" if self.entries.is_empty() && self.checked.is_some() => {
                self.checked = Some(tag.is_on());
            }
            "checkBox" => self.checked = Some(false),
            "checked" => self.checked = Some(tag.is_on()),
            "result" => self.chosen = number(),
            "listEntry" => self.entries.extend(tag.attribute("val")),
            _ => {}
        }
    }

    /// Returns the value. That of a text field stands in the document.
    pub(super) fn value(&self) -> &str {
        match self.checked {
            Some(true) => "☒",
            Some(false) => "☐",
            None => self.entries.get(self.chosen).map_or("", String::as_str),
        }
    }
}
