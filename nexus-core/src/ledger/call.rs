//! Stored model call: [`Call`], its [`Attempt`]s and their outcomes.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, Failure, Result};
use crate::id::check_id;
use crate::llm::Completion;
use crate::money::NanoUsd;
use crate::quota::{Consumer, MeterAmounts};
use crate::usage::Usage;

/// Model operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Chat completion.
    Chat,
    /// Embeddings.
    Embed,
    /// Text-to-speech.
    Speak,
}

impl Operation {
    /// Returns the operation's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embed => "embed",
            Self::Speak => "speak",
        }
    }
}

/// Idempotency key: identifies equal requests within a tenant by 1 to 128 characters and the operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// The operation.
    pub operation: Operation,
    /// The caller's key, the request's id, or `run/step/n`.
    pub key: String,
}

impl IdempotencyKey {
    /// Parses a key.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with `INVALID_IDEMPOTENCY_KEY`.
    pub fn parse(operation: Operation, key: impl Into<String>) -> Result<Self> {
        let key = key.into();
        check_id("idempotency key", &key).map_err(|error| {
            Error::invalid("an idempotency key has 1 to 128 visible characters")
                .with_code("INVALID_IDEMPOTENCY_KEY")
                .because(error)
        })?;
        Ok(Self { operation, key })
    }
}

/// Logical model call: request, consumer and outcome. Its tenant is the consumer's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts of one record, each with its own column"
)]
pub struct Call {
    /// The id, which also names the call's audit chain.
    pub id: String,
    /// The consumer.
    pub consumer: Consumer,
    /// The idempotency key.
    #[serde(rename = "claim")]
    pub idempotency_key: IdempotencyKey,
    /// Digest of the request. Equal idempotency keys require equal digests.
    pub digest: String,
    /// Random salt of the fingerprints of request and idempotency key in the audit chain. Empty in calls stored before
    /// fingerprints were salted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub salt: String,
    /// The id of the request that led to the call, as its caller names it.
    pub correlation_id: Option<String>,
    /// The provider of the latest attempt.
    pub provider: String,
    /// The model of the latest attempt.
    pub model: String,
    /// Whether the answer was streamed.
    pub streamed: bool,
    /// The time of admission.
    pub created_at: Timestamp,
    /// The status.
    pub status: CallStatus,
    /// The usage of all attempts.
    pub usage: Usage,
    /// The cost of all attempts.
    pub cost: NanoUsd,
    /// Whether usage or cost is an estimate, because a vendor did not report it.
    pub estimated: bool,
    /// Whether the answer is a cache hit.
    pub was_cached: bool,
    /// The cost that a cache hit avoided.
    pub avoided: NanoUsd,
    /// Milliseconds from admission to the end.
    pub latency_ms: Option<u64>,
    /// Milliseconds from admission to the first output.
    pub first_byte_ms: Option<u64>,
    /// The stable error code.
    #[serde(default, deserialize_with = "crate::error::optional_stored_code")]
    pub error: Option<String>,
    /// Whether the answer may be used to train models.
    pub distillation_eligible: bool,
    /// Exceeded shadow limits, and other facts about the request.
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

/// Status of a logical call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// In flight.
    Open,
    /// Answered.
    Succeeded,
    /// Failed.
    Failed,
    /// Cancelled by its caller.
    Cancelled,
    /// Outcome unknown: the process ended during the call.
    Unknown,
}

impl CallStatus {
    /// Returns the status as text, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

/// Physical attempt to call a vendor. Each finished attempt has one ledger entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Number of the attempt within its call, from 1.
    pub number: u32,
    /// The name of the provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The version of the price row that bills the attempt.
    pub price_version: String,
    /// The reservation.
    pub reserved: MeterAmounts,
    /// The start time.
    pub started_at: Timestamp,
}

/// Final status of an attempt. An attempt without one is open: it is recorded, and it may have been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// Finished with known usage.
    Settled,
    /// Finished with a truncated answer. Charged at its reservation.
    Truncated,
    /// Failed, and not billed by the vendor.
    FailedUnbilled,
    /// Failed, and possibly billed by the vendor. Charged at its reservation where the vendor reported no usage.
    FailedBilled,
    /// Finished with an unknown outcome. Charged at its reservation until it is reconciled.
    UnknownOutcome,
    /// Cache hit: nothing was sent, and nothing is charged.
    Cached,
}

impl AttemptStatus {
    /// Returns the status's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Truncated => "truncated",
            Self::FailedUnbilled => "failed_unbilled",
            Self::FailedBilled => "failed_billed",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Cached => "cached",
        }
    }
}

/// Outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptOutcome {
    /// The attempt's number.
    pub number: u32,
    /// The final status.
    pub status: AttemptStatus,
    /// The usage.
    pub usage: Usage,
    /// The charge.
    pub charged: MeterAmounts,
    /// Whether the charge is an estimate.
    pub estimated: bool,
    /// The stable error code.
    #[serde(default, deserialize_with = "crate::error::optional_stored_code")]
    pub error: Option<String>,
    /// The end time.
    pub at: Timestamp,
}

/// Result of a call, stored under its idempotency key and replayed for an equal request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum CallResult {
    /// A completion.
    Reply(Box<Completion>),
    /// A failure.
    Failed(Failure),
    /// A result that is not stored, such as vectors. An equal request is a new call.
    NotKept,
}
