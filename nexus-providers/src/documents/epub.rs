//! EPUB: the chapters in the order of the book's spine, each read as HTML.

use std::collections::HashMap;

use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::archive::Archive;
use super::output::Output;
use super::xml::{Handler, Tag};
use super::{error, html, ooxml};

pub(super) fn read(source: &mut dyn Source, out: &mut Output<'_>) -> Result<()> {
    let mut archive = Archive::open(source, out.limits)?;
    if archive.part("META-INF/rights.xml")?.is_some() {
        return Err(error::encrypted());
    }
    let mut book = Book::default();
    archive.xml("META-INF/container.xml", &mut book)?;
    let package = book.package.take().ok_or_else(|| error::malformed("it names no book"))?;
    if !archive.xml(&package, &mut book)? {
        return Err(error::malformed("its book is missing"));
    }
    out.title(&book.title);
    let folder = package.rsplit_once('/').map_or("", |(folder, _)| folder);
    for chapter in &book.spine {
        let Some(file) = book.files.get(chapter) else { continue };
        match archive.text(&ooxml::resolve(folder, &unescape(file)))? {
            Some(text) => html::fragment(&text, out)?,
            None => out.warn(format!("the chapter `{file}` is missing")),
        }
    }
    Ok(())
}

/// What the container and the package file say.
#[derive(Default)]
struct Book {
    package: Option<String>,
    title: String,
    in_title: bool,
    files: HashMap<String, String>,
    spine: Vec<String>,
}

impl Handler for Book {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        self.in_title = tag.name() == "title" && self.title.is_empty();
        match tag.name() {
            "rootfile" if self.package.is_none() => self.package = tag.attribute("full-path"),
            "item" => {
                self.files.extend(tag.attribute("id").zip(tag.attribute("href")));
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
        if self.in_title {
            self.title.push_str(text);
        }
        Ok(())
    }
}

/// Undoes the escapes of a URL; what is not one stays.
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
