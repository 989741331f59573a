//! Comparison of a document and its passages, as they are stored, with the signed record of their job: [`RecordedJob`].

use std::ops::Range;

use serde_json::Value;

use super::chunk::Chunk;
use super::model::{Document, DocumentStatus, Passage};
use crate::audit::{ContentFinding, ContentState, Digest, Kind, RecordedFacts, tokenised};
use crate::hex;
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
    fn with_passage(self, passage: &Passage) -> Self {
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

/// Returns the digest of a document as its last job left it, without the times of the job.
pub(crate) fn document_digest(document: &Document) -> Digest {
    let shown = Document {
        updated_at: document.created_at,
        queued_at: document.created_at,
        processing_started_at: None,
        completed_at: None,
        last_reindexed_at: None,
        outdated: false,
        ..document.clone()
    };
    Digest::of(serde_json::to_string(&shown).unwrap_or_default())
}

/// Facts that the records of an ingestion job's chain hold.
#[derive(Clone, Debug)]
pub(crate) struct RecordedJob {
    /// The document.
    pub(crate) document: DocumentId,
    /// Facts of the request.
    pub(crate) opened: Value,
    /// Its publication, unless the job is not over or failed.
    pub(crate) publication: Option<RecordedPublication>,
    /// Facts of its end.
    closed: Option<Value>,
}

/// Facts of the record of a publication.
#[derive(Clone, Debug)]
pub(crate) struct RecordedPublication {
    /// Its version.
    pub(crate) version: u32,
    passages: u64,
    /// Digest of the passages, which earlier versions did not write.
    digest: Option<String>,
    content_type: String,
}

impl RecordedJob {
    /// Reads the records of a job's chain; `None` for another chain.
    pub(crate) fn read(facts: &[RecordedFacts]) -> Option<Self> {
        let opened = facts.first().filter(|first| first.text("content_hash").is_some())?;
        let payload = |kind: &str| facts.iter().find(|fact| fact.kind == kind).map(|fact| &fact.payload);
        Some(Self {
            document: DocumentId::parse(opened.text("document")?).ok()?,
            opened: opened.payload.clone(),
            publication: payload("document.published").and_then(RecordedPublication::read),
            closed: payload(Kind::CHAIN_CLOSE.as_str()).cloned(),
        })
    }

    /// Compares the stored document, of which this is the last job, with the records.
    pub(crate) fn compare(&self, document: &Document) -> Option<ContentFinding> {
        let size = self.opened.get("size_bytes").and_then(Value::as_u64);
        let is_same = text(&self.opened, "content_hash") == Some(&document.content_hash)
            && size.is_none_or(|size| size == document.size_bytes)
            && self.is_end_of(document)
            && self.digest().is_none_or(|digest| digest == document_digest(document).to_string())
            && self.publication.as_ref().is_none_or(|publication| publication.is_of(document));
        (!is_same).then_some(ContentFinding { content: "document", state: ContentState::Changed })
    }

    /// Returns whether the record of the end has a digest of the document. That of an earlier version does not.
    pub(crate) fn has_digest(&self) -> bool {
        self.closed.is_none() || self.digest().is_some()
    }

    fn digest(&self) -> Option<&str> {
        text(self.closed.as_ref()?, "document_digest")
    }

    /// Returns whether the document has the status that the end of the job left.
    fn is_end_of(&self, document: &Document) -> bool {
        let Some(closed) = &self.closed else { return document.status.is_in_flight() };
        match &document.failure {
            None => document.status == DocumentStatus::Succeeded && self.publication.is_some(),
            Some(failure) => {
                document.status == DocumentStatus::Failed
                    && text(closed, "code") == Some(&tokenised(&failure.code))
            }
        }
    }
}

impl RecordedPublication {
    fn read(payload: &Value) -> Option<Self> {
        Some(Self {
            version: u32::try_from(payload.get("version")?.as_u64()?).ok()?,
            passages: payload.get("passages")?.as_u64()?,
            digest: text(payload, "passages_digest").map(str::to_owned),
            content_type: text(payload, "content_type").unwrap_or_default().to_owned(),
        })
    }

    /// Returns whether the record has a digest of the passages. That of an earlier version does not.
    pub(crate) fn is_complete(&self) -> bool {
        self.digest.is_some()
    }

    fn is_of(&self, document: &Document) -> bool {
        // A reader that names no type leaves the declared one.
        let types = [tokenised(&document.content_type), tokenised("")];
        let is_of_type = types.contains(&self.content_type);
        document.version == self.version && u64::from(document.passages) == self.passages && is_of_type
    }

    /// Compares stored passages, by their number and their digest, with those that were published.
    pub(crate) fn compare(&self, passages: &StoredPassages) -> Option<ContentFinding> {
        let is_changed = !passages.have_own_hashes
            || self.digest.as_ref().is_some_and(|digest| *digest != passages.digest.0.to_string());
        let state = match passages.count.cmp(&self.passages) {
            std::cmp::Ordering::Less => ContentState::Missing,
            std::cmp::Ordering::Greater => ContentState::Added,
            std::cmp::Ordering::Equal if is_changed => ContentState::Changed,
            std::cmp::Ordering::Equal => return None,
        };
        Some(ContentFinding { content: "passages", state })
    }
}

/// Number and digest of the passages that a store holds, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredPassages {
    count: u64,
    digest: PassagesDigest,
    /// Whether each passage has the hash of its text beside it.
    have_own_hashes: bool,
}

impl Default for StoredPassages {
    fn default() -> Self {
        Self { count: 0, digest: PassagesDigest::default(), have_own_hashes: true }
    }
}

impl StoredPassages {
    /// Returns the same with one more passage.
    pub(crate) fn with(self, passage: &Passage) -> Self {
        Self {
            count: self.count.saturating_add(1),
            digest: self.digest.with_passage(passage),
            have_own_hashes: self.have_own_hashes && passage.hash == hex::sha256(passage.text.as_bytes()),
        }
    }
}

fn text<'v>(payload: &'v Value, name: &str) -> Option<&'v str> {
    payload.get(name)?.as_str()
}
