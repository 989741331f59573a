//! ODS: one page for each visible sheet, cells as the sheet shows them, then its text boxes, charts and comments.

mod body;
mod chart;
mod header_footer;
mod styles;

use nexus_core::Result;
use nexus_core::document::UnreadPart;

use self::body::{Body, Object};
use self::header_footer::HeaderFooter;
use self::styles::Styles;
use super::archive::Archive;
use super::block_writer::Output;
use super::error;
use super::ooxml::xlsx::formulas_without_values;

/// Reads a spreadsheet whose archive is open.
pub(super) fn read(archive: &mut Archive<'_>, out: &mut Output<'_>) -> Result<()> {
    let mut styles = Styles::default();
    archive.xml("styles.xml", &mut styles)?;
    archive.xml("content.xml", &mut styles)?;
    let mut body = Body::new(&styles, out);
    if !archive.xml("content.xml", &mut body)? {
        return Err(error::malformed("it has no content"));
    }
    let (objects, formulas) = body.finish();
    for object in objects {
        write(&object, archive, out)?;
    }
    let mut headers = HeaderFooter::default();
    archive.xml("styles.xml", &mut headers)?;
    out.on_page(None, |out| headers.write(out))?;
    formulas_without_values(formulas, out);
    Ok(())
}

/// Writes an object that has a part of its own.
fn write(object: &Object, archive: &mut Archive<'_>, out: &mut Output<'_>) -> Result<()> {
    let part = format!("{}/content.xml", object.folder.trim_start_matches("./").trim_end_matches('/'));
    let mut chart = chart::Chart::default();
    let found = archive.xml(&part, &mut chart)?;
    let kind = if found && chart.found { UnreadPart::Chart } else { UnreadPart::Attachment };
    if found && chart.has_values() {
        return out.on_page(object.page, |out| chart.write(out));
    }
    out.unread(kind, 1);
    Ok(())
}
