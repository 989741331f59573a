//! A line of the billing ledger: [`LedgerEntry`], and how a later one corrects it: [`Reconciliation`].
//!
//! Lines are added and never changed. An attempt that is over has its own line; where that is an estimate, an admin who
//! knows the vendor's [`VendorBill`] adds a line that corrects it. What a line adds to every sum, its [`change`], is its whole
//! charge or the difference that it makes, so the sum of the lines is the truth.
//!
//! [`change`]: LedgerLine::change

use serde::{Deserialize, Serialize};

use super::{AttemptStatus, Operation};
use crate::audit;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::money::NanoUsd;
use crate::principal::TenantId;
use crate::quota::{Consumer, MeterAmounts, MeterDelta};
use crate::usage::Usage;

/// A line of the billing ledger: one attempt, billed once, or a correction of that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Its place in the tenant's ledger, rising.
    pub seq: u64,
    /// When it was written.
    pub ts: Timestamp,
    /// Who consumed.
    pub consumer: Consumer,
    /// The call.
    pub call: String,
    /// The attempt.
    pub attempt: u32,
    /// What was called for.
    pub kind: Operation,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The version of the price.
    pub price_version: String,
    /// How the attempt ended.
    pub status: AttemptStatus,
    /// What it consumed.
    pub usage: Usage,
    /// What was reserved for it.
    pub reserved: MeterAmounts,
    /// What it is charged with, as of this line. Of a correction, this is no difference: sums add up [`change`].
    ///
    /// [`change`]: Self::change
    pub charged: MeterAmounts,
    /// Whether that is an estimate.
    pub estimated: bool,
    /// The stable code of what went wrong.
    pub error: Option<String>,
    /// What it corrects; nothing in an attempt's own line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<Correction>,
}

/// What makes a line the correction of an attempt's line before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// Which correction of its attempt, from 1.
    pub revision: u32,
    /// What the attempt had consumed before, as far as anybody knew.
    pub usage_before: Usage,
    /// What it was charged with before.
    pub charged_before: MeterAmounts,
    /// Why, in the words of whoever corrected it.
    pub reason: String,
    /// Who that was.
    pub by: String,
}

impl LedgerEntry {
    /// 0 in an attempt's own line, then 1, 2 and so on.
    pub fn revision(&self) -> u32 {
        self.correction.as_ref().map_or(0, |correction| correction.revision)
    }

    /// What the line adds to every sum of the ledger: all that the attempt is charged with, or the difference that a
    /// correction makes. `None` when that cannot be represented.
    pub fn change(&self) -> Option<MeterDelta> {
        let before =
            self.correction.as_ref().map_or(&MeterAmounts::ZERO, |correction| &correction.charged_before);
        MeterDelta::between(before, &self.charged)
    }

    /// Checks that this, an attempt's own line, may be corrected: a line that the vendor's own numbers made may not.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with `CALL_NOT_ESTIMATED`.
    pub fn check_estimated(&self) -> Result<()> {
        if self.estimated {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "the attempt is charged with what its vendor said, or with nothing",
        )
        .code("CALL_NOT_ESTIMATED")
        .hint("only estimates can be reconciled; `nexus ledger list` marks them")
        .with("call", &self.call)
        .with("attempt", self.attempt))
    }
}

/// What a vendor's bill says of an attempt that was charged by an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendorBill {
    /// Nothing: it was not billed.
    Nothing,
    /// So much usage, priced as the attempt was.
    Usage(Usage),
    /// So much money. What was consumed is not on the bill, and stays as it was counted.
    Money(NanoUsd),
}

impl VendorBill {
    /// What the record of a correction calls it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Nothing => "not_billed",
            Self::Usage(_) => "usage",
            Self::Money(_) => "money",
        }
    }
}

/// A correction that is to be written.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    /// Whose call it is.
    pub tenant: TenantId,
    /// The call's id.
    pub call: String,
    /// The attempt.
    pub attempt: u32,
    /// Which correction of the attempt this is: one more than the latest that whoever corrects has seen.
    pub revision: u32,
    /// What the attempt consumed.
    pub usage: Usage,
    /// What it is charged with from now on.
    pub charged: MeterAmounts,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The record of it.
    pub audit: audit::UnsealedRecords,
}
