//! Zip archives, read part by part under limits on the unpacked size.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::rc::Rc;

use encoding_rs::UTF_8;
use nexus_core::document::parser::Source;
use nexus_core::{Error, Result};
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::budget::Budget;
use super::charset::{Charset, Utf8Reader, declared_in_xml};
use super::format::Format;
use super::{DocumentLimits, error, xml};

/// Minimum charge for opening a part, in unpacked bytes. It bounds the cost of an empty part that is named a million
/// times.
const PART_COST: u64 = 4 * 1024;

/// Maximum length of a part name that is looked up. Names written by office programs are far shorter.
const LONGEST_NAME: usize = 4 * 1024;

/// Zip archive whose parts share one allowance of unpacked bytes. Each read of a part counts.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Counted<'a>>,
    names: Names,
    /// Packed bytes read from the source so far.
    consumed: Rc<Cell<u64>>,
    left: Allowance,
    proportion: Proportion,
    whole_bytes: u64,
    nesting: usize,
    budget: Rc<Budget>,
}

/// File names of an archive with their indexes, sorted. [`ZipArchive`] scans all names for one that is missing.
struct Names {
    exact: Vec<(String, usize)>,
    /// Names in small letters: office programs ignore case.
    folded: Vec<(String, usize)>,
}

impl Names {
    /// Creates the look-up. Some programs write names with backslashes or with a slash before them.
    fn new(named: impl Iterator<Item = (String, usize)>) -> Self {
        let mut exact: Vec<(String, usize)> = named.map(|(name, index)| (usual(&name), index)).collect();
        let mut folded: Vec<(String, usize)> =
            exact.iter().map(|(name, index)| (name.to_ascii_lowercase(), *index)).collect();
        exact.sort_unstable();
        folded.sort_unstable();
        Self { exact, folded }
    }

    fn has_duplicates(&self) -> bool {
        self.exact.iter().zip(self.exact.iter().skip(1)).any(|((one, _), (other, _))| one == other)
    }

    /// Returns the index of the file with this name. Each comparison counts as a step of work.
    fn index(&self, name: &str, budget: &Budget) -> Option<usize> {
        budget.work(1 + name.len().min(LONGEST_NAME));
        if name.len() > LONGEST_NAME {
            return None;
        }
        let find = |names: &[(String, usize)], name: &str| {
            let found = names.binary_search_by(|(known, _)| {
                budget.work(1);
                known.as_str().cmp(name)
            });
            names.get(found.ok()?).map(|(_, index)| *index)
        };
        find(&self.exact, name).or_else(|| find(&self.folded, &name.to_ascii_lowercase()))
    }
}

/// Returns a name with slashes between its folders and none before it.
fn usual(name: &str) -> String {
    name.replace('\\', "/").trim_start_matches('/').to_owned()
}

/// Maximum compression ratio of a part, enforced from an unpacked size on.
#[derive(Clone, Copy, Debug)]
struct Proportion {
    ratio: u64,
    from: u64,
}

/// Bytes that may still be unpacked.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    /// Remainder of the absolute limit.
    absolute: u64,
    /// Remainder of the limit relative to the size of this archive, and that limit.
    relative: u64,
    warranted: u64,
}

impl Allowance {
    fn new(limits: &DocumentLimits, packed: u64) -> Self {
        let warranted = packed.saturating_mul(limits.compression_ratio).max(limits.amplification_from);
        Self { absolute: limits.unpacked_bytes, relative: warranted, warranted }
    }

    /// Returns the error for unpacking `bytes` more, if the allowance does not cover them.
    fn objection(self, bytes: u64) -> Option<Error> {
        if bytes > self.absolute {
            return Some(error::too_large("its unpacked size exceeds the limit"));
        }
        (bytes > self.relative).then(|| error::amplifies(self.warranted))
    }

    fn take(&mut self, bytes: u64) -> Result<()> {
        if let Some(objection) = self.objection(bytes) {
            return Err(objection);
        }
        self.absolute -= bytes;
        self.relative -= bytes;
        Ok(())
    }
}

