//! Attempts: one after another, until a provider answers or none is left. A retry asks the same provider again, a fallback
//! asks the next one.

use std::time::Duration;

use tokio::time::Instant;

use super::admit::{AvailableAttempt, refusal};
use super::{AdmittedCall, CallTask};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::audit_records;
use crate::gateway::backoff;
use crate::gateway::breaker::BreakerOutcome;
use crate::gateway::operation::{Answered, AttemptEnd, ModelOperation};
use crate::gateway::store_guard::RetryError;
use crate::ledger::{AttemptOutcome, CallStatus, RetryCall};
use crate::llm::ProviderErrorKind;

impl<O: ModelOperation> CallTask<O> {
    /// Makes attempts until a provider answers. A call without an answer is settled here; an answer is left to the caller
    /// of this function.
    ///
    /// # Errors
    /// The error of the last attempt, of its admission or of the settlement.
    pub(in crate::gateway) async fn attempts(
        &self,
        call: &mut AdmittedCall<O::Provider>,
    ) -> Result<Answered<O::Answer>> {
        loop {
            let result = self.operation.attempt(&call.planned, &call.attempt_context()).await;
            call.first_event = call.first_event.or(result.first_event);
            call.report(self.now(), breaker_outcome(&result.end));
            let began = result.first_event.is_some();
            let error = match result.end {
                AttemptEnd::Answered(answered) => return Ok(answered),
                AttemptEnd::Unusable { error, usage } => {
                    return Err(self.settle_unusable(call, usage, error).await);
                }
                AttemptEnd::Cancelled => {
                    let outcome = self.charge_failure(call, began, None);
                    return Err(self.settle_cancelled(call, outcome).await);
                }
                AttemptEnd::Failed(error) => error,
            };
            tracing::info!(call = call.record.id, error = %error.report(), "an attempt to call a model failed");
            let outcome = self.charge_failure(call, began, Some(&error));
            let next = if result.output_started { None } else { self.next_attempt(call, &error) };
            let Some((wait, next)) = next else {
                return Err(self.settle_failure(call, Some(outcome), CallStatus::Failed, error).await);
            };
            if self.is_cancelled_within(wait).await {
                return Err(self.settle_cancelled(call, outcome).await);
            }
            match self.admit_next(call, outcome.clone(), next).await {
                Ok(()) => {}
                Err(RetryError::Refused(refused)) => {
                    return Err(self.settle_failure(call, None, CallStatus::Failed, refused).await);
                }
                Err(RetryError::OutcomeUnknown(error)) => {
                    return Err(self.settle_unknown(call, outcome, error).await);
                }
            }
        }
    }

    /// Waits for so long, or until the call is cancelled; says whether it was.
    async fn is_cancelled_within(&self, wait: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.operation.cancelled() => true,
            () = tokio::time::sleep(wait) => false,
        }
    }

    /// The attempt to make after `error`, and how long to wait before it. An attempt that does not fit the cost bound is
    /// not made: the call fails with the error, or a fallback with a lower price is asked.
    fn next_attempt(
        &self,
        call: &AdmittedCall<O::Provider>,
        error: &Error,
    ) -> Option<(Duration, AvailableAttempt<O::Provider>)> {
        let (plan, now) = (&call.plan, self.now());
        let (policy, left) = (&plan.settings().retry, call.until.saturating_duration_since(Instant::now()));
        if let Some(wait) = backoff::retry_after(policy, &call.record.id, call.tries, error, left)
            && let Some(permit) = self.permit(plan, &call.planned)
        {
            let planned = call.planned.clone();
            return Some((wait, AvailableAttempt { place: call.place, planned, permit }));
        }
        let falls_back = ProviderErrorKind::of(error).is_some_and(ProviderErrorKind::allows_fallback);
        if !falls_back || left.is_zero() {
            return None;
        }
        plan.candidates.iter().enumerate().skip(call.place + 1).find_map(|(place, candidate)| {
            // A fallback without a price is skipped.
            let planned = self.planned(plan, candidate, now).ok()?.ok()?;
            let permit = self.permit(plan, &planned)?;
            Some((Duration::ZERO, AvailableAttempt { place, planned, permit }))
        })
    }

    /// Ends the attempt that failed with `outcome`, and admits the next, in one durable step.
    async fn admit_next(
        &self,
        call: &mut AdmittedCall<O::Provider>,
        outcome: AttemptOutcome,
        next: AvailableAttempt<O::Provider>,
    ) -> Result<(), RetryError> {
        let now = self.now();
        let AvailableAttempt { place, mut planned, permit } = next;
        // The call counts once: with the first of its attempts that is charged.
        planned.worst.calls = u64::from(outcome.charged.calls == 0 && call.planned.worst.calls == 1);
        let number = call.number + 1;
        let attempt = planned.record(number, now);
        let (settings, version) = (call.plan.settings(), self.inner.policy_version(self.caller.tenant()));
        let retried = audit_records::retried(&self.caller, &call.record, &outcome, &attempt, &version, now);
        let retry = RetryCall {
            tenant: self.caller.tenant().clone(),
            call: call.record.id.clone(),
            owner: self.inner.owner.id.clone(),
            checks: call.plan.checks(&planned, now).map_err(RetryError::OutcomeUnknown)?,
            day: settings.zone.day(call.attempted_at),
            audit: self.inner.pending(retried),
            attempt,
            outcome,
        };
        let step = self.inner.quota.retry(retry);
        let begun = self.inner.store_guard.call(settings.deadlines.store, step).await;
        match begun.and_then(|begun| refusal(begun, &call.record.id)) {
            Ok(None) => {
                call.tries = if place == call.place { call.tries + 1 } else { 1 };
                (call.number, call.place, call.planned) = (number, place, planned);
                call.attempted_at = now;
                (call.breaker_permit, call.share) = (permit.breaker, Some(permit.share));
                Ok(())
            }
            Ok(Some(refused)) => Err(RetryError::Refused(self.shown(refused).to_error(now))),
            Err(error) => Err(RetryError::OutcomeUnknown(error)),
        }
    }
}

/// The meaning of an attempt's end for the health of its provider.
fn breaker_outcome<A>(end: &AttemptEnd<A>) -> BreakerOutcome {
    match end {
        AttemptEnd::Answered(_) => BreakerOutcome::Success,
        AttemptEnd::Unusable { .. } | AttemptEnd::Cancelled => BreakerOutcome::Ignored,
        AttemptEnd::Failed(error) => BreakerOutcome::after(error),
    }
}

/// The error for a call that its caller cancelled.
pub(super) fn cancelled() -> Error {
    Error::new(ErrorKind::Conflict, "the call was cancelled").with_code("CANCELLED")
}
