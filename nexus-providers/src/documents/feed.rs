//! RSS and Atom feeds, entry by entry; and other XML, as the text of its elements.

use std::io::BufReader;
use std::rc::Rc;

use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::block_writer::Output;
use super::charset::Utf8Reader;
use super::html;
use super::lines::detect;
use super::xml::{self, Handler, Tag};

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    stream(source, out, |out| Box::new(Feed { out, entry: None, text: String::new() }))
}

pub(super) fn read_xml(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    stream(source, out, |out| Box::new(Elements { out, open: Vec::new() }))
}

fn stream<'a, 'o>(
    source: &mut dyn Source,
    out: &'a mut Output<'o>,
    handler: impl FnOnce(&'a mut Output<'o>) -> Box<dyn Handler + 'a>,
) -> Result<()> {
    let charset = detect(source, out)?;
    let (nesting, budget) = (out.limits.nesting, Rc::clone(&out.budget));
    let reader = BufReader::new(Utf8Reader::new(source, charset)?);
    xml::read(reader, nesting, &budget, handler(out).as_mut())
}

/// Open entry.
#[derive(Default)]
struct Entry {
    title: String,
    summary: String,
    content: String,
}

struct Feed<'a, 'o> {
    out: &'a mut Output<'o>,
    entry: Option<Entry>,
    text: String,
}

impl Handler for Feed<'_, '_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if matches!(tag.name(), "item" | "entry") {
            self.entry = Some(Entry::default());
        }
        self.text.clear();
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        let text = std::mem::take(&mut self.text);
        match (&mut self.entry, name) {
            (Some(entry), "title") => entry.title = text,
            (Some(entry), "description" | "summary") => entry.summary = text,
            (Some(entry), "encoded" | "content") => entry.content = text,
            (Some(_), "item" | "entry") => return self.end_entry(),
            (None, "title") if self.out.is_empty() => {
                self.out.title(&text);
                return self.out.heading(1, &text);
            }
            (None, "description" | "subtitle") => return html::fragment(&text, self.out),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.text.push_str(text);
        Ok(())
    }
}

impl Feed<'_, '_> {
    fn end_entry(&mut self) -> Result<()> {
        let Entry { title, summary, content } = self.entry.take().unwrap_or_default();
        self.out.heading(2, &title)?;
        html::fragment(if content.trim().is_empty() { &summary } else { &content }, self.out)
    }
}

/// Handler of XML in an unknown vocabulary: the text of each element becomes a paragraph.
struct Elements<'a, 'o> {
    out: &'a mut Output<'o>,
    open: Vec<String>,
}

impl Elements<'_, '_> {
    fn flush(&mut self) -> Result<()> {
        let text = self.open.last_mut().map(std::mem::take).unwrap_or_default();
        self.out.paragraph(&text)
    }
}

impl Handler for Elements<'_, '_> {
    fn open(&mut self, _: &Tag<'_>) -> Result<()> {
        self.flush()?;
        self.open.push(String::new());
        Ok(())
    }

    fn close(&mut self, _: &str) -> Result<()> {
        self.flush()?;
        self.open.pop();
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.open.last_mut().into_iter().for_each(|open| open.push_str(text));
        Ok(())
    }
}
