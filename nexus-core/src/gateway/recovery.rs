//! Calls that nobody works on any more: those that a process before this one left open, found at the start, and those of this
//! process that the store would not end. Each ends; one that cannot be ended holds up no other, and is tried again later.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Gateway, Inner, audit_records};
use crate::document::model::Failure;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{
    Attempt, AttemptOutcome, AttemptStatus, CallResult, CallStatus, LedgerQuery, OpenCall, Settlement,
};
use crate::principal::Principal;
use crate::quota::MeterAmounts;
use crate::usage::Usage;

/// How long to wait before calls that could not be ended are tried again; twice as long each further time.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST: Duration = Duration::from_mins(5);

/// How a round of recovery went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Round {
    ended: usize,
    failed: usize,
}

impl Gateway {
    /// Ends the calls that nobody works on any more; says how many there were. What cannot be ended now is logged and tried
    /// again in the background, until it is or this process ends.
    ///
    /// Nobody knows whether the vendor heard them, so each is charged what was reserved, as `unknown_outcome`, until
    /// somebody reconciles it with the vendor's bill. One that could cost nothing is charged nothing, and may be made again.
    ///
    /// # Errors
    /// Those of finding the open calls.
    pub(crate) async fn recover(&self) -> Result<usize> {
        let round = self.inner.recover_round().await?;
        if round.failed > 0 {
            let failed = round.failed;
            tracing::error!(
                failed,
                "calls of an earlier process could not be ended, and are tried again later"
            );
            self.inner.recover_in_background();
        }
        Ok(round.ended)
    }
}

impl Inner {
    /// Has a call of this process ended as those of an earlier one are: the store would not end it as it was asked to.
    pub(super) fn recover_later(self: &Arc<Self>, call: String) {
        self.left_open().insert(call);
        self.recover_in_background();
    }

    /// Tries again, less and less often, until nothing is left. There is one such task at a time.
    fn recover_in_background(self: &Arc<Self>) {
        if self.is_recovering.swap(true, Ordering::SeqCst) {
            return;
        }
        let shared = Arc::clone(self);
        self.tasks.spawn_unless_stopping(async move {
            let mut wait = PAUSE;
            loop {
                tokio::select! {
                    () = shared.tasks.stopping() => return,
                    () = tokio::time::sleep(wait) => {}
                }
                wait = wait.saturating_mul(2).min(LONGEST);
                // What is left from here on begins another task.
                shared.is_recovering.store(false, Ordering::SeqCst);
                match shared.recover_round().await {
                    Ok(Round { failed: 0, .. }) => return,
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(error = %error.report(), "open calls could not be looked for");
                    }
                }
                if shared.is_recovering.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        });
    }

    async fn recover_round(&self) -> Result<Round> {
        let mut round = Round::default();
        for open in self.store.open_calls().await? {
            if open.owner == self.owner && !self.left_open().contains(&open.call.id) {
                continue;
            }
            let call = open.call.id.clone();
            match self.recover_call(open).await {
                Ok(()) => {
                    self.left_open().remove(&call);
                    round.ended += 1;
                }
                Err(error) => {
                    tracing::error!(call, error = %error.report(), "an open call could not be ended");
                    round.failed += 1;
                }
            }
        }
        Ok(round)
    }

    async fn recover_call(&self, open: OpenCall) -> Result<()> {
        let (now, settings) = (self.clock.now(), self.current().settings);
        let patience = settings.deadlines.store;
        let system = Principal::system(open.tenant.as_str(), "recovery")?;
        let ending = open.attempt.as_ref().map(|attempt| outcome_unknown(attempt, now));
        // What the attempts before were charged is in the call.
        let last = ending.as_ref().map(|ending| ending.charged.money);
        let charged = last.map_or(Some(open.call.cost), |last| open.call.cost.checked_add(last));
        let attempts = match &open.attempt {
            Some(attempt) => attempt.number,
            None => self.store_guard.call(patience, self.attempts_over(&open)).await?,
        };
        let status = CallStatus::Unknown;
        let end = audit_records::CallEnd {
            status,
            ending: ending.as_ref(),
            charged: charged.unwrap_or(open.call.cost),
            attempts,
            avoided: None,
        };
        let audit = self.pending(audit_records::closed(
            &system,
            &open.call,
            &end,
            &self.policy_version(system.tenant()),
            now,
        ));
        let settlement = Settlement {
            tenant: open.tenant,
            call: open.call.id,
            ending,
            status,
            result: CallResult::Failed(Failure::from(&interrupted())),
            avoided: None,
            distillation_eligible: false,
            reasoning: String::new(),
            first_byte_at: None,
            at: now,
            day: settings.zone.day(open.attempt.as_ref().map_or(now, |attempt| attempt.started_at)),
            shutoff: settings.shutoff,
            audit,
        };
        self.store_guard.call(patience, self.store.settle(settlement)).await?;
        self.notify_settled();
        Ok(())
    }

    /// How many attempts of a call are over.
    async fn attempts_over(&self, open: &OpenCall) -> Result<u32> {
        let of_call =
            LedgerQuery { call: Some(open.call.id.clone()), limit: usize::MAX, ..LedgerQuery::default() };
        let lines = self.store.ledger(&open.tenant, &of_call).await?;
        Ok(lines.iter().map(|line| line.attempt).max().unwrap_or(0))
    }
}

fn outcome_unknown(attempt: &Attempt, now: crate::clock::Timestamp) -> AttemptOutcome {
    let free = attempt.reserved.money == crate::money::NanoUsd::ZERO;
    AttemptOutcome {
        number: attempt.number,
        status: if free { AttemptStatus::FailedUnbilled } else { AttemptStatus::UnknownOutcome },
        usage: Usage::default(),
        charged: if free { MeterAmounts::ZERO } else { attempt.reserved },
        estimated: !free,
        error: Some(interrupted().stable_code().to_owned()),
        at: now,
    }
}

fn interrupted() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the process ended in the middle of the call, and nobody knows what became of it",
    )
    .code("CALL_OUTCOME_UNKNOWN")
    .hint("ask again")
}
