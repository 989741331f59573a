//! Settlement: the end of a call with its result, charge, ledger entry and record, in one durable step.
//!
//! Every [`AttemptOutcome`] and every [`Settlement`] of the gateway is made here.

use super::{AdmittedCall, CallTask, cancelled};
use crate::clock::Timestamp;
use crate::error::{Error, Failure, Result};
use crate::gateway::metrics::Measured;
use crate::gateway::operation::ModelOperation;
use crate::gateway::settings::GatewaySettings;
use crate::gateway::store_guard::unrecorded;
use crate::gateway::{Inner, audit_records};
use crate::ledger::{
    Attempt, AttemptOutcome, AttemptStatus, Call, CallResult, CallStatus, Operation, Settlement,
};
use crate::llm::ProviderErrorKind;
use crate::money::NanoUsd;
use crate::principal::Principal;
use crate::quota::MeterAmounts;
use crate::usage::Usage;

/// The end of a call, from which its settlement is made.
pub(in crate::gateway) struct CallEnd {
    /// The outcome of the attempt that is still open in the store.
    pub(in crate::gateway) outcome: Option<AttemptOutcome>,
    pub(in crate::gateway) status: CallStatus,
    pub(in crate::gateway) result: CallResult,
    /// The model's reasoning, which is kept apart from the answer.
    pub(in crate::gateway) reasoning: String,
    /// The charge for all attempts.
    pub(in crate::gateway) charged: NanoUsd,
    /// The cost that the cache avoided, where it answered.
    pub(in crate::gateway) avoided: Option<NanoUsd>,
    pub(in crate::gateway) attempts: u32,
    pub(in crate::gateway) first_byte_at: Option<Timestamp>,
    /// When the last attempt began: it is booked on that day.
    pub(in crate::gateway) attempted_at: Timestamp,
}

impl CallEnd {
    /// The end of a call without an answer, as far as it has no charge.
    pub(in crate::gateway) fn without_answer(
        outcome: Option<AttemptOutcome>,
        status: CallStatus,
        error: &Error,
        attempts: u32,
        attempted_at: Timestamp,
    ) -> Self {
        Self {
            outcome,
            status,
            result: CallResult::Failed(Failure::from(error)),
            reasoning: String::new(),
            charged: NanoUsd::ZERO,
            avoided: None,
            attempts,
            first_byte_at: None,
            attempted_at,
        }
    }
}

/// The outcomes that the gateway books for attempts.
impl AttemptOutcome {
    /// An attempt that the vendor does not bill.
    pub(in crate::gateway) fn unbilled(
        number: u32,
        status: AttemptStatus,
        error: Option<&Error>,
        at: Timestamp,
    ) -> Self {
        Self {
            number,
            status,
            usage: Usage::default(),
            charged: MeterAmounts::ZERO,
            estimated: false,
            error: error.map(|error| error.code().to_owned()),
            at,
        }
    }

    /// An attempt that was recorded, perhaps, and never made.
    fn never_sent(number: u32, at: Timestamp) -> Self {
        Self::unbilled(number, AttemptStatus::FailedUnbilled, Some(&unrecorded()), at)
    }

    /// An attempt that reserved `worst` and failed with `error`, or was cancelled without one. `began` says whether the
    /// vendor had begun to answer. An attempt that may have been billed is charged at its reservation.
    fn failed(number: u32, worst: MeterAmounts, began: bool, error: Option<&Error>, at: Timestamp) -> Self {
        let status = match (error.and_then(ProviderErrorKind::of), began) {
            (Some(kind), false) if kind.is_unbilled() => AttemptStatus::FailedUnbilled,
            (Some(ProviderErrorKind::InvalidRequest), true) => AttemptStatus::FailedUnbilled,
            (_, true) => AttemptStatus::Truncated,
            (Some(ProviderErrorKind::Protocol | ProviderErrorKind::Truncated), false) => {
                AttemptStatus::FailedBilled
            }
            (_, false) => AttemptStatus::UnknownOutcome,
        };
        let outcome = Self::unbilled(number, status, error, at);
        if status == AttemptStatus::FailedUnbilled {
            outcome
        } else {
            Self { charged: worst, estimated: true, ..outcome }
        }
    }

