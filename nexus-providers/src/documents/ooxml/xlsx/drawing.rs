//! Drawing of a sheet: text boxes, charts, and the descriptions of images.

use std::rc::Rc;

use nexus_core::Result;
use nexus_core::document::UnreadPart;

use super::super::super::archive::Archive;
use super::super::super::block_writer::Output;
use super::super::super::inline::{Inline, Level, image};
use super::super::super::xml::{Handler, Tag};
use super::super::Relations;
use super::super::alternatives::Alternatives;
use super::super::chart::Chart;
use super::super::graphics::{description, run_format};

/// Writes what the drawing holds, in its order.
pub(super) fn read(part: &str, archive: &mut Archive<'_>, out: &mut Output<'_>) -> Result<()> {
    let mut drawing = Drawing { reads_hidden: out.limits.read_hidden, ..Drawing::default() };
    if !archive.xml(part, &mut drawing)? {
        out.unread(UnreadPart::Drawing, 1);
        return Ok(());
    }
    let relations = Relations::of(part, archive)?;
    out.unread(UnreadPart::StruckText, drawing.struck);
    for object in &drawing.objects {
        match object {
            Object::Text(text) => out.paragraph(text)?,
            Object::Image(text) if text.trim().is_empty() => out.unread(UnreadPart::Image, 1),
            Object::Image(text) => out.paragraph(&image(text))?,
            Object::Chart(id) => chart(relations.target(id), archive, out)?,
            Object::Hidden => out.unread(UnreadPart::HiddenText, 1),
            Object::Shape => out.unread(UnreadPart::Drawing, 1),
        }
    }
    Ok(())
}

fn chart(part: Option<&str>, archive: &mut Archive<'_>, out: &mut Output<'_>) -> Result<()> {
    let mut chart = Chart::new(&Rc::clone(&out.budget));
    let found = part.map(|part| archive.xml(part, &mut chart)).transpose()?;
    if found == Some(true) && !chart.is_empty() {
        return chart.write(out);
    }
    out.unread(UnreadPart::Chart, 1);
    Ok(())
}

/// Object of a drawing.
enum Object {
    Text(String),
    /// Image with its description.
    Image(String),
    /// Chart by the id of its relationship.
    Chart(String),
    /// Object that the sheet does not show.
    Hidden,
    /// Shape or diagram without text.
    Shape,
}

/// Drawing part.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is the state of an open element")]
struct Drawing {
    objects: Vec<Object>,
    reads_hidden: bool,
    /// Open object; groups nest.
    description: String,
    is_hidden: bool,
    text: Inline,
    level: Level,
    is_struck: bool,
    in_text: bool,
    graphic: Option<Object>,
    struck: u32,
    alternatives: Alternatives,
    skipped: usize,
}

impl Drawing {
    fn begin(&mut self) {
        self.description.clear();
        self.is_hidden = false;
        self.graphic = None;
        self.text.take();
    }

    fn describe(&mut self, tag: &Tag<'_>) {
        self.is_hidden |= matches!(tag.attribute("hidden").as_deref(), Some("1" | "true"));
        self.description = description(tag);
    }

    fn end(&mut self, name: &str) {
        let text = self.text.take();
        let object = match name {
            _ if self.is_hidden && !self.reads_hidden => Object::Hidden,
            "pic" => Object::Image(std::mem::take(&mut self.description)),
            "graphicFrame" => self.graphic.take().unwrap_or(Object::Shape),
            _ if !text.trim().is_empty() => Object::Text(text),
            _ if !self.description.trim().is_empty() => Object::Image(std::mem::take(&mut self.description)),
            _ => Object::Shape,
        };
        self.objects.push(object);
        self.begin();
    }
}

impl Handler for Drawing {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if self.skipped > 0 || self.alternatives.open(tag.name()) {
            self.skipped += 1;
            return Ok(());
        }
        match tag.name() {
            "sp" | "pic" | "graphicFrame" | "cxnSp" => self.begin(),
            "cNvPr" => self.describe(tag),
            "chart" => self.graphic = tag.attribute("id").map(Object::Chart),
            "rPr" => (self.is_struck, self.level) = run_format(tag),
            "r" => (self.level, self.is_struck) = (Level::Line, false),
            "br" => self.text.push("\n", Level::Line),
            "t" => {
                self.in_text = true;
                self.struck += u32::from(self.is_struck);
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<()> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return Ok(());
        }
        self.alternatives.close(name);
        match name {
            "t" => self.in_text = false,
            "p" => self.text.push("\n", Level::Line),
            "sp" | "pic" | "graphicFrame" | "cxnSp" => self.end(name),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if !self.in_text || self.skipped > 0 {
            return Ok(());
        }
        if self.is_struck {
            self.text.omit();
        } else {
            self.text.push(text, self.level);
        }
        Ok(())
    }
}