impl<'a> Archive<'a> {
    pub(super) fn open(
        source: &'a mut dyn Source,
        limits: &DocumentLimits,
        budget: &Rc<Budget>,
    ) -> Result<Self> {
        let packed = source.seek(SeekFrom::End(0)).map_err(error::unreadable)?;
        source.rewind().map_err(error::unreadable)?;
        let consumed = Rc::new(Cell::new(0));
        let zip = ZipArchive::new(Counted { source, count: Rc::clone(&consumed) }).map_err(damaged)?;
        if zip.len() > limits.archive_entries {
            return Err(error::too_large(format_args!(
                "its archive holds more than {} files",
                limits.archive_entries
            )));
        }
        // Office programs write names that can be decoded; other names are never looked up.
        let named =
            zip.file_names().enumerate().filter_map(|(index, name)| Some((name.ok()?.into_owned(), index)));
        let names = Names::new(named);
        if zip.has_duplicate_names() || names.has_duplicates() {
            let what = "its archive holds two files of one name, of which programs show different ones";
            return Err(error::malformed(what));
        }
        let proportion = Proportion { ratio: limits.compression_ratio, from: limits.amplification_from };
        let nesting = limits.nesting;
        let (left, whole_bytes) = (Allowance::new(limits, packed), limits.whole_bytes);
        Ok(Self { zip, names, consumed, left, proportion, whole_bytes, nesting, budget: Rc::clone(budget) })
    }

    /// Returns the names of the files in the archive.
    pub(super) fn names(&self) -> Vec<String> {
        self.names.exact.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Opens a file of the archive, if present. Refuses a file whose declared size exceeds the allowance before
    /// reading it.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Part<'_, 'a>>> {
        let Some(index) = self.names.index(&usual(name), &self.budget) else { return Ok(None) };
        self.at(index).map(Some)
    }

    fn at(&mut self, index: usize) -> Result<Part<'_, 'a>> {
        self.left.take(PART_COST)?;
        let file = self.zip.by_index(index).map_err(damaged)?;
        if file.is_symlink() {
            return Err(error::malformed("its archive holds a symbolic link"));
        }
        if let Some(objection) = self.left.objection(file.size()) {
            return Err(objection);
        }
        let consumed = Consumed { before: self.consumed.get(), now: Rc::clone(&self.consumed) };
        let (proportion, left) = (self.proportion, &mut self.left);
        Ok(Part { file, left, proportion, consumed, unpacked: 0, budget: &self.budget })
    }

    /// Returns the text of a small file of the archive, if present.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>> {
        let bytes = self.bytes(name)?;
        bytes.map(decoded).transpose()
    }

    /// Returns a small file of the archive, if present.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        let limit = self.whole_bytes;
        self.part(name)?.map(|part| whole(part, limit)).transpose()
    }

    /// Sends an XML file of the archive through `handler`. Returns whether the file exists.
    pub(super) fn xml(&mut self, name: &str, handler: &mut dyn xml::Handler) -> Result<bool> {
        let (nesting, whole_bytes, budget) = (self.nesting, self.whole_bytes, Rc::clone(&self.budget));
        let Some(part) = self.part(name)? else { return Ok(false) };
        let mut reader = BufReader::with_capacity(32 * 1024, part);
        if is_utf8(reader.fill_buf().map_err(error::from_io)?) {
            xml::read(reader, nesting, &budget, handler)?;
        } else {
            let mut source = Cursor::new(whole(reader, whole_bytes)?);
            let declared = declared_in_xml(source.get_ref());
            let charset = Charset::detect(&mut source, declared)?;
            xml::read(Utf8Reader::new(&mut source, charset)?, nesting, &budget, handler)?;
        }
        Ok(true)
    }
}

