//! Zip archives, read part by part under limits on the unpacked size.

use std::cell::Cell;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::rc::Rc;

use nexus_core::document::parser::Source;
use nexus_core::{Error, Result};
use zip::read::ZipFile;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::budget::Budget;
use super::format::Format;
use super::scratch::Scratch;
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
    /// Allowance before the first read.
    whole: Allowance,
    proportion: Proportion,
    whole_bytes: u64,
    nesting: usize,
    budget: Rc<Budget>,
}

/// File names of an archive with their indexes, sorted. [`ZipArchive`] scans all names for one that is missing.
struct Names(Vec<(String, usize)>);

impl Names {
    fn new(mut named: Vec<(String, usize)>) -> Self {
        named.sort_unstable();
        Self(named)
    }

    fn has_duplicates(&self) -> bool {
        self.0.iter().zip(self.0.iter().skip(1)).any(|((one, _), (other, _))| one == other)
    }

    /// Returns the index of the file with this name. Each comparison counts as a step of work.
    fn index(&self, name: &str, budget: &Budget) -> Option<usize> {
        budget.work(1 + name.len().min(LONGEST_NAME));
        if name.len() > LONGEST_NAME {
            return None;
        }
        let found = self.0.binary_search_by(|(known, _)| {
            budget.work(1);
            known.as_str().cmp(name)
        });
        self.0.get(found.ok()?).map(|(_, index)| *index)
    }
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
        let names = Names::new(named.collect());
        if zip.has_duplicate_names() || names.has_duplicates() {
            let what = "its archive holds two files of one name, of which programs show different ones";
            return Err(error::malformed(what));
        }
        let proportion = Proportion { ratio: limits.compression_ratio, from: limits.amplification_from };
        let nesting = limits.nesting;
        let whole = Allowance::new(limits, packed);
        let (left, whole_bytes) = (whole, limits.whole_bytes);
        Ok(Self {
            zip,
            names,
            consumed,
            left,
            whole,
            proportion,
            whole_bytes,
            nesting,
            budget: Rc::clone(budget),
        })
    }

    /// Returns the names of the files in the archive.
    pub(super) fn names(&self) -> Vec<String> {
        self.names.0.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Opens a file of the archive, if present. Refuses a file whose declared size exceeds the allowance before
    /// reading it.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Part<'_, 'a>>> {
        let name = name.trim_start_matches('/');
        let Some(index) = self.names.index(name, &self.budget) else { return Ok(None) };
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
        let limit = self.whole_bytes;
        let Some(part) = self.part(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        part.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(error::from_io)?;
        if bytes.len() as u64 > limit {
            return Err(error::too_large(format_args!("a file in its archive has more than {limit} bytes")));
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Sends an XML file of the archive through `handler`. Returns whether the file exists.
    pub(super) fn xml(&mut self, name: &str, handler: &mut dyn xml::Handler) -> Result<bool> {
        let (nesting, budget) = (self.nesting, Rc::clone(&self.budget));
        let Some(part) = self.part(name)? else { return Ok(false) };
        xml::read(BufReader::with_capacity(32 * 1024, part), nesting, &budget, handler)?;
        Ok(true)
    }

    /// Returns an unpacked copy of the archive without the files whose names end in one of `except`. It serves
    /// readers that have no limits of their own and read parts repeatedly: each byte read from the copy is charged as
    /// an unpacked byte.
    pub(super) fn unpacked(mut self, except: &[&str]) -> Result<Unpacked> {
        let file = Scratch::new(IN_MEMORY);
        let mut copy = ZipWriter::new(io::BufWriter::new(file));
        let stored =
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(false);
        for index in 0..self.zip.len() {
            let Some(name) = self.zip.name_for_index(index).and_then(|name| Some(name.ok()?.into_owned()))
            else {
                continue;
            };
            if name.ends_with('/') || except.iter().any(|end| ends_with(&name, end)) {
                continue;
            }
            let mut part = self.at(index)?;
            copy.start_file(name, stored).map_err(uncopied)?;
            part.copy_to(&mut copy)?;
        }
        let file = copy
            .finish()
            .map_err(uncopied)?
            .into_inner()
            .map_err(|e| error::temporary_file(e.into_error()))?;
        Ok(Unpacked { file, left: Rc::new(Cell::new(self.whole)), budget: self.budget })
    }
}

fn ends_with(name: &str, end: &str) -> bool {
    let tail = name.len().checked_sub(end.len()).and_then(|start| name.get(start..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// Maximum size of an unpacked archive in memory.
const IN_MEMORY: usize = 4 * 1024 * 1024;

/// Unpacked copy of an archive. Reads are charged to the allowance.
#[derive(Debug)]
pub(super) struct Unpacked {
    file: Scratch,
    left: Rc<Cell<Allowance>>,
    budget: Rc<Budget>,
}

impl Unpacked {
    /// Returns a meter that outlives the reader and reports whether the allowance ran out.
    pub(super) fn meter(&self) -> Meter {
        Meter(Rc::clone(&self.left))
    }
}

/// Remaining allowance of an [`Unpacked`] archive.
pub(super) struct Meter(Rc<Cell<Allowance>>);

impl Meter {
    /// Returns the error that ended reading, if the allowance ran out.
    pub(super) fn objection(&self) -> Option<Error> {
        self.0.get().objection(1)
    }
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(objection) = self.left.get().objection(1) {
            return Err(io::Error::other(objection));
        }
        let read = self.file.read(into)?;
        self.budget.work(read);
        let mut left = self.left.get();
        left.absolute = left.absolute.saturating_sub(read as u64);
        left.relative = left.relative.saturating_sub(read as u64);
        self.left.set(left);
        Ok(read)
    }
}

impl Seek for Unpacked {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
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
    /// Returns the declared unpacked size, which the allowance covers.
    pub(super) fn size(&self) -> u64 {
        self.file.size()
    }

    /// Writes the whole part to a copy.
    fn copy_to(&mut self, copy: &mut impl Write) -> Result<()> {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let read = self.read(&mut chunk).map_err(error::from_io)?;
            let bytes = chunk.get(..read).unwrap_or_default();
            if bytes.is_empty() {
                return Ok(());
            }
            copy.write_all(bytes).map_err(error::temporary_file)?;
        }
    }

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

#[expect(clippy::wildcard_enum_match_arm, reason = "a copy fails only by I/O")]
fn uncopied(error: ZipError) -> Error {
    match error {
        ZipError::Io(io) => error::temporary_file(io),
        other => error::malformed("its archive is incomplete or corrupt").because(other),
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
    let under = |folder: &str| names.iter().any(|name| name.trim_start_matches('/').starts_with(folder));
    match () {
        () if under("word/") => Ok(Format::Docx),
        () if under("ppt/") => Ok(Format::Pptx),
        () if under("xl/") => Ok(Format::Xlsx),
        () if under("META-INF/container.xml") => Ok(Format::Epub),
        () => {
            Err(error::unsupported("an archive of other files").with_hint("unpack it and ingest the files"))
        }
    }
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
        let named = |files: usize| (0..files).map(|at| (format!("part{at:05}.xml"), at)).collect();
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
        assert!(four < 10_000 * 2 * 32, "{four} steps for 20,000 look-ups");
    }
}
