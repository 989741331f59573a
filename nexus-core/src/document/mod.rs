//! Documents: their model, their division into passages, and the ports that parse and store them.

pub mod chunk;
pub(crate) mod content;
mod job_state;
pub mod model;
pub mod parser;
pub mod plain;
mod quota;
pub mod sentence_boundaries;
pub mod store;
mod submission;
mod unread;
mod version_state;

pub use chunk::{Chunk, ChunkConfig, Chunker};
pub use job_state::JobWork;
pub use model::{Document, DocumentStatus, Job, JobState, Metadata, NewDocument, Passage, PassageKey, Stage};
pub use parser::{Block, BlockKind, BlockSink, DocumentParser, FileHints, ParseReport, Source};
pub use plain::PlainText;
pub use quota::DocumentQuota;
pub use store::{BlobStore, DocumentStore, JobQueue};
pub use submission::{QueuedJob, StoredDocument, SubmissionDecision};
pub use unread::UnreadPart;
pub use version_state::{PublishedVersions, StoredVersion, VersionState};
