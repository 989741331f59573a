//! PDF: page by page, so that one page that cannot be read costs that page only.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nexus_core::document::parser::{BlockKind, Source};
use nexus_core::{Error, Result};
use unpdf::model::{Block, Page, Paragraph, Table};
use unpdf::{ErrorMode, PageSelection, PageStreamOptions, ParseEvent, ParseOptions, PdfParser};

use super::output::Output;
use super::{error, table};

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes).map_err(error::unreadable)?;
    let parser =
        PdfParser::from_bytes_with_options(&bytes, ParseOptions::new().sequential()).map_err(damaged)?;
    drop(bytes);
    let pages = parser.page_count();
    out.check_pages(pages.into())?;
    let mut done = 0;
    while done < pages {
        done = run(&parser, done + 1, pages, out)?;
    }
    if pages == 0 {
        return Err(error::malformed("it has no pages"));
    }
    Ok(())
}

/// Reads pages from `first` on, up to the last one or one that makes the parser panic; the last page dealt with.
fn run(parser: &PdfParser, first: u32, last: u32, out: &mut Output<'_>) -> Result<u32> {
    let done = Cell::new(first - 1);
    let mut outcome = Ok(());
    let pages = catch_unwind(AssertUnwindSafe(|| {
        parser.for_each_page(options(first, last), |event| {
            outcome = match event {
                ParseEvent::DocumentStart { metadata, .. } => {
                    out.title(metadata.title.as_deref().unwrap_or_default());
                    Ok(())
                }
                ParseEvent::PageParsed(parsed) => {
                    let missed = parsed.number.saturating_sub(done.get() + 1);
                    done.set(parsed.number);
                    (0..missed).try_for_each(|_| skip(out)).and_then(|()| page(&parsed, out))
                }
                ParseEvent::PageFailed { page, .. } => {
                    done.set(page);
                    skip(out)
                }
                ParseEvent::Progress { .. } | ParseEvent::DocumentEnd { .. } => Ok(()),
            };
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    }));
    outcome?;
    match pages {
        Ok(Ok(_)) => {
            (done.get()..last).try_for_each(|_| skip(out))?;
            Ok(last)
        }
        Ok(Err(e)) => Err(damaged(e)),
        Err(_) => {
            skip(out)?;
            Ok(done.get() + 1)
        }
    }
}

/// Every field is named, because the default would start a thread pool.
fn options(first: u32, last: u32) -> PageStreamOptions {
    PageStreamOptions {
        error_mode: ErrorMode::Lenient,
        extract_text: true,
        extract_resources: false,
        min_image_dimension: u32::MAX,
        pages: PageSelection::Range(first..=last),
        password: None,
        parallel: false,
        suppress_low_confidence_ocr: true,
        window_size: 1,
        emit_progress_every: u32::MAX,
    }
}

/// Counts a page that could not be read.
fn skip(out: &mut Output<'_>) -> Result<()> {
    out.begin_page()?;
    let page = out.report.pages.unwrap_or_default();
    out.warn(format!("page {page} could not be read"));
    out.end_page();
    Ok(())
}

fn page(page: &Page, out: &mut Output<'_>) -> Result<()> {
    out.begin_page()?;
    for block in &page.elements {
        match block {
            Block::Paragraph(found) => paragraph(found, out)?,
            Block::Table(found) => table::write(&rows(found), out)?,
            Block::Code { content } => out.push(BlockKind::Code, content)?,
            Block::Raw { content } => out.paragraph(&mend(content))?,
            Block::Image { .. } | Block::HorizontalRule | Block::PageBreak | Block::SectionBreak => {}
        }
    }
    out.end_page();
    Ok(())
}

fn paragraph(paragraph: &Paragraph, out: &mut Output<'_>) -> Result<()> {
    let text = mend(&paragraph.plain_text());
    match paragraph.heading_level() {
        Some(level) => out.heading(level, &text),
        None if paragraph.is_list_item() => out.push(BlockKind::ListItem, text.trim_start_matches(BULLETS)),
        None => out.paragraph(&text),
    }
}

/// The marks of list items, which their kind makes superfluous.
const BULLETS: [char; 8] = ['•', '◦', '▪', '‣', '·', '-', '*', ' '];

/// Undoes what typesetting did to words: ligatures, and hyphens at the ends of lines.
fn mend(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if let Some(letters) = letters(c) {
            mended.push_str(letters);
        } else if c == '-'
            && mended.ends_with(char::is_lowercase)
            && goes_on(text.get(at + 1..).unwrap_or_default())
        {
            chars.next();
        } else {
            mended.push(c);
        }
    }
    mended
}

/// Whether what follows a hyphen is the second half of a word, and not the end of `pre- and postwar`.
fn goes_on(rest: &str) -> bool {
    const JOINING: [&str; 10] = ["and", "or", "to", "und", "oder", "bis", "et", "ou", "y", "o"];
    let Some(rest) = rest.strip_prefix([' ', '\n']) else { return false };
    let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let word = rest.get(..end).unwrap_or_default();
    word.starts_with(char::is_lowercase) && !JOINING.contains(&word)
}

fn letters(ligature: char) -> Option<&'static str> {
    Some(match ligature {
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' | 'ﬆ' => "st",
        _ => return None,
    })
}

/// The cells in their columns; positions that a merged cell covers stay empty.
fn rows(table: &Table) -> Vec<Vec<String>> {
    let place = |(row, columns): (&unpdf::TableRow, Vec<usize>)| {
        let mut cells = Vec::new();
        for (cell, column) in row.cells.iter().zip(columns) {
            cells.resize(column.min(1000), String::new());
            cells.push(mend(&cell.plain_text()));
        }
        cells
    };
    table.rows.iter().zip(table.cell_columns()).map(place).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other way to be damaged reads the same")]
fn damaged(error: unpdf::Error) -> Error {
    match error {
        unpdf::Error::Encrypted | unpdf::Error::InvalidPassword => error::encrypted(),
        other => error::malformed("it is not a whole PDF").because(other),
    }
}

#[cfg(test)]
mod tests {
    use super::mend;

    #[test]
    fn words_are_mended_and_hyphens_that_belong_stay() {
        assert_eq!(mend("an efﬁ- cient re-\ntriever"), "an efficient retriever");
        assert_eq!(
            mend("pre- and postwar, well-known, A- b, 3- d, end-"),
            "pre- and postwar, well-known, A- b, 3- d, end-"
        );
    }
}
