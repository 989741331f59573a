//! Limits on the resources of one document.

use nexus_core::Result;
use serde::{Deserialize, Serialize};

use super::error;

/// Limits of a document, and the choice whether its hidden content is read. A document beyond one fails with
/// [`TOO_LARGE`](nexus_core::document::parser::codes::TOO_LARGE), beyond a multiple of its own size with
/// [`AMPLIFIES`](nexus_core::document::parser::codes::AMPLIFIES), and with
/// [`MALFORMED`](nexus_core::document::parser::codes::MALFORMED) where only a broken or hostile file exceeds the
/// limit.
///
/// The defaults suit a server that reads untrusted files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DocumentLimits {
    /// Maximum size of the file, in bytes. Default: 256 MiB.
    pub source_bytes: u64,
    /// Maximum size of a file whose format is read into memory as a whole (Markdown, HTML, JSON, RTF), in bytes.
    /// Default: 64 MiB.
    pub whole_bytes: u64,
    /// Maximum unpacked size of an archive (DOCX, PPTX, XLSX, EPUB, ODF), in bytes. Default: 512 MiB.
    pub unpacked_bytes: u64,
    /// Maximum ratio of unpacked to packed size of an archive, enforced from
    /// [`amplification_from`](Self::amplification_from) on. Each read of a part counts. Default: 200.
    pub compression_ratio: u64,
    /// Maximum number of files in an archive. Default: 20,000.
    pub archive_entries: usize,
    /// Maximum depth of nested elements in XML and HTML, and of nested values in JSON. Default: 512.
    pub nesting: usize,
    /// Maximum number of pages, slides or sheets. Default: 5,000.
    pub pages: u32,
    /// Maximum size of a document's text, in bytes. Default: 512 MiB.
    pub text_bytes: u64,
    /// Maximum ratio of a document's text to its file size, enforced from
    /// [`amplification_from`](Self::amplification_from) on. Default: 200.
    pub amplification: u64,
    /// Size in bytes that text or unpacked content may reach regardless of the file size. Default: 16 MiB.
    pub amplification_from: u64,
    /// Maximum size of one block, in bytes. Longer text is split at a sentence, a word or a line. Default: 64 KiB.
    pub block_bytes: usize,
    /// Maximum nesting depth of attachments. Default: 3.
    pub attachment_depth: u32,
    /// Maximum number of attachments read from one message. Default: 100.
    pub attachments: usize,
    /// Whether hidden content is read too, such as hidden sheets, rows, slides and invisible text. Default: false.
    pub read_hidden: bool,
    /// Whether comments keep the names of their authors. Default: false.
    pub comment_authors: bool,
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
            read_hidden: false,
            comment_authors: false,
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
