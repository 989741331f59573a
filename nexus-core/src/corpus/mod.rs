//! Corpora: sets of documents that are searched together, their settings, and the port that stores them.

pub mod config;
pub mod store;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::id::CorpusId;

pub use config::{AnswerRelease, CorpusConfig, RetrievalConfig, RetrievalProvider};
pub use store::CorpusStore;

/// Set of documents that is searched together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Corpus {
    /// Identifier.
    pub id: CorpusId,
    /// Display name.
    pub name: String,
    /// Settings, as the owner wrote them; [`CorpusConfig`] parses them.
    pub provider_config_json: Value,
    /// Time of creation.
    pub created_at: Timestamp,
}

/// Patch of a corpus; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct CorpusPatch {
    /// New display name.
    pub name: Option<String>,
    /// New settings, which replace all of the old ones.
    pub provider_config_json: Option<Value>,
}
