//! One call from its claim to its settlement: [`Conduct`] runs in a task of its own, which outlives the caller.
//!
//! - `begin`: claim, stops, limits, reservation.
//! - `cached`: an answer that was paid for before.
//! - `attempts`: one attempt after another.
//! - `settle`: the end.

mod attempts;
mod begin;
mod cached;
mod settle;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::allowance::{Allowance, Share};
use super::attempt::Mode;
use super::audit_records;
use super::breaker::{BreakerDecision, BreakerPermit};
use super::call::{Admission, CallEvent, CallReceipt, CallRefusal, ModelCall};
use super::metrics::{self, Measured};
use super::plan::{Plan, PlannedAttempt};
use super::{Gateway, Inner};
use crate::clock::Timestamp;
use crate::document::model::Failure;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{AttemptOutcome, Call, CallResult, Operation};
use crate::llm::ProviderErrorKind;
use crate::money::NanoUsd;
use crate::principal::Principal;
use crate::quota::Refusal;
use crate::usage::Usage;

/// A call on its way.
pub(super) struct Conduct {
    /// For what the cache of answers needs embedded.
    pub(super) gateway: Gateway,
    pub(super) shared: Arc<Inner>,
    pub(super) caller: Principal,
    pub(super) call: ModelCall,
    /// What the call may cost with all of its attempts and what is made for it, where there is a bound.
    pub(super) allowance: Option<Arc<Allowance>>,
    pub(super) mode: Mode,
    pub(super) out: mpsc::UnboundedSender<CallEvent>,
    pub(super) cancelled: watch::Receiver<bool>,
}

/// A call that was admitted: its record, and the attempt that is under way.
struct Admitted {
    plan: Plan,
    record: Call,
    this: PlannedAttempt,
    /// The leave of its provider's breaker, until it is reported.
    trial: Option<BreakerPermit>,
    /// Its part of what the call may cost, until it is spent.
    share: Option<Share>,
    /// The place of the candidate that is asked.
    place: usize,
    /// Which attempt it is of all, and of those at this candidate.
    number: u32,
    /// When it began.
    attempted_at: Timestamp,
    tries: u32,
    until: Instant,
    began: Instant,
    first_event: Option<Instant>,
    charged: NanoUsd,
    estimated: bool,
    /// How its answer is kept for others, where it is.
    keeping: Option<cached::PendingCacheEntry>,
}

/// What an attempt needs to be made: the leave of its provider's breaker, and its part of what the call may cost.
#[derive(Debug)]
struct Leave {
    trial: BreakerPermit,
    share: Share,
}

/// How a call begins.
enum Start {
    /// With an attempt.
    Attempt(Box<Admitted>),
    /// With the end of an equal call before.
    Replay(Box<Call>, Box<CallResult>),
}

type Verdict = oneshot::Sender<Result<Admission<()>>>;

impl Conduct {
    /// Carries the call out. `verdict` is told first whether it was granted.
    pub(super) async fn run(self, verdict: Verdict) {
        match self.begin().await {
            Ok(Admission::Granted(Start::Attempt(admitted))) => {
                let _ = verdict.send(Ok(Admission::Granted(())));
                Box::pin(self.answer(*admitted)).await;
            }
            Ok(Admission::Granted(Start::Replay(call, result))) => {
                let _ = verdict.send(Ok(Admission::Granted(())));
                self.replay(&call, *result);
            }
            Ok(Admission::Refused(refused)) => {
                let told = self.record_refusal(&refused).await;
                let shown = refused.shown_to(&self.caller, self.call.run.is_some());
                let _ = verdict.send(told.map(|()| Admission::Refused(shown)));
            }
            Err(error) => {
                let _ = verdict.send(Err(error));
            }
        }
    }

    /// Whether the provider of an attempt may be asked now.
    fn pass(&self, plan: &Plan, this: &PlannedAttempt) -> BreakerDecision {
        let now = self.shared.clock.now();
        self.shared.breakers.try_acquire(integration(this), now, &plan.settings.breaker)
    }