/// Reads a small file of an archive.
fn whole(part: impl Read, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    part.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(error::from_io)?;
    if bytes.len() as u64 > limit {
        return Err(error::too_large(format_args!("a file in its archive has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Returns whether XML with this start is in UTF-8: it has no wide units and declares no other encoding.
fn is_utf8(head: &[u8]) -> bool {
    let utf8 = Charset::Web(UTF_8);
    let found = Charset::of_head(head).or_else(|| declared_in_xml(head).map(Charset::Web));
    found.is_none_or(|found| found == utf8)
}

/// Decodes a small file in UTF-8 or the encoding that its start determines.
fn decoded(bytes: Vec<u8>) -> Result<String> {
    if is_utf8(&bytes) {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    let (declared, mut source, mut text) = (declared_in_xml(&bytes), Cursor::new(bytes), String::new());
    let charset = Charset::detect(&mut source, declared)?;
    Utf8Reader::new(&mut source, charset)?.read_to_string(&mut text).map_err(error::from_io)?;
    Ok(text)
}

/// Source that counts the bytes read from it.
struct Counted<'a> {
    source: &'a mut dyn Source,
    count: Rc<Cell<u64>>,
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.count.set(self.count.get().saturating_add(read as u64));
        Ok(read)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

/// Packed bytes read for one part so far.
struct Consumed {
    before: u64,
    now: Rc<Cell<u64>>,
}

impl Consumed {
    fn bytes(&self) -> u64 {
        self.now.get().saturating_sub(self.before)
    }
}

/// File of an archive while it is being unpacked.
pub(super) struct Part<'a, 's> {
    file: ZipFile<'a, Counted<'s>>,
    left: &'a mut Allowance,
    proportion: Proportion,
    consumed: Consumed,
    unpacked: u64,
    budget: &'a Budget,
}

impl Part<'_, '_> {
    /// Refuses a part as soon as it exceeds the compression ratio, regardless of its declared size.
    fn check_ratio(&self) -> Result<()> {
        let Proportion { ratio, from } = self.proportion;
        let warranted = self.consumed.bytes().saturating_mul(ratio).max(from);
        if self.unpacked > warranted { Err(error::amplifies(self.left.warranted)) } else { Ok(()) }
    }
}

impl Read for Part<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.budget.work(read);
        self.unpacked = self.unpacked.saturating_add(read as u64);
        self.left.take(read as u64).and_then(|()| self.check_ratio()).map_err(io::Error::other)?;
        Ok(read)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other error means a damaged archive")]
fn damaged(error: ZipError) -> Error {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => {
            error::encrypted()
        }
        ZipError::CompressionMethodNotSupported(_) | ZipError::UnsupportedArchive(_) => {
            error::unsupported("a zip archive with unusual features").because(error)
        }
        ZipError::Io(io) => error::from_io(io),
        error => error::malformed("its archive is incomplete or corrupt").because(error),
    }
}

/// Detects the document format of an archive from its file names.
pub(super) fn format(source: &mut dyn Source) -> Result<Format> {
    let limits = DocumentLimits::default();
    let mut archive = Archive::open(source, &limits, &Rc::new(Budget::new(&limits, 0)))?;
    if let Some(format) = archive.text("mimetype")?.and_then(|declared| declared_format(declared.trim())) {
        return Ok(format);
    }
    let names = archive.names();
    let lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let has = |part: &str| lower.iter().any(|name| name.starts_with(part));
    if has("xl/workbook.bin") {
        return Err(error::unsupported("a binary workbook (XLSB)").with_hint("save it as XLSX"));
    }
    match () {
        () if has("word/") => Ok(Format::Docx),
        () if has("ppt/") => Ok(Format::Pptx),
        () if has("xl/") => Ok(Format::Xlsx),
        () if has("meta-inf/container.xml") => Ok(Format::Epub),
        () => by_content_types(&mut archive)?.ok_or_else(|| {
            error::unsupported("an archive of other files").with_hint("unpack it and ingest the files")
        }),
    }
}

/// Detects an office format whose parts lie in unusual folders, by the types that the archive declares for them.
fn by_content_types(archive: &mut Archive<'_>) -> Result<Option<Format>> {
    let types = archive.text("[Content_Types].xml")?.unwrap_or_default();
    let declares = |kind: &str| types.contains(&format!("officedocument.{kind}"));
    let formats = [
        ("wordprocessingml.document", Format::Docx),
        ("presentationml.presentation", Format::Pptx),
        ("spreadsheetml.sheet", Format::Xlsx),
    ];
    Ok(formats.into_iter().find(|(kind, _)| declares(kind)).map(|(_, format)| format))
}

fn declared_format(media_type: &str) -> Option<Format> {
    if media_type == "application/epub+zip" {
        return Some(Format::Epub);
    }
    media_type.starts_with("application/vnd.oasis.opendocument.").then_some(Format::OpenDocument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_a_name_up_takes_few_comparisons_whether_it_is_there_or_not() {
        let named = |files: usize| (0..files).map(|at| (format!("part{at:05}.xml"), at));
        let steps = |files: usize| {
            let limits = DocumentLimits::default();
            let (names, budget) = (Names::new(named(files)), Budget::new(&limits, 0));
            for at in 0..files {
                assert_eq!(names.index(&format!("part{at:05}.xml"), &budget), Some(at));
                assert_eq!(names.index(&format!("part{at:05}.png"), &budget), None);
            }
            budget.consumption().steps
        };
        let [one, two, four] = [2_500, 5_000, 10_000].map(steps);
        assert!(two < one * 22 / 10 && four < two * 22 / 10, "{one}, {two}, {four} steps");
        assert!(four < 10_000 * 3 * 32, "{four} steps for 20,000 look-ups");
    }
}
