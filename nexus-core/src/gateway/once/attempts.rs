//! The attempts of a call that is answered at once.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Admitted, Once, admission};
use crate::error::{Error, Result};
use crate::gateway::allowance::Share;
use crate::gateway::backoff;
use crate::gateway::breaker::{Health, Passage, Trial};
use crate::gateway::doubt::Stuck;
use crate::gateway::ending::unanswered;
use crate::gateway::errand::{Answer, Errand};
use crate::gateway::record;
use crate::ledger::{Ending, Retry};
use crate::llm::Fault;

impl<E: Errand> Once<E> {
    /// Makes attempts until one answers or none is left.
    pub(super) async fn attempts(&self, mut admitted: Admitted) -> Result<E::Product> {
        loop {
            let error = match self.carry_out(&admitted).await {
                Ok(answer) => {
                    let health = if answer.product.is_ok() { Health::Well } else { Health::Unclear };
                    self.report(&mut admitted, health);
                    return self.answered(admitted, answer).await;
                }
                Err(error) => error,
            };
            self.report(&mut admitted, Health::after(&error));
            tracing::info!(call = admitted.record.id, error = %error.report(), "an attempt to call a model failed");
            let (now, worst) = (self.shared.clock.now(), admitted.priced.worst);
            let ending = unanswered(admitted.number, worst, false, Some(&error), now);
            admitted.add(&ending);
            let Some((wait, trial, share)) = self.next(&admitted, &error) else {
                return Err(self.failed(&admitted, Some(ending), error).await);
            };
            tokio::time::sleep(wait).await;
            match self.again(&mut admitted, ending.clone(), trial, share).await {
                Ok(()) => {}
                Err(Stuck::Refused(refused)) => return Err(self.failed(&admitted, None, refused).await),
                Err(Stuck::Unknown(error)) => {
                    return Err(self.failed_in_between(&admitted, ending, error).await);
                }
            }
        }
    }

    /// Makes one attempt, within the deadlines.
    pub(super) async fn carry_out(&self, admitted: &Admitted) -> Result<Answer<E::Product>> {
        let patience = admitted.priced.terms.settings.deadlines.first_event;
        let until = (Instant::now() + patience).min(admitted.until);
        let silent = |_| Fault::Timeout.error("the model did not answer in time");
        timeout_at(until, self.errand.carry_out()).await.map_err(silent)?
    }

    /// How long to wait before the next attempt, and the leave to make it, if there is to be one after `error`.
    fn next(&self, admitted: &Admitted, error: &Error) -> Option<(Duration, Trial, Share)> {
        let settings = &admitted.priced.terms.settings;
        let left = admitted.until.saturating_duration_since(Instant::now());
        let wait = backoff::again(&settings.retry, &admitted.record.id, admitted.number, error, left)?;
        let share = self.share(&admitted.priced).ok()?;
        match self.pass(&admitted.priced) {
            Passage::Open(trial) => Some((wait, trial, share)),
            Passage::Shut(_) => None,
        }
    }

    /// Ends one attempt and admits the next.
    async fn again(
        &self,
        admitted: &mut Admitted,
        ending: Ending,
        trial: Trial,
        share: Share,
    ) -> Result<(), Stuck> {
        let now = self.shared.clock.now();
        let mut next = self.attempt(&admitted.priced, admitted.number + 1, now);
        // The call counts once: with the first of its attempts that is charged.
        next.reserved.calls = u64::from(ending.charged.calls == 0 && admitted.priced.worst.calls == 1);
        let version = self.shared.policy_version();
        let retry = Retry {
            tenant: self.who.tenant().clone(),
            call: admitted.record.id.clone(),
            checks: admitted.priced.terms.checks(self.errand.model(), now).map_err(Stuck::Unknown)?,
            day: admitted.priced.terms.settings.zone.day(admitted.attempted_at),
            audit: self.shared.pending(record::retried(
                &self.who,
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
        let begun = self.shared.reach.within(patience, self.shared.store.retry(retry)).await;
        match begun.and_then(|begun| admission(begun, &admitted.record.id)) {
            Ok(None) => {
                (admitted.number, admitted.attempted_at) = (next.number, now);
                admitted.priced.worst = next.reserved;
                (admitted.trial, admitted.share) = (Some(trial), Some(share));
                Ok(())
            }
            Ok(Some(refused)) => Err(Stuck::Refused(self.shown(refused).to_error(now))),
            Err(error) => Err(Stuck::Unknown(error)),
        }
    }

    fn report(&self, admitted: &mut Admitted, health: Health) {
        if let Some(trial) = admitted.trial.take() {
            trial.report(self.shared.clock.now(), health);
        }
    }
}
