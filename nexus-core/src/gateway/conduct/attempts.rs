//! The attempts of a call: one after another, until one answers or none is left.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Admitted, Conduct, Leave};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::gateway::attempt::{AttemptContext, AttemptEnd, AttemptResult, attempt, until_cancelled};
use crate::gateway::audit_records;
use crate::gateway::backoff;
use crate::gateway::breaker::{BreakerDecision, BreakerOutcome};
use crate::gateway::call::CallRefusal;
use crate::gateway::doubt::RetryError;
use crate::gateway::ending::failed_outcome;
use crate::gateway::plan::{Plan, PlannedAttempt};
use crate::ledger::{AttemptOutcome, BeginResult, CallStatus, RetryCall};
use crate::llm::ProviderErrorKind;

/// What is to be done after a failed attempt.
enum Next {
    /// Ask again, or ask the next provider, after a while.
    Attempt { this: Box<PlannedAttempt>, place: usize, leave: Leave, wait: Duration },
    /// Nothing: the call has failed.
    Fail,
}

impl Conduct {
    /// Makes attempts until one answers or none is left.
    pub(super) async fn attempts(&self, mut admitted: Admitted) {
        loop {
            let settings = Arc::clone(&admitted.plan.settings);
            let line = AttemptContext {
                mode: self.mode,
                deadlines: settings.deadlines,
                until: admitted.until,
                max_answer_bytes: settings.max_answer_bytes,
                out: &self.out,
                cancelled: self.cancelled.clone(),
            };
            let outcome = attempt(&admitted.this, line).await;
            admitted.first_event = admitted.first_event.or(outcome.first_event);
            if let Some(trial) = admitted.trial.take() {
                trial.report(self.shared.clock.now(), health(&outcome));
            }
            let AttemptResult { ended, reply, first_event, output_started } = outcome;
            let error = match ended {
                AttemptEnd::Answered => return self.answered(admitted, reply).await,
                AttemptEnd::Cancelled => {
                    let ending = self.unanswered(&mut admitted, first_event.is_some(), None);
                    return self.failed(admitted, Some(ending), CallStatus::Cancelled, cancelled()).await;
                }
                AttemptEnd::Failed(error) => error,
            };
            tracing::info!(call = admitted.record.id, error = %error.report(), "an attempt to call a model failed");
            let ending = self.unanswered(&mut admitted, first_event.is_some(), Some(&error));
            match if output_started { Next::Fail } else { self.next(&admitted, &error) } {
                Next::Fail => return self.failed(admitted, Some(ending), CallStatus::Failed, error).await,
                Next::Attempt { this, place, leave, wait } => {
                    if self.cancelled_within(wait).await {
                        return self.failed(admitted, Some(ending), CallStatus::Cancelled, cancelled()).await;
                    }
                    match self.again(&mut admitted, ending.clone(), *this, place, leave).await {
                        Ok(()) => {}
                        Err(RetryError::Refused(refused)) => {
                            return self.failed(admitted, None, CallStatus::Failed, refused).await;
                        }
                        Err(RetryError::OutcomeUnknown(error)) => {
                            return self.fail_unknown(admitted, ending, error).await;
                        }
                    }
                }
            }
        }
    }

    /// Waits for so long, or until the call is cancelled; says whether it was.
    async fn cancelled_within(&self, wait: Duration) -> bool {
        let mut flag = self.cancelled.clone();
        tokio::select! {
            biased;
            () = until_cancelled(&mut flag) => true,
            () = tokio::time::sleep(wait) => false,
        }
    }

    /// What to do after `error`, when nothing of an answer was passed on. An attempt that would exceed what the call may cost
    /// is none: the call fails with what went wrong, or a fallback that is cheaper is asked.
    fn next(&self, admitted: &Admitted, error: &Error) -> Next {
        let (plan, now) = (&admitted.plan, self.shared.clock.now());
        let (policy, left) = (&plan.settings.retry, admitted.until.saturating_duration_since(Instant::now()));
        if let Some(wait) = backoff::retry_after(policy, &admitted.record.id, admitted.tries, error, left)
            && let Some(leave) = self.leave(plan, &admitted.this)
        {
            let this = Box::new(admitted.this.clone());
            return Next::Attempt { this, place: admitted.place, leave, wait };
        }
        if !ProviderErrorKind::of(error).is_some_and(ProviderErrorKind::allows_fallback) {
            return Next::Fail;
        }
        for (place, candidate) in plan.candidates.iter().enumerate().skip(admitted.place + 1) {
            // A fallback without a price, or one that is too dear, is no fallback.
            let Ok(Ok(this)) = plan.attempt(candidate, now) else { continue };
            if Instant::now() >= admitted.until {
                continue;
            }
            if let Some(leave) = self.leave(plan, &this) {
                return Next::Attempt { this: Box::new(this), place, leave, wait: Duration::ZERO };
            }
        }
        Next::Fail
    }

