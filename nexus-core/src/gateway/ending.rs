//! How an attempt is booked that did not answer: [`unanswered`], which is pure.

use crate::clock::Timestamp;
use crate::error::Error;
use crate::ledger::{AttemptStatus, Ending};
use crate::llm::Fault;
use crate::quota::Amounts;
use crate::usage::Usage;

/// The ending of attempt `number`, which reserved `worst` and did not answer; `began` says whether the vendor had begun
/// to. What may have been billed is charged at its reservation.
pub(super) fn unanswered(
    number: u32,
    worst: Amounts,
    began: bool,
    error: Option<&Error>,
    now: Timestamp,
) -> Ending {
    let status = match (error.and_then(Fault::of), began) {
        (Some(fault), false) if fault.is_unbilled() => AttemptStatus::FailedUnbilled,
        (Some(Fault::InvalidRequest), true) => AttemptStatus::FailedUnbilled,
        (_, true) => AttemptStatus::Truncated,
        (Some(Fault::Protocol | Fault::Truncated), false) => AttemptStatus::FailedBilled,
        (_, false) => AttemptStatus::UnknownOutcome,
    };
    let unbilled = status == AttemptStatus::FailedUnbilled;
    Ending {
        number,
        status,
        usage: Usage::default(),
        charged: if unbilled { Amounts::ZERO } else { worst },
        estimated: !unbilled,
        error: error.map(|error| error.stable_code().to_owned()),
        at: now,
    }
}
