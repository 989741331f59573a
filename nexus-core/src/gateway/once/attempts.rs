//! The attempts of a call that is answered at once.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Admitted, Once, admission};
use crate::error::{Error, Result};
use crate::gateway::allowance::Share;
use crate::gateway::audit_records;
use crate::gateway::backoff;
use crate::gateway::breaker::{BreakerDecision, BreakerOutcome, BreakerPermit};
use crate::gateway::doubt::RetryError;
use crate::gateway::ending::failed_outcome;
use crate::gateway::operation::{ModelOperation, OperationOutput};
use crate::ledger::{AttemptOutcome, RetryCall};
use crate::llm::ProviderErrorKind;

impl<E: ModelOperation> Once<E> {
    /// Makes attempts until one answers or none is left.
    pub(super) async fn attempts(&self, mut admitted: Admitted) -> Result<E::Product> {
        loop {
            let error = match self.carry_out(&admitted).await {
                Ok(answer) => {
                    let health = if answer.product.is_ok() {
                        BreakerOutcome::Success
                    } else {
                        BreakerOutcome::Ignored
                    };
                    self.report(&mut admitted, health);
                    return self.answered(admitted, answer).await;
                }
                Err(error) => error,
            };
            self.report(&mut admitted, BreakerOutcome::after(&error));
            tracing::info!(call = admitted.record.id, error = %error.report(), "an attempt to call a model failed");
            let (now, worst) = (self.shared.clock.now(), admitted.priced.worst);
            let ending = failed_outcome(admitted.number, worst, false, Some(&error), now);
            admitted.add(&ending);
            let Some((wait, trial, share)) = self.next(&admitted, &error) else {
                return Err(self.failed(&admitted, Some(ending), error).await);
            };
            tokio::time::sleep(wait).await;
            match self.again(&mut admitted, ending.clone(), trial, share).await {
                Ok(()) => {}
                Err(RetryError::Refused(refused)) => return Err(self.failed(&admitted, None, refused).await),
                Err(RetryError::OutcomeUnknown(error)) => {
                    return Err(self.fail_unknown(&admitted, ending, error).await);
                }
            }
        }
    }

    /// Makes one attempt, within the deadlines.
    pub(super) async fn carry_out(&self, admitted: &Admitted) -> Result<OperationOutput<E::Product>> {
        let patience = admitted.priced.terms.settings.deadlines.first_event;
        let until = (Instant::now() + patience).min(admitted.until);
        let silent = |_| ProviderErrorKind::Timeout.error("the model did not answer in time");
        timeout_at(until, self.errand.attempt()).await.map_err(silent)?
    }

    /// How long to wait before the next attempt, and the leave to make it, if there is to be one after `error`.
    fn next(&self, admitted: &Admitted, error: &Error) -> Option<(Duration, BreakerPermit, Share)> {
        let settings = &admitted.priced.terms.settings;
        let left = admitted.until.saturating_duration_since(Instant::now());
        let wait = backoff::retry_after(&settings.retry, &admitted.record.id, admitted.number, error, left)?;
        let share = self.share(&admitted.priced).ok()?;
        match self.pass(&admitted.priced) {
            BreakerDecision::Allow(trial) => Some((wait, trial, share)),
            BreakerDecision::Reject(_) => None,
        }
    }

    /// Ends one attempt and admits the next.
    async fn again(
        &self,
        admitted: &mut Admitted,
        ending: AttemptOutcome,
        trial: BreakerPermit,
        share: Share,
    ) -> Result<(), RetryError> {
        let now = self.shared.clock.now();
        let mut next = self.attempt(&admitted.priced, admitted.number + 1, now);
        // The call counts once: with the first of its attempts that is charged.
        next.reserved.calls = u64::from(ending.charged.calls == 0 && admitted.priced.worst.calls == 1);
        let version = self.shared.policy_version(self.caller.tenant());
        let retry = RetryCall {
            tenant: self.caller.tenant().clone(),
            call: admitted.record.id.clone(),
            checks: admitted
                .priced
                .terms
                .checks(self.errand.model(), now)
                .map_err(RetryError::OutcomeUnknown)?,
            day: admitted.priced.terms.settings.zone.day(admitted.attempted_at),
            audit: self.shared.pending(audit_records::retried(
                &self.caller,
                &admitted.record,
                &ending,
                &next,
                &version,
                now,
            )),
            attempt: next.clone(),
            ending,
        };
        let patience = admitted.priced.terms.settings.deadlines.store;
        let begun = self.shared.store_guard.call(patience, self.shared.store.retry(retry)).await;
        match begun.and_then(|begun| admission(begun, &admitted.record.id)) {
            Ok(None) => {
                (admitted.number, admitted.attempted_at) = (next.number, now);
                admitted.priced.worst = next.reserved;
                (admitted.trial, admitted.share) = (Some(trial), Some(share));
                Ok(())
            }
            Ok(Some(refused)) => Err(RetryError::Refused(self.shown(refused).to_error(now))),
            Err(error) => Err(RetryError::OutcomeUnknown(error)),
        }
    }

    fn report(&self, admitted: &mut Admitted, health: BreakerOutcome) {
        if let Some(trial) = admitted.trial.take() {
            trial.report(self.shared.clock.now(), health);
        }
    }
}
