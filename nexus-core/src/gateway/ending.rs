//! How an attempt is booked that did not answer: [`unanswered`], which is pure.

use crate::clock::Timestamp;
use crate::error::Error;
use crate::ledger::{AttemptOutcome, AttemptStatus};
use crate::llm::ProviderErrorKind;
use crate::quota::MeterAmounts;
use crate::usage::Usage;

/// The ending of attempt `number`, which reserved `worst` and did not answer; `began` says whether the vendor had begun
/// to. What may have been billed is charged at its reservation.
pub(super) fn failed_outcome(
    number: u32,
    worst: MeterAmounts,
    began: bool,
    error: Option<&Error>,
    now: Timestamp,
) -> AttemptOutcome {
    let status = match (error.and_then(ProviderErrorKind::of), began) {
        (Some(fault), false) if fault.is_unbilled() => AttemptStatus::FailedUnbilled,
        (Some(ProviderErrorKind::InvalidRequest), true) => AttemptStatus::FailedUnbilled,
        (_, true) => AttemptStatus::Truncated,
        (Some(ProviderErrorKind::Protocol | ProviderErrorKind::Truncated), false) => {
            AttemptStatus::FailedBilled
        }
        (_, false) => AttemptStatus::UnknownOutcome,
    };
    let unbilled = status == AttemptStatus::FailedUnbilled;
    AttemptOutcome {
        number,
        status,
        usage: Usage::default(),
        charged: if unbilled { MeterAmounts::ZERO } else { worst },
        estimated: !unbilled,
        error: error.map(|error| error.stable_code().to_owned()),
        at: now,
    }
}
