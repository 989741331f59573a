//! PDF: each page is read within its own work budget, so that an unreadable page costs only itself.

mod budget;
mod content;
mod decode;
mod font;
mod layout;
mod matrix;
mod open;
mod page;
mod scan_limit;
#[cfg(test)]
mod tests;
mod tree;

use std::panic::{AssertUnwindSafe, catch_unwind};

use nexus_core::document::parser::{BlockKind, Source};
use nexus_core::{Error, Result};

use self::budget::{Exhausted, WorkBudget};
use self::layout::{Layout, Piece};
use self::open::Opened;
use self::page::{Content, Reader};
use self::tree::Page;
use super::block_writer::Output;
use super::{error, table};

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes).map_err(error::unreadable)?;
    scan_limit::check_scan(&bytes)?;
    open::check_object_streams(&bytes)?;
    let mut found = 0;
    for repair in [false, true] {
        let opened = match open::open(&bytes, repair) {
            Ok(opened) => opened,
            Err(error) if repair || error.code() == error::encrypted().code() => {
                return Err(error);
            }
            Err(_) => continue,
        };
        found = document(&opened, &mut WorkBudget::new(bytes.len()), out)?;
        if found > 0 {
            break;
        }
    }
    if found == 0 { Err(error::malformed("it has no pages")) } else { Ok(()) }
}

/// Reads the pages of an open document. Returns the number of pages.
fn document(opened: &Opened, budget: &mut WorkBudget, out: &mut Output<'_>) -> Result<usize> {
    let pdf = &opened.pdf;
    let most = usize::try_from(out.limits.pages).unwrap_or(usize::MAX);
    let catalog = tree::catalog(pdf, opened.root);
    let pages = tree::pages(pdf, catalog.as_ref(), most, budget)
        .map_err(|exhausted| error::too_large(format_args!("its page tree takes {exhausted}")))?;
    out.check_pages(u64::try_from(pages.len()).unwrap_or(u64::MAX))?;
    if let Some(title) = &pdf.metadata().title {
        out.title(&text_string(title));
    }
    let mut reader = Reader::new(pdf, budget);
    let mut layout = Layout::default();
    let mut ended: Option<Exhausted> = None;
    let mut counted = 0;
    for page in &pages {
        if ended.is_some() {
            skip(out)?;
            continue;
        }
        let content = match page {
            Page::Found { dict, inherited } => catch_unwind(AssertUnwindSafe(|| {
                reader.page(dict, inherited).map(|content| (layout.page(&content.glyphs), content))
            })),
            Page::Missing => {
                leave_out("it is missing", |page| error::malformed(&format!("page {page} is missing")), out)?;
                continue;
            }
        };
        let spent = reader.spent();
        out.budget.work(spent.saturating_sub(counted));
        counted = spent;
        match content {
            Ok(Ok((pieces, content))) => write(&pieces, &content, out)?,
            Ok(Err(exhausted)) if exhausted.document => {
                let page = out.report.pages.unwrap_or_default() + 1;
                out.leave_out(
                    format!("pages from {page} on were left out: the document takes {exhausted}"),
                    error::too_large(format_args!("it takes {exhausted}")),
                );
                ended = Some(exhausted);
                skip(out)?;
            }
            Ok(Err(exhausted)) => {
                let error = |page| error::too_large(format_args!("page {page} takes {exhausted}"));
                leave_out(&format!("it takes {exhausted}"), error, out)?;
            }
            Err(_) => leave_out("the parser failed on it", |_| error::crashed(), out)?,
        }
    }
    Ok(pages.len())
}

/// Counts a page that is left out.
fn skip(out: &mut Output<'_>) -> Result<()> {
    out.begin_page()?;
    out.end_page();
    Ok(())
}

/// Counts a page that is left out and warns about it. `error` is the error of a document that yields no text and has
/// no other error.
fn leave_out(why: &str, error: impl Fn(u32) -> Error, out: &mut Output<'_>) -> Result<()> {
    skip(out)?;
    let page = out.report.pages.unwrap_or_default();
    out.leave_out(format!("cannot read page {page}: {why}"), error(page));
    Ok(())
}

fn write(pieces: &[Piece], content: &Content, out: &mut Output<'_>) -> Result<()> {
    out.begin_page()?;
    for piece in pieces {
        match piece {
            Piece::Heading(level, text) => out.heading(*level, text)?,
            Piece::Paragraph(text) => out.paragraph(text)?,
            Piece::Item(text) => out.push(BlockKind::ListItem, text)?,
            Piece::Table(rows) => table::write(rows, out)?,
        }
    }
    let page = out.report.pages.unwrap_or_default();
    let Content { damaged, unknown, outside, .. } = content;
    if *damaged {
        let warning = format!("page {page}: some of its content is damaged or missing");
        let error = error::malformed(&warning);
        out.leave_out(warning, error);
    }
    if *unknown > 0 {
        out.warn(format!("page {page}: {unknown} characters have no known text"));
    }
    if *outside > 0 {
        out.warn(format!("page {page}: {outside} characters outside the visible area were left out"));
    }
    out.end_page();
    Ok(())
}

/// Decodes a text string: UTF-16 or UTF-8 with a byte order mark, or else single bytes.
fn text_string(bytes: &[u8]) -> String {
    let encoding = match bytes {
        [0xFE, 0xFF, ..] => encoding_rs::UTF_16BE,
        [0xFF, 0xFE, ..] => encoding_rs::UTF_16LE,
        [0xEF, 0xBB, 0xBF, ..] => encoding_rs::UTF_8,
        _ => encoding_rs::WINDOWS_1252,
    };
    encoding.decode_with_bom_removal(bytes).0.trim_matches('\0').to_owned()
}
