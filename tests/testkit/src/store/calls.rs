//! Model calls for scenarios: intents, endings and settlements with what a scenario does not care about filled in.

use std::time::Duration;

use nexus_core::audit::Kind;
use nexus_core::document::model::Failure;
use nexus_core::ledger::{
    Attempt, AttemptStatus, Begun, Call, CallResult, CallStatus, ClaimKey, Ending, Intent, LedgerLine,
    LedgerQuery, Operation, Retry, Settlement, ShutoffRule,
};
use nexus_core::llm::Reply;
use nexus_core::quota::{
    Amounts, Cap, Check, Consumer, CounterKey, Limit, Limits, Meter, ScopeKind, Used, Window, Zone, checks,
};
use nexus_core::{NanoUsd, Principal, Timestamp, Usage};

use super::world::{World, at};

/// The model that is called unless told.
pub const MODEL: &str = "gpt-4o";

/// The civil day of [`at`] zero.
pub const DAY: &str = "2026-03-01";

/// One call of `tokens` tokens for `nano` billionths of a dollar.
pub fn amounts(tokens: u64, nano: i64) -> Amounts {
    Amounts { calls: 1, tokens, cost_units: tokens / 10, money: NanoUsd::from_nanos(nano) }
}

/// A limit on a tenant's money.
pub fn budget(window: Window, nano: u64) -> Limit {
    Limit::new(ScopeKind::Tenant, Meter::Money, window, Cap::At(nano))
}

/// Who consumes when `who` calls.
pub fn consumer(who: &Principal) -> Consumer {
    Consumer { tenant: who.tenant().to_string(), user: who.subject().to_string(), ..Consumer::default() }
}

/// What `limits` mean for a call of [`MODEL`] at `now`.
pub fn applied(limits: &[Limit], consumer: &Consumer, now: Timestamp) -> Vec<Check> {
    checks(&Limits::none().with(limits.iter().cloned()), consumer, MODEL, now, &Zone::default())
}

/// An attempt that reserves `reserved`.
pub fn attempt(number: u32, reserved: Amounts) -> Attempt {
    Attempt {
        number,
        provider: "openai".to_owned(),
        model: MODEL.to_owned(),
        price_version: "2026-01-01".to_owned(),
        reserved,
        started_at: at(0),
    }
}

/// How an attempt ended.
pub fn ending(number: u32, status: AttemptStatus, charged: Amounts) -> Ending {
    let output_text = charged.tokens;
    Ending {
        number,
        status,
        usage: Usage { output_text, ..Usage::default() },
        charged,
        estimated: false,
        error: (status != AttemptStatus::Settled).then(|| "LLM_UNAVAILABLE".to_owned()),
        at: at(1),
    }
}

/// An answer.
pub fn reply(text: &str) -> CallResult {
    CallResult::Reply(Box::new(Reply { text: text.to_owned(), ..Reply::empty() }))
}

/// No answer.
pub fn failure() -> CallResult {
    CallResult::Failed(Failure {
        code: "LLM_UNAVAILABLE".to_owned(),
        message: "the model cannot be reached".to_owned(),
        hint: None,
    })
}

impl World {
    /// A call of `who`, under the claim `key`, as it is admitted.
    pub fn call(&self, who: &Principal, key: &str) -> Call {
        Call {
            id: self.fresh("call"),
            consumer: consumer(who),
            claim: ClaimKey::parse(Operation::Chat, key).unwrap(),
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

    /// An intent of `who` that reserves `reserved` under `limits`.
    pub fn intent(&self, who: &Principal, key: &str, limits: &[Limit], reserved: Amounts) -> Intent {
        let call = self.call(who, key);
        Intent {
            tenant: who.tenant().clone(),
            audit: self.pending(who, &call.id, &[Kind::RUN_OPEN]),
            checks: applied(limits, &call.consumer, call.created_at),
            attempt: attempt(1, reserved),
            owner: "process-1".to_owned(),
            claimed_until: call.created_at.plus(Duration::from_hours(24)),
            call,
        }
    }

    /// Begins a call that must be admitted, and gives back its id.
    pub async fn begin(&self, intent: Intent) -> String {
        let call = intent.call.id.clone();
        let begun = self.store.begin(intent).await.unwrap();
        assert!(matches!(begun, Begun::Admitted { .. }), "{begun:?}");
        call
    }

    /// The settlement of a call that was answered and charged with `charged`.
    pub fn settlement(&self, who: &Principal, call: &str, charged: Amounts) -> Settlement {
        Settlement {
            tenant: who.tenant().clone(),
            call: call.to_owned(),
            ending: Some(ending(1, AttemptStatus::Settled, charged)),
            status: CallStatus::Succeeded,
            result: reply("thirty days"),
            avoided: None,
            distillation_eligible: false,
            reasoning: String::new(),
            first_byte_at: Some(at(1)),
            at: at(2),
            day: DAY.to_owned(),
            shutoff: ShutoffRule::default(),
            audit: self.pending(who, call, &[Kind::RUN_CLOSE]),
        }
    }

    /// The settlement of a call that failed: `status` is that of its only attempt.
    pub fn failed(&self, who: &Principal, call: &str, status: AttemptStatus, charged: Amounts) -> Settlement {
        Settlement {
            ending: Some(ending(1, status, charged)),
            status: CallStatus::Failed,
            result: failure(),
            first_byte_at: None,
            ..self.settlement(who, call, charged)
        }
    }

    /// Settles a call that must be open.
    pub async fn settle(&self, settlement: Settlement) {
        assert!(self.store.settle(settlement).await.unwrap());
    }

    /// Makes a call from its beginning to its end.
    pub async fn made(&self, who: &Principal, key: &str, limits: &[Limit], charged: Amounts) -> String {
        let call = self.begin(self.intent(who, key, limits, charged)).await;
        self.settle(self.settlement(who, &call, charged)).await;
        call
    }

    /// The end of the first attempt of a call, unbilled, and the wish for a second.
    pub fn retry_of(&self, who: &Principal, call: &str, limits: &[Limit], reserved: Amounts) -> Retry {
        Retry {
            tenant: who.tenant().clone(),
            call: call.to_owned(),
            ending: ending(1, AttemptStatus::FailedUnbilled, Amounts::ZERO),
            attempt: attempt(2, reserved),
            checks: applied(limits, &consumer(who), at(0)),
            day: DAY.to_owned(),
            audit: self.pending(who, call, &[Kind::new("call.retry")]),
        }
    }

    /// How one counter stands.
    pub async fn used(&self, who: &Principal, key: &CounterKey) -> Used {
        self.store.used(who.tenant(), std::slice::from_ref(key)).await.unwrap().remove(0)
    }

    /// All lines of a tenant, latest first.
    pub async fn lines(&self, who: &Principal) -> Vec<LedgerLine> {
        self.store.ledger(who.tenant(), &every()).await.unwrap()
    }
}

/// Everything.
pub fn every() -> LedgerQuery {
    LedgerQuery { limit: 99_999, ..LedgerQuery::default() }
}

/// The counter that a limit looks at when `who` calls at zero.
pub fn key_of(who: &Principal, limit: &Limit) -> CounterKey {
    applied(std::slice::from_ref(limit), &consumer(who), at(0)).remove(0).key
}
