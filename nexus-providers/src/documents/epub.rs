//! EPUB: the chapters in spine order, each read as HTML.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use nexus_core::Result;
use nexus_core::document::parser::{Source, codes};

use super::archive::Archive;
use super::block_writer::{Output, quoted};
use super::html::Tag;
use super::xml::{self, Handler};
use super::{error, html, ooxml};

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut archive = Archive::open(source, out.limits, &out.budget)?;
    if archive.part("META-INF/rights.xml")?.is_some() {
        return Err(error::encrypted());
    }
    let mut book = Book::default();
    archive.xml("META-INF/container.xml", &mut book)?;
    let package =
        book.package.take().ok_or_else(|| error::malformed("its container names no package file"))?;
    package.rsplit_once('/').map_or("", |(folder, _)| folder).clone_into(&mut book.folder);
    if !archive.xml(&package, &mut book)? {
        return Err(error::malformed("its package file is missing"));
    }
    out.title(&book.title);
    let mut sheets = BTreeMap::new();
    for chapter in &book.spine {
        out.budget.work(1 + chapter.len());
        let Some(file) = book.files.get(chapter) else {
            missing(chapter, out);
            continue;
        };
        match archive.bytes(&file.part)? {
            Some(bytes) => {
                let styles = styles(&bytes, &file.part, &mut archive, &mut sheets)?;
                self::chapter(&file.named, bytes, &styles, out)?;
            }
            None => missing(&file.named, out),
        }
    }
    Ok(())
}

fn missing(chapter: &str, out: &mut Output<'_>) {
    let warning = format!("the chapter `{}` is missing", quoted(chapter));
    let error = error::malformed(&warning);
    out.leave_out(warning, error);
}

/// Returns the style sheets that a chapter links to. Each is read once.
fn styles(
    chapter: &[u8],
    part: &str,
    archive: &mut Archive<'_>,
    sheets: &mut BTreeMap<String, String>,
) -> Result<String> {
    /// Maximum number of style sheets of a chapter.
    const SHEETS: usize = 16;
    /// Maximum length of the style sheets of a chapter that are read.
    const LONGEST: usize = 256 * 1024;
    let html = String::from_utf8_lossy(chapter);
    let head = html.split("</head").next().unwrap_or_default();
    let folder = part.rsplit_once('/').map_or("", |(folder, _)| folder);
    let tags = std::iter::successors(Tag::first(head), |(_, rest)| Tag::first(rest));
    let links = tags.filter(|(tag, _)| {
        tag.name == "link" && tag.attribute("rel").is_some_and(|rel| rel.eq_ignore_ascii_case("stylesheet"))
    });
    let mut styles = String::new();
    for (tag, _) in links.take(SHEETS) {
        let part = ooxml::resolve(folder, &unescape(tag.attribute("href").unwrap_or_default()));
        let sheet = match sheets.entry(part) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => {
                let sheet = archive.text(vacant.key())?.unwrap_or_default();
                vacant.insert(sheet)
            }
        };
        if styles.len() + sheet.len() <= LONGEST {
            styles.push_str(sheet);
            styles.push('\n');
        }
    }
    Ok(styles)
}

/// Reads one chapter. A chapter whose HTML cannot be read becomes a warning and does not fail the book.
fn chapter(name: &str, bytes: Vec<u8>, styles: &str, out: &mut Output<'_>) -> Result<()> {
    match html::with_styles(bytes, styles, out) {
        Err(error) if !out.has_failed() && error.code() == codes::MALFORMED => {
            out.leave_out(format!("the chapter `{}` was left out: {error}", quoted(name)), error);
            Ok(())
        }
        read => read,
    }
}

/// File listed in the package manifest.
struct File {
    named: String,
    /// Name of the file in the archive.
    part: String,
}

/// Content of the container and the package file.
#[derive(Default)]
struct Book {
    package: Option<String>,
    title: String,
    in_title: bool,
    /// Folder of the package file.
    folder: String,
    files: BTreeMap<String, File>,
    spine: Vec<String>,
}

impl Handler for Book {
    fn open(&mut self, tag: &xml::Tag<'_>) -> Result<()> {
        self.in_title = tag.name() == "title" && self.title.is_empty();
        match tag.name() {
            "rootfile" if self.package.is_none() => self.package = tag.attribute("full-path"),
            "item" => {
                let file = tag.attribute("href").map(|named| {
                    let part = ooxml::resolve(&self.folder, &unescape(&named));
                    File { named, part }
                });
                self.files.extend(tag.attribute("id").zip(file));
            }
            "itemref" => self.spine.extend(tag.attribute("idref")),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, _: &str) -> Result<()> {
        self.in_title = false;
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        // Far above the maximum length of a title, which is truncated later.
        const ENOUGH: usize = 64 * 1024;
        if self.in_title && self.title.len() < ENOUGH {
            self.title.push_str(text);
        }
        Ok(())
    }
}

/// Decodes the percent escapes of a URL. Invalid escapes stay as they are.
fn unescape(url: &str) -> String {
    let mut bytes = Vec::with_capacity(url.len());
    let mut rest = url.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits =
            tail.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = tail.get(2..).filter(|_| escaped.is_some()).unwrap_or(tail);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
