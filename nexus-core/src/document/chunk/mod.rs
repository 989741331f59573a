//! Chunks: a document's text cut into passages along its structure, to a budget, with overlap.
//!
//! [`Chunker`] takes the blocks of a document as a parser finds them and returns chunks as they are complete, so
//! memory is proportional to the chunk, not the document. A chunk ends where a section ends if it can, else where a
//! block, a table row, a line of code or a sentence ends; only a sentence that exceeds the budget by itself is cut
//! within. A heading stays with the text that follows it, and a chunk keeps to one page, so that its citation names
//! the right one.
//!
//! The text of a chunk is an exact slice of the document's text, and [`rebuild`] restores the document's text from
//! the chunks.

mod buffer;
mod chunker;
mod heading_path;
mod split;
mod tokens;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use chunker::Chunker;
pub use tokens::{EstimatedTokens, TokenCounter};

use crate::error::{Error, ErrorKind, Result};

/// Separator of two blocks in the text of a document.
pub const BLOCK_SEPARATOR: &str = "\n\n";

/// Minimum budget: any one character fits it in any unit.
pub const MIN_CHUNK_SIZE: u32 = 16;
/// Maximum budget.
pub const MAX_CHUNK_SIZE: u32 = 1_000_000;

/// Maximum length of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChunkSize {
    /// In tokens, as the [`TokenCounter`] counts them.
    Tokens(u32),
    /// In characters (Unicode scalar values).
    Chars(u32),
}

impl ChunkSize {
    /// Returns the number, in either unit.
    pub const fn limit(self) -> u32 {
        match self {
            Self::Tokens(limit) | Self::Chars(limit) => limit,
        }
    }
}

/// Chunking of documents: the maximum length of a chunk, and the overlap with the next one.
///
/// ```
/// use nexus_core::document::chunk::ChunkConfig;
///
/// assert_eq!(ChunkConfig::default(), ChunkConfig::tokens(512, 64)?);
/// assert!(ChunkConfig::chars(1200, 1200).is_err());
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct ChunkConfig {
    size: ChunkSize,
    overlap: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    size: ChunkSize,
    #[serde(default)]
    overlap: u32,
}

impl ChunkConfig {
    /// Creates a configuration for chunks of up to `size` with up to `overlap` of the same unit.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) with the code `INVALID_CHUNK_CONFIG` when the size is not within
    /// [`MIN_CHUNK_SIZE`] and [`MAX_CHUNK_SIZE`] or the overlap is not less than the size.
    pub fn new(size: ChunkSize, overlap: u32) -> Result<Self> {
        let fits = (MIN_CHUNK_SIZE..=MAX_CHUNK_SIZE).contains(&size.limit()) && overlap < size.limit();
        if fits {
            return Ok(Self { size, overlap });
        }
        Err(Error::invalid("documents cannot be cut to this size and overlap")
            .with_code("INVALID_CHUNK_CONFIG")
            .with_hint(format!(
                "give a size of {MIN_CHUNK_SIZE} to {MAX_CHUNK_SIZE} and an overlap below it"
            )))
    }

    /// Calls [`ChunkConfig::new`] with a size in tokens.
    ///
    /// # Errors
    /// As [`ChunkConfig::new`].
    pub fn tokens(size: u32, overlap: u32) -> Result<Self> {
        Self::new(ChunkSize::Tokens(size), overlap)
    }

    /// Calls [`ChunkConfig::new`] with a size in characters.
    ///
    /// # Errors
    /// As [`ChunkConfig::new`].
    pub fn chars(size: u32, overlap: u32) -> Result<Self> {
        Self::new(ChunkSize::Chars(size), overlap)
    }

    /// Returns the maximum length of a chunk.
    pub const fn size(self) -> ChunkSize {
        self.size
    }

    /// Returns the maximum overlap of a chunk with the one before it.
    pub const fn overlap(self) -> u32 {
        self.overlap
    }
}

impl Default for ChunkConfig {
    /// Returns 512 tokens with an overlap of 64.
    fn default() -> Self {
        Self { size: ChunkSize::Tokens(512), overlap: 64 }
    }
}

impl TryFrom<Unchecked> for ChunkConfig {
    type Error = Error;
    fn try_from(unchecked: Unchecked) -> Result<Self> {
        Self::new(unchecked.size, unchecked.overlap)
    }
}

impl From<ChunkConfig> for Unchecked {
    fn from(config: ChunkConfig) -> Self {
        Self { size: config.size, overlap: config.overlap }
    }
}

/// Chunk of a document's text.
///
/// Two neighbours overlap, meet, or are apart by exactly one [`BLOCK_SEPARATOR`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Number in the document, from 0.
    pub index: u32,
    /// Text: the slice of the document's text that `span` names.
    pub text: String,
    /// Byte range in the document's text, which is the blocks joined by [`BLOCK_SEPARATOR`].
    pub span: Range<u64>,
    /// Page, slide or sheet on which it begins.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub page: Option<u32>,
    /// Headings above its beginning, outermost first; its own heading included.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub heading_path: Vec<String>,
    /// Length in tokens.
    pub tokens: u32,
    /// SHA-256 of `text`, in hexadecimal.
    pub hash: String,
}

/// Restores the document's text from its chunks, given in order.
///
/// # Errors
/// [`Corrupt`](ErrorKind::Corrupt) when a chunk is missing or its text is not as long as its span.
pub fn rebuild<'a>(chunks: impl IntoIterator<Item = &'a Chunk>) -> Result<String> {
    let mut text = String::new();
    for chunk in chunks {
        append(&mut text, chunk).ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "the chunks of a document do not join").with("chunk", chunk.index)
        })?;
    }
    Ok(text)
}

fn append(text: &mut String, chunk: &Chunk) -> Option<()> {
    let start = usize::try_from(chunk.span.start).ok()?;
    let end = usize::try_from(chunk.span.end).ok()?;
    if start == text.len() + BLOCK_SEPARATOR.len() {
        text.push_str(BLOCK_SEPARATOR);
    }
    let known = text.len().checked_sub(start)?;
    if end.checked_sub(start)? != chunk.text.len() || text.get(start..)? != chunk.text.get(..known)? {
        return None;
    }
    text.push_str(chunk.text.get(known..)?);
    Some(())
}

#[cfg(test)]
mod tests;
