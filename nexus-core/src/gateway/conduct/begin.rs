//! The beginning of a call: claim, stops, limits and the reservation, in one durable step.

use std::time::Duration;

use tokio::time::Instant;

use super::{Admitted, Conduct, Leave, Start};
use crate::audit::fresh_salt;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::allowance::Share;
use crate::gateway::attempt::Mode;
use crate::gateway::audit_records;
use crate::gateway::breaker::BreakerDecision;
use crate::gateway::call::{Admission, CallRefusal, circuit_open};
use crate::gateway::models::Models;
use crate::gateway::plan::{Plan, PlannedAttempt};
use crate::gateway::settings::InvestigationPolicy;
use crate::ledger::{BeginCall, BeginResult, Call, Operation};
use crate::llm::ProviderErrorKind;
use crate::quota::{Refusal, ScopeKind};

/// How often the result of an equal call is looked for that somebody else is making.
const WAIT: Duration = Duration::from_millis(50);

impl Conduct {
    /// Claims, looks at stops and limits, and reserves.
    pub(super) async fn begin(&self) -> Result<Admission<Start>> {
        let tenant = self.caller.tenant();
        let Models { routing, settings, .. } = self.shared.current();
        let set = self.shared.overrides(tenant, &settings).await?;
        let mut plan = Plan::new(&self.caller, &self.call, routing, settings, set)?;
        let mut degraded = false;
        loop {
            let (place, this, leave) = match self.first(&plan)? {
                Admission::Granted(first) => first,
                Admission::Refused(refused) => return Ok(Admission::Refused(refused)),
            };
            let (begun, record) = self.admit(&plan, &this).await?;
            match begun {
                BeginResult::Admitted { shadowed } => {
                    return Ok(Admission::Granted(Start::Attempt(Box::new(Admitted::new(
                        plan, record, this, place, leave, &shadowed,
                    )))));
                }
                BeginResult::Replayed(before) => {
                    let (call, result) = *before;
                    return Ok(Admission::Granted(Start::Replay(Box::new(call), Box::new(result))));
                }
                BeginResult::InProgress(id) => {
                    drop(leave);
                    self.wait_for(&plan, &id).await?;
                }
                BeginResult::IdempotencyConflict => return Err(mismatched()),
                BeginResult::KillSwitch(stop) => return Ok(Admission::Refused(CallRefusal::Stopped(stop))),
                BeginResult::Refused(refusal) if !degraded && degrades(&plan, &refusal) => {
                    degraded = true;
                    match plan.routing.degraded(tenant) {
                        Some(cheaper) => plan.candidates = vec![cheaper],
                        None => return Ok(Admission::Refused(CallRefusal::Limit(refusal))),
                    }
                }
                BeginResult::Refused(refusal) => return Ok(Admission::Refused(CallRefusal::Limit(refusal))),
            }
        }
    }

    /// The first candidate that is well, priced and not too dear.
    fn first(&self, plan: &Plan) -> Result<Admission<(usize, PlannedAttempt, Leave)>> {
        let now = self.shared.clock.now();
        let mut shut: Option<Duration> = None;
        for (place, candidate) in plan.candidates.iter().enumerate() {
            let this = match plan.attempt(candidate, now)? {
                Ok(this) => this,
                // Whoever asks for a model without a price is told, rather than answered by another.
                Err(refused) => return Ok(Admission::Refused(refused)),
            };
            let share = match self.share(plan, &this) {
                Ok(share) => share,
                Err(refused) => return Ok(Admission::Refused(refused)),
            };
            match self.pass(plan, &this) {
                BreakerDecision::Allow(trial) => {
                    return Ok(Admission::Granted((place, this, Leave { trial, share })));
                }
                BreakerDecision::Reject(wait) => shut = Some(shut.map_or(wait, |least| least.min(wait))),
            }
        }
        let message = "every provider that may be asked is resting after failures";
        Err(circuit_open(message, shut.unwrap_or_default()).hint("try again later, or configure a fallback"))
    }

    /// Sets the worst case of an attempt aside, out of what the call may cost and what it has not spent yet.
    pub(super) fn share(&self, plan: &Plan, this: &PlannedAttempt) -> Result<Share, CallRefusal> {
        plan.terms.check_cost(this.worst.money)?;
        Share::take(self.allowance.as_ref(), this.worst.money)
    }

    async fn admit(&self, plan: &Plan, this: &PlannedAttempt) -> Result<(BeginResult, Call)> {
        let now = self.shared.clock.now();
        let id = self.shared.ids.next();
        let attempt = this.record(1, now);
        let asked = audit_records::NewCall {
            operation: Operation::Chat,
            key: self.call.idempotency_key.as_deref(),
            digest: &plan.digest,
            salt: fresh_salt(self.shared.ids.as_ref()),
            consumer: &plan.terms.consumer,
            correlation_id: self.call.correlation_id.as_deref(),
            streamed: self.mode == Mode::Streaming,
        };
        let record = audit_records::call(&id, asked, &attempt, now)?;
        let intent = BeginCall {
            tenant: self.caller.tenant().clone(),
            call: record.clone(),
            checks: plan.checks(this, now)?,
            owner: self.shared.owner.clone(),
            claimed_until: now.plus(plan.settings.idempotency_ttl),
            audit: self.shared.pending(audit_records::opened(
                &self.caller,
                &record,
                &attempt,
                &self.shared.policy_version(self.caller.tenant()),
                now,
            )),
            attempt,
        };
        Ok((self.shared.begin(&self.caller, &plan.settings, intent).await?, record))
    }

    /// Waits until the equal call that is under way is over, or time is.
    async fn wait_for(&self, plan: &Plan, id: &str) -> Result<()> {
        let deadlines = &plan.settings.deadlines;
        let until = Instant::now() + deadlines.total;
        let result = || self.shared.store.call_result(self.caller.tenant(), id);
        while self.shared.store_guard.call(deadlines.store, result()).await?.is_none() {
            if Instant::now() >= until {
                return Err(
                    ProviderErrorKind::Timeout.error("an equal call is under way and did not end in time")
                );
            }
            self.shared.wait_for_settlement(WAIT).await;
        }
        Ok(())
    }
}

fn degrades(plan: &Plan, refusal: &Refusal) -> bool {
    plan.settings.investigation == InvestigationPolicy::Degrade && refusal.scope == ScopeKind::Investigation
}

fn mismatched() -> Error {
    Error::new(ErrorKind::Conflict, "the idempotency key was used before for another request")
        .code("IDEMPOTENCY_MISMATCH")
        .hint("use a new key for a new request")
}
