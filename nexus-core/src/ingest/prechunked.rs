//! Pre-chunked passages: the format of a document's raw bytes whose passages the caller has cut, and perhaps
//! embedded.
//!
//! JSON lines: first `{"model": "..."}` (or `{"model": null}`), then one passage a line. They are stored like any
//! other document's bytes, so that ingestion is durable and can be repeated.

use std::io::{BufRead, BufReader, Read};

use serde::{Deserialize, Serialize};

use crate::document::parser::codes;
use crate::document::{Chunk, Source};
use crate::error::{Error, Result};
use crate::hex;
use crate::id::ModelId;
use crate::retrieve::check_vector;

/// Media type of a document of pre-chunked passages.
pub const PASSAGES_CONTENT_TYPE: &str = "application/vnd.nexus.passages+jsonl";

/// Separator between pre-chunked passages in the text of their document.
const SEPARATOR_BYTES: u64 = 2;

/// Maximum length of a line: a passage of some megabytes with its vector.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// Pre-chunked passage of a caller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrechunkedPassage {
    /// Text, not empty.
    pub text: String,
    /// Vector, by the model named for the whole document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vec<f32>>,
    /// Page on which it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Headings above it, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub heading_path: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    model: Option<ModelId>,
}

/// Serialises `passages` to raw bytes.
pub(super) fn write(model: Option<ModelId>, passages: &[PrechunkedPassage]) -> Result<Vec<u8>> {
    let dimension = passages.first().map(|first| first.vector.as_ref().map(Vec::len));
    for passage in passages {
        let same = dimension == Some(passage.vector.as_ref().map(Vec::len));
        let finite = passage.vector.iter().all(|vector| check_vector(vector).is_ok());
        if passage.text.trim().is_empty() || !same || !finite || passage.vector.is_some() != model.is_some() {
            return Err(malformed(
                "each passage needs a text, and all or none a finite vector of one length by a named model",
            ));
        }
    }
    let mut bytes = Vec::new();
    let unwritable = |error| Error::unexpected("the passages could not be written").because(error);
    serde_json::to_writer(&mut bytes, &Header { model }).map_err(unwritable)?;
    for passage in passages {
        bytes.push(b'\n');
        serde_json::to_writer(&mut bytes, passage).map_err(unwritable)?;
    }
    Ok(bytes)
}

/// Reader of pre-chunked passages, one by one.
pub(super) struct Reader {
    lines: BufReader<Box<dyn Source>>,
    model: Option<ModelId>,
    index: u32,
    offset: u64,
}

impl Reader {
    pub(super) fn new(source: Box<dyn Source>) -> Result<Self> {
        let mut lines = BufReader::new(source);
        let header = next_line(&mut lines)?.ok_or_else(|| malformed("the passages have no header"))?;
        let header: Header = serde_json::from_slice(&header).map_err(unparsable)?;
        Ok(Self { lines, model: header.model, index: 0, offset: 0 })
    }

    pub(super) fn model(&self) -> Option<&ModelId> {
        self.model.as_ref()
    }

    fn parse(&mut self, line: &[u8]) -> Result<(Chunk, Option<Vec<f32>>)> {
        let passage: PrechunkedPassage = serde_json::from_slice(line).map_err(unparsable)?;
        let text = passage.text.replace('\0', "\u{FFFD}");
        let start = self.offset;
        let end = start + text.len() as u64;
        let chunk = Chunk {
            index: self.index,
            span: start..end,
            page: passage.page,
            heading_path: passage.heading_path,
            tokens: u32::try_from(text.len() / 4).unwrap_or(u32::MAX),
            hash: hex::sha256(text.as_bytes()),
            text,
        };
        self.index += 1;
        self.offset = end + SEPARATOR_BYTES;
        Ok((chunk, passage.vector))
    }
}

impl Iterator for Reader {
    type Item = Result<(Chunk, Option<Vec<f32>>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = next_line(&mut self.lines).transpose()?;
        Some(line.and_then(|line| self.parse(&line)))
    }
}

/// Reads the next line; `None` at the end.
fn next_line(lines: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = lines.take(LONGEST_LINE + 1).read_until(b'\n', &mut line).map_err(unreadable)? as u64;
    if read > LONGEST_LINE {
        return Err(Error::invalid(format!("a passage has more than {LONGEST_LINE} bytes"))
            .with_code(codes::TOO_LARGE));
    }
    Ok((read > 0).then_some(line))
}

fn malformed(message: &'static str) -> Error {
    Error::invalid(message).with_code(codes::MALFORMED)
}

fn unparsable(error: serde_json::Error) -> Error {
    malformed("cannot parse a passage as JSON").because(error)
}

fn unreadable(error: std::io::Error) -> Error {
    Error::new(crate::ErrorKind::Unavailable, "the document's bytes could not be read").because(error)
}
