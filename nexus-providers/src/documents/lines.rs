//! Line reader in bounded memory for lines of any length, and reader of whole texts for formats that need them.

use std::io::{BufRead, Read};

use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::block_writer::{Output, cut};
use super::charset::{Charset, Utf8Reader};
use super::error;

/// Line, or a piece of a long one.
pub(super) struct Line {
    /// Text without the line end.
    pub(super) text: String,
    /// Whether the line ends here.
    pub(super) complete: bool,
}

/// Reader of decoded lines.
pub(super) struct Lines<'a> {
    reader: Utf8Reader<'a>,
    limit: usize,
    rest: Vec<u8>,
}

impl<'a> Lines<'a> {
    /// Creates a reader of the lines of `source`. A line longer than `limit` bytes comes in pieces.
    pub(super) fn new(source: &'a mut dyn Source, charset: Charset, limit: usize) -> Result<Self> {
        Ok(Self { reader: Utf8Reader::new(source, charset)?, limit, rest: Vec::new() })
    }

    /// Returns the next line, or nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Line>> {
        let mut bytes = std::mem::take(&mut self.rest);
        let room = (self.limit + 4).saturating_sub(bytes.len()) as u64;
        (&mut self.reader).take(room).read_until(b'\n', &mut bytes).map_err(error::from_io)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
            return Ok(Some(Line { text: into_text(bytes), complete: true }));
        }
        if bytes.len() <= self.limit {
            return Ok(Some(Line { text: into_text(bytes), complete: true }));
        }
        Ok(Some(self.piece(bytes)))
    }

    fn piece(&mut self, mut bytes: Vec<u8>) -> Line {
        let whole = std::str::from_utf8(&bytes).map_or_else(|e| e.valid_up_to(), str::len);
        let text = bytes.get(..whole).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
        let at = cut(text, self.limit, false);
        self.rest = bytes.split_off(at);
        Line { text: into_text(bytes), complete: false }
    }
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// Detects the encoding and records it in the report.
pub(super) fn detect(source: &mut dyn Source, out: &mut Output<'_>) -> Result<Charset> {
    let charset = Charset::detect(source, None)?;
    out.report.encoding = Some(charset.name().to_owned());
    Ok(charset)
}

/// Reads the whole text of a source into memory.
pub(super) fn whole(source: &mut dyn Source, charset: Charset, out: &Output<'_>) -> Result<String> {
    let limit = out.limits.whole_bytes;
    let mut text = String::new();
    Utf8Reader::new(source, charset)?
        .take(limit.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(error::from_io)?;
    out.budget.work(text.len());
    if text.len() as u64 > limit {
        return Err(error::too_large(format_args!("a file of this format may have at most {limit} bytes")));
    }
    Ok(text)
}
