//! Headers and footers of printed sheets.

use nexus_core::Result;

use super::super::block_writer::Output;
use super::super::inline::Margin;
use super::super::sheet::header_footer;
use super::super::xml::{Handler, Tag};

/// Fields whose text is no text of the document.
const FIELDS: &[&str] = &["sheet-name", "page-number", "page-count", "date", "time", "file-name", "title"];

/// Headers and footers of the styles part.
#[derive(Default)]
pub(super) struct HeaderFooter {
    found: Vec<(Margin, String)>,
    is_open: bool,
    fields: usize,
}

impl HeaderFooter {
    /// Writes each header and footer once.
    pub(super) fn write(&self, out: &mut Output<'_>) -> Result<()> {
        header_footer::write_plain(&self.found, out)
    }
}

impl Handler for HeaderFooter {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        let name = tag.name();
        if name.starts_with("header") || name.starts_with("footer") {
            let is_part = !name.contains("style") && !name.contains("properties");
            if is_part && tag.attribute("display").as_deref() != Some("false") {
                let margin = if name.starts_with("header") { Margin::Header } else { Margin::Footer };
                self.found.push((margin, String::new()));
                self.is_open = true;
            }
        } else if self.fields > 0 || FIELDS.contains(&name) {
            self.fields += 1;
            self.append(header_footer::FIELD);
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        match name {
            _ if self.fields > 0 => self.fields -= 1,
            "p" => self.append("\n"),
            name if name.starts_with("header") || name.starts_with("footer") => self.is_open = false,
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if self.fields == 0 {
            self.append(text);
        }
        Ok(())
    }
}

impl HeaderFooter {
    fn append(&mut self, text: &str) {
        if self.is_open
            && let Some((_, found)) = self.found.last_mut()
        {
            found.push_str(text);
        }
    }
}
