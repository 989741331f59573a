//! `[documents]`: size of documents, and content that is read only if it is asked for.

use std::num::NonZeroU32;

use serde::Deserialize;

use crate::documents::DocumentLimits;

/// Reading of documents.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DocumentsConfig {
    /// Maximum size of a document, in megabytes (2^20 bytes); 256 by default.
    pub max_mb: Option<NonZeroU32>,
    /// Whether hidden content is read too, such as hidden sheets, rows, slides and invisible text; no by default.
    pub read_hidden: Option<bool>,
    /// Whether comments keep the names of their authors; no by default.
    pub comment_authors: Option<bool>,
}

impl DocumentsConfig {
    /// Returns the maximum size of a document, in bytes.
    pub fn max_bytes(&self) -> u64 {
        const MIB: u64 = 1024 * 1024;
        self.max_mb.map_or(DocumentLimits::default().source_bytes, |max| u64::from(max.get()) * MIB)
    }

    /// Returns the limits of a document.
    pub fn limits(&self) -> DocumentLimits {
        let default = DocumentLimits::default();
        DocumentLimits {
            source_bytes: self.max_bytes(),
            read_hidden: self.read_hidden.unwrap_or(default.read_hidden),
            comment_authors: self.comment_authors.unwrap_or(default.comment_authors),
            ..default
        }
    }
}
