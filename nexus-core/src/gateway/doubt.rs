//! Steps of the store whose outcome nobody knows, because it failed or did not answer: what they may have left behind is
//! ended, so that nothing stays reserved for an attempt that was never made.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::FusedFuture as _;

use super::settings::GatewaySettings;
use super::{Inner, audit_records};
use crate::clock::Timestamp;
use crate::document::model::Failure;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{
    AttemptOutcome, AttemptStatus, BeginCall, BeginResult, Call, CallResult, CallStatus, Settlement,
};
use crate::money::NanoUsd;
use crate::principal::Principal;
use crate::quota::MeterAmounts;
use crate::usage::Usage;

/// Why there is no further attempt.
pub(super) enum RetryError {
    /// It was refused, and the one before has ended.
    Refused(Error),
    /// The store failed, and nobody knows which attempt it has open.
    OutcomeUnknown(Error),
}

impl Inner {
    /// Begins a call within the store's deadline. When that fails the call is not made; should the store have begun it
    /// all the same, it is ended as soon as the store answers.
    pub(super) async fn begin(
        self: &Arc<Self>,
        caller: &Principal,
        settings: &GatewaySettings,
        intent: BeginCall,
    ) -> Result<BeginResult> {
        let patience = settings.deadlines.store;
        let given_up = self.abandoned_settlement(caller, settings, &intent.call);
        let shared = Arc::clone(self);
        let mut step = Box::pin(async move { shared.store.begin(intent).await }).fuse();
        let error = match self.store_guard.call(patience, &mut step).await {
            Ok(begun) => return Ok(begun),
            Err(error) if error.is_retryable() => error,
            Err(error) => return Err(error),
        };
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            let late = if step.is_terminated() { None } else { Some(step.await) };
            if matches!(late, None | Some(Err(_) | Ok(BeginResult::Admitted { .. }))) {
                shared.settle_until_stored(vec![given_up], patience).await;
            }
        });
        Err(error)
    }

    /// The end of a call that was perhaps recorded and certainly not sent.
    fn abandoned_settlement(
        &self,
        caller: &Principal,
        settings: &GatewaySettings,
        call: &Call,
    ) -> Settlement {
        let now = self.clock.now();
        let ending = never_sent(1, now);
        let end = audit_records::CallEnd {
            status: CallStatus::Failed,
            ending: Some(&ending),
            charged: NanoUsd::ZERO,
            attempts: 1,
            avoided: None,
        };
        let closed = audit_records::closed(caller, call, &end, &self.policy_version(caller.tenant()), now);
        Settlement {
            tenant: caller.tenant().clone(),
            call: call.id.clone(),
            status: CallStatus::Failed,
            result: CallResult::Failed(Failure::from(&unrecorded())),
            avoided: None,
            distillation_eligible: false,
            reasoning: String::new(),
            first_byte_at: None,
            at: now,
            day: settings.zone.day(call.created_at),
            shutoff: settings.shutoff,
            audit: self.pending(closed),
            ending: Some(ending),
        }
    }

    /// Ends a call when nobody knows whether its last attempt, which ended with `ending`, was replaced by another:
    /// whichever is open is ended, as soon as the store answers.
    pub(super) async fn settle_unknown(
        self: &Arc<Self>,
        ending: AttemptOutcome,
        settlement: impl Fn(Option<AttemptOutcome>) -> Settlement,
    ) {
        let next = never_sent(ending.number + 1, self.clock.now());
        let possible = [Some(ending), Some(next), None].map(settlement).into();
        // Who waits is told why the call failed, and not that its end is written later.
        let _ = self.settle_one_of(possible).await;
    }
}

/// How long to leave the store alone after its failure `number`, from 0.
pub(super) fn retry_delay(number: u32) -> Duration {
    Duration::from_millis(20 << number.min(9))
}

/// An attempt that nobody made: the vendor bills nothing for it.
fn never_sent(number: u32, at: Timestamp) -> AttemptOutcome {
    AttemptOutcome {
        number,
        status: AttemptStatus::FailedUnbilled,
        usage: Usage::default(),
        charged: MeterAmounts::ZERO,
        estimated: false,
        error: Some(unrecorded().stable_code().to_owned()),
        at,
    }
}

/// What a caller is told whose call is not in the ledger, or not whole.
pub(super) fn unrecorded() -> Error {
    Error::new(ErrorKind::Unavailable, "the call could not be recorded").code("LEDGER_UNAVAILABLE")
}
