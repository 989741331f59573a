//! Admission: idempotency key, kill switches, limits and the reservation, in one durable step before anything is sent.

use std::time::Duration;

use tokio::time::Instant;

use super::{AdmittedCall, CallTask};
use crate::audit::fresh_salt;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::allowance::Share;
use crate::gateway::breaker::{BreakerDecision, BreakerPermit, circuit_open};
use crate::gateway::call::{Admission, CallRefusal, RunCaps};
use crate::gateway::operation::ModelOperation;
use crate::gateway::plan::{EffectiveLimits, Plan, PlannedAttempt};
use crate::gateway::routing::Candidate;
use crate::gateway::settings::{InvestigationPolicy, Models};
use crate::gateway::{audit_records, metrics};
use crate::ledger::{BeginCall, BeginResult, Call, CallResult};
use crate::llm::ProviderErrorKind;
use crate::quota::{Refusal, ScopeKind};

/// The interval at which the result of an equal call in another process is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The start of a granted call.
pub(in crate::gateway) enum Start<P> {
    /// An attempt may be made.
    Attempt(Box<AdmittedCall<P>>),
    /// An earlier call with the same idempotency key has ended, and its result is replayed.
    Replay(Box<Call>, Box<CallResult>),
}

/// An attempt whose provider may be asked now.
pub(super) struct AvailableAttempt<P> {
    /// The index of its candidate.
    pub(super) place: usize,
    pub(super) planned: PlannedAttempt<P>,
    pub(super) permit: AttemptPermit,
}

/// The permits that an attempt takes before it is made. Dropped, they are given back.
#[derive(Debug)]
pub(super) struct AttemptPermit {
    /// The permit of the circuit breaker; a model within this process has none.
    pub(super) breaker: Option<BreakerPermit>,
    /// The attempt's part of the call's cost bound.
    pub(super) share: Share,
}

impl<O: ModelOperation> CallTask<O> {
    /// Admits the call, or records its refusal.
    pub(in crate::gateway) async fn admit(&self) -> Result<Admission<Start<O::Provider>>> {
        match self.reserve().await? {
            Admission::Refused(refused) => self.refuse(refused).await,
            granted @ Admission::Granted(_) => Ok(granted),
        }
    }

    /// Reserves the worst case of the first available attempt. An equal call that is under way is waited for.
    async fn reserve(&self) -> Result<Admission<Start<O::Provider>>> {
        let mut plan = self.plan().await?;
        let mut is_degraded = false;
        loop {
            let available = match self.first_available(&plan)? {
                Admission::Granted(available) => available,
                Admission::Refused(refused) => {
                    let Some(current) = self.replanned(&plan).await? else {
                        return Ok(Admission::Refused(refused));
                    };
                    (plan, is_degraded) = (current, false);
                    continue;
                }
            };
            let record = self.new_record(&plan, &available.planned)?;
            let begin = self.begin_call(&plan, &available.planned, &record)?;
            let abandoned = self.inner.abandoned_settlement(&self.caller, plan.settings(), &record);
            let timeout = plan.settings().deadlines.store;
            match self.inner.begin_or_abandon(begin, abandoned, timeout).await? {
                BeginResult::Admitted { shadowed } => {
                    log_shadowed(&shadowed, &record.id);
                    let call = AdmittedCall::new(plan, record, available);
                    return Ok(Admission::Granted(Start::Attempt(Box::new(call))));
                }
                BeginResult::Replayed(before) => {
                    let (call, result) = *before;
                    return Ok(Admission::Granted(Start::Replay(Box::new(call), Box::new(result))));
                }
                BeginResult::InProgress(id) => {
                    drop(available);
                    self.wait_for_result(&plan, &id).await?;
                }
                BeginResult::IdempotencyConflict => return Err(idempotency_conflict()),
                BeginResult::KillSwitch(switch) => {
                    return Ok(Admission::Refused(CallRefusal::KillSwitch(switch)));
                }
                BeginResult::SettingsChanged => {
                    drop(available);
                    (plan, is_degraded) = (self.renewed(&plan).await?, false);
                }
                BeginResult::Refused(refusal) => match self.degraded(&plan, &refusal) {
                    Some(degraded) if !is_degraded => {
                        is_degraded = true;
                        plan.candidates = vec![degraded];
                    }
                    Some(_) | None => return Ok(Admission::Refused(CallRefusal::Limit(refusal))),
                },
            }
        }
    }

