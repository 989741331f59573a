//! What is kept of documents: [`Corpus`], [`Document`], [`Passage`] and the ingestion [`Job`].

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::chunk::ChunkConfig;
use super::parser::ParseReport;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{CorpusId, DocumentId, JobId, SubjectId, check_name};
use crate::principal::{Principal, TenantId};
use crate::retrieve::analysis::Language;

/// A document's free-form facts, for filters: names to JSON values.
pub type Metadata = Map<String, Value>;

/// A set of documents that is searched together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Corpus {
    /// Its id.
    pub id: CorpusId,
    /// What people call it.
    pub name: String,
    /// Its settings, as its owner wrote them; [`crate::retrieve::CorpusConfig`] reads them.
    pub provider_config_json: Value,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What becomes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentStatus {
    /// Its job waits.
    Queued,
    /// Its job runs.
    Processing,
    /// Its last job ended well; it can be searched.
    Succeeded,
    /// Its last job failed. An earlier version, where there is one, can still be searched.
    Failed,
}

impl DocumentStatus {
    /// The status's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// Whether a job is still to end.
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
                    .hint("one of: queued, processing, succeeded, failed")
            })
    }
}

/// Why something failed, in a form that can be kept: never the cause, which is for logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable code.
    #[serde(deserialize_with = "crate::error::stored_code")]
    pub code: String,
    /// The sentence for the user.
    pub message: String,
    /// The remedy, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            code: error.stable_code().to_owned(),
            message: error.message().to_owned(),
            hint: error.remedy().map(str::to_owned),
        }
    }
}

/// What a caller says of a document when bringing it.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDocument {
    /// Its id; without one Nexus makes one.
    pub id: Option<DocumentId>,
    /// Where it belongs.
    pub corpus: CorpusId,
    /// What people call it: a file name or a title.
    pub name: String,
    /// The media type its sender claims.
    pub content_type: Option<String>,
    /// Labels, for filters.
    pub tags: BTreeSet<String>,
    /// Facts, for filters.
    pub metadata: Metadata,
    /// How to cut it; [`ChunkConfig::default`] or the corpus's own unless told.
    pub chunking: Option<ChunkConfig>,
    /// Whether a document with this id may be replaced.
    pub overwrite: bool,
}

impl NewDocument {
    /// A document called `name`, for `corpus`.
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
        }
    }

    /// Checks names, tags and the depth of the metadata: what is nested deeper than JSON can be read back would make
    /// the list that it stands in unreadable.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), see [`check_name`]; with `METADATA_TOO_DEEP`.
    pub fn check(&self) -> Result<()> {
        check_name("document name", &self.name)?;
        self.tags.iter().try_for_each(|tag| check_name("tag", tag))?;
        if self.metadata.values().any(|value| is_deeper(value, MAX_METADATA_DEPTH)) {
            let message = format!("the metadata is nested more than {MAX_METADATA_DEPTH} levels deep");
            return Err(Error::invalid(message).code("METADATA_TOO_DEEP"));
        }
        Ok(())
    }
}

/// How many lists and objects may stand in each other in a document's metadata.
pub const MAX_METADATA_DEPTH: usize = 32;

