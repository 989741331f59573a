//! Document model: [`Document`], [`Passage`] and the ingestion [`Job`].

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::chunk::ChunkConfig;
use super::parser::{DocumentParser, ParseReport};
use crate::clock::Timestamp;
use crate::error::{Error, Failure, Result};
use crate::id::{CorpusId, DocumentId, JobId, SubjectId, check_name};
use crate::language::Language;
use crate::principal::{Principal, TenantId};

/// Free-form metadata of a document, for filters: names to JSON values.
pub type Metadata = Map<String, Value>;

/// Ingestion status of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentStatus {
    /// Its job is queued.
    Queued,
    /// Its job runs.
    Processing,
    /// Its last job succeeded; the document can be searched.
    Succeeded,
    /// Its last job failed. An earlier version, where there is one, can still be searched.
    Failed,
}

impl DocumentStatus {
    /// Returns the status's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// Returns whether a job is in flight.
    pub fn is_in_flight(self) -> bool {
        matches!(self, Self::Queued | Self::Processing)
    }
}

impl FromStr for DocumentStatus {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Queued, Self::Processing, Self::Succeeded, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| {
                Error::invalid("no such document status")
                    .with_hint("one of: queued, processing, succeeded, failed")
            })
    }
}

/// New document, as a caller describes it, for [`Nexus::ingest`](crate::Nexus::ingest).
///
/// # Examples
///
/// ```
/// use nexus_core::document::NewDocument;
/// use nexus_core::{CorpusId, DocumentId};
/// use serde_json::json;
///
/// let document = NewDocument {
///     id: Some(DocumentId::parse("handbook/leave.md")?),
///     content_type: Some("text/markdown".to_owned()),
///     tags: ["people".to_owned()].into(),
///     metadata: [("year".to_owned(), json!(2026))].into_iter().collect(),
///     overwrite: true,
///     ..NewDocument::new(CorpusId::parse("handbook")?, "leave.md")
/// };
/// assert_eq!(document.name, "leave.md");
/// assert_eq!(document.chunking, None, "the corpus decides");
/// # Ok::<(), nexus_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NewDocument {
    /// Identifier; generated if absent.
    pub id: Option<DocumentId>,
    /// Corpus that it belongs to.
    pub corpus: CorpusId,
    /// Display name: a file name or a title.
    pub name: String,
    /// Media type that the sender declares.
    pub content_type: Option<String>,
    /// Tags, for filters.
    pub tags: BTreeSet<String>,
    /// Metadata, for filters.
    pub metadata: Metadata,
    /// Chunking; by default the corpus's own, else [`ChunkConfig::default`].
    pub chunking: Option<ChunkConfig>,
    /// Whether to replace a document with this id.
    pub overwrite: bool,
    /// Whether the document fails, with `DOCUMENT_INCOMPLETE`, if a part of it is not read.
    pub strict: bool,
}

impl NewDocument {
    /// Creates a document called `name`, for `corpus`.
    pub fn new(corpus: CorpusId, name: impl Into<String>) -> Self {
        Self {
            id: None,
            corpus,
            name: name.into(),
            content_type: None,
            tags: BTreeSet::new(),
            metadata: Metadata::new(),
            chunking: None,
            overwrite: false,
            strict: false,
        }
    }

    /// Validates names, tags and the depth of the metadata, since JSON that is nested too deeply could not be read
    /// back and would make its list unreadable.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), see [`check_name`]; with `METADATA_TOO_DEEP`.
    pub fn check(&self) -> Result<()> {
        check_name("document name", &self.name)?;
        self.tags.iter().try_for_each(|tag| check_name("tag", tag))?;
        if self.metadata.values().any(|value| is_deeper(value, MAX_METADATA_DEPTH)) {
            let message = format!("the metadata is nested more than {MAX_METADATA_DEPTH} levels deep");
            return Err(Error::invalid(message).with_code("METADATA_TOO_DEEP"));
        }
        Ok(())
    }
}

/// Maximum nesting of lists and objects in a document's metadata.
pub const MAX_METADATA_DEPTH: usize = 32;