    /// Takes a snapshot of everything that decides about the call.
    pub(super) async fn plan(&self) -> Result<Plan<O::Provider>> {
        let tenant = self.caller.tenant();
        let Models { routing, settings, .. } = self.inner.current();
        let mut stored = self.inner.stored_settings(tenant, &settings).await?;
        let mut route = routing.route(tenant.as_str()).clone().with_settings(&stored.tenant);
        let mut candidates = self.operation.candidates(&route, &routing);
        if candidates.is_err() {
            // Settings that are out of date must not refuse a call either.
            stored = self.inner.current_settings(tenant).await?;
            route = routing.route(tenant.as_str()).clone().with_settings(&stored.tenant);
            candidates = self.operation.candidates(&route, &routing);
        }
        let run = self.origin.run.as_ref().filter(|_| O::IS_ANSWER);
        Ok(Plan {
            candidates: candidates?,
            route,
            digest: self.operation.digest(&self.caller)?,
            limits: EffectiveLimits::new(&self.caller, &self.origin, settings, &stored),
            answer_limit: run.and_then(RunCaps::answers),
            monthly_answers: stored
                .tenant
                .quotas
                .filter(|_| O::IS_ANSWER)
                .and_then(|caps| caps.max_queries_per_month),
            max_input_tokens: self.operation.max_input_tokens(),
            routing,
        })
    }

    /// The plan by the settings that replaced those of `plan`.
    pub(super) async fn renewed(&self, plan: &Plan<O::Provider>) -> Result<Plan<O::Provider>> {
        self.inner.settings_cache.remove(self.caller.tenant(), plan.limits.settings_version);
        self.plan().await
    }

    /// The plan by the present settings, if `plan` rests on earlier ones: those refuse no call, for instance for a price
    /// that was unknown then.
    async fn replanned(&self, plan: &Plan<O::Provider>) -> Result<Option<Plan<O::Provider>>> {
        let stored = self.inner.current_settings(self.caller.tenant()).await?;
        if stored.version == plan.limits.settings_version { Ok(None) } else { self.plan().await.map(Some) }
    }

    /// The first candidate that has a price, fits the cost bound and whose circuit breaker lets a call through.
    pub(super) fn first_available(
        &self,
        plan: &Plan<O::Provider>,
    ) -> Result<Admission<AvailableAttempt<O::Provider>>> {
        let now = self.now();
        let mut wait: Option<Duration> = None;
        for (place, candidate) in plan.candidates.iter().enumerate() {
            let planned = match self.planned(plan, candidate, now)? {
                Ok(planned) => planned,
                // A caller who asks for a model without a price is refused, rather than answered by another model.
                Err(refused) => return Ok(Admission::Refused(refused)),
            };
            let share = match self.share(plan, &planned) {
                Ok(share) => share,
                Err(refused) => return Ok(Admission::Refused(refused)),
            };
            match self.breaker_permit(plan, &planned) {
                Ok(breaker) => {
                    let permit = AttemptPermit { breaker, share };
                    return Ok(Admission::Granted(AvailableAttempt { place, planned, permit }));
                }
                Err(more) => wait = Some(wait.map_or(more, |least| least.min(more))),
            }
        }
        let again =
            if O::HAS_FALLBACKS { "try again later, or configure a fallback" } else { "try again later" };
        Err(circuit_open(wait.unwrap_or_default()).with_hint(again))
    }

    /// The attempt at `candidate`, or a refusal where its price is unknown.
    pub(super) fn planned(
        &self,
        plan: &Plan<O::Provider>,
        candidate: &Candidate<O::Provider>,
        now: Timestamp,
    ) -> Result<Result<PlannedAttempt<O::Provider>, CallRefusal>> {
        let max_output_tokens = self.operation.max_output_tokens(candidate, plan.settings());
        plan.attempt(candidate, max_output_tokens, now)
    }

    /// The permits for an attempt, if it fits the cost bound and the circuit breaker lets a call through.
    pub(super) fn permit(
        &self,
        plan: &Plan<O::Provider>,
        planned: &PlannedAttempt<O::Provider>,
    ) -> Option<AttemptPermit> {
        let share = self.share(plan, planned).ok()?;
        let breaker = self.breaker_permit(plan, planned).ok()?;
        Some(AttemptPermit { breaker, share })
    }

    /// Takes the worst case of an attempt out of the cost bound.
    fn share(
        &self,
        plan: &Plan<O::Provider>,
        planned: &PlannedAttempt<O::Provider>,
    ) -> Result<Share, CallRefusal> {
        plan.limits.check_cost(planned.worst.money)?;
        Share::take(self.origin.allowance.as_ref(), planned.worst.money)
    }

    /// The permit of the provider's circuit breaker, or the time for which the circuit stays open.
    fn breaker_permit(
        &self,
        plan: &Plan<O::Provider>,
        planned: &PlannedAttempt<O::Provider>,
    ) -> Result<Option<BreakerPermit>, Duration> {
        if self.operation.is_in_process() {
            return Ok(None);
        }
        let integration = format!("{}/{}", O::SERVICE, planned.candidate.name);
        match self.inner.breakers.try_acquire(integration, self.now(), &plan.settings().breaker) {
            BreakerDecision::Allow(permit) => Ok(Some(permit)),
            BreakerDecision::Reject(wait) => Err(wait),
        }
    }

