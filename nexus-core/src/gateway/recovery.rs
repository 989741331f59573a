//! Recovery: calls that no task works on any more are ended. They are calls whose owner is gone, which this process claims,
//! and calls of this process that the store refused to end. A call that cannot be ended holds up no other, and is tried
//! again later.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::call_task::CallEnd;
use super::{Gateway, Inner};
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{AttemptOutcome, CallStatus, LedgerQuery, OpenCall, Settlement};
use crate::page::Page;
use crate::principal::{Principal, TenantId};

/// The wait before calls that could not be ended are tried again; twice as long each further time.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// The longest wait.
const MAX_RETRY_DELAY: Duration = Duration::from_mins(5);

/// The result of one round of recovery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Round {
    ended: usize,
    failed: usize,
}

impl Gateway {
    /// Claims the calls whose owner is gone, and ends all calls that no task works on any more; returns their number. A call
    /// that cannot be ended now is logged and tried again in the background, until it is ended or this process ends.
    ///
    /// It is unknown whether the vendor received them, so each is charged at its reservation, as `unknown_outcome`, until an
    /// admin reconciles it with the vendor's bill. A call that could cost nothing is not charged, and may be made again.
    ///
    /// # Errors
    /// Those of claiming and reading the calls.
    pub(crate) async fn recover(&self) -> Result<usize> {
        let round = self.inner.recover_round().await?;
        if round.failed > 0 {
            let failed = round.failed;
            tracing::error!(
                failed,
                "calls whose process is gone could not be ended, and are tried again later"
            );
            self.inner.recover_in_background();
        }
        Ok(round.ended)
    }
}

impl Inner {
    /// Marks a call of this process for recovery, because the store refused its settlement.
    pub(super) fn recover_later(self: &Arc<Self>, call: String) {
        self.left_open().insert(call);
        self.recover_in_background();
    }

    /// Runs rounds of recovery, less and less often, until no call is left. There is one such task at a time.
    fn recover_in_background(self: &Arc<Self>) {
        if self.is_recovering.swap(true, Ordering::SeqCst) {
            return;
        }
        let inner = Arc::clone(self);
        self.tasks.spawn_unless_stopping(async move {
            let mut wait = RETRY_DELAY;
            loop {
                tokio::select! {
                    () = inner.tasks.stopping() => return,
                    () = tokio::time::sleep(wait) => {}
                }
                wait = wait.saturating_mul(2).min(MAX_RETRY_DELAY);
                // A call that is left from here on begins another task.
                inner.is_recovering.store(false, Ordering::SeqCst);
                match inner.recover_round().await {
                    Ok(Round { failed: 0, .. }) => return,
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(error = %error.report(), "open calls could not be looked for");
                    }
                }
                if inner.is_recovering.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        });
    }

    async fn recover_round(self: &Arc<Self>) -> Result<Round> {
        let mut round = Round::default();
        for open in self.calls_to_end().await? {
            let call = open.call.id.clone();
            match self.recover_call(open).await {
                Ok(()) => {
                    self.left_open().remove(&call);
                    round.ended += 1;
                }
                Err(error) => {
                    tracing::error!(call, error = %error.report(), "an open call could not be ended");
                    self.left_open().insert(call);
                    round.failed += 1;
                }
            }
        }
        Ok(round)
    }

    /// Claims the calls whose owner is gone, and returns all calls that no task works on any more.
    async fn calls_to_end(self: &Arc<Self>) -> Result<Vec<OpenCall>> {
        let (now, left) = (self.clock.now(), self.left_open().clone());
        self.renew(&self.owner.lease(now)).await?;
        // A claim whose answer is lost may have claimed calls, which the next one finds.
        let is_unlisted = self.has_unlisted_calls.swap(true, Ordering::SeqCst);
        let claimed = self.system.claim_calls(&self.owner.recovery_lease(now), now, usize::MAX).await?;
        if claimed > 0 {
            self.start_lease_renewal();
        }
        let open = if claimed > 0 || is_unlisted || !left.is_empty() {
            self.system.open_calls().await?
        } else {
            Vec::new()
        };
        self.has_unlisted_calls.store(false, Ordering::SeqCst);
        let is_ours = |open: &OpenCall| {
            open.owner == self.owner.recovery || (open.owner == self.owner.id && left.contains(&open.call.id))
        };
        let open: Vec<OpenCall> = open.into_iter().filter(is_ours).collect();
        let is_gone = |call: &String| left.contains(call) && !open.iter().any(|open| open.call.id == *call);
        self.left_open().retain(|call| !is_gone(call));
        Ok(open)
    }

    async fn recover_call(&self, open: OpenCall) -> Result<()> {
        let (now, settings) = (self.clock.now(), self.current().settings);
        let timeout = settings.deadlines.store;
        let system = Principal::system(open.tenant.as_str(), "recovery")?;
        let error = interrupted();
        let outcome = open.attempt.as_ref().map(|attempt| AttemptOutcome::interrupted(attempt, &error, now));
        // The charge for earlier attempts is in the call.
        let last = outcome.as_ref().map(|outcome| outcome.charged.money);
        let charged = last.map_or(Some(open.call.cost), |last| open.call.cost.checked_add(last));
        let attempts = match &open.attempt {
            Some(attempt) => attempt.number,
            None => self.store_guard.call(timeout, self.attempts_over(system.tenant(), &open)).await?,
        };
        let attempted_at = open.attempt.as_ref().map_or(now, |attempt| attempt.started_at);
        let end = CallEnd {
            charged: charged.unwrap_or(open.call.cost),
            ..CallEnd::without_answer(outcome, CallStatus::Unknown, &error, attempts, attempted_at)
        };
        let settlement = self.settlement(&system, &open.call, &settings, end, now);
        let settlement = Settlement { owner: open.owner, ..settlement };
        self.store_guard.call(timeout, self.quota.settle(settlement)).await?;
        self.notify_settled();
        Ok(())
    }

    /// The number of attempts of a call that are over.
    async fn attempts_over(&self, tenant: &TenantId, open: &OpenCall) -> Result<u32> {
        let of_call =
            LedgerQuery { call: Some(open.call.id.clone()), page: Page::all(), ..LedgerQuery::default() };
        let lines = self.ledger.ledger(tenant, &of_call).await?;
        Ok(lines.iter().map(|line| line.attempt).max().unwrap_or(0))
    }
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Unavailable, "the process ended during the call, and its outcome is unknown")
        .with_code("CALL_OUTCOME_UNKNOWN")
        .with_hint("ask again")
}
