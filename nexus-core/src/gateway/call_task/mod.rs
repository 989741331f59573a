//! The lifecycle of a call: [`CallTask`] takes a call of any operation from admission to settlement.
//!
//! 1. `admit`: idempotency key, kill switches, limits and reservation, in one durable step.
//! 2. `attempts`: one attempt after another, with retries and fallbacks, behind circuit breakers and within deadlines.
//! 3. `settle`: result, charge, ledger and record, in one durable step. The caller is told only after it.
//!
//! A call runs in a task of its own, which outlives its caller: an answer that is paid for is read to its end and settled.
//!
//! A model **within this process** sends nothing and no vendor bills it, so a crash loses no bill and there is no intent
//! to keep: two durable steps for each search would cost more than its vector. [`CallTask::run_unary`] then makes the
//! attempt first, and one durable step admits and settles the call; the output is released only if that step admits it.
//! Limits stay exact, and ledger and record hold the same as of any call.

mod admit;
mod attempts;
mod settle;

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::allowance::Share;
use super::breaker::{BreakerOutcome, BreakerPermit};
use super::call::{Admission, CallReceipt, shutting_down};
use super::operation::{Answered, AttemptContext, AttemptEnd, ModelOperation};
use super::plan::{Plan, PlannedAttempt};
use super::{Gateway, Inner, Origin};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::ledger::{AttemptOutcome, BeginResult, Call, CallResult, CallStatus};
use crate::money::NanoUsd;
use crate::principal::Principal;
use crate::usage::Usage;

pub(super) use admit::Start;
pub(super) use settle::CallEnd;

use admit::{AvailableAttempt, refusal};
use attempts::cancelled;

/// One call of an operation, by one caller.
pub(super) struct CallTask<O> {
    pub(super) inner: Arc<Inner>,
    pub(super) caller: Principal,
    pub(super) origin: Origin,
    pub(super) operation: O,
}

/// An admitted call, with the attempt that is under way. `P` is the type of its providers.
pub(super) struct AdmittedCall<P> {
    pub(super) plan: Plan<P>,
    /// The call's row as it was admitted.
    pub(super) record: Call,
    pub(super) planned: PlannedAttempt<P>,
    /// The index of the candidate that is asked.
    place: usize,
    /// The permit of the candidate's circuit breaker, until the attempt's outcome is reported.
    breaker_permit: Option<BreakerPermit>,
    /// The attempt's part of the cost bound, until it is spent.
    share: Option<Share>,
    /// The number of the attempt, among all of the call.
    pub(super) number: u32,
    /// The number of the attempt, among those at this candidate.
    tries: u32,
    /// When the attempt began.
    attempted_at: Timestamp,
    /// When the call was admitted, or a call within this process began.
    began: Instant,
    /// The deadline of the whole call.
    pub(super) until: Instant,
    /// When the first event of any attempt came.
    first_event: Option<Instant>,
    /// The charge for all attempts.
    charged: NanoUsd,
    /// Whether a part of the charge is an estimate.
    estimated: bool,
}

impl<O: ModelOperation> CallTask<O> {
    /// A call that has not begun.
    pub(super) fn new(gateway: &Gateway, caller: &Principal, origin: Origin, operation: O) -> Self {
        Self { inner: Arc::clone(&gateway.inner), caller: caller.clone(), origin, operation }
    }

    /// Carries out a call whose answer comes in one piece and is not kept with the call. Dropping the future ends the
    /// call only where the model works within this process.
    pub(super) async fn run_unary(self) -> Result<Admission<O::Answer>> {
        if self.operation.is_in_process() {
            return self.run_in_process().await;
        }
        let (sender, output) = oneshot::channel();
        let inner = Arc::clone(&self.inner);
        inner.tasks.spawn_unless_stopping(async move {
            // The caller may be gone.
            let _ = sender.send(self.run().await);
        });
        output.await.map_err(|_| shutting_down())?
    }

    async fn run(&self) -> Result<Admission<O::Answer>> {
        let mut call = match self.admit().await? {
            Admission::Granted(Start::Attempt(call)) => call,
            Admission::Granted(Start::Replay(..)) => return Err(admit::unexpected_replay()),
            Admission::Refused(refused) => return Ok(Admission::Refused(refused)),
        };
        let Answered { answer, usage } = self.attempts(&mut call).await?;
        let outcome = self.charge_answer(&mut call, &answer, usage);
        self.settle_end(&call, call.end(Some(outcome), CallStatus::Succeeded, CallResult::NotKept)).await?;
        Ok(Admission::Granted(answer))
    }