    /// The row of the call that is about to begin.
    pub(super) fn new_record(
        &self,
        plan: &Plan<O::Provider>,
        planned: &PlannedAttempt<O::Provider>,
    ) -> Result<Call> {
        let now = self.now();
        let id = self.inner.ids.next();
        let new_call = audit_records::NewCall {
            operation: O::OPERATION,
            key: self.operation.idempotency_key(),
            digest: &plan.digest,
            salt: fresh_salt(self.inner.ids.as_ref()),
            consumer: &plan.limits.consumer,
            correlation_id: self.origin.correlation_id.as_deref(),
            streamed: self.operation.is_streamed(),
        };
        audit_records::call(&id, new_call, &planned.record(1, now), now)
    }

    /// Everything that is durable before the first attempt is made.
    pub(super) fn begin_call(
        &self,
        plan: &Plan<O::Provider>,
        planned: &PlannedAttempt<O::Provider>,
        record: &Call,
    ) -> Result<BeginCall> {
        let now = record.created_at;
        let attempt = planned.record(1, now);
        let policy_version = self.inner.policy_version(self.caller.tenant());
        let opened = audit_records::opened(&self.caller, record, &attempt, &policy_version, now);
        Ok(BeginCall {
            tenant: self.caller.tenant().clone(),
            call: record.clone(),
            checks: plan.checks(planned, now)?,
            settings_version: plan.limits.settings_version,
            lease: self.inner.owner.lease(now),
            key_expires_at: now.plus(plan.settings().idempotency_ttl),
            audit: self.inner.pending(opened),
            attempt,
        })
    }

    /// Waits until the equal call `id` is over, or the deadline of a call has passed.
    async fn wait_for_result(&self, plan: &Plan<O::Provider>, id: &str) -> Result<()> {
        let deadlines = &plan.settings().deadlines;
        let until = Instant::now() + deadlines.total;
        let result = || self.inner.quota.call_result(self.caller.tenant(), id);
        while self.inner.store_guard.call(deadlines.store, result()).await?.is_none() {
            if Instant::now() >= until {
                return Err(
                    ProviderErrorKind::Timeout.error("an equal call is under way and did not end in time")
                );
            }
            self.inner.wait_for_settlement(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// The candidate that is asked after `refusal`, where settings and route degrade.
    fn degraded(&self, plan: &Plan<O::Provider>, refusal: &Refusal) -> Option<Candidate<O::Provider>> {
        let degrades = plan.settings().investigation == InvestigationPolicy::Degrade
            && refusal.scope == ScopeKind::Investigation;
        if degrades { self.operation.degraded(&plan.route, &plan.routing) } else { None }
    }

    /// Records a refusal, and returns it as the caller may see it.
    pub(super) async fn refuse<T>(&self, refused: CallRefusal) -> Result<Admission<T>> {
        metrics::refused(O::OPERATION, refused.code());
        let (id, now) = (self.inner.ids.next(), self.now());
        let (run, version) = (self.origin.run_id(), self.inner.policy_version(self.caller.tenant()));
        let drafts = audit_records::refused(&self.caller, &id, run, &refused, &version, now);
        self.inner.append(drafts).await?;
        Ok(Admission::Refused(self.shown(refused)))
    }

    /// A refusal as the caller may see it.
    pub(super) fn shown(&self, refused: CallRefusal) -> CallRefusal {
        refused.shown_to(&self.caller, self.origin.run.is_some())
    }
}

/// The reason why the store refused `call`, if it did. The call has no idempotency key that another could share.
pub(super) fn refusal(begun: BeginResult, call: &str) -> Result<Option<CallRefusal>> {
    match begun {
        BeginResult::Admitted { shadowed } => {
            log_shadowed(&shadowed, call);
            Ok(None)
        }
        BeginResult::Refused(refusal) => Ok(Some(CallRefusal::Limit(refusal))),
        BeginResult::KillSwitch(switch) => Ok(Some(CallRefusal::KillSwitch(switch))),
        BeginResult::Replayed(_) | BeginResult::InProgress(_) | BeginResult::IdempotencyConflict => {
            Err(unexpected_replay())
        }
        BeginResult::SettingsChanged => Err(settings_changed()),
    }
}

fn log_shadowed(shadowed: &[Refusal], call: &str) {
    for refusal in shadowed {
        let code = refusal.code();
        tracing::info!(call, code, "a limit in shadow would have refused a call");
    }
}

pub(super) fn unexpected_replay() -> Error {
    Error::unexpected("a call without an idempotency key of its own was taken for another")
}

fn settings_changed() -> Error {
    Error::unexpected("a call in flight was refused by settings that it did not begin with")
}

fn idempotency_conflict() -> Error {
    Error::new(ErrorKind::Conflict, "the idempotency key was used before for another request")
        .with_code("IDEMPOTENCY_MISMATCH")
        .with_hint("use a new key for a new request")
}
