//! Parser port: [`DocumentParser`] turns a stream of bytes into a stream of [`Block`]s.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Seek};

use serde::{Deserialize, Serialize};

use super::unread::UnreadPart;
use crate::error::Result;

/// Raw bytes that a parser may read in any order.
pub trait Source: Read + Seek + Send {}

impl<T: Read + Seek + Send> Source for T {}

/// Hints about a file before it is opened. All of them may be wrong: parsers go by content first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHints {
    /// File name, for its extension.
    pub name: String,
    /// Media type that the sender declares.
    pub content_type: Option<String>,
}

/// Kind of a block. Decides where a chunk may begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BlockKind {
    /// A heading; 1 is the outermost level, 6 the innermost.
    Heading {
        /// Level, 1 to 6.
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

/// Block of a document's text, in reading order.
///
/// The text of a document is its blocks joined by one blank line; byte spans count in that text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Kind.
    #[serde(flatten)]
    pub kind: BlockKind,
    /// Text: not empty, line ends are `\n`, no U+0000.
    pub text: String,
    /// Page, slide or sheet on which it stands, from 1, where the format has such a thing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub page: Option<u32>,
}

/// Receiver of the blocks of a document as they are found.
pub trait BlockSink {
    /// Receives the next block.
    ///
    /// # Errors
    /// Those of the receiver; the parser stops and returns them.
    fn block(&mut self, block: Block) -> Result<()>;
}

impl BlockSink for Vec<Block> {
    fn block(&mut self, block: Block) -> Result<()> {
        self.push(block);
        Ok(())
    }
}

/// Report of a parser on the document as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ParseReport {
    /// Detected media type of the content.
    pub content_type: String,
    /// Title that the document gives itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Number of pages, slides or sheets, where the format has such a thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// Pages that hold no text, from 1: scanned pages, as a rule. A document without any text fails instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pages_without_text: Vec<u32>,
    /// Pages whose text, or a part of it, was recognised in a scan before the document was read, from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ocr_text: Vec<u32>,
    /// Character encoding, where it had to be detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Facts that the document states about itself, such as the front matter of Markdown, by name. They are part of the
    /// text as well, and no metadata: no policy reads them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// Number of the parts that were met and not turned into text, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<UnreadPart, u32>,
    /// Warnings about omitted content, in sentences for the user, such as an attachment that was not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Version of the reader, see [`DocumentParser::reader_version`].
    #[serde(skip_serializing_if = "is_zero")]
    pub reader_version: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(version: &u32) -> bool {
    *version == 0
}

impl ParseReport {
    /// Returns whether all of the document was read.
    pub fn is_complete(&self) -> bool {
        self.warnings.is_empty() && self.unread.is_empty() && self.pages_without_text.is_empty()
    }

    /// Returns the findings, in sentences for the user: the warnings, the unread parts by kind and number, the pages of
    /// recognised text, and those without text.
    pub fn findings(&self) -> Vec<String> {
        let parts: Vec<String> =
            self.unread.iter().map(|(part, number)| count(*number, part.as_str())).collect();
        let unread = (!parts.is_empty()).then(|| format!("not read: {}", parts.join(", ")));
        let pages = [
            listed("recognised text of scanned pages", &self.ocr_text),
            listed("pages without text", &self.pages_without_text),
        ];
        self.warnings.iter().cloned().chain(unread).chain(pages.into_iter().flatten()).collect()
    }
}

fn count(number: u32, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn listed(what: &str, pages: &[u32]) -> Option<String> {
    /// Number of pages that are named.
    const NAMED: usize = 20;
    let named: Vec<String> = pages.iter().take(NAMED).map(u32::to_string).collect();
    let more = match pages.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!pages.is_empty()).then(|| format!("{what}: {}{more}", named.join(", ")))
}

/// Parser of one or more file formats.
///
/// Synchronous on purpose: parsing is CPU work, and callers run it on a blocking thread.
///
/// # Contract
/// - The format is recognised by content; the hints only break ties.
/// - Blocks arrive in reading order and are never empty; they have pages where the format has them.
/// - Texts, CSV and JSONL are read in pieces: memory does not follow the size of the source.
/// - A document that fails emits nothing: its blocks reach the sink once all of it has been read.
/// - Hostile input ends in an error with a documented code: one of [`codes`], and never an empty success.
/// - The report names the version of the reader of its media type.
pub trait DocumentParser: Send + Sync + fmt::Debug {
    /// Reads `source` and hands its blocks to `sink`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with a code of [`codes`] when the document is at fault; those
    /// of `sink`; [`Unavailable`](crate::ErrorKind::Unavailable) when the source cannot be read.
    fn parse(
        &self,
        source: &mut dyn Source,
        hints: &FileHints,
        sink: &mut dyn BlockSink,
    ) -> Result<ParseReport>;

    /// Returns the version of the reader of documents of a media type, which rises when the text that it yields
    /// changes. Documents whose report has a lower one are outdated. Default: 0, for a reader that never changes.
    fn reader_version(&self, content_type: &str) -> u32 {
        let _ = content_type;
        0
    }
}

/// Stable codes of documents that cannot be read.
pub mod codes {
    /// No parser supports the format.
    pub const UNSUPPORTED: &str = "DOCUMENT_UNSUPPORTED";
    /// The document contains no text.
    pub const EMPTY: &str = "DOCUMENT_EMPTY";
    /// The document needs a password.
    pub const ENCRYPTED: &str = "DOCUMENT_ENCRYPTED";
    /// The document is not well formed, or truncated.
    pub const MALFORMED: &str = "DOCUMENT_MALFORMED";
    /// The document, or its unpacked content, exceeds a limit.
    pub const TOO_LARGE: &str = "DOCUMENT_TOO_LARGE";
    /// The document yields far more text than its size warrants, as malicious files do.
    pub const AMPLIFIES: &str = "DOCUMENT_AMPLIFIES";
    /// Reading the document exceeded the deadline.
    pub const TIMEOUT: &str = "DOCUMENT_TIMEOUT";
    /// A part of the document was not read, and it was submitted as strict.
    pub const INCOMPLETE: &str = "DOCUMENT_INCOMPLETE";
    /// The parser crashed on the document.
    pub const CRASHED: &str = "DOCUMENT_PARSER_CRASHED";
}
