//! Model calls for scenarios: calls to begin, attempt outcomes and settlements, with defaults for the rest.

use std::time::Duration;

use nexus_core::audit::Kind;
use nexus_core::error::Failure;
use nexus_core::ledger::{
    Attempt, AttemptOutcome, AttemptStatus, AutoTripRule, BeginCall, BeginResult, Call, CallResult,
    CallStatus, IdempotencyKey, LedgerEntry, LedgerQuery, Operation, RetryCall, Settlement,
};
use nexus_core::llm::Completion;
use nexus_core::quota::{
    Cap, Consumer, CounterKey, CounterState, Limit, LimitCheck, Limits, Meter, MeterAmounts, ScopeKind,
    Window, Zone, checks,
};
use nexus_core::{NanoUsd, Page, Principal, Timestamp, Usage};

use super::fixture::{World, at, lease, owner};

/// Default model of a call.
pub const MODEL: &str = "gpt-4o";

/// Civil day of [`at`] zero.
pub const DAY: &str = "2026-03-01";

/// Returns the amounts of one call of `tokens` tokens for `nano` billionths of a dollar.
pub fn amounts(tokens: u64, nano: i64) -> MeterAmounts {
    MeterAmounts { calls: 1, tokens, cost_units: tokens / 10, money: NanoUsd::from_nanos(nano) }
}

/// Returns a limit on a tenant's cost.
pub fn budget(window: Window, nano: u64) -> Limit {
    Limit::new(ScopeKind::Tenant, Meter::Money, window, Cap::Limited(nano))
}

/// Returns the consumer behind a call of `caller`.
pub fn consumer(caller: &Principal) -> Consumer {
    Consumer {
        tenant: caller.tenant().to_string(),
        user: caller.subject().to_string(),
        ..Consumer::default()
    }
}

/// Returns the checks of `limits` for a call of [`MODEL`] at `now`.
pub fn applied(limits: &[Limit], consumer: &Consumer, now: Timestamp) -> Vec<LimitCheck> {
    checks(&Limits::none().with(limits.iter().cloned()), consumer, MODEL, now, &Zone::default())
}

/// Returns an attempt that reserves `reserved`.
pub fn attempt(number: u32, reserved: MeterAmounts) -> Attempt {
    Attempt {
        number,
        provider: "openai".to_owned(),
        model: MODEL.to_owned(),
        price_version: "2026-01-01".to_owned(),
        reserved,
        started_at: at(0),
    }
}

/// Returns the outcome of an attempt.
pub fn ending(number: u32, status: AttemptStatus, charged: MeterAmounts) -> AttemptOutcome {
    let output_text = charged.tokens;
    AttemptOutcome {
        number,
        status,
        usage: Usage { output_text, ..Usage::default() },
        charged,
        estimated: false,
        error: (status != AttemptStatus::Settled).then(|| "LLM_UNAVAILABLE".to_owned()),
        at: at(1),
    }
}

/// Returns an answer.
pub fn reply(text: &str) -> CallResult {
    CallResult::Reply(Box::new(Completion { text: text.to_owned(), ..Completion::empty() }))
}

/// Returns a failure.
pub fn failure() -> CallResult {
    CallResult::Failed(Failure {
        code: "LLM_UNAVAILABLE".to_owned(),
        message: "the model cannot be reached".to_owned(),
        hint: None,
    })
}

impl World {
    /// Returns a call of `caller` under the idempotency key `key`, as it is admitted.
    pub fn call(&self, caller: &Principal, key: &str) -> Call {
        Call {
            id: self.fresh("call"),
            consumer: consumer(caller),
            idempotency_key: IdempotencyKey::parse(Operation::Chat, key).unwrap(),
            digest: "digest".to_owned(),
            salt: "salt".to_owned(),
            correlation_id: Some("q-1".to_owned()),
            provider: "openai".to_owned(),
            model: MODEL.to_owned(),
            streamed: false,
            created_at: at(0),
            status: CallStatus::Open,
            usage: Usage::default(),
            cost: NanoUsd::ZERO,
            estimated: false,
            was_cached: false,
            avoided: NanoUsd::ZERO,
            latency_ms: None,
            first_byte_ms: None,
            error: None,
            distillation_eligible: false,
            metadata: serde_json::Map::new(),
        }
    }

