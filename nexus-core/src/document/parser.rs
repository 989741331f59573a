//! The port that reads files: [`DocumentParser`] turns a stream of bytes into a stream of [`Block`]s.

use std::fmt;
use std::io::{Read, Seek};

use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Bytes that a parser may read in any order.
pub trait Source: Read + Seek + Send {}

impl<T: Read + Seek + Send> Source for T {}

/// What is known of a file before it is opened. All of it may be wrong: parsers go by content first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHints {
    /// The file's name, for its extension.
    pub name: String,
    /// The media type its sender claims.
    pub content_type: Option<String>,
}

/// What a block of text is to its document. Decides where a chunk may begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BlockKind {
    /// A heading; 1 is the outermost level, 6 the innermost.
    Heading {
        /// The level, 1 to 6.
        level: u8,
    },
    /// Running text.
    Paragraph,
    /// One item of a list.
    ListItem,
    /// A table in Markdown form, header first; or a run of rows of one.
    Table,
    /// Source code or other preformatted text.
    Code,
}

/// A piece of a document's text, in reading order.
///
/// The text of a document is its blocks joined by one blank line; byte spans count in that text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    #[serde(flatten)]
    pub kind: BlockKind,
    /// Its text: not empty, line ends are `\n`, no U+0000.
    pub text: String,
    /// The page, slide or sheet it stands on, from 1, where the format has such a thing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub page: Option<u32>,
}

/// Takes the blocks of a document as they are found.
pub trait BlockSink {
    /// Takes the next block.
    ///
    /// # Errors
    /// Whatever keeps the receiver from going on; the parser stops and returns it.
    fn block(&mut self, block: Block) -> Result<()>;
}

impl BlockSink for Vec<Block> {
    fn block(&mut self, block: Block) -> Result<()> {
        self.push(block);
        Ok(())
    }
}

/// What a parser says of the document as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ParseReport {
    /// The media type that the content has.
    pub content_type: String,
    /// The title the document gives itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How many pages, slides or sheets it has, where the format has such a thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// Pages that hold no text, from 1: scanned pages, as a rule. A document without any text fails instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pages_without_text: Vec<u32>,
    /// The character encoding that was detected, where that was a question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// What was left out, in sentences for the user, such as an attachment that was not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Reads one or more file formats.
///
/// Synchronous on purpose: parsing is work for the processor, and callers run it on a blocking thread.
///
/// # Contract
/// - The format is recognised by content; the hints only break ties.
/// - Blocks arrive in reading order, with pages where the format has them, and are never empty.
/// - Memory does not follow the size of the source where the format allows it (text, CSV, JSONL).
/// - A document that fails hands nothing on: its blocks reach the sink once all of it has been read.
/// - Hostile input ends in an error with one of the codes of [`codes`], never in an empty success.
pub trait DocumentParser: Send + Sync + fmt::Debug {
    /// Reads `source` and hands its blocks to `sink`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with a code of [`codes`] when the document is at fault;
    /// whatever `sink` returned; [`Unavailable`](crate::ErrorKind::Unavailable) when the source cannot be read.
    fn parse(
        &self,
        source: &mut dyn Source,
        hints: &FileHints,
        sink: &mut dyn BlockSink,
    ) -> Result<ParseReport>;
}

/// The stable codes of a document that cannot be read.
pub mod codes {
    /// No parser knows the format.
    pub const UNSUPPORTED: &str = "DOCUMENT_UNSUPPORTED";
    /// Nothing in it is text.
    pub const EMPTY: &str = "DOCUMENT_EMPTY";
    /// A password is needed.
    pub const ENCRYPTED: &str = "DOCUMENT_ENCRYPTED";
    /// It is not well formed, or cut off.
    pub const MALFORMED: &str = "DOCUMENT_MALFORMED";
    /// It, or what it unpacks to, is over a limit.
    pub const TOO_LARGE: &str = "DOCUMENT_TOO_LARGE";
    /// It yields far more text than its size warrants, as files that are made to do harm do.
    pub const AMPLIFIES: &str = "DOCUMENT_AMPLIFIES";
    /// Reading it took too long.
    pub const TIMEOUT: &str = "DOCUMENT_TIMEOUT";
    /// The parser crashed on it.
    pub const CRASHED: &str = "DOCUMENT_PARSER_CRASHED";
}
