//! Values of XFA forms: the form holds them as XML, which names each field by its element.

use std::collections::BTreeSet;

use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Array, Dict, Object, Stream};
use nexus_core::Result;
use nexus_core::document::UnreadPart;

use super::super::block_writer::Output;
use super::super::inline::field;
use super::super::xml::{self, Handler, Tag};
use super::budget::{Exhausted, Work};
use super::decode;
use super::page::Reader;

/// Maximum number of packets of a form.
const PACKETS: usize = 64;

impl Reader<'_, '_> {
    /// Returns the packets of an XFA form as one XML document.
    pub(super) fn xfa(&mut self, form: &Dict<'_>) -> std::result::Result<Vec<u8>, Exhausted> {
        self.budget.begin_page();
        self.budget.bytes(form.data().len())?;
        if let Some(whole) = form.get::<Stream<'_>>(keys::XFA) {
            return Ok(decode::decode(&whole, self.budget)?.bytes);
        }
        let mut bytes = Vec::new();
        let Some(packets) = form.get::<Array<'_>>(keys::XFA) else { return Ok(bytes) };
        // Each packet follows its name.
        for packet in packets.iter::<Object<'_>>().take(2 * PACKETS) {
            self.budget.spend(Work::Lookups, 1)?;
            if let Object::Stream(packet) = packet {
                bytes.extend(decode::decode(&packet, self.budget)?.bytes);
            }
        }
        Ok(bytes)
    }
}

/// Writes the values of a form. Values of fields for passwords, and of those that a reader does not see, are counted: the
/// template of the form tells them by name, and equal names count as one. Returns whether the form has values.
pub(super) fn write(form: &[u8], out: &mut Output<'_>) -> Result<bool> {
    let mut read = Form::default();
    if xml::read(form, out.limits.nesting, &out.budget, &mut read).is_err() {
        return Ok(false);
    }
    for (name, value) in &read.values {
        if read.passwords.contains(name) {
            out.unread(UnreadPart::FormField, 1);
        } else if read.hidden.contains(name) && !out.limits.read_hidden {
            out.unread(UnreadPart::HiddenText, 1);
        } else {
            out.paragraph(&field(name, value))?;
        }
    }
    Ok(!read.values.is_empty())
}

/// Form while its packets arrive: the data, whose elements hold the values, and the template, which describes fields.
#[derive(Default)]
struct Form {
    in_datasets: bool,
    /// Open elements of the data: their names, and their texts since the last element within them.
    open: Vec<(String, String)>,
    /// Number of open elements of formatted text, which belongs to the element around it.
    formatted: usize,
    /// Open fields of the template, and the groups around them: their names, and whether a reader sees them.
    fields: Vec<(String, bool)>,
    passwords: BTreeSet<String>,
    hidden: BTreeSet<String>,
    /// Names and values of fields.
    values: Vec<(String, String)>,
}

impl Form {
    fn begin_field(&mut self, tag: &Tag<'_>) {
        let name = tag.attribute("name").unwrap_or_default();
        let is_shown = tag.attribute("presence").is_none_or(|presence| presence == "visible");
        let is_shown = is_shown && self.fields.last().is_none_or(|(_, is_shown)| *is_shown);
        if !is_shown {
            self.hidden.insert(name.clone());
        }
        self.fields.push((name, is_shown));
    }

    /// Takes the text of the innermost element so far.
    fn end_value(&mut self) {
        let Some((name, text)) = self.open.last_mut() else { return };
        let text = std::mem::take(text);
        if !text.trim().is_empty() {
            self.values.push((name.clone(), text.trim().to_owned()));
        }
    }
}

impl Handler for Form {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        match tag.name() {
            _ if self.formatted > 0 => self.formatted += 1,
            "body" if self.open.len() > 1 => self.formatted = 1,
            name if !self.open.is_empty() || self.in_datasets && name == "data" => {
                self.end_value();
                self.open.push((name.to_owned(), String::new()));
            }
            "datasets" => self.in_datasets = true,
            "field" | "exclGroup" | "subform" => self.begin_field(tag),
            "passwordEdit" => self.passwords.extend(self.fields.last().map(|(name, _)| name.clone())),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        if self.formatted > 0 {
            self.formatted -= 1;
            let (Some((_, text)), "p" | "li") = (self.open.last_mut(), name) else { return Ok(()) };
            text.push('\n');
        } else if !self.open.is_empty() {
            self.end_value();
            self.open.pop();
        } else if name == "datasets" {
            self.in_datasets = false;
        } else if matches!(name, "field" | "exclGroup" | "subform") {
            self.fields.pop();
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.open.last_mut().into_iter().for_each(|(_, value)| value.push_str(text));
        Ok(())
    }
}