    /// Gives the answer of an equal call before.
    fn replay(&self, call: &Call, result: CallResult) {
        let told = match result {
            CallResult::Reply(reply) => {
                let mut pieces: Vec<CallEvent> =
                    reply.into_pieces().into_iter().map(CallEvent::Piece).collect();
                let receipt = CallReceipt {
                    call: call.id.clone(),
                    provider: call.provider.clone(),
                    model: call.model.clone(),
                    attempts: 0,
                    cost: NanoUsd::ZERO,
                    estimated: false,
                    was_cached: false,
                    avoided: NanoUsd::ZERO,
                    was_replayed: true,
                };
                pieces.insert(pieces.len().saturating_sub(1), CallEvent::Ended(receipt));
                pieces
            }
            CallResult::Failed(failure) => vec![CallEvent::Failed(failed_before(&failure))],
            CallResult::NotKept => vec![CallEvent::Failed(Error::unexpected("an answer was not kept"))],
        };
        for told in told {
            // Nobody may be listening any more.
            let _ = self.out.send(told);
        }
    }

    async fn record_refusal(&self, refused: &CallRefusal) -> Result<()> {
        metrics::refused(Operation::Chat, refused.code());
        let (id, now) = (self.shared.ids.next(), self.shared.clock.now());
        let run = self.call.run.as_ref().map(|run| &run.id);
        let drafts = audit_records::refused(
            &self.caller,
            &id,
            run,
            refused,
            &self.shared.policy_version(self.caller.tenant()),
            now,
        );
        self.shared.append(drafts).await
    }
}

impl Admitted {
    fn new(
        plan: Plan,
        record: Call,
        this: PlannedAttempt,
        place: usize,
        leave: Leave,
        shadowed: &[Refusal],
    ) -> Self {
        for refusal in shadowed {
            let code = refusal.code();
            tracing::info!(call = record.id, code, "a limit in shadow would have refused a call");
        }
        let began = Instant::now();
        Self {
            until: began + plan.settings.deadlines.total,
            attempted_at: record.created_at,
            plan,
            record,
            this,
            trial: Some(leave.trial),
            share: Some(leave.share),
            place,
            number: 1,
            tries: 1,
            began,
            first_event: None,
            charged: NanoUsd::ZERO,
            estimated: false,
            keeping: None,
        }
    }

    /// Adds what an attempt was charged with to what the call costs.
    fn add(&mut self, ending: &AttemptOutcome) {
        if let Some(share) = self.share.take() {
            share.spend(ending.charged.money);
        }
        self.charged = self.charged.checked_add(ending.charged.money).unwrap_or(self.charged);
        self.estimated |= ending.estimated;
    }

    /// The call as it is measured, now that it is over.
    fn measured<'a>(&'a self, usage: Option<Usage>, error: Option<&'a str>) -> Measured<'a> {
        Measured {
            operation: Operation::Chat,
            provider: self.this.candidate.provider.name(),
            models: (&self.record.model, &self.this.candidate.model),
            duration: self.began.elapsed(),
            first_event: self.first_event.map(|at| at - self.began),
            usage,
            cost: self.charged,
            error,
        }
    }

    fn receipt(&self) -> CallReceipt {
        CallReceipt {
            call: self.record.id.clone(),
            provider: self.this.candidate.name.clone(),
            model: self.this.candidate.model.clone(),
            attempts: self.number,
            cost: self.charged,
            estimated: self.estimated,
            was_cached: false,
            avoided: NanoUsd::ZERO,
            was_replayed: false,
        }
    }
}

/// The breaker's name for whoever is asked.
fn integration(this: &PlannedAttempt) -> String {
    format!("model/{}", this.candidate.name)
}

fn failed_before(failure: &Failure) -> Error {
    let message = failure.message.clone();
    match ProviderErrorKind::from_code(&failure.code) {
        Some(fault) => fault.error(message),
        None => {
            Error::new(ErrorKind::Unavailable, message).code("CALL_FAILED_BEFORE").with("code", &failure.code)
        }
    }
}
