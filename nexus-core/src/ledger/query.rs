//! Filters of the ledger, and its usage sums.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Result;
use crate::money::NanoUsd;
use crate::page::{Page, invalid_cursor};

/// Filter of calls and ledger entries, listed latest first.
#[derive(Clone, Debug, Default)]
pub struct LedgerQuery {
    /// Only those of this user.
    pub user: Option<String>,
    /// Only those of this model.
    pub model: Option<String>,
    /// Only from this time on.
    pub from: Option<Timestamp>,
    /// Only before this time.
    pub until: Option<Timestamp>,
    /// Only this call, and its entries.
    pub call: Option<String>,
    /// Only uncorrected entries of unknown outcome.
    pub unreconciled: bool,
    /// Page: of calls by id, of entries by number.
    pub page: Page,
}

/// Grouping of usage sums.
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

/// Usage of one group within a range of days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow {
    /// The id of the group: a tenant, an organisation, a user or a model.
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

/// Usage of one provider by a tenant on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The civil day, as `2026-03-01`.
    pub date: String,
    /// The provider.
    pub provider: String,
    /// Tokens of prompts and answers, without characters of text-to-speech.
    pub tokens: u64,
    /// Embedded tokens.
    pub embedding_tokens: u64,
    /// Questions.
    pub queries: u64,
    /// Ingested documents, counted for the provider `nexus`.
    pub documents: u64,
    /// Bytes of the ingested documents.
    pub bytes: u64,
    /// The cost.
    pub estimated_cost: NanoUsd,
}

impl UsageRecord {
    /// Returns the key in a list of usage records: the day and the provider, as `2026-03-01/openai`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.date, self.provider)
    }

    /// Parses a key into the day and the provider.
    ///
    /// # Errors
    /// Those of [`invalid_cursor`].
    pub fn parse_key(key: &str) -> Result<(&str, &str)> {
        key.split_once('/').ok_or_else(invalid_cursor)
    }
}
