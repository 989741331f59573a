//! PDF: each page is read within its own work budget, so that an unreadable page costs only itself.

mod annotations;
mod area;
mod budget;
mod canvas;
mod content;
mod decode;
mod fields;
mod font;
mod glyph;
mod graphics;
mod interpreter;
mod layers;
mod layout;
mod losses;
mod matrix;
mod open;
mod page;
mod resources;
mod scan_limit;
mod structure;
#[cfg(test)]
mod tests;
mod text_state;
mod tree;
mod xfa;

use std::panic::{AssertUnwindSafe, catch_unwind};

use hayro_syntax::object::Dict;
use hayro_syntax::object::dict::keys;
use nexus_core::Result;
use nexus_core::document::UnreadPart;
use nexus_core::document::parser::{BlockKind, Source};

use self::budget::{Exhausted, WorkBudget};
use self::layers::Layers;
use self::layout::{Layout, Piece};
use self::losses::Losses;
use self::open::Opened;
use self::page::{Content, Reader};
use self::structure::Descriptions;
use self::tree::Page;
use super::block_writer::Output;
use super::inline::{Subject, comment, image};
use super::{error, table};

/// Number of first bytes that hold the signature. Bytes before it do not belong to the format.
pub(super) const SIGNATURE_WITHIN: u64 = 64 * 1024;

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
    let tree = |exhausted| error::too_large(format_args!("its page tree takes {exhausted}"));
    let (pages, searched) = tree::pages(pdf, catalog.as_ref(), most, budget).map_err(tree)?;
    out.check_pages(u64::try_from(pages.len()).unwrap_or(u64::MAX))?;
    if let Some(title) = &pdf.metadata().title {
        out.title(&text_string(title));
    }
    let layers = Layers::of(catalog.as_ref(), budget).map_err(tree)?;
    let described = catalog.as_ref().map(|catalog| structure::descriptions(pdf, catalog, budget));
    let described = described.transpose().unwrap_or_else(|exhausted| {
        out.warn(format!("descriptions of images were not read: their tree takes {exhausted}"));
        None
    });
    let mut reader = Reader::new(pdf, layers, out.limits.read_hidden, budget);
    let mut losses = Losses { searched, cut_off: opened.cut_off, ..Losses::default() };
    let described = described.unwrap_or_default();
    read_pages(&pages, &described, &mut reader, &mut losses, out)?;
    if let Some(catalog) = catalog {
        finish(&catalog, &mut reader, out)?;
    }
    losses.report(out);
    Ok(pages.len())
}

fn read_pages<'a>(
    pages: &[Page<'a>],
    described: &Descriptions,
    reader: &mut Reader<'a, '_>,
    losses: &mut Losses,
    out: &mut Output<'_>,
) -> Result<()> {
    let mut layout = Layout::default();
    let mut ended = false;
    let mut counted = 0;
    // The next page may end a word of this one.
    let mut before: Option<(Vec<Piece>, Content)> = None;
    for page in pages {
        if ended {
            flush(&mut before, losses, out)?;
            skip(out)?;
            continue;
        }
        let content = match page {
            Page::Found { dict, inherited } => catch_unwind(AssertUnwindSafe(|| {
                let content = reader.page(dict, inherited)?;
                Ok::<_, Exhausted>((
                    layout.page(&content.seen.glyphs, content.seen.page),
                    reader.new_images(&content.seen),
                    content,
                ))
            })),
            Page::Missing => {
                flush(&mut before, losses, out)?;
                losses.pages.push(skip(out)?);
                continue;
            }
        };
        let spent = reader.spent();
        out.budget.work(spent.saturating_sub(counted));
        counted = spent;
        match content {
            Ok(Ok((mut pieces, images, mut content))) => {
                let id = if let Page::Found { dict, .. } = page { dict.obj_id() } else { None };
                let tagged = id.and_then(|id| described.get(&id)).into_iter().flatten();
                let tagged = tagged.filter(|text| !content.descriptions.contains(text)).cloned();
                content.descriptions =
                    tagged.collect::<Vec<_>>().into_iter().chain(content.descriptions).collect();
                let read = u32::try_from(content.descriptions.len()).unwrap_or(u32::MAX);
                out.unread(UnreadPart::Image, images.saturating_sub(read));
                if let Some((above, _)) = &mut before {
                    layout.join(above, &mut pieces);
                }
                flush(&mut before, losses, out)?;
                before = Some((pieces, content));
            }
            Ok(Err(exhausted)) => {
                flush(&mut before, losses, out)?;
                ended = exhausted.document;
                leave_out(exhausted, out)?;
            }
            Err(_) => {
                flush(&mut before, losses, out)?;
                let page = skip(out)?;
                out.leave_out(format!("cannot read page {page}: the parser failed on it"), error::crashed());
            }
        }
    }
    flush(&mut before, losses, out)
}

