//! The end of a call: result, settlement, ledger and record, in one durable step. Only after it is the caller told.

use super::{Admitted, Conduct};
use crate::document::model::Failure;
use crate::error::Error;
use crate::gateway::audit_records;
use crate::gateway::bound::output_bound;
use crate::gateway::call::CallEvent;
use crate::grounding::markers::citations_in;
use crate::ledger::{AttemptOutcome, AttemptStatus, CallResult, CallStatus, Settlement};
use crate::llm::{Completion, CompletionEvent};
use crate::money::NanoUsd;
use crate::usage::Usage;

impl Conduct {
    /// Settles an answer, and only then says that it ended.
    pub(super) async fn answered(&self, mut admitted: Admitted, mut reply: Completion) {
        let evidence = &admitted.plan.request.evidence;
        if reply.citations.is_empty() && !evidence.is_empty() {
            reply.citations = citations_in(&reply.text, evidence).citations;
            for citation in &reply.citations {
                let _ = self.out.send(CallEvent::Piece(CompletionEvent::Citation(citation.clone())));
            }
        }
        let (usage, estimated) = match reply.usage {
            Some(usage) => (usage, false),
            None => (guess(&admitted, &reply), true),
        };
        let charged = admitted.plan.charge(&admitted.this, &usage);
        // A bill that cannot be added up is charged at its reservation, and marked.
        let (charged, estimated) =
            charged.map_or((admitted.this.worst, true), |charged| (charged, estimated));
        // INVARIANT: what is estimated was reserved.
        let charged = if estimated { charged.at_most(&admitted.this.worst) } else { charged };
        if !estimated && charged.money > admitted.this.worst.money {
            tracing::warn!(
                call = admitted.record.id,
                "a vendor billed more than the bound that was reserved"
            );
        }
        let now = self.shared.clock.now();
        let ending = AttemptOutcome {
            number: admitted.number,
            status: AttemptStatus::Settled,
            usage,
            charged,
            estimated,
            error: None,
            at: now,
        };
        admitted.add(&ending);
        admitted.measured(reply.usage, None).record();
        let reasoning = std::mem::take(&mut reply.reasoning);
        let (finish, receipt) = (reply.finish, admitted.receipt());
        let keepsake = self.cache_entry(&admitted, &reply, usage);
        let result = CallResult::Reply(Box::new(reply));
        let settlement =
            self.settlement(&admitted, Some(ending), CallStatus::Succeeded, result, reasoning, None);
        match self.shared.settle(settlement).await {
            Ok(()) => {
                if let Some(keepsake) = keepsake {
                    self.store_in_cache(keepsake).await;
                }
                let _ = self.out.send(CallEvent::Piece(CompletionEvent::Usage(usage)));
                let _ = self.out.send(CallEvent::Ended(receipt));
                let _ = self.out.send(CallEvent::Piece(CompletionEvent::Finish(finish)));
            }
            Err(error) => {
                let _ = self.out.send(CallEvent::Failed(error));
            }
        }
    }

    /// Settles a call without an answer, and says why there is none.
    pub(super) async fn failed(
        &self,
        admitted: Admitted,
        ending: Option<AttemptOutcome>,
        status: CallStatus,
        error: Error,
    ) {
        admitted.measured(None, Some(error.stable_code())).record();
        let result = CallResult::Failed(Failure::from(&error));
        let settlement = self.settlement(&admitted, ending, status, result, String::new(), None);
        let told = self.shared.settle(settlement).await.err().unwrap_or(error);
        let _ = self.out.send(CallEvent::Failed(told));
    }

    /// Settles a call between two attempts, when the store did not say which of them it has open.
    pub(super) async fn fail_unknown(&self, admitted: Admitted, ending: AttemptOutcome, error: Error) {
        admitted.measured(None, Some(error.stable_code())).record();
        let settlement = |ending| {
            let result = CallResult::Failed(Failure::from(&error));
            self.settlement(&admitted, ending, CallStatus::Failed, result, String::new(), None)
        };
        self.shared.settle_unknown(ending, settlement).await;
        let _ = self.out.send(CallEvent::Failed(error));
    }

    /// `avoided` is what a cache spared, where it answered.
    pub(super) fn settlement(
        &self,
        admitted: &Admitted,
        ending: Option<AttemptOutcome>,
        status: CallStatus,
        result: CallResult,
        reasoning: String,
        avoided: Option<NanoUsd>,
    ) -> Settlement {
        let (plan, now) = (&admitted.plan, self.shared.clock.now());
        let tenant = plan.settings.tenant(self.caller.tenant().as_str());
        let grounded = matches!(&result, CallResult::Reply(reply) if !reply.citations.is_empty());
        let closed = audit_records::closed(
            &self.caller,
            &admitted.record,
            &audit_records::CallEnd {
                status,
                ending: ending.as_ref(),
                charged: admitted.charged,
                attempts: if avoided.is_some() { 0 } else { admitted.number },
                avoided,
            },
            &self.shared.policy_version(self.caller.tenant()),
            now,
        );
        Settlement {
            tenant: self.caller.tenant().clone(),
            call: admitted.record.id.clone(),
            ending,
            status,
            result,
            avoided,
            distillation_eligible: grounded && tenant.is_some_and(|tenant| tenant.distillation),
            reasoning,
            first_byte_at: admitted
                .first_event
                .map(|at| admitted.record.created_at.plus(at - admitted.began)),
            at: now,
            day: plan.settings.zone.day(admitted.attempted_at),
            shutoff: plan.settings.shutoff,
            audit: self.shared.pending(closed),
        }
    }
}

/// What an answer consumed whose vendor did not say: the bound of its prompt, and the bound of what came.
fn guess(admitted: &Admitted, reply: &Completion) -> Usage {
    let most = u64::from(admitted.this.request.max_tokens.unwrap_or(u32::MAX));
    Usage { input_uncached: admitted.plan.bound(), ..output_bound(reply, most, &admitted.this.price.rates) }
}
