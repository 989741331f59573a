//! The end of a call that is answered at once. Only after it is the caller told.

use super::{Admitted, Once, Priced, admission};
use crate::document::model::Failure;
use crate::error::{Error, Result};
use crate::gateway::allowance::Share;
use crate::gateway::call::Granted;
use crate::gateway::ending::unanswered;
use crate::gateway::errand::{Answer, Errand};
use crate::gateway::metrics::Measured;
use crate::gateway::record;
use crate::ledger::{AttemptStatus, CallResult, CallStatus, Ending, Operation, Settlement};
use crate::usage::Usage;

impl Admitted {
    /// Adds what an attempt was charged with to what the call costs.
    pub(super) fn add(&mut self, ending: &Ending) {
        if let Some(share) = self.share.take() {
            share.spend(ending.charged.money);
        }
        self.charged = self.charged.checked_add(ending.charged.money).unwrap_or(self.charged);
    }
}

impl<E: Errand> Once<E> {
    /// Settles an answer, and only then lets it out.
    pub(super) async fn answered(
        &self,
        mut admitted: Admitted,
        answer: Answer<E::Product>,
    ) -> Result<E::Product> {
        let ending = self.ending(&admitted, &answer);
        admitted.add(&ending);
        let error = answer.product.as_ref().err();
        self.measure(&admitted, answer.usage, error);
        let settlement = self.settlement(&admitted, Some(ending), error);
        self.shared.settle(settlement).await?;
        answer.product
    }

    /// Settles a call without an answer; gives back the error to tell.
    pub(super) async fn failed(&self, admitted: &Admitted, ending: Option<Ending>, error: Error) -> Error {
        self.measure(admitted, None, Some(&error));
        let settlement = self.settlement(admitted, ending, Some(&error));
        self.shared.settle(settlement).await.err().unwrap_or(error)
    }

    /// Settles a call between two attempts, when the store did not say which of them it has open; gives back the error
    /// to tell.
    pub(super) async fn failed_in_between(&self, admitted: &Admitted, ending: Ending, error: Error) -> Error {
        self.measure(admitted, None, Some(&error));
        let settlement = |ending| self.settlement(admitted, ending, Some(&error));
        self.shared.settle_in_doubt(ending, settlement).await;
        error
    }

    /// Makes a call within this process: first the work, then one durable step that admits and settles it.
    pub(super) async fn make_here(&self, priced: Priced, share: Share) -> Result<Granted<E::Product>> {
        let mut admitted = self.admitted(priced, share)?;
        let intent = self.intent(&admitted)?;
        let (ending, usage, made) = match self.carry_out(&admitted).await {
            Ok(answer) => (self.ending(&admitted, &answer), answer.usage, answer.product),
            Err(error) => {
                let (now, worst) = (self.shared.clock.now(), admitted.priced.worst);
                (unanswered(1, worst, false, Some(&error), now), None, Err(error))
            }
        };
        let share = admitted.share.take();
        admitted.add(&ending);
        let settlement = self.settlement(&admitted, Some(ending), made.as_ref().err());
        let patience = admitted.priced.terms.settings.deadlines.store;
        let begun = self.shared.reach.within(patience, self.shared.store.book(intent, settlement)).await?;
        Ok(match admission(begun, &admitted.record.id)? {
            None => {
                if let Some(share) = share {
                    share.spend(admitted.charged);
                }
                self.measure(&admitted, usage, made.as_ref().err());
                Granted::Yes(made?)
            }
            Some(refused) => Granted::No(refused),
        })
    }

    /// Measures a call that is over.
    fn measure(&self, admitted: &Admitted, usage: Option<Usage>, error: Option<&Error>) {
        Measured {
            operation: E::OPERATION,
            provider: self.errand.provider(),
            models: (self.errand.model(), self.errand.model()),
            duration: admitted.began.elapsed(),
            first_event: None,
            // Characters are no tokens.
            usage: usage.filter(|_| E::OPERATION == Operation::Embed),
            cost: admitted.charged,
            error: error.map(Error::stable_code),
        }
        .record();
    }

    /// The ending of an attempt that was answered. What nobody counted is charged at its bound, and marked.
    fn ending(&self, admitted: &Admitted, answer: &Answer<E::Product>) -> Ending {
        let Priced { terms, price, worst } = &admitted.priced;
        let bound = Usage { input_uncached: self.errand.bound(), ..Usage::default() };
        let usage = answer.usage.unwrap_or(bound);
        let charged = terms.charge(price, self.errand.model(), worst.calls, &usage).ok();
        if charged.is_some_and(|charged| charged.money > worst.money) {
            let call = &admitted.record.id;
            tracing::warn!(call, "a vendor billed more than the bound that was reserved");
        }
        let unfit = answer.product.as_ref().err();
        let estimated = answer.usage.is_none() || charged.is_none();
        // A bill that cannot be added up is charged at its reservation.
        let charged = charged.unwrap_or(*worst);
        Ending {
            number: admitted.number,
            status: if unfit.is_some() { AttemptStatus::FailedBilled } else { AttemptStatus::Settled },
            usage,
            // INVARIANT: what is estimated was reserved.
            charged: if estimated { charged.at_most(worst) } else { charged },
            estimated,
            error: unfit.map(|error| error.stable_code().to_owned()),
            at: self.shared.clock.now(),
        }
    }

    /// What is written at the end. Vectors and sounds are not kept with their call.
    fn settlement(&self, admitted: &Admitted, ending: Option<Ending>, error: Option<&Error>) -> Settlement {
        let (settings, now) = (&admitted.priced.terms.settings, self.shared.clock.now());
        let status = if error.is_some() { CallStatus::Failed } else { CallStatus::Succeeded };
        let end = record::End {
            status,
            ending: ending.as_ref(),
            charged: admitted.charged,
            attempts: admitted.number,
            avoided: None,
        };
        let version = self.shared.policy_version();
        let closed = record::closed(&self.who, &admitted.record, &end, &version, now);
        Settlement {
            tenant: self.who.tenant().clone(),
            call: admitted.record.id.clone(),
            status,
            result: error.map_or(CallResult::NotKept, |error| CallResult::Failed(Failure::from(error))),
            avoided: None,
            distillation_eligible: false,
            reasoning: String::new(),
            first_byte_at: None,
            at: now,
            day: settings.zone.day(admitted.attempted_at),
            shutoff: settings.shutoff,
            audit: self.shared.pending(closed),
            ending,
        }
    }
}
