//! Entries of the billing ledger, [`LedgerEntry`], and their corrections, [`Reconciliation`].
//!
//! The ledger is append-only. A finished attempt has one entry of its own; an admin who knows the vendor's
//! [`VendorBill`] corrects an estimated one with a further entry. Every sum adds up the [`change`] of entries: the
//! whole charge of an attempt, or the difference that a correction makes.
//!
//! [`change`]: LedgerEntry::change

use serde::{Deserialize, Serialize};

use super::{Attempt, AttemptOutcome, AttemptStatus, Call, Operation};
use crate::audit;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::money::NanoUsd;
use crate::principal::TenantId;
use crate::quota::{Consumer, MeterAmounts, MeterDelta};
use crate::usage::Usage;

/// Entry of the billing ledger: the charge of one attempt, or a correction of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Sequence number in the tenant's ledger, ascending.
    pub seq: u64,
    /// The time of writing.
    pub ts: Timestamp,
    /// The consumer.
    pub consumer: Consumer,
    /// The call's id.
    pub call: String,
    /// The attempt's number.
    pub attempt: u32,
    /// The operation of the call.
    pub kind: Operation,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The version of the price.
    pub price_version: String,
    /// The attempt's final status.
    pub status: AttemptStatus,
    /// The usage.
    pub usage: Usage,
    /// The reservation.
    pub reserved: MeterAmounts,
    /// The attempt's charge as of this entry. A correction holds the whole charge too: sums add up [`change`].
    ///
    /// [`change`]: Self::change
    pub charged: MeterAmounts,
    /// Whether the charge is an estimate.
    pub estimated: bool,
    /// The stable error code.
    pub error: Option<String>,
    /// The correction; `None` in an attempt's own entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<Correction>,
}

/// Correction of an attempt's earlier entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// Number of the correction of its attempt, from 1.
    pub revision: u32,
    /// The attempt's usage before the correction.
    pub usage_before: Usage,
    /// The attempt's charge before the correction.
    pub charged_before: MeterAmounts,
    /// The reason, in the corrector's words.
    pub reason: String,
    /// The corrector.
    pub by: String,
}

impl LedgerEntry {
    /// Returns the own entry of an attempt of `call`, without its number.
    pub(super) fn of(call: &Call, attempt: Attempt, outcome: &AttemptOutcome) -> Self {
        Self {
            seq: 0,
            ts: outcome.at,
            consumer: call.consumer.clone(),
            call: call.id.clone(),
            attempt: attempt.number,
            kind: call.idempotency_key.operation,
            provider: attempt.provider,
            model: attempt.model,
            price_version: attempt.price_version,
            status: outcome.status,
            usage: outcome.usage,
            reserved: attempt.reserved,
            charged: outcome.charged,
            estimated: outcome.estimated,
            error: outcome.error.clone(),
            correction: None,
        }
    }

    /// Returns the revision: 0 for an attempt's own entry, then 1, 2 and so on.
    pub fn revision(&self) -> u32 {
        self.correction.as_ref().map_or(0, |correction| correction.revision)
    }

    /// Returns the entry's share of every sum of the ledger: the attempt's whole charge, or the difference that a
    /// correction makes. `None` on overflow.
    pub fn change(&self) -> Option<MeterDelta> {
        let before =
            self.correction.as_ref().map_or(&MeterAmounts::ZERO, |correction| &correction.charged_before);
        MeterDelta::between(before, &self.charged)
    }

    /// Returns the entry's share in the usage record of its provider and day; `None` on overflow.
    pub fn usage_share(&self) -> Option<UsageShare> {
        let MeterDelta { tokens, money, .. } = self.change()?;
        let (tokens, embedding_tokens) = match self.kind {
            Operation::Chat => (tokens, 0),
            Operation::Embed => (0, tokens),
            // Characters are no tokens.
            Operation::Speak => (0, 0),
        };
        Some(UsageShare { tokens, embedding_tokens, cost: money })
    }

    /// Checks that this attempt's own entry is an estimate. Only estimates can be corrected.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with `CALL_NOT_ESTIMATED`.
    pub fn check_estimated(&self) -> Result<()> {
        if self.estimated {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Conflict, "the charge of the attempt is not an estimate")
            .with_code("CALL_NOT_ESTIMATED")
            .with_hint("only estimates can be reconciled; `nexus ledger list` marks them")
            .with("call", &self.call)
            .with("attempt", self.attempt))
    }
}

/// Share of a ledger entry in a [`UsageRecord`](super::UsageRecord). That of a correction may be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageShare {
    /// Tokens of prompts and answers.
    pub tokens: i64,
    /// Tokens of embedded texts.
    pub embedding_tokens: i64,
    /// Cost.
    pub cost: NanoUsd,
}

/// Vendor's bill for an attempt that was charged by an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendorBill {
    /// The attempt was not billed.
    Nothing,
    /// Billed usage, at the attempt's own price.
    Usage(Usage),
    /// A billed amount. The bill names no usage, so the counted usage stays.
    Money(NanoUsd),
}

impl VendorBill {
    /// Returns the name in the audit record of a correction.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Nothing => "not_billed",
            Self::Usage(_) => "usage",
            Self::Money(_) => "money",
        }
    }
}

impl Reconciliation {
    /// Returns the entry that corrects an attempt, without its number. `own` is the attempt's own entry, `latest` its latest
    /// one.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) as [`LedgerEntry::check_estimated`]; with `ENTRY_CONFLICT` when `latest` is not the
    /// entry that the corrector has seen.
    pub fn entry(&self, own: LedgerEntry, latest: &LedgerEntry) -> Result<LedgerEntry> {
        own.check_estimated()?;
        if latest.revision().checked_add(1) != Some(self.revision) {
            return Err(Error::new(ErrorKind::Conflict, "the attempt was reconciled concurrently")
                .with_code("ENTRY_CONFLICT")
                .with_hint("check `nexus ledger list` and reconcile again if the entry is still wrong"));
        }
        Ok(LedgerEntry {
            seq: 0,
            ts: self.at,
            usage: self.usage,
            charged: self.charged,
            estimated: false,
            correction: Some(Correction {
                revision: self.revision,
                usage_before: latest.usage,
                charged_before: latest.charged,
                reason: self.reason.clone(),
                by: self.by.clone(),
            }),
            ..own
        })
    }
}

/// Input of [`QuotaStore::reconcile`](super::QuotaStore::reconcile).
#[derive(Clone, Debug)]
pub struct Reconciliation {
    /// The call's tenant.
    pub tenant: TenantId,
    /// The call's id.
    pub call: String,
    /// The attempt's number.
    pub attempt: u32,
    /// Number of this correction: one more than the latest that the corrector has seen.
    pub revision: u32,
    /// The corrected usage.
    pub usage: Usage,
    /// The corrected charge.
    pub charged: MeterAmounts,
    /// The reason.
    pub reason: String,
    /// The corrector.
    pub by: String,
    /// The time of the correction.
    pub at: Timestamp,
    /// The audit record.
    pub audit: audit::UnsealedRecords,
}

#[cfg(test)]
mod tests;
