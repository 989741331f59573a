//! The attempts of a call: one after another, until one answers or none is left.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Admitted, Conduct, Leave};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::gateway::attempt::{Ended, Line, Outcome, attempt, whenever};
use crate::gateway::backoff;
use crate::gateway::breaker::{Health, Passage};
use crate::gateway::call::Refused;
use crate::gateway::doubt::Stuck;
use crate::gateway::ending::unanswered;
use crate::gateway::plan::{Attemptable, Plan};
use crate::gateway::record;
use crate::ledger::{Begun, CallStatus, Ending, Retry};
use crate::llm::Fault;

/// What is to be done after a failed attempt.
enum Next {
    /// Ask again, or ask the next provider, after a while.
    Attempt { this: Box<Attemptable>, place: usize, leave: Leave, wait: Duration },
    /// Nothing: the call has failed.
    Fail,
}

impl Conduct {
    /// Makes attempts until one answers or none is left.
    pub(super) async fn attempts(&self, mut admitted: Admitted) {
        loop {
            let settings = Arc::clone(&admitted.plan.settings);
            let line = Line {
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
            let Outcome { ended, reply, first_event, relayed } = outcome;
            let error = match ended {
                Ended::Answered => return self.answered(admitted, reply).await,
                Ended::Cancelled => {
                    let ending = self.unanswered(&mut admitted, first_event.is_some(), None);
                    return self.failed(admitted, Some(ending), CallStatus::Cancelled, cancelled()).await;
                }
                Ended::Failed(error) => error,
            };
            tracing::info!(call = admitted.record.id, error = %error.report(), "an attempt to call a model failed");
            let ending = self.unanswered(&mut admitted, first_event.is_some(), Some(&error));
            match if relayed { Next::Fail } else { self.next(&admitted, &error) } {
                Next::Fail => return self.failed(admitted, Some(ending), CallStatus::Failed, error).await,
                Next::Attempt { this, place, leave, wait } => {
                    if self.cancelled_within(wait).await {
                        return self.failed(admitted, Some(ending), CallStatus::Cancelled, cancelled()).await;
                    }
                    match self.again(&mut admitted, ending.clone(), *this, place, leave).await {
                        Ok(()) => {}
                        Err(Stuck::Refused(refused)) => {
                            return self.failed(admitted, None, CallStatus::Failed, refused).await;
                        }
                        Err(Stuck::Unknown(error)) => {
                            return self.failed_in_between(admitted, ending, error).await;
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
            () = whenever(&mut flag) => true,
            () = tokio::time::sleep(wait) => false,
        }
    }

    /// What to do after `error`, when nothing of an answer was passed on. An attempt that would exceed what the call may cost
    /// is none: the call fails with what went wrong, or a fallback that is cheaper is asked.
    fn next(&self, admitted: &Admitted, error: &Error) -> Next {
        let (plan, now) = (&admitted.plan, self.shared.clock.now());
        let (policy, left) = (&plan.settings.retry, admitted.until.saturating_duration_since(Instant::now()));
        if let Some(wait) = backoff::again(policy, &admitted.record.id, admitted.tries, error, left)
            && let Some(leave) = self.leave(plan, &admitted.this)
        {
            let this = Box::new(admitted.this.clone());
            return Next::Attempt { this, place: admitted.place, leave, wait };
        }
        if !Fault::of(error).is_some_and(Fault::falls_over) {
            return Next::Fail;
        }
        for (place, candidate) in plan.candidates.iter().enumerate().skip(admitted.place + 1) {
            // A fallback without a price, or one that is too dear, is no fallback.
            let Ok(Ok(this)) = plan.attemptable(candidate, now) else { continue };
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
    fn leave(&self, plan: &Plan, this: &Attemptable) -> Option<Leave> {
        let share = self.share(plan, this).ok()?;
        match self.pass(plan, this) {
            Passage::Open(trial) => Some(Leave { trial, share }),
            Passage::Shut(_) => None,
        }
    }

    /// Ends one attempt and admits the next.
    async fn again(
        &self,
        admitted: &mut Admitted,
        ending: Ending,
        mut this: Attemptable,
        place: usize,
        leave: Leave,
    ) -> Result<(), Stuck> {
        let now = self.shared.clock.now();
        // The call counts once: with the first of its attempts that is charged.
        this.worst.calls = u64::from(ending.charged.calls == 0 && admitted.this.worst.calls == 1);
        let number = admitted.number + 1;
        let attempt = this.record(number, now);
        let retry = Retry {
            tenant: self.who.tenant().clone(),
            call: admitted.record.id.clone(),
            checks: admitted.plan.checks(&this, now).map_err(Stuck::Unknown)?,
            day: admitted.plan.settings.zone.day(admitted.attempted_at),
            audit: self.shared.pending(record::retried(
                &self.who,
                &admitted.record,
                &ending,
                &attempt,
                &self.shared.policy_version(),
                now,
            )),
            attempt,
            ending,
        };
        let patience = admitted.plan.settings.deadlines.store;
        let begun = self.shared.reach.within(patience, self.shared.store.retry(retry)).await;
        match begun {
            Ok(Begun::Admitted { .. }) => {
                admitted.tries = if place == admitted.place { admitted.tries + 1 } else { 1 };
                (admitted.number, admitted.place, admitted.this) = (number, place, this);
                admitted.attempted_at = now;
                (admitted.trial, admitted.share) = (Some(leave.trial), Some(leave.share));
                Ok(())
            }
            Ok(Begun::Refused(refusal)) => Err(self.stuck(Refused::Limit(refusal), now)),
            Ok(Begun::Stopped(stop)) => Err(self.stuck(Refused::Stopped(stop), now)),
            Ok(Begun::Replayed(_) | Begun::UnderWay(_) | Begun::Mismatched) => {
                Err(Stuck::Unknown(Error::unexpected("a retry was answered as if it were a new call")))
            }
            Err(error) => Err(Stuck::Unknown(error)),
        }
    }

    fn stuck(&self, refused: Refused, now: Timestamp) -> Stuck {
        Stuck::Refused(refused.shown_to(&self.who, self.call.run.is_some()).to_error(now))
    }

    /// The ending of an attempt that did not answer. What may have been billed is charged at its reservation.
    fn unanswered(&self, admitted: &mut Admitted, began: bool, error: Option<&Error>) -> Ending {
        let now = self.shared.clock.now();
        let ending = unanswered(admitted.number, admitted.this.worst, began, error, now);
        admitted.add(&ending);
        ending
    }
}

fn health(outcome: &Outcome) -> Health {
    match &outcome.ended {
        Ended::Answered => Health::Well,
        Ended::Cancelled => Health::Unclear,
        Ended::Failed(error) => Health::after(error),
    }
}

pub(super) fn cancelled() -> Error {
    Error::new(ErrorKind::Conflict, "the call was cancelled").code("CANCELLED")
}
