//! Title from the properties of an office document.

use nexus_core::Result;

use super::archive::Archive;
use super::block_writer::Output;
use super::xml::{Handler, Tag};

/// Reads the title from the part of `archive` that holds the document's properties, if present.
pub(super) fn take(archive: &mut Archive<'_>, properties: &str, out: &mut Output<'_>) -> Result<()> {
    let mut title = Title::default();
    archive.xml(properties, &mut title)?;
    out.title(&title.text);
    Ok(())
}

#[derive(Default)]
struct Title {
    inside: bool,
    text: String,
}

impl Handler for Title {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        self.inside = tag.name() == "title";
        Ok(())
    }

    fn close(&mut self, _: &str) -> Result<()> {
        self.inside = false;
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        // Far above the maximum length of a title, which is truncated later.
        const ENOUGH: usize = 64 * 1024;
        if self.inside && self.text.len() < ENOUGH {
            self.text.push_str(text);
        }
        Ok(())
    }
}
