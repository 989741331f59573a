//! PPTX: one page for each slide in presentation order, with its notes and comments.

mod cells;
mod comments;
mod fills;
mod slide;

use nexus_core::Result;
use nexus_core::document::UnreadPart;
use nexus_core::document::parser::Source;

use super::super::archive::Archive;
use super::super::block_writer::Output;
use super::super::xml::{Handler, Tag};
use super::super::{error, title};
use super::graphics::Graphics;
use super::{PROPERTIES, Relations, main_part};
use comments::{Authors, Comments};
use fills::Backdrops;
use slide::Slide;

pub(in super::super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut archive = Archive::open(source, out.limits, &out.budget)?;
    let main = main_part(&mut archive, "ppt/presentation.xml")?;
    let mut slides = SlideList::default();
    if !archive.xml(&main, &mut slides)? {
        return Err(error::malformed("it has no main part"));
    }
    title::take(&mut archive, PROPERTIES, out)?;
    out.check_pages(slides.ids.len() as u64)?;
    let relations = Relations::of(&main, &mut archive)?;
    let authors = Authors::of(&relations, &mut archive, out)?;
    let mut backdrops = Backdrops::default();
    for id in &slides.ids {
        out.begin_page()?;
        let part = (relations.target(id), slides.size);
        if page(part, &authors, &mut backdrops, &mut archive, out)? {
            out.end_page();
        }
    }
    Ok(())
}

/// Reads a slide with its notes and comments. Returns whether it is shown.
fn page(
    (slide, size): (Option<&str>, Option<(i64, i64)>),
    authors: &Authors,
    backdrops: &mut Backdrops,
    archive: &mut Archive<'_>,
    out: &mut Output<'_>,
) -> Result<bool> {
    let relations = slide.map(|slide| Relations::of(slide, archive)).transpose()?;
    let graphics =
        relations.as_ref().map(|relations| Graphics::of(relations, archive, &out.budget)).transpose()?;
    let (Some(slide), Some(relations), Some(graphics)) = (slide, relations, graphics) else {
        missing(out);
        return Ok(true);
    };
    let ground = backdrops.ground(&relations, archive)?;
    let mut shapes = Slide::new(&graphics, out).on(ground, size);
    let found = archive.xml(slide, &mut shapes)?;
    if shapes.is_hidden() {
        out.unread(UnreadPart::HiddenSlide, 1);
        return Ok(false);
    }
    if !found {
        missing(out);
    }
    if let Some(notes) = relations.first("notesSlide") {
        archive.xml(notes, &mut Slide::new(&Graphics::default(), out))?;
    }
    for (_, part) in relations.all("comments") {
        archive.xml(part, &mut Comments::new(authors, out))?;
    }
    Ok(true)
}

fn missing(out: &mut Output<'_>) {
    let warning = format!("slide {} is missing", out.report.pages.unwrap_or_default());
    let error = error::malformed(&warning);
    out.leave_out(warning, error);
}

/// Relationship ids of the slides, in order.
#[derive(Default)]
struct SlideList {
    ids: Vec<String>,
    /// Width and height of the slides.
    size: Option<(i64, i64)>,
}

impl Handler for SlideList {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        if tag.name() == "sldId" {
            self.ids.extend(tag.attribute_exactly("r:id"));
        }
        if tag.name() == "sldSz" {
            let number = |name: &str| tag.attribute_exactly(name).and_then(|value| value.parse().ok());
            self.size = number("cx").zip(number("cy"));
        }
        Ok(())
    }
}