/// Whether more than `depth` lists and objects stand in each other. Looks no deeper than that.
fn is_deeper(value: &Value, depth: usize) -> bool {
    let Some(less) = depth.checked_sub(1) else { return value.is_array() || value.is_object() };
    match value {
        Value::Array(values) => values.iter().any(|value| is_deeper(value, less)),
        Value::Object(values) => values.values().any(|value| is_deeper(value, less)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A document as its tenant sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Its id, unique within the tenant.
    pub id: DocumentId,
    /// Where it belongs.
    pub corpus_id: CorpusId,
    /// What people call it.
    pub name: String,
    /// The size of its raw bytes.
    pub size_bytes: u64,
    /// Its media type: the claimed one until it was read, then the detected one.
    pub content_type: String,
    /// SHA-256 of the raw bytes, in hexadecimal; also the key of its blob.
    pub content_hash: String,
    /// Labels, for filters.
    pub tags: BTreeSet<String>,
    /// Facts, for filters.
    pub metadata: Metadata,
    /// How it is cut into passages.
    pub chunking: ChunkConfig,
    /// Who brought it.
    pub created_by: SubjectId,
    /// What became of its last job.
    pub status: DocumentStatus,
    /// Why the last job failed, if it did.
    pub failure: Option<Failure>,
    /// The version that can be searched, from 1; 0 before the first.
    pub version: u32,
    /// How many passages that version has.
    pub passages: u32,
    /// The language of that version.
    pub language: Language,
    /// What the parser said of that version.
    pub report: Option<ParseReport>,
    /// When it was brought first.
    pub created_at: Timestamp,
    /// When anything about it changed last.
    pub updated_at: Timestamp,
    /// When its last job was queued.
    pub queued_at: Timestamp,
    /// When its last job began.
    pub processing_started_at: Option<Timestamp>,
    /// When its last job ended.
    pub completed_at: Option<Timestamp>,
    /// When it was last cut anew without new content.
    pub last_reindexed_at: Option<Timestamp>,
    /// Its last job.
    pub last_job_id: JobId,
}

/// Where a passage stands: document, version, number. Stable, and in reading order within a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PassageKey {
    /// The document.
    pub document: DocumentId,
    /// Which version of it.
    pub version: u32,
    /// Which passage of that version, from 0.
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
            parts.ok_or_else(|| Error::invalid("a passage is named like `document@1#0`"))?;
        Ok(Self { document: DocumentId::parse(document)?, version, index })
    }
}

/// A piece of a document, the unit of search and citation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// Where it stands.
    pub key: PassageKey,
    /// Its text: an exact slice of the document's text.
    pub text: String,
    /// The bytes of the document's text that it covers.
    pub span: Range<u64>,
    /// The page it begins on, where the format has pages.
    pub page: Option<u32>,
    /// The headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// How many tokens it has, by the counter in use when it was cut.
    pub tokens: u32,
    /// SHA-256 of its text, in hexadecimal.
    pub hash: String,
}

/// What an ingestion job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Waiting for a worker.
    Waiting,
    /// Reading, cutting, embedding and staging passages.
    Reading,
    /// Making the new version the one that is searched.
    Publishing,
}

impl Stage {
    /// The stage's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Reading => "reading",
            Self::Publishing => "publishing",
        }
    }
}

/// Where an ingestion job stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    /// No worker has it.
    Queued,
    /// A worker has it until its lease ends.
    Processing {
        /// What it is doing.
        stage: Stage,
        /// Its last sign of life.
        heartbeat_at: Timestamp,
    },
    /// The document's new version can be searched.
    Succeeded,
    /// It will not be tried again.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// One piece of ingestion work: make a searchable version of a document out of its raw bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its document.
    pub document_id: DocumentId,
    /// On whose behalf it runs.
    pub principal: Principal,
    /// The version it makes.
    pub version: u32,
    /// Where it stands.
    #[serde(flatten)]
    pub state: JobState,
    /// How often a worker has begun it.
    pub attempts: u32,
    /// When it was queued.
    pub queued_at: Timestamp,
}

impl Job {
    /// The tenant it works for.
    pub fn tenant(&self) -> &TenantId {
        self.principal.tenant()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_code_is_shown_under_its_present_name() {
        let read = |code: &str| {
            let stored = serde_json::json!({ "code": code, "message": "the user's calls are refused" });
            serde_json::from_value::<Failure>(stored).unwrap().code
        };
        assert_eq!(read("SHUT_OFF"), "KILL_SWITCH");
        assert_eq!(read("DOCUMENT_EMPTY"), "DOCUMENT_EMPTY");
    }

    #[test]
    fn metadata_is_as_deep_as_it_can_be_read_back() {
        let nested = |levels: usize| (0..levels).fold(Value::from(1), |inner, _| Value::from(vec![inner]));
        let check = |levels| {
            let mut new = NewDocument::new(CorpusId::parse("c").unwrap(), "d.txt");
            new.metadata.insert("deep".to_owned(), nested(levels));
            new.check().map_err(|error| error.stable_code())
        };
        assert_eq!(check(MAX_METADATA_DEPTH), Ok(()));
        assert_eq!(check(MAX_METADATA_DEPTH + 1), Err("METADATA_TOO_DEEP"));
        assert_eq!(check(127), Err("METADATA_TOO_DEEP"));
    }
}
