//! Places of text in an RTF document, and the destinations that begin them.

use super::super::inline::Margin;

/// Place that the text of a group belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    #[default]
    Main,
    /// Text that is no text of the document.
    Skipped,
    Note,
    Comment,
    /// Header or footer.
    Furniture(Margin),
    /// Text box.
    Box,
    /// Font table, and colour table.
    Fonts,
    Colours,
    /// Number of a list item.
    Label,
    Picture,
    Object,
    /// Property of a picture or a shape, with its name and its value.
    Property,
    Name,
    Value,
    /// Author of a comment.
    Author,
    /// Instruction and result of a field.
    Instruction,
    Result,
    FormField,
    /// Choice of a form field.
    Entry,
}

/// Groups without document text.
const SKIPPED: &[&str] = &[
    "stylesheet",
    "info",
    "themedata",
    "colorschememapping",
    "latentstyles",
    "datastore",
    "listtable",
    "listoverridetable",
    "rsidtbl",
    "generator",
    "xmlnstbl",
    "filetbl",
    "revtbl",
    "bkmkstart",
    "bkmkend",
    "nonshppict",
    "nonesttables",
    "shprslt",
    "atnid",
    "atnref",
    "atndate",
    "atntime",
    "atnparent",
    "objdata",
    "ftnsep",
    "ftnsepc",
    "aftnsep",
    "aftnsepc",
];

/// Destinations that only some programs know, and whose groups hold text or further destinations.
const TRANSPARENT: &[&str] =
    &["shppict", "shpinst", "picprop", "nesttableprops", "sp", "shptxt", "ud", "upr"];

impl Place {
    /// Returns the place that a control word begins within `around`. Unknown words that only some programs know begin
    /// one that is skipped.
    pub(super) fn begun_by(word: &str, around: Self, optional: bool) -> Option<Self> {
        Some(match word {
            word if SKIPPED.contains(&word) => Self::Skipped,
            "fonttbl" => Self::Fonts,
            "colortbl" => Self::Colours,
            "footnote" => Self::Note,
            "annotation" => Self::Comment,
            "header" | "headerl" | "headerr" | "headerf" => Self::Furniture(Margin::Header),
            "footer" | "footerl" | "footerr" | "footerf" => Self::Furniture(Margin::Footer),
            "shptxt" => Self::Box,
            "listtext" | "pntext" => Self::Label,
            "pict" => Self::Picture,
            "object" => Self::Object,
            "sp" => Self::Property,
            "sn" if around == Self::Property => Self::Name,
            "sv" if around == Self::Property => Self::Value,
            "atnauthor" => Self::Author,
            "fldinst" => Self::Instruction,
            "fldrslt" => Self::Result,
            "formfield" => Self::FormField,
            "ffl" => Self::Entry,
            word if optional && !TRANSPARENT.contains(&word) => Self::Skipped,
            _ => return None,
        })
    }

    /// Returns whether text of this place is kept apart until the place ends.
    pub(super) fn is_captured(self) -> bool {
        matches!(
            self,
            Self::Label | Self::Name | Self::Value | Self::Author | Self::Instruction | Self::Entry
        )
    }

    /// Returns whether text of this place is text of the document.
    pub(super) fn is_text(self) -> bool {
        self == Self::Main || self.is_story()
    }

    /// Returns whether the place has paragraphs of its own.
    pub(super) fn is_story(self) -> bool {
        matches!(self, Self::Note | Self::Comment | Self::Furniture(_) | Self::Box)
    }
}

/// Properties of a picture.
#[derive(Debug, Default)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) description: String,
}

impl Property {
    /// Takes the value of the property that was named last.
    pub(super) fn take(&mut self, value: String) {
        if self.name.trim() == "wzDescription" {
            self.description = value;
        }
    }
}

/// Form field.
#[derive(Debug, Default)]
pub(super) struct FormField {
    kind: i64,
    result: Option<i64>,
    default: Option<i64>,
    pub(super) entries: Vec<String>,
}

impl FormField {
    /// Takes a control word.
    pub(super) fn word(&mut self, word: &str, number: Option<i64>) {
        /// Value of a field that was not filled in.
        const UNSET: i64 = 25;
        match word {
            "fftype" => self.kind = number.unwrap_or_default(),
            "ffres" => self.result = number.filter(|result| *result != UNSET),
            "ffdefres" => self.default = number,
            _ => {}
        }
    }

    /// Returns the value. That of a text field stands in the document.
    pub(super) fn value(self) -> String {
        let value = self.result.or(self.default).unwrap_or_default();
        match self.kind {
            1 => if value == 0 { "☐" } else { "☒" }.to_owned(),
            2 => usize::try_from(value)
                .ok()
                .and_then(|at| self.entries.into_iter().nth(at))
                .unwrap_or_default(),
            _ => String::new(),
        }
    }
}
