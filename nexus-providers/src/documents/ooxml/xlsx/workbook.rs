//! Workbook part: the sheets in their order, and the day from which dates count.

use nexus_core::Result;

use super::super::super::number_format::Epoch;
use super::super::super::xml::{Handler, Tag};

/// Sheet as the workbook lists it.
pub(super) struct Entry {
    pub(super) name: String,
    /// Id of the relationship to its part.
    pub(super) relation: String,
    pub(super) hidden: bool,
}

/// Contents of the workbook part.
#[derive(Default)]
pub(super) struct Workbook {
    pub(super) sheets: Vec<Entry>,
    pub(super) epoch: Epoch,
}

impl Handler for Workbook {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        match tag.name() {
            "workbookPr" if matches!(tag.attribute("date1904").as_deref(), Some("1" | "true")) => {
                self.epoch = Epoch::Year1904;
            }
            "sheet" => self.sheets.push(Entry {
                name: tag.attribute("name").unwrap_or_default(),
                relation: tag.attribute("id").unwrap_or_default(),
                hidden: matches!(tag.attribute("state").as_deref(), Some("hidden" | "veryHidden")),
            }),
            _ => {}
        }
        Ok(())
    }
}
