//! Values of XFA forms: the form holds them as XML, which names each field by its element.

use hayro_syntax::object::dict::keys;
use hayro_syntax::object::{Array, Dict, Object, Stream};
use nexus_core::Result;

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

/// Writes the values of a form. Returns whether it has some that can be read.
pub(super) fn write(form: &[u8], out: &mut Output<'_>) -> Result<bool> {
    let mut data = Data::default();
    if xml::read(form, out.limits.nesting, &out.budget, &mut data).is_err() {
        return Ok(false);
    }
    data.values.iter().try_for_each(|value| out.paragraph(value))?;
    Ok(!data.values.is_empty())
}

/// Data of a form: elements within `data`, of which the innermost hold values.
#[derive(Default)]
struct Data {
    depth: usize,
    /// Text of the open element, if no element has ended within it.
    text: Option<String>,
    values: Vec<String>,
}

impl Handler for Data {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if self.depth > 0 || tag.name() == "data" {
            self.depth += 1;
            self.text = Some(String::new());
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        self.depth = self.depth.saturating_sub(1);
        let value = self.text.take();
        self.values
            .extend(value.filter(|value| !value.trim().is_empty()).map(|value| field(name, value.trim())));
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.text.iter_mut().for_each(|value| value.push_str(text));
        Ok(())
    }
}
