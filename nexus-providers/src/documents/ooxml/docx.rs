//! DOCX: the body in one streaming pass, then notes, comments, headers and footers.

mod body;
mod document;
mod paragraph;
mod tables;

use std::collections::BTreeSet;

use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::super::archive::Archive;
use super::super::block_writer::Output;
use super::super::inline::Margin;
use super::super::{error, title};
use super::graphics::Graphics;
use super::numbering::Numbering;
use super::styles::StyleSheet;
use super::{PROPERTIES, Relations, main_part};
use body::Body;
use document::{Document, Story};

/// Parts after the body, by the type of their relationship. A document has one part of each kind of notes, and any
/// number of headers and footers.
const STORIES: [(&str, Story); 5] = [
    ("footnotes", Story::Notes),
    ("endnotes", Story::Notes),
    ("comments", Story::Comments),
    ("header", Story::Furniture(Margin::Header)),
    ("footer", Story::Furniture(Margin::Footer)),
];

pub(in super::super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut archive = Archive::open(source, out.limits, &out.budget)?;
    let main = main_part(&mut archive, "word/document.xml")?;
    let relations = Relations::of(&main, &mut archive)?;
    title::take(&mut archive, PROPERTIES, out)?;
    let (mut sheet, mut numbering) = (StyleSheet::default(), Numbering::default());
    if let Some(part) = relations.first("styles") {
        archive.xml(part, &mut sheet)?;
    }
    if let Some(part) = relations.first("numbering") {
        archive.xml(part, &mut numbering)?;
    }
    let styles = sheet.resolve();
    let mut document = Document::new(&styles, numbering);
    let graphics = Graphics::of(&relations, &mut archive, &out.budget)?;
    if !archive.xml(&main, &mut Body::new(Story::Main, &mut document, &graphics, out))? {
        return Err(error::malformed("it has no main part"));
    }
    for (kind, story) in STORIES {
        let is_furniture = matches!(story, Story::Furniture(_));
        let parts: BTreeSet<&str> =
            relations.all(kind).map(|(_, part)| part).filter(|_| is_furniture).collect();
        for part in parts.into_iter().chain(relations.first(kind).filter(|_| !is_furniture)) {
            let graphics = Graphics::of(&Relations::of(part, &mut archive)?, &mut archive, &out.budget)?;
            archive.xml(part, &mut Body::new(story, &mut document, &graphics, out))?;
        }
    }
    Ok(())
}
