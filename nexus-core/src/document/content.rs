//! Digest of the passages of a document's version, which the record of its publication holds: [`PassagesDigest`].

use std::ops::Range;

use serde_json::Value;

use super::chunk::Chunk;
use super::model::Passage;
use crate::audit::{ContentFinding, ContentState, Digest, RecordedFacts};
use crate::id::DocumentId;

/// Digest of passages in order: of their texts, and of all that is shown beside them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PassagesDigest(Digest);

impl Default for PassagesDigest {
    fn default() -> Self {
        Self(Digest::of([]))
    }
}

impl PassagesDigest {
    /// Returns the digest with one more passage, as it was cut.
    pub(crate) fn with_chunk(self, chunk: &Chunk) -> Self {
        let Chunk { index, text, span, page, heading_path, .. } = chunk;
        self.with(*index, text, span, *page, heading_path)
    }

    /// Returns the digest with one more passage, as it is stored.
    pub(crate) fn with_passage(self, passage: &Passage) -> Self {
        let Passage { key, text, span, page, heading_path, .. } = passage;
        self.with(key.index, text, span, *page, heading_path)
    }

    fn with(self, index: u32, text: &str, span: &Range<u64>, page: Option<u32>, headings: &[String]) -> Self {
        let shown = serde_json::json!([index, Digest::of(text), span.start, span.end, page, headings]);
        Self(Digest::of(format!("{} {shown}", self.0)))
    }

    /// Returns the digest.
    pub(crate) fn digest(self) -> Digest {
        self.0
    }
}

/// Facts of the record of a publication.
#[derive(Clone, Debug)]
pub(crate) struct RecordedPublication {
    /// The document.
    pub(crate) document: DocumentId,
    /// Its version.
    pub(crate) version: u32,
    passages: u64,
    digest: String,
}

impl RecordedPublication {
    /// Reads the records of a job's chain; `None` for another chain, and for one without the digest, which earlier
    /// versions did not write.
    pub(crate) fn read(facts: &[RecordedFacts]) -> Option<Self> {
        let RecordedFacts { payload, .. } = facts.iter().find(|fact| fact.kind == "document.published")?;
        let text = |name: &str| payload.get(name).and_then(Value::as_str);
        Some(Self {
            document: DocumentId::parse(text("document")?).ok()?,
            version: u32::try_from(payload.get("version")?.as_u64()?).ok()?,
            passages: payload.get("passages")?.as_u64()?,
            digest: text("passages_digest")?.to_owned(),
        })
    }

    /// Compares stored passages, by their number and their digest, with those that were published.
    pub(crate) fn compare(&self, passages: u64, digest: PassagesDigest) -> Option<ContentFinding> {
        let state = match passages.cmp(&self.passages) {
            std::cmp::Ordering::Less => ContentState::Missing,
            std::cmp::Ordering::Greater => ContentState::Added,
            std::cmp::Ordering::Equal if digest.0.to_string() != self.digest => ContentState::Changed,
            std::cmp::Ordering::Equal => return None,
        };
        Some(ContentFinding { content: "passages", state })
    }
}