    /// An attempt that was interrupted by the end of its process. It is charged at its reservation, because the vendor may
    /// have billed it; an attempt that could cost nothing is not charged.
    pub(in crate::gateway) fn interrupted(attempt: &Attempt, error: &Error, at: Timestamp) -> Self {
        let (number, error) = (attempt.number, Some(error));
        if attempt.reserved.money == NanoUsd::ZERO {
            return Self::unbilled(number, AttemptStatus::FailedUnbilled, error, at);
        }
        let outcome = Self::unbilled(number, AttemptStatus::UnknownOutcome, error, at);
        Self { charged: attempt.reserved, estimated: true, ..outcome }
    }
}

impl<O: ModelOperation> CallTask<O> {
    /// Charges and measures an answer, which is settled next.
    pub(in crate::gateway) fn charge_answer(
        &self,
        call: &mut AdmittedCall<O::Provider>,
        answer: &O::Answer,
        reported: Option<Usage>,
    ) -> AttemptOutcome {
        let outcome = self.answered_outcome(call, Ok(answer), reported);
        call.add_charge(&outcome);
        call.measure(O::OPERATION, reported, None);
        outcome
    }

    /// Charges an attempt that failed or was cancelled.
    pub(super) fn charge_failure(
        &self,
        call: &mut AdmittedCall<O::Provider>,
        began: bool,
        error: Option<&Error>,
    ) -> AttemptOutcome {
        let outcome = self.failed_outcome(call, began, error);
        call.add_charge(&outcome);
        outcome
    }

    /// The outcome of an attempt that failed or was cancelled.
    pub(super) fn failed_outcome(
        &self,
        call: &AdmittedCall<O::Provider>,
        began: bool,
        error: Option<&Error>,
    ) -> AttemptOutcome {
        AttemptOutcome::failed(call.number, call.planned.worst, began, error, self.now())
    }

    /// The outcome of an attempt with an answer, or with one that cannot be used. Usage that the vendor did not report is
    /// charged at its upper bound, and marked.
    pub(super) fn answered_outcome(
        &self,
        call: &AdmittedCall<O::Provider>,
        answer: Result<&O::Answer, &Error>,
        reported: Option<Usage>,
    ) -> AttemptOutcome {
        let AdmittedCall { plan, planned, .. } = call;
        let output = || {
            answer.map_or_else(|_| Usage::default(), |answer| self.operation.output_bound(planned, answer))
        };
        let usage = reported.unwrap_or_else(|| Usage { input_uncached: plan.max_input_tokens, ..output() });
        let charge = plan.charge(planned, &usage).ok();
        let estimated = reported.is_none() || charge.is_none();
        // A bill that cannot be added up is charged at its reservation.
        let charged = charge.unwrap_or(planned.worst);
        if !estimated && charged.money > planned.worst.money {
            let call = &call.record.id;
            tracing::warn!(call, "a vendor billed more than the bound that was reserved");
        }
        let error = answer.err();
        let status = if error.is_some() { AttemptStatus::FailedBilled } else { AttemptStatus::Settled };
        AttemptOutcome {
            usage,
            // INVARIANT: what is estimated was reserved.
            charged: if estimated { charged.at_most(&planned.worst) } else { charged },
            estimated,
            ..AttemptOutcome::unbilled(call.number, status, error, self.now())
        }
    }

    /// Settles a call with `end`.
    ///
    /// # Errors
    /// As [`Inner::settle_call`].
    pub(in crate::gateway) async fn settle_end(
        &self,
        call: &AdmittedCall<O::Provider>,
        end: CallEnd,
    ) -> Result<()> {
        self.inner.settle_call(self.settlement(call, end)).await
    }

    /// Settles a call without an answer; returns the error for the caller.
    pub(in crate::gateway) async fn settle_failure(
        &self,
        call: &AdmittedCall<O::Provider>,
        outcome: Option<AttemptOutcome>,
        status: CallStatus,
        error: Error,
    ) -> Error {
        call.measure(O::OPERATION, None, Some(&error));
        let end = call.failed_end(outcome, status, &error);
        self.settle_end(call, end).await.err().unwrap_or(error)
    }

    /// Settles a call that its caller cancelled; returns the error for the caller.
    pub(in crate::gateway) async fn settle_cancelled(
        &self,
        call: &AdmittedCall<O::Provider>,
        outcome: AttemptOutcome,
    ) -> Error {
        self.settle_failure(call, Some(outcome), CallStatus::Cancelled, cancelled()).await
    }

