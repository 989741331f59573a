//! The end of a call that is answered at once. Only after it is the caller told.

use super::{Admitted, Once, Priced, admission};
use crate::document::model::Failure;
use crate::error::{Error, Result};
use crate::gateway::allowance::Share;
use crate::gateway::audit_records;
use crate::gateway::call::Admission;
use crate::gateway::ending::failed_outcome;
use crate::gateway::metrics::Measured;
use crate::gateway::operation::{ModelOperation, OperationOutput};
use crate::ledger::{AttemptOutcome, AttemptStatus, CallResult, CallStatus, Operation, Settlement};
use crate::usage::Usage;

impl Admitted {
    /// Adds what an attempt was charged with to what the call costs.
    pub(super) fn add(&mut self, ending: &AttemptOutcome) {
        if let Some(share) = self.share.take() {
            share.spend(ending.charged.money);
        }
        self.charged = self.charged.checked_add(ending.charged.money).unwrap_or(self.charged);
    }
}

impl<E: ModelOperation> Once<E> {
    /// Settles an answer, and only then lets it out.
    pub(super) async fn answered(
        &self,
        mut admitted: Admitted,
        answer: OperationOutput<E::Product>,
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
    pub(super) async fn failed(
        &self,
        admitted: &Admitted,
        ending: Option<AttemptOutcome>,
        error: Error,
    ) -> Error {
        self.measure(admitted, None, Some(&error));
        let settlement = self.settlement(admitted, ending, Some(&error));
        self.shared.settle(settlement).await.err().unwrap_or(error)
    }

    /// Settles a call between two attempts, when the store did not say which of them it has open; gives back the error
    /// to tell.
    pub(super) async fn fail_unknown(
        &self,
        admitted: &Admitted,
        ending: AttemptOutcome,
        error: Error,
    ) -> Error {
        self.measure(admitted, None, Some(&error));
        let settlement = |ending| self.settlement(admitted, ending, Some(&error));
        self.shared.settle_unknown(ending, settlement).await;
        error
    }

    /// Makes a call within this process: first the work, then one durable step that admits and settles it.
    pub(super) async fn run_in_process(&self, priced: Priced, share: Share) -> Result<Admission<E::Product>> {
        let mut admitted = self.admitted(priced, share)?;
        let intent = self.intent(&admitted)?;
        let (ending, usage, made) = match self.carry_out(&admitted).await {
            Ok(answer) => (self.ending(&admitted, &answer), answer.usage, answer.product),
            Err(error) => {
                let (now, worst) = (self.shared.clock.now(), admitted.priced.worst);
                (failed_outcome(1, worst, false, Some(&error), now), None, Err(error))
            }
        };
        let share = admitted.share.take();
        admitted.add(&ending);
        let settlement = self.settlement(&admitted, Some(ending), made.as_ref().err());
        let patience = admitted.priced.terms.settings.deadlines.store;
        let begun = self
            .shared
            .store_guard
            .call(patience, self.shared.store.record_completed(intent, settlement))
            .await?;
        Ok(match admission(begun, &admitted.record.id)? {
            None => {
                if let Some(share) = share {
                    share.spend(admitted.charged);
                }
                self.measure(&admitted, usage, made.as_ref().err());
                Admission::Granted(made?)
            }
            Some(refused) => Admission::Refused(refused),
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
    fn ending(&self, admitted: &Admitted, answer: &OperationOutput<E::Product>) -> AttemptOutcome {
        let Priced { terms, price, worst } = &admitted.priced;
        let bound = Usage { input_uncached: self.errand.max_input_tokens(), ..Usage::default() };
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
        AttemptOutcome {
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
    fn settlement(
        &self,
        admitted: &Admitted,
        ending: Option<AttemptOutcome>,
        error: Option<&Error>,
    ) -> Settlement {
        let (settings, now) = (&admitted.priced.terms.settings, self.shared.clock.now());
        let status = if error.is_some() { CallStatus::Failed } else { CallStatus::Succeeded };
        let end = audit_records::CallEnd {
            status,
            ending: ending.as_ref(),
            charged: admitted.charged,
            attempts: admitted.number,
            avoided: None,
        };
        let version = self.shared.policy_version(self.caller.tenant());
        let closed = audit_records::closed(&self.caller, &admitted.record, &end, &version, now);
        Settlement {
            tenant: self.caller.tenant().clone(),
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