/// Writes the page that is complete, if there is one.
fn flush(page: &mut Option<(Vec<Piece>, Content)>, losses: &mut Losses, out: &mut Output<'_>) -> Result<()> {
    page.take().map_or(Ok(()), |(pieces, content)| write(&pieces, &content, losses, out))
}

/// Counts the attached files, and reads a form that is not among the annotations.
fn finish<'a>(catalog: &Dict<'a>, reader: &mut Reader<'a, '_>, out: &mut Output<'_>) -> Result<()> {
    if let Err(exhausted) = reader.attached_files(catalog) {
        out.warn(format!("attached files were not counted: they take {exhausted}"));
    }
    out.unread(UnreadPart::Attachment, reader.attachments);
    let form = catalog.get::<Dict<'_>>(keys::ACRO_FORM);
    match form.as_ref().map(|form| reader.fields_without_page(form)).transpose() {
        Ok(fields) => out.unread(UnreadPart::FormField, fields.unwrap_or_default()),
        Err(exhausted) => {
            out.warn(format!("form fields outside of its pages were not counted: they take {exhausted}"));
        }
    }
    let form = form.filter(|form| reader.read_fields.is_empty() && form.contains_key(keys::XFA));
    let Some(form) = form else { return Ok(()) };
    let is_read = reader.xfa(&form).map_or(Ok(false), |form| xfa::write(&form, out))?;
    if !is_read {
        out.warn("the values of its form were not read: it is an XFA form");
        out.unread(UnreadPart::FormField, 1);
    }
    Ok(())
}

/// Counts a page that is left out. Returns its number.
fn skip(out: &mut Output<'_>) -> Result<u32> {
    out.begin_page()?;
    out.end_page();
    Ok(out.report.pages.unwrap_or_default())
}

/// Counts a page over its budget and warns about it.
fn leave_out(exhausted: Exhausted, out: &mut Output<'_>) -> Result<()> {
    let page = skip(out)?;
    if exhausted.document {
        out.leave_out(
            format!("pages from {page} on were left out: the document takes {exhausted}"),
            error::too_large(format_args!("it takes {exhausted}")),
        );
    } else {
        out.leave_out(
            format!("cannot read page {page}: it takes {exhausted}"),
            error::too_large(format_args!("page {page} takes {exhausted}")),
        );
    }
    Ok(())
}

fn write(pieces: &[Piece], content: &Content, losses: &mut Losses, out: &mut Output<'_>) -> Result<()> {
    out.begin_page()?;
    for piece in pieces {
        match piece {
            Piece::Heading(level, text) => out.heading(*level, text)?,
            Piece::Paragraph(text) => out.paragraph(text)?,
            Piece::Item(text) => out.push(BlockKind::ListItem, text)?,
            Piece::Table(rows) => table::write(rows, out)?,
        }
    }
    let Content { seen, descriptions, fields, marks, damaged, missing, unknown } = content;
    for text in descriptions {
        out.paragraph(&image(text))?;
    }
    for text in marks.texts.iter().chain(fields) {
        out.paragraph(text)?;
    }
    for (author, text) in &marks.comments {
        let author = author.as_deref().unwrap_or_default();
        if let Some(text) = comment(out.limits, author, Subject::Before, text) {
            out.paragraph(&text)?;
        }
    }
    marks.unread.iter().for_each(|(part, number)| out.unread(*part, *number));
    out.unread(UnreadPart::HiddenText, seen.hidden);
    out.unread(UnreadPart::StruckText, seen.struck);
    let page = out.report.pages.unwrap_or_default();
    if seen.recognised {
        out.report.ocr_text.push(page);
    }
    if *missing || *damaged && seen.glyphs.is_empty() {
        losses.pages.push(page);
    } else if *damaged {
        losses.parts.push(page);
    }
    if *unknown > 0 {
        out.warn(format!("page {page}: {unknown} characters have no known text"));
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