    /// Charges and settles a call whose answer is billed and cannot be used; returns the error for the caller.
    pub(super) async fn settle_unusable(
        &self,
        call: &mut AdmittedCall<O::Provider>,
        reported: Option<Usage>,
        error: Error,
    ) -> Error {
        let outcome = self.answered_outcome(call, Err(&error), reported);
        call.add_charge(&outcome);
        call.measure(O::OPERATION, reported, Some(&error));
        let end = call.failed_end(Some(outcome), CallStatus::Failed, &error);
        self.settle_end(call, end).await.err().unwrap_or(error)
    }

    /// Settles a call between two attempts, when it is unknown which of them the store has open; returns the error for the
    /// caller. `outcome` is that of the first of the two.
    pub(super) async fn settle_unknown(
        &self,
        call: &AdmittedCall<O::Provider>,
        outcome: AttemptOutcome,
        error: Error,
    ) -> Error {
        call.measure(O::OPERATION, None, Some(&error));
        let next = AttemptOutcome::never_sent(outcome.number + 1, self.now());
        let possible = [Some(outcome), Some(next), None]
            .map(|outcome| self.settlement(call, call.failed_end(outcome, CallStatus::Failed, &error)));
        // The caller is told why the call failed, and not that its end is written later.
        let _ = self.inner.settle_first_fitting(possible.into()).await;
        error
    }

    pub(super) fn settlement(&self, call: &AdmittedCall<O::Provider>, end: CallEnd) -> Settlement {
        let settings = call.plan.settings();
        let settlement = self.inner.settlement(&self.caller, &call.record, settings, end, self.now());
        let is_allowed = call.plan.limits.is_training_allowed;
        Settlement { distillation_eligible: settlement.distillation_eligible && is_allowed, ..settlement }
    }
}

impl<P> AdmittedCall<P> {
    /// Measures a call that is over.
    pub(super) fn measure(&self, operation: Operation, reported: Option<Usage>, error: Option<&Error>) {
        Measured {
            operation,
            provider: &self.planned.candidate.kind,
            models: (&self.record.model, &self.planned.candidate.model),
            duration: self.began.elapsed(),
            first_event: self.first_event.map(|at| at - self.began),
            // Characters are no tokens.
            usage: reported.filter(|_| operation != Operation::Speak),
            cost: self.charged,
            error: error.map(Error::code),
        }
        .record();
    }
}

impl Inner {
    /// The settlement of a call with `end`.
    pub(in crate::gateway) fn settlement(
        &self,
        caller: &Principal,
        call: &Call,
        settings: &GatewaySettings,
        end: CallEnd,
        now: Timestamp,
    ) -> Settlement {
        let is_grounded = matches!(&end.result, CallResult::Reply(reply) if !reply.citations.is_empty());
        let is_original = end.avoided.is_none();
        let closed = audit_records::CallClosed {
            status: end.status,
            outcome: end.outcome.as_ref(),
            charged: end.charged,
            attempts: end.attempts,
            avoided: end.avoided,
        };
        let closed = audit_records::closed(caller, call, &closed, &self.policy_version(caller.tenant()), now);
        Settlement {
            tenant: caller.tenant().clone(),
            call: call.id.clone(),
            owner: self.owner.id.clone(),
            outcome: end.outcome,
            status: end.status,
            result: end.result,
            avoided: end.avoided,
            distillation_eligible: is_original && is_grounded,
            reasoning: end.reasoning,
            first_byte_at: end.first_byte_at,
            at: now,
            day: settings.zone.day(end.attempted_at),
            auto_trip: settings.auto_trip,
            audit: self.pending(closed),
        }
    }

    /// The settlement of a call that was recorded, perhaps, and never sent.
    pub(in crate::gateway) fn abandoned_settlement(
        &self,
        caller: &Principal,
        settings: &GatewaySettings,
        call: &Call,
    ) -> Settlement {
        let now = self.clock.now();
        let outcome = Some(AttemptOutcome::never_sent(1, now));
        let end = CallEnd::without_answer(outcome, CallStatus::Failed, &unrecorded(), 1, call.created_at);
        self.settlement(caller, call, settings, end, now)
    }
}
