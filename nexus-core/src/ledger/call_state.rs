//! State of a call between its steps, [`CallState`], and the rows that each step writes.
//!
//! The steps are pure: a store loads the state, takes a step, and writes the state and the rows in one transaction.

use super::{
    Attempt, AttemptOutcome, AttemptStatus, Call, CallResult, CallStatus, HourlyStats, LedgerEntry,
    Operation, RetryCall, Settlement,
};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::OwnerId;
use crate::money::NanoUsd;
use crate::owner::owner_lost;
use crate::quota::{CounterKey, MeterAmounts, Refusal, Reservation, too_large};
use crate::usage::Usage;

/// Name of the exceeded shadow limits in a call's metadata.
const SHADOWED: &str = "shadowed";

/// Call with the state that only the store keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct CallState {
    /// The call.
    pub call: Call,
    /// The owner of the call, from which alone further steps are accepted.
    pub owner: OwnerId,
    /// Whether an attempt was sent, or charged.
    pub is_billable: bool,
    /// The open attempt.
    pub attempt: Option<OpenAttempt>,
}

/// Attempt in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAttempt {
    /// The attempt.
    pub attempt: Attempt,
    /// The counters that hold its reservation.
    pub counters: Vec<CounterKey>,
}

/// Rows of an attempt that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedAttempt {
    /// The ledger entry. A store assigns its sequence number.
    pub entry: LedgerEntry,
    /// The civil day that it is booked on.
    pub day: String,
    /// The start of the attempt: windows of seconds count it where it began.
    pub started_at: Timestamp,
    /// The counters that hold its reservation.
    pub counters: Vec<CounterKey>,
}

/// Rows of a call that has ended, beside the call.
#[derive(Clone, Debug, PartialEq)]
pub struct SettledCall {
    /// The last attempt, where it was open.
    pub attempt: Option<EndedAttempt>,
    /// Whether the idempotency key is free for the next request: nothing was sent, and there is no answer.
    pub releases_key: bool,
    /// Whether the call counts as a question to its provider.
    pub is_question: bool,
    /// The call's share of the hourly statistics of its tenant and its user.
    pub statistics: HourlyStats,
}

impl CallState {
    /// Returns the state of a call whose first attempt is admitted.
    pub fn begun(call: Call, owner: OwnerId, attempt: Attempt, reservation: &Reservation) -> Self {
        let mut state = Self { call, owner, is_billable: false, attempt: None };
        state.open(attempt, reservation);
        state
    }

    /// Adds an admitted attempt, whose provider and model are those of the call from here on.
    pub fn admit(&mut self, attempt: &Attempt, reservation: &Reservation) {
        self.call.provider.clone_from(&attempt.provider);
        self.call.model.clone_from(&attempt.model);
        self.open(attempt.clone(), reservation);
    }

    fn open(&mut self, attempt: Attempt, reservation: &Reservation) {
        self.call.note_shadowed(&reservation.shadowed);
        let counters = reservation.counters.iter().map(|counter| counter.key.clone()).collect();
        self.attempt = Some(OpenAttempt { attempt, counters });
    }

    /// Ends the open attempt before the next is admitted, or refused.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) with `INVALID_ATTEMPT` or `COUNT_TOO_LARGE`;
    /// [`Conflict`](ErrorKind::Conflict) with `ATTEMPT_OVER` when the attempt is not open, with `OWNER_LOST` when the call
    /// belongs to another owner.
    pub fn retry(&mut self, retry: &RetryCall) -> Result<EndedAttempt> {
        self.check_owner(&retry.owner)?;
        if retry.attempt.number <= retry.outcome.number {
            return Err(
                Error::invalid("the next attempt must have a higher number").with_code("INVALID_ATTEMPT")
            );
        }
        self.end_attempt(&retry.outcome, &retry.day)
    }

    /// Ends the call; `None` when it has ended already, and nothing changes.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) with `INVALID_SETTLEMENT` or `COUNT_TOO_LARGE`;
    /// [`Conflict`](ErrorKind::Conflict) with `ATTEMPT_OVER` when another attempt is open than the settlement's, with
    /// `ATTEMPT_OPEN` when one is and the settlement has none, with `OWNER_LOST` when the call belongs to another owner.
    pub fn settle(&mut self, settlement: &Settlement) -> Result<Option<SettledCall>> {
        self.check_owner(&settlement.owner)?;
        if self.call.status != CallStatus::Open {
            return Ok(None);
        }
        if settlement.status == CallStatus::Open {
            return Err(
                Error::invalid("the status of a settlement cannot be `open`").with_code("INVALID_SETTLEMENT")
            );
        }
        let attempt = match &settlement.outcome {
            Some(outcome) => Some(self.end_attempt(outcome, &settlement.day)?),
            None if self.attempt.is_some() => {
                return Err(Error::new(ErrorKind::Conflict, "an attempt of the call is still open")
                    .with_code("ATTEMPT_OPEN"));
            }
            None => None,
        };
        self.call.end(settlement);
        Ok(Some(SettledCall {
            attempt,
            releases_key: !self.is_billable && settlement.status != CallStatus::Succeeded,
            is_question: self.call.idempotency_key.operation == Operation::Chat,
            statistics: HourlyStats::of(&self.call),
        }))
    }