/// Returns whether lists and objects are nested more than `depth` deep. Looks no deeper than that.
fn is_deeper(value: &Value, depth: usize) -> bool {
    let Some(less) = depth.checked_sub(1) else { return value.is_array() || value.is_object() };
    match value {
        Value::Array(values) => values.iter().any(|value| is_deeper(value, less)),
        Value::Object(values) => values.values().any(|value| is_deeper(value, less)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Document as its tenant sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Identifier, unique within the tenant.
    pub id: DocumentId,
    /// Corpus that it belongs to.
    pub corpus_id: CorpusId,
    /// Display name.
    pub name: String,
    /// Size of the raw bytes.
    pub size_bytes: u64,
    /// Media type: the declared one until the document was read, then the detected one.
    pub content_type: String,
    /// SHA-256 of the raw bytes, in hexadecimal; also the key of its blob.
    pub content_hash: String,
    /// Tags, for filters.
    pub tags: BTreeSet<String>,
    /// Metadata, for filters.
    pub metadata: Metadata,
    /// Chunking into passages.
    pub chunking: ChunkConfig,
    /// Whether it fails if a part of it is not read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Subject that submitted it first.
    pub created_by: SubjectId,
    /// Status of its last job.
    pub status: DocumentStatus,
    /// Failure of the last job, if it failed.
    pub failure: Option<Failure>,
    /// Searchable version, from 1; 0 before the first.
    pub version: u32,
    /// Number of passages of that version.
    pub passages: u32,
    /// Language of that version.
    pub language: Language,
    /// Parse report of that version.
    pub report: Option<ParseReport>,
    /// Time of the first submission.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Time at which its last job was queued.
    pub queued_at: Timestamp,
    /// Time at which its last job started.
    pub processing_started_at: Option<Timestamp>,
    /// Time at which its last job ended.
    pub completed_at: Option<Timestamp>,
    /// Time of the last reindexing without new content.
    pub last_reindexed_at: Option<Timestamp>,
    /// Last job.
    pub last_job_id: JobId,
    /// Whether the reader of its format has changed since it was parsed. Stores leave it false;
    /// [`Nexus::document`](crate::Nexus::document) and [`Nexus::documents`](crate::Nexus::documents) set it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outdated: bool,
}

impl Document {
    /// Marks the document as outdated if an older version of its reader than that of `parser` parsed it.
    pub(crate) fn marked(self, parser: &dyn DocumentParser) -> Self {
        let is_older =
            |report: &ParseReport| report.reader_version < parser.reader_version(&report.content_type);
        Self { outdated: self.report.as_ref().is_some_and(is_older), ..self }
    }
}

/// Key of a passage: document, version, number. Stable, and in reading order within a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PassageKey {
    /// Document.
    pub document: DocumentId,
    /// Version of the document.
    pub version: u32,
    /// Number of the passage in that version, from 0.
    pub index: u32,
}

impl fmt::Display for PassageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}#{}", self.document, self.version, self.index)
    }
}

impl From<PassageKey> for String {
    fn from(key: PassageKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for PassageKey {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        let parts = text.rsplit_once('#').and_then(|(rest, index)| {
            let (document, version) = rest.rsplit_once('@')?;
            Some((document.to_owned(), version.parse().ok()?, index.parse().ok()?))
        });
        let (document, version, index) =
            parts.ok_or_else(|| Error::invalid("a passage key has the form `document@1#0`"))?;
        Ok(Self { document: DocumentId::parse(document)?, version, index })
    }
}

/// Passage of a document, the unit of search and citation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// Current state.
    pub key: PassageKey,
    /// Text: an exact slice of the document's text.
    pub text: String,
    /// Byte range in the document's text.
    pub span: Range<u64>,
    /// Page on which it begins, where the format has pages.
    pub page: Option<u32>,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// Number of tokens, by the counter in use when it was cut.
    pub tokens: u32,
    /// SHA-256 of the text, in hexadecimal.
    pub hash: String,
}

/// Stage of a running ingestion job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Waiting for a worker.
    Waiting,
    /// Reading, chunking, embedding and staging passages.
    Reading,
    /// Publishing the new version.
    Publishing,
}

impl Stage {
    /// Returns the stage's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Reading => "reading",
            Self::Publishing => "publishing",
        }
    }
}

/// State of an ingestion job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    /// The job waits for a worker.
    Queued,
    /// A worker runs the job until its lease expires.
    Processing {
        /// Stage of the work.
        stage: Stage,
        /// Time of the last heartbeat.
        heartbeat_at: Timestamp,
    },
    /// The document's new version is published.
    Succeeded,
    /// The job is not retried.
    Failed {
        /// Failure of the job.
        failure: Failure,
    },
}

/// Ingestion job: makes a searchable version of a document out of its raw bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Identifier.
    pub id: JobId,
    /// Document to ingest.
    pub document_id: DocumentId,
    /// Principal on whose behalf it runs.
    pub principal: Principal,
    /// Version that it makes.
    pub version: u32,
    /// Current state.
    #[serde(flatten)]
    pub state: JobState,
    /// Number of times a worker has started it.
    pub attempts: u32,
    /// Time at which it was queued.
    pub queued_at: Timestamp,
}

impl Job {
    crate::public_in_tests! {
        /// Returns the job's tenant.
        fn tenant(&self) -> &TenantId {
            self.principal.tenant()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_as_deep_as_it_can_be_read_back() {
        let nested = |levels: usize| (0..levels).fold(Value::from(1), |inner, _| Value::from(vec![inner]));
        let check = |levels| {
            let mut new = NewDocument::new(CorpusId::parse("c").unwrap(), "d.txt");
            new.metadata.insert("deep".to_owned(), nested(levels));
            new.check().map_err(|error| error.code())
        };
        assert_eq!(check(MAX_METADATA_DEPTH), Ok(()));
        assert_eq!(check(MAX_METADATA_DEPTH + 1), Err("METADATA_TOO_DEEP"));
        assert_eq!(check(127), Err("METADATA_TOO_DEEP"));
    }
}
