//! Frames and shapes of a text or a presentation: images, objects, and the descriptions of both.

use nexus_core::Result;
use nexus_core::document::UnreadPart;

use super::super::ink::Colour;
use super::super::inline::{described, image};
use super::super::xml::Tag;
use super::prose::{After, Body, Captured};

/// Shapes that may hold text.
pub(super) const SHAPES: &[&str] = &["custom-shape", "rect", "ellipse", "circle", "polygon", "path"];

/// Open frame or shape.
#[derive(Default)]
pub(super) struct Frame {
    pub(super) description: String,
    pub(super) images: u32,
    pub(super) has_content: bool,
    pub(super) is_shape: bool,
    pub(super) ground: Option<Colour>,
    /// Number of paragraphs that are open around it.
    pub(super) depth: usize,
}

impl Body<'_, '_> {
    pub(super) fn begin_frame(&mut self, tag: &Tag<'_>) {
        let is_shape = tag.name() != "frame";
        self.is_title = tag.attribute("class").is_some_and(|class| class == "title");
        let ground = self.styles.fill(&tag.attribute("style-name").unwrap_or_default());
        self.frames.push(Frame { is_shape, ground, depth: self.paragraphs.len(), ..Frame::default() });
    }

    pub(super) fn end_frame(&mut self) -> Result<()> {
        self.is_title = false;
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        if frame.ground.is_some() || frame.images > 0 {
            self.slides.cover();
        }
        let description = described(&frame.description).to_owned();
        if self.in_styles {
            return Ok(());
        }
        if !description.is_empty() {
            let text = image(&description);
            if self.paragraphs.is_empty() {
                return self.write(None, &text, false);
            }
            self.append(&text);
        } else if !frame.has_content && frame.images > 0 {
            self.out.unread(UnreadPart::Image, 1);
        } else if !frame.has_content && frame.is_shape {
            self.out.unread(UnreadPart::Drawing, 1);
        }
        self.frames.last_mut().into_iter().for_each(|around| around.has_content |= frame.has_content);
        Ok(())
    }

    /// Takes an element within a frame. Returns whether it is one that frames hold.
    pub(super) fn framed(&mut self, tag: &Tag<'_>) -> Result<bool> {
        let Some(frame) = self.frames.last_mut() else { return Ok(false) };
        match tag.name() {
            "image" => frame.images += 1,
            "title" | "desc" if frame.depth == self.paragraphs.len() => {
                self.captured = Some(Captured::Description);
            }
            "plugin" => {
                frame.has_content = true;
                self.out.unread(UnreadPart::Media, 1);
            }
            "object" | "object-ole" => {
                frame.has_content = true;
                let link = tag.attribute("href").unwrap_or_default();
                match self.objects.get(&link) {
                    Err(part) => self.out.unread(part, 1),
                    Ok(object) if object.is_block() => self.follow(After::Object(link))?,
                    Ok(object) => self.append(object.formula()),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