    fn check_owner(&self, owner: &OwnerId) -> Result<()> {
        if self.owner == *owner { Ok(()) } else { Err(owner_lost("call")) }
    }

    /// Ends the open attempt: its charge replaces its reservation, and the ledger gets its entry.
    fn end_attempt(&mut self, outcome: &AttemptOutcome, day: &str) -> Result<EndedAttempt> {
        let open = self.attempt.take().filter(|open| open.attempt.number == outcome.number);
        let OpenAttempt { attempt, counters } = open.ok_or_else(|| {
            Error::new(ErrorKind::Conflict, "the attempt has ended already, or never began")
                .with_code("ATTEMPT_OVER")
                .with("attempt", outcome.number)
        })?;
        self.call.add(outcome)?;
        self.is_billable |=
            outcome.status != AttemptStatus::FailedUnbilled || outcome.charged != MeterAmounts::ZERO;
        let started_at = attempt.started_at;
        let entry = LedgerEntry::of(&self.call, attempt, outcome);
        Ok(EndedAttempt { entry, day: day.to_owned(), started_at, counters })
    }
}

impl Call {
    /// Returns whether the call has no idempotency key. Its own id stands for one then, which no request can name: there is
    /// nothing to look up and nothing to store.
    pub fn is_keyless(&self) -> bool {
        self.idempotency_key.key == self.id
    }

    /// Returns the call's result, of which `stored` is the part that is kept with the idempotency key; `None` while the call
    /// is in flight.
    pub fn result(&self, stored: Option<CallResult>) -> Option<CallResult> {
        (self.status != CallStatus::Open).then(|| stored.unwrap_or(CallResult::NotKept))
    }

    /// Adds the limits that were exceeded in shadow mode to the metadata.
    fn note_shadowed(&mut self, shadowed: &[Refusal]) {
        let more: Vec<serde_json::Value> =
            shadowed.iter().filter_map(|refusal| serde_json::to_value(refusal).ok()).collect();
        if more.is_empty() {
            return;
        }
        match self.metadata.get_mut(SHADOWED) {
            Some(serde_json::Value::Array(noted)) => noted.extend(more),
            Some(_) | None => {
                self.metadata.insert(SHADOWED.to_owned(), more.into());
            }
        }
    }

    /// Adds the outcome of an attempt to the sums of the call.
    fn add(&mut self, outcome: &AttemptOutcome) -> Result<()> {
        self.usage = self.usage.checked_add(&outcome.usage).ok_or_else(too_large)?;
        self.cost = self.cost.checked_add(outcome.charged.money).ok_or_else(too_large)?;
        self.estimated |= outcome.estimated;
        self.error.clone_from(&outcome.error);
        Ok(())
    }

    /// Writes the end of the call into it.
    fn end(&mut self, settlement: &Settlement) {
        let created_at = self.created_at;
        let after = |at: Timestamp| u64::try_from(at.since(created_at).as_millis()).unwrap_or(u64::MAX);
        self.status = settlement.status;
        self.latency_ms = Some(after(settlement.at));
        self.first_byte_ms = settlement.first_byte_at.map(after);
        self.distillation_eligible = settlement.distillation_eligible;
        if let Some(avoided) = settlement.avoided {
            (self.was_cached, self.avoided) = (true, avoided);
        }
        match (&settlement.result, settlement.status) {
            (_, CallStatus::Succeeded) => self.error = None,
            (CallResult::Failed(failure), _) => self.error = Some(failure.code.clone()),
            (CallResult::Reply(_) | CallResult::NotKept, _) => {}
        }
    }

    /// Replaces the sums of the call by those of `latest`, the latest ledger entry of each of its attempts.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) with `COUNT_TOO_LARGE`.
    pub fn revise(&mut self, latest: &[LedgerEntry]) -> Result<()> {
        (self.usage, self.cost, self.estimated) = (Usage::default(), NanoUsd::ZERO, false);
        for entry in latest {
            self.usage = self.usage.checked_add(&entry.usage).ok_or_else(too_large)?;
            self.cost = self.cost.checked_add(entry.charged.money).ok_or_else(too_large)?;
            self.estimated |= entry.estimated;
        }
        Ok(())
    }
}

impl CallResult {
    /// Returns the result as it is stored with its idempotency key: the model's reasoning has a column of its own.
    #[must_use]
    pub fn without_reasoning(mut self) -> Self {
        if let Self::Reply(reply) = &mut self {
            reply.reasoning.clear();
        }
        self
    }
}

#[cfg(test)]
pub(super) mod tests;
