//! Inventory of the parts of a document that a parser met and did not turn into text: [`UnreadPart`].

use std::fmt;

use serde::{Deserialize, Serialize};

/// Kind of a part that a parser met and did not turn into text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreadPart {
    /// File within the document.
    Attachment,
    /// Chart whose values could not be read.
    Chart,
    /// Comment or note.
    Comment,
    /// Drawing without text.
    Drawing,
    /// Form field whose value could not be read.
    FormField,
    /// Formula without a stored value.
    Formula,
    /// Hidden column of a sheet.
    HiddenColumn,
    /// Hidden row of a sheet.
    HiddenRow,
    /// Hidden sheet.
    HiddenSheet,
    /// Hidden slide.
    HiddenSlide,
    /// Text that a reader of the document does not see.
    HiddenText,
    /// Image without a description.
    Image,
    /// Sound or video.
    Media,
    /// Output of a notebook's cell that is no text.
    Output,
    /// Text that was struck out.
    StruckText,
}

impl UnreadPart {
    /// Returns the name of one such part.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attachment => "attachment",
            Self::Chart => "chart",
            Self::Comment => "comment",
            Self::Drawing => "drawing",
            Self::FormField => "form field",
            Self::Formula => "formula",
            Self::HiddenColumn => "hidden column",
            Self::HiddenRow => "hidden row",
            Self::HiddenSheet => "hidden sheet",
            Self::HiddenSlide => "hidden slide",
            Self::HiddenText => "hidden text",
            Self::Image => "image",
            Self::Media => "recording",
            Self::Output => "output",
            Self::StruckText => "struck text",
        }
    }
}

impl fmt::Display for UnreadPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
