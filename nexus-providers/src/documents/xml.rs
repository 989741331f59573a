//! XML as a stream of events with local names, in bounded memory. Documents that declare entities are refused.

use std::io::BufRead;

use nexus_core::{Error, Result};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::budget::Budget;
use super::error;

/// Element handler of a format. Names are local names, without prefixes.
pub(super) trait Handler {
    /// Handles the start of an element.
    fn open(&mut self, tag: &Tag<'_>) -> Result<()>;
    /// Handles the end of an element. By default it means nothing.
    fn close(&mut self, _name: &str) -> Result<()> {
        Ok(())
    }
    /// Handles text within the innermost open element. It may come in pieces. By default it is left out.
    fn text(&mut self, _text: &str) -> Result<()> {
        Ok(())
    }
}

/// Start of an element.
pub(super) struct Tag<'a> {
    start: &'a BytesStart<'a>,
    name: &'a str,
    budget: &'a Budget,
}

impl Tag<'_> {
    /// Returns the local name.
    pub(super) fn name(&self) -> &str {
        self.name
    }

    /// Returns the value of the first attribute with this local name.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        self.find(|key| local(key) == name)
    }

    /// Returns the value of the attribute with this name, prefix included.
    pub(super) fn attribute_exactly(&self, name: &str) -> Option<String> {
        self.find(|key| key == name)
    }

    /// Returns the names, prefixes included, and values of all attributes.
    pub(super) fn attributes(&self) -> Vec<(String, String)> {
        self.budget.work(self.start.len());
        let mut attributes = self.start.html_attributes();
        let read = attributes.with_checks(false).flatten();
        read.map(|attribute| (attribute.key.0.to_owned(), unescaped(&attribute.value))).collect()
    }

    fn find(&self, matches: impl Fn(&str) -> bool) -> Option<String> {
        self.budget.work(self.start.len());
        let mut attributes = self.start.html_attributes();
        let found = attributes.with_checks(false).flatten().find(|attribute| matches(attribute.key.0))?;
        Some(unescaped(&found.value))
    }

    /// Returns whether a switch such as `<w:b w:val="0"/>` is on.
    pub(super) fn is_on(&self) -> bool {
        !matches!(self.attribute("val").as_deref(), Some("0" | "false" | "off" | "none"))
    }
}

/// Returns the value of an attribute without escapes. One with an unknown escape stays as it is written.
fn unescaped(value: &str) -> String {
    quick_xml::escape::unescape(value).map_or_else(|_| value.to_owned(), std::borrow::Cow::into_owned)
}

fn local(name: &str) -> &str {
    // A name has one colon at most, near its start.
    let colon = name.bytes().position(|byte| byte == b':');
    colon.and_then(|colon| name.get(colon + 1..)).unwrap_or(name)
}

/// Sends the content of `reader` through `handler`.
pub(super) fn read(
    reader: impl BufRead,
    nesting: usize,
    budget: &Budget,
    handler: &mut dyn Handler,
) -> Result<()> {
    let mut reader = Reader::from_reader(reader);
    reader.config_mut().expand_empty_elements = true;
    let (mut buffer, mut depth) = (Vec::new(), 0_usize);
    loop {
        budget.work(1 + buffer.len());
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(damaged)? {
            Event::Start(tag) | Event::Empty(tag) => {
                depth += 1;
                if depth > nesting {
                    return Err(error::too_deep("elements", nesting));
                }
                handler.open(&Tag { start: &tag, name: local(tag.name().0), budget })?;
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                handler.close(local(tag.name().0))?;
            }
            Event::Text(text) => handler.text(&text)?,
            Event::CData(text) => handler.text(&text)?,
            Event::GeneralRef(reference) => handler.text(&resolve(&reference))?,
            Event::DocType(doctype) if doctype.contains("<!ENTITY") => {
                return Err(error::malformed("it declares XML entities, which are not supported"));
            }
            Event::DocType(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof if depth > 0 => return Err(error::malformed("it ends within an element")),
            Event::Eof => return Ok(()),
        }
    }
}

fn resolve(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(char)) = reference.resolve_char_ref() {
        return char.to_string();
    }
    quick_xml::escape::resolve_predefined_entity(reference)
        .map_or_else(|| format!("&{};", &**reference), str::to_owned)
}

fn damaged(error: quick_xml::Error) -> Error {
    if let quick_xml::Error::Io(io) = &error
        && let Some(inner) = io.get_ref().and_then(|inner| inner.downcast_ref::<Error>())
    {
        return error::repeated(inner);
    }
    error::malformed("its XML is not well formed").because(error)
}
