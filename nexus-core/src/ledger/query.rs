//! What is asked of the ledger, and the sums that it answers with.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::money::NanoUsd;

/// Which calls or lines to list: latest first.
#[derive(Clone, Debug, Default)]
pub struct LedgerQuery {
    /// Only this user's.
    pub user: Option<String>,
    /// Only those of this model.
    pub model: Option<String>,
    /// Only from this moment on.
    pub from: Option<Timestamp>,
    /// Only before this moment.
    pub until: Option<Timestamp>,
    /// Only this call, and its lines.
    pub call: Option<String>,
    /// Only lines before this one.
    pub before: Option<u64>,
    /// Only lines of unknown outcome that nobody has corrected.
    pub unreconciled: bool,
    /// At most so many.
    pub limit: usize,
}

/// What usage is summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageBy {
    /// The tenant as a whole.
    Tenant,
    /// Its organisations.
    Organisation,
    /// Its users.
    User,
    /// Models.
    Model,
}

/// What somebody consumed within a stretch of days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow {
    /// Whose consumption, or of which model.
    pub id: String,
    /// Calls.
    pub calls: u64,
    /// Tokens.
    pub tokens: u64,
    /// Cost units.
    pub cost_units: u64,
    /// Money.
    pub cost: NanoUsd,
}

/// What a tenant did with one provider on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The civil day, as `2026-03-01`.
    pub date: String,
    /// The provider.
    pub provider: String,
    /// Tokens of answers and their prompts. Characters of speech are none.
    pub tokens: u64,
    /// Tokens that were embedded.
    pub embedding_tokens: u64,
    /// Questions.
    pub queries: u64,
    /// Documents that were ingested: counted for the provider `nexus`.
    pub documents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What it cost.
    pub estimated_cost: NanoUsd,
}