    /// Makes one attempt within this process, then admits and settles the call in one durable step. An attempt whose
    /// settings were changed meanwhile is made again, which costs nothing but time.
    async fn run_in_process(&self) -> Result<Admission<O::Answer>> {
        let mut plan = self.plan().await?;
        loop {
            let available = match self.first_available(&plan)? {
                Admission::Granted(available) => available,
                Admission::Refused(refused) => return self.refuse(refused).await,
            };
            let record = self.new_record(&plan, &available.planned)?;
            let begin = self.begin_call(&plan, &available.planned, &record)?;
            let mut call = AdmittedCall::new(plan, record, available);
            let (outcome, usage, answer) = self.attempt_in_process(&call).await;
            let share = call.share.take();
            call.add_charge(&outcome);
            let error = answer.as_ref().err();
            let end = match error {
                None => call.end(Some(outcome), CallStatus::Succeeded, CallResult::NotKept),
                Some(error) => call.failed_end(Some(outcome), CallStatus::Failed, error),
            };
            let settlement = self.settlement(&call, end);
            let timeout = call.plan.settings().deadlines.store;
            let step = self.inner.quota.record_completed(begin, settlement);
            let begun = self.inner.store_guard.call(timeout, step).await?;
            if begun == BeginResult::SettingsChanged {
                plan = self.renewed(&call.plan).await?;
                continue;
            }
            if let Some(refused) = refusal(begun, &call.record.id)? {
                return self.refuse(refused).await;
            }
            if let Some(share) = share {
                share.spend(call.charged);
            }
            call.measure(O::OPERATION, usage, error);
            return Ok(Admission::Granted(answer?));
        }
    }

    /// Makes an attempt; returns its outcome, the reported usage and the answer.
    async fn attempt_in_process(
        &self,
        call: &AdmittedCall<O::Provider>,
    ) -> (AttemptOutcome, Option<Usage>, Result<O::Answer>) {
        let result = self.operation.attempt(&call.planned, &call.attempt_context()).await;
        match result.end {
            AttemptEnd::Answered(Answered { answer, usage }) => {
                (self.answered_outcome(call, Ok(&answer), usage), usage, Ok(answer))
            }
            AttemptEnd::Unusable { error, usage } => {
                (self.answered_outcome(call, Err(&error), usage), usage, Err(error))
            }
            AttemptEnd::Failed(error) => (self.failed_outcome(call, false, Some(&error)), None, Err(error)),
            AttemptEnd::Cancelled => (self.failed_outcome(call, false, None), None, Err(cancelled())),
        }
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }
}

impl<P: Clone> AdmittedCall<P> {
    /// A call whose first attempt is `available`.
    fn new(plan: Plan<P>, record: Call, available: AvailableAttempt<P>) -> Self {
        let AvailableAttempt { place, planned, permit } = available;
        let began = Instant::now();
        Self {
            until: began + plan.settings().deadlines.total,
            attempted_at: record.created_at,
            plan,
            record,
            planned,
            place,
            breaker_permit: permit.breaker,
            share: Some(permit.share),
            number: 1,
            tries: 1,
            began,
            first_event: None,
            charged: NanoUsd::ZERO,
            estimated: false,
        }
    }

    fn attempt_context(&self) -> AttemptContext {
        let settings = self.plan.settings();
        AttemptContext {
            deadlines: settings.deadlines,
            until: self.until,
            max_answer_bytes: settings.max_answer_bytes,
        }
    }

    /// Reports the attempt's outcome to the circuit breaker.
    fn report(&mut self, now: Timestamp, outcome: BreakerOutcome) {
        if let Some(permit) = self.breaker_permit.take() {
            permit.report(now, outcome);
        }
    }

    /// Gives the permit of the circuit breaker back: the provider is not asked.
    pub(super) fn release_breaker(&mut self) {
        self.breaker_permit = None;
    }

    /// Adds the charge of an attempt to the charge of the call.
    fn add_charge(&mut self, outcome: &AttemptOutcome) {
        if let Some(share) = self.share.take() {
            share.spend(outcome.charged.money);
        }
        self.charged = self.charged.checked_add(outcome.charged.money).unwrap_or(self.charged);
        self.estimated |= outcome.estimated;
    }

    /// The call's end after the attempts so far. `outcome` is that of an attempt that is still open in the store.
    pub(super) fn end(
        &self,
        outcome: Option<AttemptOutcome>,
        status: CallStatus,
        result: CallResult,
    ) -> CallEnd {
        let first_event = self.first_event.map(|at| self.record.created_at.plus(at - self.began));
        CallEnd {
            outcome,
            status,
            result,
            reasoning: String::new(),
            charged: self.charged,
            avoided: None,
            attempts: self.number,
            first_byte_at: first_event,
            attempted_at: self.attempted_at,
        }
    }

    /// The call's end without an answer.
    fn failed_end(&self, outcome: Option<AttemptOutcome>, status: CallStatus, error: &Error) -> CallEnd {
        self.end(outcome, status, CallResult::Failed(error.into()))
    }

    /// The receipt of the call, as charged so far.
    pub(super) fn receipt(&self) -> CallReceipt {
        CallReceipt {
            call: self.record.id.clone(),
            provider: self.planned.candidate.name.clone(),
            model: self.planned.candidate.model.clone(),
            attempts: self.number,
            cost: self.charged,
            estimated: self.estimated,
            was_cached: false,
            avoided: NanoUsd::ZERO,
            was_replayed: false,
        }
    }
}
