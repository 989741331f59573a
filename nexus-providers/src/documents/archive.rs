//! Zip archives: opened without unpacking, read part by part, measured all along.

use std::io::{self, BufReader, Read};

use nexus_core::document::parser::Source;
use nexus_core::{Error, Result};
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::format::Format;
use super::{DocumentLimits, error, xml};

/// Below this many unpacked bytes the compression ratio does not matter.
const RATIO_FROM: u64 = 16 * 1024 * 1024;

/// An archive whose parts share one budget of unpacked bytes.
pub(super) struct Archive<'a> {
    zip: ZipArchive<&'a mut dyn Source>,
    budget: u64,
    nesting: usize,
}

impl<'a> Archive<'a> {
    pub(super) fn open(source: &'a mut dyn Source, limits: &DocumentLimits) -> Result<Self> {
        let packed = source.seek(io::SeekFrom::End(0)).map_err(error::unreadable)?;
        source.rewind().map_err(error::unreadable)?;
        let zip = ZipArchive::new(source).map_err(damaged)?;
        if zip.len() > limits.archive_entries {
            return Err(error::too_large(format_args!(
                "it holds more than {} files",
                limits.archive_entries
            )));
        }
        let ratio = packed.saturating_mul(limits.compression_ratio).max(RATIO_FROM);
        Ok(Self { zip, budget: limits.unpacked_bytes.min(ratio), nesting: limits.nesting })
    }

    /// The names of the files in it.
    pub(super) fn names(&self) -> Vec<String> {
        self.zip.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect()
    }

    /// A file in it, if it has that.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Part<'_, 'a>>> {
        let Some(index) = self.zip.index_for_name(name.trim_start_matches('/')) else { return Ok(None) };
        let file = self.zip.by_index(index).map_err(damaged)?;
        if file.is_symlink() {
            return Err(error::malformed("it holds a symbolic link"));
        }
        Ok(Some(Part { file, budget: &mut self.budget }))
    }

    /// The text of a small file in it, if it has that.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>> {
        let Some(mut part) = self.part(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).map_err(error::from_io)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Sends an XML file in it through `handler`; whether it has that file.
    pub(super) fn xml(&mut self, name: &str, handler: &mut dyn xml::Handler) -> Result<bool> {
        let nesting = self.nesting;
        let Some(part) = self.part(name)? else { return Ok(false) };
        xml::read(BufReader::with_capacity(32 * 1024, part), nesting, handler)?;
        Ok(true)
    }

    /// Unpacks everything to nowhere, so that a reader without limits can be let at it.
    pub(super) fn check(mut self) -> Result<()> {
        for index in 0..self.zip.len() {
            let file = self.zip.by_index(index).map_err(damaged)?;
            let mut part = Part { file, budget: &mut self.budget };
            io::copy(&mut part, &mut io::sink()).map_err(error::from_io)?;
        }
        Ok(())
    }
}

/// A file in an archive, being unpacked.
pub(super) struct Part<'a, 's> {
    file: ZipFile<'a, &'s mut dyn Source>,
    budget: &'a mut u64,
}

impl Read for Part<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        match self.budget.checked_sub(read as u64) {
            Some(left) => *self.budget = left,
            None => return Err(io::Error::other(error::too_large("it unpacks to more than is allowed"))),
        }
        Ok(read)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other way to be damaged reads the same")]
fn damaged(error: ZipError) -> Error {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => {
            error::encrypted()
        }
        ZipError::CompressionMethodNotSupported(_) | ZipError::UnsupportedArchive(_) => {
            error::unsupported("packed in an unusual way").because(error)
        }
        ZipError::Io(io) => error::from_io(io),
        error => error::malformed("it is not a whole archive").because(error),
    }
}

/// Which format an archive holds, by the names in it.
pub(super) fn format(source: &mut dyn Source) -> Result<Format> {
    let mut archive = Archive::open(source, &DocumentLimits::default())?;
    if let Some(format) = archive.text("mimetype")?.and_then(|declared| declared_format(declared.trim())) {
        return Ok(format);
    }
    let names = archive.names();
    let under = |folder: &str| names.iter().any(|name| name.trim_start_matches('/').starts_with(folder));
    match () {
        () if under("word/") => Ok(Format::Docx),
        () if under("ppt/") => Ok(Format::Pptx),
        () if under("xl/") => Ok(Format::Xlsx),
        () if under("META-INF/container.xml") => Ok(Format::Epub),
        () => Err(error::unsupported("an archive of other files").hint("unpack it and ingest the files")),
    }
}

fn declared_format(media_type: &str) -> Option<Format> {
    if media_type == "application/epub+zip" {
        return Some(Format::Epub);
    }
    media_type.starts_with("application/vnd.oasis.opendocument.").then_some(Format::OpenDocument)
}
