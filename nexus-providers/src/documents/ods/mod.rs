//! ODS: one page for each visible sheet, cells as the sheet shows them, then its text boxes, charts and comments.

mod body;
mod cell;
mod header_footer;

use nexus_core::Result;

use self::body::Body;
use self::header_footer::HeaderFooter;
use super::archive::Archive;
use super::block_writer::Output;
use super::error;
use super::ooxml::xlsx::formulas_without_values;
use super::opendocument::objects::Objects;
use super::opendocument::styles::Styles;

/// Reads a spreadsheet whose archive is open.
pub(super) fn read(archive: &mut Archive<'_>, out: &mut Output<'_>) -> Result<()> {
    let mut styles = Styles::default();
    archive.xml("styles.xml", &mut styles)?;
    archive.xml("content.xml", &mut styles)?;
    let objects = Objects::of(archive, &out.budget)?;
    let mut body = Body::new(&styles, &objects, out);
    if !archive.xml("content.xml", &mut body)? {
        return Err(error::malformed("it has no content"));
    }
    let formulas = body.formulas();
    let mut headers = HeaderFooter::default();
    archive.xml("styles.xml", &mut headers)?;
    out.on_page(None, |out| headers.write(out))?;
    formulas_without_values(formulas, out);
    Ok(())
}
