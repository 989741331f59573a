//! `OpenDocument`: texts, presentations (slide = page) and spreadsheets (sheet = page) in one XML vocabulary.

mod forms;
mod frames;
mod lists;
pub(super) mod objects;
mod prose;
mod slides;
pub(super) mod styles;
mod tables;

use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::archive::Archive;
use super::block_writer::Output;
use super::{error, ods, title};

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut archive = Archive::open(source, out.limits, &out.budget)?;
    if archive.text("META-INF/manifest.xml")?.is_some_and(|manifest| manifest.contains("encryption-data")) {
        return Err(error::encrypted());
    }
    title::take(&mut archive, "meta.xml", out)?;
    if archive.text("mimetype")?.is_some_and(|declared| declared.contains("opendocument.spreadsheet")) {
        ods::read(&mut archive, out)
    } else {
        prose::read(&mut archive, out)
    }
}
