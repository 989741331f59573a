//! Text by the line, with lines of any length in bounded memory; and text as a whole, for formats that need it.

use std::io::{BufRead, Read};

use nexus_core::Result;
use nexus_core::document::parser::Source;

use super::block_writer::{Output, cut};
use super::charset::{Charset, Utf8Reader};
use super::error;

/// A line, or a piece of one that is too long.
pub(super) struct Line {
    /// Its text, without the line end.
    pub(super) text: String,
    /// Whether the line ends here.
    pub(super) complete: bool,
}

/// Reads lines of decoded text.
pub(super) struct Lines<'a> {
    reader: Utf8Reader<'a>,
    limit: usize,
    rest: Vec<u8>,
}

impl<'a> Lines<'a> {
    /// The lines of `source`; one longer than `limit` bytes comes in pieces.
    pub(super) fn new(source: &'a mut dyn Source, charset: Charset, limit: usize) -> Result<Self> {
        Ok(Self { reader: Utf8Reader::new(source, charset)?, limit, rest: Vec::new() })
    }

    /// The next line, unless that was all.
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

/// Finds out the encoding and notes it in the report.
pub(super) fn detect(source: &mut dyn Source, out: &mut Output<'_>) -> Result<Charset> {
    let charset = Charset::detect(source, None)?;
    out.report.encoding = Some(charset.name().to_owned());
    Ok(charset)
}

/// The whole text of a source that has to be in memory.
pub(super) fn whole(source: &mut dyn Source, charset: Charset, out: &Output<'_>) -> Result<String> {
    let limit = out.limits.whole_bytes;
    let mut text = String::new();
    Utf8Reader::new(source, charset)?
        .take(limit.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(error::from_io)?;
    out.budget.work(text.len());
    if text.len() as u64 > limit {
        return Err(error::too_large(format_args!("a file of this format may have {limit} bytes")));
    }
    Ok(text)
}
