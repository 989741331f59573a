//! A model call as it is kept: [`Call`], its [`Attempt`]s, and how each ended.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::check_id;
use crate::llm::Completion;
use crate::money::NanoUsd;
use crate::quota::{Consumer, MeterAmounts};
use crate::usage::Usage;

/// What a model is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// An answer.
    Chat,
    /// Vectors.
    Embed,
    /// Speech.
    Speak,
}

impl Operation {
    /// The operation's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embed => "embed",
            Self::Speak => "speak",
        }
    }
}

/// What makes two requests the same request within a tenant: a key of the caller's, 1 to 128 characters, and what it
/// is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// What is asked for.
    pub operation: Operation,
    /// The idempotency key, the request's id, or `run/step/n`.
    pub key: String,
}

impl IdempotencyKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_IDEMPOTENCY_KEY`.
    pub fn parse(operation: Operation, key: impl Into<String>) -> Result<Self> {
        let key = key.into();
        check_id("idempotency key", &key).map_err(|error| {
            Error::invalid("an idempotency key has 1 to 128 visible characters")
                .code("INVALID_IDEMPOTENCY_KEY")
                .because(error)
        })?;
        Ok(Self { operation, key })
    }
}

/// One logical call: what was asked for, by whom, and what became of it. Its tenant is the consumer's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts of one record, each with its own column"
)]
pub struct Call {
    /// Its id, which also names its audit chain.
    pub id: String,
    /// Who consumes.
    pub consumer: Consumer,
    /// What makes it the same call when it is made again.
    pub claim: IdempotencyKey,
    /// A fingerprint of everything that was asked: equal claims must ask for equal things.
    pub digest: String,
    /// Random text that salts the fingerprints of the digest and of the claim's key in the audit chain. Empty in a call from
    /// before there was a salt.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub salt: String,
    /// The request that led to it, by its caller's own name.
    pub correlation_id: Option<String>,
    /// The name of the provider that was asked last.
    pub provider: String,
    /// The model that was asked last.
    pub model: String,
    /// Whether the answer was streamed.
    pub streamed: bool,
    /// When it was admitted.
    pub created_at: Timestamp,
    /// How it stands.
    pub status: CallStatus,
    /// What it consumed, over all attempts.
    pub usage: Usage,
    /// What it cost, over all attempts.
    pub cost: NanoUsd,
    /// Whether usage or cost is an estimate, because a vendor did not report it.
    pub estimated: bool,
    /// Whether a cache answered.
    pub was_cached: bool,
    /// What a cached answer would have cost.
    pub avoided: NanoUsd,
    /// Milliseconds from admission to the end.
    pub latency_ms: Option<u64>,
    /// Milliseconds from admission to the first word.
    pub first_byte_ms: Option<u64>,
    /// The stable code of what went wrong.
    #[serde(default, deserialize_with = "crate::error::optional_stored_code")]
    pub error: Option<String>,
    /// Whether the answer may serve to train models.
    pub distillation_eligible: bool,
    /// Limits that were broken in shadow, and other facts about the request.
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

/// How a logical call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// Under way.
    Open,
    /// It was answered.
    Succeeded,
    /// It was not.
    Failed,
    /// Its caller cancelled it.
    Cancelled,
    /// Nobody knows: the process ended in the middle of it.
    Unknown,
}

/// One physical attempt to call a vendor: a line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which attempt of its call, from 1.
    pub number: u32,
    /// The name of the provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The version of the price row it is billed by.
    pub price_version: String,
    /// What was reserved for it.
    pub reserved: MeterAmounts,
    /// When it began.
    pub started_at: Timestamp,
}

/// How far an attempt has come. The ladder is `intent`, `sent`, `first_byte`, and one of the others at its end.
///
/// Only `intent` and the end are awaited on disk; `sent` and `first_byte` are what a reader of the live process sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// Recorded, and perhaps sent.
    Intent,
    /// Sent.
    Sent,
    /// The vendor began to answer.
    FirstByte,
    /// Over; the vendor said what it consumed, or that is known otherwise.
    Settled,
    /// The answer broke off. Charged at its reservation.
    Truncated,
    /// It failed, and the vendor bills nothing.
    FailedUnbilled,
    /// It failed, and the vendor may bill it. Charged at its reservation unless the vendor said what it consumed.
    FailedBilled,
    /// Nobody knows what became of it. Charged at its reservation until somebody reconciles it.
    UnknownOutcome,
    /// A cache answered in its place: nothing was sent, and nothing is charged.
    Cached,
}

impl AttemptStatus {
    /// The status's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Sent => "sent",
            Self::FirstByte => "first_byte",
            Self::Settled => "settled",
            Self::Truncated => "truncated",
            Self::FailedUnbilled => "failed_unbilled",
            Self::FailedBilled => "failed_billed",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Cached => "cached",
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptOutcome {
    /// Which attempt.
    pub number: u32,
    /// How it ended.
    pub status: AttemptStatus,
    /// What it consumed.
    pub usage: Usage,
    /// What it is charged with.
    pub charged: MeterAmounts,
    /// Whether that is an estimate.
    pub estimated: bool,
    /// The stable code of what went wrong.
    #[serde(default, deserialize_with = "crate::error::optional_stored_code")]
    pub error: Option<String>,
    /// When it ended.
    pub at: Timestamp,
}

/// What a call came to: kept with its claim, and what the same call gets when it is made again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum CallResult {
    /// An answer.
    Reply(Box<Completion>),
    /// Nothing, for a reason.
    Failed(crate::document::model::Failure),
    /// Something that is not kept, such as vectors: the call is made again.
    NotKept,
}
