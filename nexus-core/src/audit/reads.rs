//! Choice of the reads that leave a record: [`RecordedReads`].

use serde::{Deserialize, Serialize};

/// Reads that leave a record, each committed before its result is released.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedReads {
    /// No reads.
    #[default]
    None,
    /// Reads that show text of documents or of answers: passages, searches, events and messages of runs, speech,
    /// reasoning.
    Documents,
    /// All reads.
    All,
}
