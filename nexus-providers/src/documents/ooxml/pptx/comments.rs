//! Comments on a slide, of both kinds that programs write.

use std::collections::BTreeMap;

use nexus_core::Result;

use super::super::super::archive::Archive;
use super::super::super::block_writer::Output;
use super::super::super::inline::{Subject, comment};
use super::super::super::xml::{Handler, Tag};
use super::super::Relations;

/// Names of the authors of comments by their id; empty unless comments keep their names.
#[derive(Default)]
pub(super) struct Authors {
    names: BTreeMap<String, String>,
}

impl Authors {
    /// Reads the authors of a presentation's comments, if comments keep their names.
    pub(super) fn of(relations: &Relations, archive: &mut Archive<'_>, out: &Output<'_>) -> Result<Self> {
        let mut authors = Self::default();
        let part = relations.first("commentAuthors").or_else(|| relations.first("authors"));
        if let Some(part) = part.filter(|_| out.limits.comment_authors) {
            archive.xml(part, &mut authors)?;
        }
        Ok(authors)
    }
}

impl Handler for Authors {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if matches!(tag.name(), "cmAuthor" | "author") {
            self.names.extend(tag.attribute_exactly("id").zip(tag.attribute("name")));
        }
        Ok(())
    }
}

/// Handler of a part with comments.
pub(super) struct Comments<'a, 'o> {
    authors: &'a Authors,
    out: &'a mut Output<'o>,
    author: Option<String>,
    text: String,
    in_text: bool,
}

impl<'a, 'o> Comments<'a, 'o> {
    pub(super) fn new(authors: &'a Authors, out: &'a mut Output<'o>) -> Self {
        Self { authors, out, author: None, text: String::new(), in_text: false }
    }

    fn flush(&mut self) -> Result<()> {
        let text = std::mem::take(&mut self.text);
        let author = self.author.as_ref().and_then(|id| self.authors.names.get(id));
        let author = author.map_or("", String::as_str);
        comment(self.out.limits, author, Subject::Before, &text)
            .map_or(Ok(()), |text| self.out.paragraph(&text))
    }
}

impl Handler for Comments<'_, '_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        match tag.name() {
            "cm" | "reply" => {
                self.flush()?;
                self.author = tag.attribute("authorId");
            }
            "br" => self.text.push('\n'),
            name => self.in_text = matches!(name, "t" | "text"),
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        self.in_text = false;
        match name {
            "p" => self.text.push('\n'),
            "cm" | "reply" => return self.flush(),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if self.in_text {
            self.text.push_str(text);
        }
        Ok(())
    }
}
