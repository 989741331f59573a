//! RSS and Atom feeds, entry by entry; and other XML, as the text of its elements.

use std::io::{BufReader, Read};
use std::rc::Rc;

use nexus_core::Result;
use nexus_core::document::UnreadPart;
use nexus_core::document::parser::Source;

use super::block_writer::Output;
use super::charset::{Charset, Utf8Reader, declared_in_xml};
use super::xml::{self, Handler, Tag};
use super::{error, html};

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    stream(source, out, |out| Box::new(Feed { out, entry: None, text: String::new(), markup: 0 }))
}

pub(super) fn read_xml(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    stream(source, out, |out| Box::new(Elements { out, open: Vec::new() }))
}

fn stream<'a, 'o>(
    source: &mut dyn Source,
    out: &'a mut Output<'o>,
    handler: impl FnOnce(&'a mut Output<'o>) -> Box<dyn Handler + 'a>,
) -> Result<()> {
    let charset = charset(source, out)?;
    let (nesting, budget) = (out.limits.nesting, Rc::clone(&out.budget));
    let reader = BufReader::new(Utf8Reader::new(source, charset)?);
    xml::read(reader, nesting, &budget, handler(out).as_mut())
}

/// Detects the encoding; the one that the XML declares applies where the bytes allow it.
fn charset(source: &mut dyn Source, out: &mut Output<'_>) -> Result<Charset> {
    const HEAD: u64 = 4096;
    let mut head = Vec::new();
    source.rewind().map_err(error::unreadable)?;
    source.take(HEAD).read_to_end(&mut head).map_err(error::unreadable)?;
    let charset = Charset::detect(source, declared_in_xml(&head))?;
    out.report.encoding = Some(charset.name().to_owned());
    Ok(charset)
}

/// Open entry.
#[derive(Default)]
struct Entry {
    title: String,
    published: String,
    summary: String,
    content: String,
}

struct Feed<'a, 'o> {
    out: &'a mut Output<'o>,
    entry: Option<Entry>,
    text: String,
    /// Depth within content that is written as elements rather than as text.
    markup: usize,
}

/// Elements whose content may be elements of XHTML.
const CONTENT: &[&str] = &["content", "summary"];

impl Handler for Feed<'_, '_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if self.markup > 0 {
            self.markup += 1;
            self.text.push_str(&element(tag));
            return Ok(());
        }
        match tag.name() {
            "item" | "entry" => self.entry = Some(Entry::default()),
            name if CONTENT.contains(&name) && tag.attribute("type").as_deref() == Some("xhtml") => {
                self.markup = 1;
            }
            "enclosure" if self.entry.is_some() => self.enclosure(tag.attribute("type")),
            "link" if tag.attribute("rel").as_deref() == Some("enclosure") => {
                self.enclosure(tag.attribute("type"));
            }
            _ => {}
        }
        self.text.clear();
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        self.markup = self.markup.saturating_sub(1);
        if self.markup > 0 {
            self.text.extend(["</", name, ">"]);
            return Ok(());
        }
        let text = std::mem::take(&mut self.text);
        match (&mut self.entry, name) {
            (Some(entry), "title") => entry.title = text,
            (Some(entry), "pubDate" | "published" | "updated" | "date") if entry.published.is_empty() => {
                entry.published = text;
            }
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
        if self.markup > 0 {
            self.text.push_str(&text.replace('&', "&amp;").replace('<', "&lt;"));
        } else {
            self.text.push_str(text);
        }
        Ok(())
    }
}

/// Returns the tag of an element with the attributes that matter to a reader.
fn element(tag: &Tag<'_>) -> String {
    let mut text = format!("<{}", tag.name());
    for name in ["alt", "style", "hidden", "href", "start", "colspan", "rowspan"] {
        if let Some(value) = tag.attribute(name) {
            let value = value.replace('&', "&amp;").replace('"', "&quot;");
            text.extend([" ", name, "=\"", &value, "\""]);
        }
    }
    text + ">"
}

impl Feed<'_, '_> {
    /// Counts a file that belongs to an entry.
    fn enclosure(&mut self, kind: Option<String>) {
        let kind = kind.unwrap_or_default();
        let is_media = kind.starts_with("audio/") || kind.starts_with("video/");
        self.out.unread(if is_media { UnreadPart::Media } else { UnreadPart::Attachment }, 1);
    }

    fn end_entry(&mut self) -> Result<()> {
        let Entry { title, published, summary, content } = self.entry.take().unwrap_or_default();
        self.out.heading(2, &title)?;
        if !published.trim().is_empty() {
            self.out.paragraph(&format!("Published: {}", published.trim()))?;
        }
        html::fragment(if content.trim().is_empty() { &summary } else { &content }, self.out)
    }
}

/// Handler of XML in an unknown vocabulary: the attributes and the text of each element become a paragraph.
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

/// Returns the attributes of an element on a line: `name: Lock, price: 5 EUR`. Those of XML itself hold no text.
fn attributes(tag: &Tag<'_>) -> String {
    let is_of_xml =
        |name: &str| name == "xmlns" || ["xmlns:", "xml:", "xsi:"].iter().any(|own| name.starts_with(own));
    let named =
        tag.attributes().into_iter().filter(|(name, value)| !is_of_xml(name) && !value.trim().is_empty());
    let line = named.map(|(name, value)| format!("{name}: {}", value.trim())).collect::<Vec<_>>().join(", ");
    if line.is_empty() { line } else { line + "\n" }
}

impl Handler for Elements<'_, '_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        self.flush()?;
        self.open.push(attributes(tag));
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