    /// The leave to make an attempt, if it is not too dear and its provider may be asked.
    fn leave(&self, plan: &Plan, this: &PlannedAttempt) -> Option<Leave> {
        let share = self.share(plan, this).ok()?;
        match self.pass(plan, this) {
            BreakerDecision::Allow(trial) => Some(Leave { trial, share }),
            BreakerDecision::Reject(_) => None,
        }
    }

    /// Ends one attempt and admits the next.
    async fn again(
        &self,
        admitted: &mut Admitted,
        ending: AttemptOutcome,
        mut this: PlannedAttempt,
        place: usize,
        leave: Leave,
    ) -> Result<(), RetryError> {
        let now = self.shared.clock.now();
        // The call counts once: with the first of its attempts that is charged.
        this.worst.calls = u64::from(ending.charged.calls == 0 && admitted.this.worst.calls == 1);
        let number = admitted.number + 1;
        let attempt = this.record(number, now);
        let retry = RetryCall {
            tenant: self.caller.tenant().clone(),
            call: admitted.record.id.clone(),
            checks: admitted.plan.checks(&this, now).map_err(RetryError::OutcomeUnknown)?,
            day: admitted.plan.settings.zone.day(admitted.attempted_at),
            audit: self.shared.pending(audit_records::retried(
                &self.caller,
                &admitted.record,
                &ending,
                &attempt,
                &self.shared.policy_version(self.caller.tenant()),
                now,
            )),
            attempt,
            ending,
        };
        let patience = admitted.plan.settings.deadlines.store;
        let begun = self.shared.store_guard.call(patience, self.shared.store.retry(retry)).await;
        match begun {
            Ok(BeginResult::Admitted { .. }) => {
                admitted.tries = if place == admitted.place { admitted.tries + 1 } else { 1 };
                (admitted.number, admitted.place, admitted.this) = (number, place, this);
                admitted.attempted_at = now;
                (admitted.trial, admitted.share) = (Some(leave.trial), Some(leave.share));
                Ok(())
            }
            Ok(BeginResult::Refused(refusal)) => Err(self.stuck(CallRefusal::Limit(refusal), now)),
            Ok(BeginResult::KillSwitch(stop)) => Err(self.stuck(CallRefusal::Stopped(stop), now)),
            Ok(BeginResult::Replayed(_) | BeginResult::InProgress(_) | BeginResult::IdempotencyConflict) => {
                Err(RetryError::OutcomeUnknown(Error::unexpected(
                    "a retry was answered as if it were a new call",
                )))
            }
            Err(error) => Err(RetryError::OutcomeUnknown(error)),
        }
    }

    fn stuck(&self, refused: CallRefusal, now: Timestamp) -> RetryError {
        RetryError::Refused(refused.shown_to(&self.caller, self.call.run.is_some()).to_error(now))
    }

    /// The ending of an attempt that did not answer. What may have been billed is charged at its reservation.
    fn unanswered(&self, admitted: &mut Admitted, began: bool, error: Option<&Error>) -> AttemptOutcome {
        let now = self.shared.clock.now();
        let ending = failed_outcome(admitted.number, admitted.this.worst, began, error, now);
        admitted.add(&ending);
        ending
    }
}

fn health(outcome: &AttemptResult) -> BreakerOutcome {
    match &outcome.ended {
        AttemptEnd::Answered => BreakerOutcome::Success,
        AttemptEnd::Cancelled => BreakerOutcome::Ignored,
        AttemptEnd::Failed(error) => BreakerOutcome::after(error),
    }
}

pub(super) fn cancelled() -> Error {
    Error::new(ErrorKind::Conflict, "the call was cancelled").code("CANCELLED")
}
