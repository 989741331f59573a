//! The bounds that keep one document from taking more than its share.

use nexus_core::Result;
use serde::{Deserialize, Serialize};

use super::error;

/// What a document may cost. Beyond a limit it fails with
/// [`TOO_LARGE`](nexus_core::document::parser::codes::TOO_LARGE), beyond a multiple of its own size with
/// [`AMPLIFIES`](nexus_core::document::parser::codes::AMPLIFIES), or with
/// [`MALFORMED`](nexus_core::document::parser::codes::MALFORMED) where only a broken or hostile file gets there.
///
/// The defaults suit a server that reads files of strangers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DocumentLimits {
    /// Bytes of the file itself. Default: 256 MiB.
    pub source_bytes: u64,
    /// Bytes of a file whose format has to be in memory as a whole: Markdown, HTML, JSON, RTF. Default: 64 MiB.
    pub whole_bytes: u64,
    /// Bytes that everything in an archive (DOCX, PPTX, XLSX, EPUB, ODF) unpacks to. Default: 512 MiB.
    pub unpacked_bytes: u64,
    /// How many times larger than its archive the unpacked content may be, once it passes
    /// [`amplification_from`](Self::amplification_from); parts count each time they are read. Default: 200.
    pub compression_ratio: u64,
    /// Files in an archive. Default: 20,000.
    pub archive_entries: usize,
    /// Depth of nested elements in XML and HTML, and of nested values in JSON. Default: 512.
    pub nesting: usize,
    /// Pages, slides or sheets. Default: 5,000.
    pub pages: u32,
    /// Bytes of text that a document may yield. Default: 512 MiB.
    pub text_bytes: u64,
    /// How many times larger than its file the text of a document may be, once it passes
    /// [`amplification_from`](Self::amplification_from). Default: 200.
    pub amplification: u64,
    /// Bytes that a document of any size may yield or unpack to. Default: 16 MiB.
    pub amplification_from: u64,
    /// Bytes of one block; longer ones are cut at a sentence, a word or a line. Default: 64 KiB.
    pub block_bytes: usize,
    /// How deep attachments may hold attachments. Default: 3.
    pub attachment_depth: u32,
    /// Attachments of one message that are read. Default: 100.
    pub attachments: usize,
}

impl Default for DocumentLimits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            source_bytes: 256 * MIB,
            whole_bytes: 64 * MIB,
            unpacked_bytes: 512 * MIB,
            compression_ratio: 200,
            archive_entries: 20_000,
            nesting: 512,
            pages: 5_000,
            text_bytes: 512 * MIB,
            amplification: 200,
            amplification_from: 16 * MIB,
            block_bytes: 64 * 1024,
            attachment_depth: 3,
            attachments: 100,
        }
    }
}

impl DocumentLimits {
    /// Refuses a file that is too large.
    pub(super) fn check_source(&self, size: u64) -> Result<()> {
        let limit = self.source_bytes;
        if size > limit {
            return Err(error::too_large(format_args!("it has {size} bytes, and {limit} are allowed")));
        }
        Ok(())
    }
}
