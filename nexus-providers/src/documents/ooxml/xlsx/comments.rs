//! Comments of a sheet: notes, and threads with their replies.

use std::collections::{BTreeMap, BTreeSet};

use nexus_core::Result;
use nexus_core::document::UnreadPart;

use super::super::super::archive::Archive;
use super::super::super::block_writer::Output;
use super::super::super::sheet;
use super::super::super::xml::{Handler, Tag};
use super::super::Relations;
use super::layout::position;
use super::rich_text::RichText;

/// Writes the comments of a sheet. A thread also has a note with the same text, for programs that know notes only.
/// Comments on hidden rows are left out.
pub(super) fn read(
    relations: &Relations,
    hidden: &BTreeSet<u32>,
    archive: &mut Archive<'_>,
    out: &mut Output<'_>,
) -> Result<()> {
    let (mut threads, mut notes) = (Comments::default(), Comments::default());
    if let Some(part) = relations.first("threadedComment") {
        let mut people = People::default();
        archive.xml("xl/persons/person.xml", &mut people)?;
        archive.xml(part, &mut threads)?;
        threads.authors = people.0;
    }
    if let Some(part) = relations.first("comments") {
        archive.xml(part, &mut notes)?;
    }
    let threaded: BTreeSet<String> = threads.found.iter().map(|comment| comment.place.clone()).collect();
    notes.found.retain(|note| !threaded.contains(&note.place));
    for comments in [threads, notes] {
        for comment in &comments.found {
            out.unread(UnreadPart::StruckText, comment.struck);
            if position(&comment.place).is_some_and(|(row, _)| hidden.contains(&row)) {
                out.unread(UnreadPart::Comment, 1);
            } else {
                comments.write(comment, out)?;
            }
        }
    }
    Ok(())
}

#[derive(Default)]
struct Comment {
    place: String,
    author: String,
    text: String,
    struck: u32,
}

/// Comments of a part, with the names of their authors.
#[derive(Default)]
struct Comments {
    found: Vec<Comment>,
    /// Names by number or id.
    authors: BTreeMap<String, String>,
    text: RichText,
    author: Option<String>,
    in_thread: bool,
}

impl Comments {
    fn write(&self, comment: &Comment, out: &mut Output<'_>) -> Result<()> {
        let author = self.authors.get(&comment.author).map_or("", String::as_str);
        sheet::comment(author, &comment.place, &comment.text, out)
    }
}

impl Handler for Comments {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        match tag.name() {
            "author" => self.author = Some(String::new()),
            "comment" | "threadedComment" => {
                self.in_thread = tag.name() == "threadedComment";
                self.found.push(Comment {
                    place: tag.attribute("ref").unwrap_or_default(),
                    author: tag
                        .attribute("authorId")
                        .or_else(|| tag.attribute("personId"))
                        .unwrap_or_default(),
                    ..Comment::default()
                });
            }
            _ => self.text.open(tag),
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        match name {
            "author" => {
                let number = self.authors.len().to_string();
                self.authors.insert(number, self.author.take().unwrap_or_default());
            }
            "comment" | "threadedComment" => {
                if let Some(last) = self.found.last_mut()
                    && !self.in_thread
                {
                    (last.text, last.struck, _) = self.text.take();
                }
                self.in_thread = false;
            }
            name => self.text.close(name),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if let Some(author) = &mut self.author {
            author.push_str(text);
        } else if self.in_thread {
            self.found.last_mut().into_iter().for_each(|last| last.text.push_str(text));
        } else {
            self.text.text(text);
        }
        Ok(())
    }
}

/// Names of the people who wrote threads, by id.
#[derive(Default)]
struct People(BTreeMap<String, String>);

impl Handler for People {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if let (Some(id), Some(name)) = (tag.attribute("id"), tag.attribute("displayName")) {
            self.0.insert(id, name);
        }
        Ok(())
    }
}
