//! XLSX: one page for each visible sheet, cells as the sheet shows them, then its text boxes, charts and comments.

mod comments;
mod drawing;
mod layout;
mod rich_text;
mod strings;
mod styles;
mod workbook;
mod worksheet;

use nexus_core::Result;
use nexus_core::document::UnreadPart;
use nexus_core::document::parser::Source;

use self::layout::Overview;
use self::strings::Strings;
use self::styles::Styles;
use self::workbook::Workbook;
use super::super::archive::Archive;
use super::super::block_writer::{Output, quoted};
use super::super::number_format::Epoch;
use super::super::sheet::{Sheet, header_footer};
use super::super::{error, title};
use super::{PROPERTIES, Relations, main_part};

/// Parts that all sheets share.
struct Book {
    strings: Strings,
    styles: Styles,
    epoch: Epoch,
}

pub(in super::super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut archive = Archive::open(source, out.limits, &out.budget)?;
    let main = main_part(&mut archive, "xl/workbook.xml")?;
    let mut workbook = Workbook::default();
    if !archive.xml(&main, &mut workbook)? {
        return Err(error::malformed("its workbook is missing"));
    }
    title::take(&mut archive, PROPERTIES, out)?;
    out.check_pages(workbook.sheets.len() as u64)?;
    let relations = Relations::of(&main, &mut archive)?;
    let mut book = Book { strings: Strings::default(), styles: Styles::default(), epoch: workbook.epoch };
    archive.xml(relations.first("sharedStrings").unwrap_or("xl/sharedStrings.xml"), &mut book.strings)?;
    archive.xml(relations.first("styles").unwrap_or("xl/styles.xml"), &mut book.styles)?;
    let mut formulas = 0_u32;
    for entry in &workbook.sheets {
        if entry.hidden && !out.limits.read_hidden {
            out.unread(UnreadPart::HiddenSheet, 1);
            continue;
        }
        let part = relations.target(&entry.relation);
        formulas = formulas.saturating_add(sheet(&entry.name, part, &book, &mut archive, out)?);
    }
    formulas_without_values(formulas, out);
    Ok(())
}

/// Reports formulas that are shown in place of their values.
pub(in super::super) fn formulas_without_values(formulas: u32, out: &mut Output<'_>) {
    out.unread(UnreadPart::Formula, formulas);
    let shown = match formulas {
        0 => return,
        1 => "1 formula without a stored value is shown as a formula".to_owned(),
        more => format!("{more} formulas without a stored value are shown as formulas"),
    };
    out.warn(format!("{shown}; open the file in its program and save it to store the values"));
}

/// Reads one sheet. Returns the number of formulas without a value.
fn sheet(
    name: &str,
    part: Option<&str>,
    book: &Book,
    archive: &mut Archive<'_>,
    out: &mut Output<'_>,
) -> Result<u32> {
    let mut overview = Overview::default();
    let found = part.map(|part| archive.xml(part, &mut overview)).transpose()?;
    let Some(part) = part.filter(|_| found == Some(true)) else {
        leave_out(name, out)?;
        return Ok(0);
    };
    let mut cells = worksheet::Cells::new(Sheet::begin(name, overview.layout(), out)?, book, out);
    archive.xml(part, &mut cells)?;
    let (sheet, hidden, formulas) = cells.finish();
    sheet.end_tables(out)?;
    let relations = Relations::of(part, archive)?;
    if let Some(drawing) = overview.drawing.as_deref().and_then(|id| relations.target(id)) {
        drawing::read(drawing, archive, out)?;
    }
    comments::read(&relations, &hidden, archive, out)?;
    header_footer::write(&overview.headers, out)?;
    out.unread(UnreadPart::Attachment, overview.objects);
    out.unread(UnreadPart::FormField, overview.controls);
    if !overview.is_sheet() {
        out.warn(without_cells(name));
    }
    out.end_page();
    Ok(formulas)
}

fn leave_out(name: &str, out: &mut Output<'_>) -> Result<()> {
    out.begin_page()?;
    let error = error::malformed("its workbook is incomplete or corrupt");
    out.leave_out(without_cells(name), error);
    out.end_page();
    Ok(())
}

fn without_cells(name: &str) -> String {
    format!("the sheet `{}` has no readable cells", quoted(name))
}