    /// Returns a call of `caller` to begin that reserves `reserved` under `limits`.
    pub fn intent(
        &self,
        caller: &Principal,
        key: &str,
        limits: &[Limit],
        reserved: MeterAmounts,
    ) -> BeginCall {
        let call = self.call(caller, key);
        BeginCall {
            tenant: caller.tenant().clone(),
            audit: self.pending(caller, &call.id, &[Kind::CHAIN_OPEN]),
            checks: applied(limits, &call.consumer, call.created_at),
            attempt: attempt(1, reserved),
            settings_version: 0,
            lease: lease("process-1", 0),
            key_expires_at: call.created_at.plus(Duration::from_hours(24)),
            call,
        }
    }

    /// Begins a call that must be admitted, and returns its id.
    pub async fn begin(&self, intent: BeginCall) -> String {
        let call = intent.call.id.clone();
        let begun = self.store.begin(intent).await.unwrap();
        assert!(matches!(begun, BeginResult::Admitted { .. }), "{begun:?}");
        call
    }

    /// Returns the settlement of a call that was answered and charged with `charged`.
    pub fn settlement(&self, caller: &Principal, call: &str, charged: MeterAmounts) -> Settlement {
        Settlement {
            tenant: caller.tenant().clone(),
            call: call.to_owned(),
            owner: owner("process-1"),
            outcome: Some(ending(1, AttemptStatus::Settled, charged)),
            status: CallStatus::Succeeded,
            result: reply("thirty days"),
            avoided: None,
            distillation_eligible: false,
            reasoning: String::new(),
            first_byte_at: Some(at(1)),
            at: at(2),
            day: DAY.to_owned(),
            auto_trip: AutoTripRule::default(),
            audit: self.pending(caller, call, &[Kind::CHAIN_CLOSE]),
        }
    }

    /// Returns the settlement of a call that failed: `status` is that of its only attempt.
    pub fn failed(
        &self,
        caller: &Principal,
        call: &str,
        status: AttemptStatus,
        charged: MeterAmounts,
    ) -> Settlement {
        Settlement {
            outcome: Some(ending(1, status, charged)),
            status: CallStatus::Failed,
            result: failure(),
            first_byte_at: None,
            ..self.settlement(caller, call, charged)
        }
    }

    /// Settles a call that must be open.
    pub async fn settle(&self, settlement: Settlement) {
        assert!(self.store.settle(settlement).await.unwrap());
    }

    /// Begins and settles a call.
    pub async fn made(
        &self,
        caller: &Principal,
        key: &str,
        limits: &[Limit],
        charged: MeterAmounts,
    ) -> String {
        let call = self.begin(self.intent(caller, key, limits, charged)).await;
        self.settle(self.settlement(caller, &call, charged)).await;
        call
    }

    /// Returns the end of the first attempt of a call, unbilled, and the request for a second.
    pub fn retry_of(
        &self,
        caller: &Principal,
        call: &str,
        limits: &[Limit],
        reserved: MeterAmounts,
    ) -> RetryCall {
        RetryCall {
            tenant: caller.tenant().clone(),
            call: call.to_owned(),
            owner: owner("process-1"),
            outcome: ending(1, AttemptStatus::FailedUnbilled, MeterAmounts::ZERO),
            attempt: attempt(2, reserved),
            checks: applied(limits, &consumer(caller), at(0)),
            day: DAY.to_owned(),
            audit: self.pending(caller, call, &[Kind::new("call.retry")]),
        }
    }

    /// Returns the state of one counter.
    pub async fn used(&self, caller: &Principal, key: &CounterKey) -> CounterState {
        self.store.used(caller.tenant(), std::slice::from_ref(key)).await.unwrap().remove(0)
    }

    /// Returns all ledger entries of a tenant, latest first.
    pub async fn lines(&self, caller: &Principal) -> Vec<LedgerEntry> {
        self.store.ledger(caller.tenant(), &every()).await.unwrap()
    }
}

/// Returns a query for all entries.
pub fn every() -> LedgerQuery {
    LedgerQuery { page: Page::first(99_999), ..LedgerQuery::default() }
}

/// Returns the counter that a limit checks when `caller` calls at zero.
pub fn key_of(caller: &Principal, limit: &Limit) -> CounterKey {
    applied(std::slice::from_ref(limit), &consumer(caller), at(0)).remove(0).key
}
