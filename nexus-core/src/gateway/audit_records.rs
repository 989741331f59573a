//! Audit records of a call: its admission, retries and end, and its row for the ledger. They hold ids, counts and salted
//! fingerprints, never text.

use super::call::CallRefusal;
use crate::audit::{Digest, Draft, Kind, Payload};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::RunId;
use crate::ledger::content::{consumer_digest, reservation_digest, usage_digest};
use crate::ledger::{Attempt, AttemptOutcome, Call, CallStatus, IdempotencyKey, Operation};
use crate::money::NanoUsd;
use crate::principal::Principal;
use crate::quota::Consumer;
use crate::usage::Usage;

const RETRIED: Kind = Kind::new("call.retried");
const REFUSED: Kind = Kind::new("call.refused");

/// A call that is about to be made.
pub(super) struct NewCall<'a> {
    pub(super) operation: Operation,
    /// The caller's idempotency key; the call's id without one.
    pub(super) key: Option<&'a str>,
    pub(super) digest: &'a str,
    pub(super) salt: String,
    pub(super) consumer: &'a Consumer,
    pub(super) correlation_id: Option<&'a str>,
    pub(super) streamed: bool,
}

/// The row of a call that is about to be made.
pub(super) fn call(id: &str, new: NewCall<'_>, attempt: &Attempt, now: Timestamp) -> Result<Call> {
    Ok(Call {
        id: id.to_owned(),
        consumer: new.consumer.clone(),
        idempotency_key: IdempotencyKey::parse(new.operation, new.key.unwrap_or(id))?,
        digest: new.digest.to_owned(),
        salt: new.salt,
        correlation_id: new.correlation_id.map(str::to_owned),
        provider: attempt.provider.clone(),
        model: attempt.model.clone(),
        streamed: new.streamed,
        created_at: now,
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
    })
}

/// The record of an admission.
pub(super) fn opened(
    caller: &Principal,
    call: &Call,
    attempt: &Attempt,
    policy_version: &str,
    now: Timestamp,
) -> Vec<Draft> {
    let mut payload = facts(attempt)
        .token("decision", "admitted")
        .hash("request_commit", Digest::salted("call/request", &call.salt, &call.digest))
        .hash("claim_commit", Digest::salted("call/claim", &call.salt, &call.idempotency_key.key))
        .hash("consumer", consumer_digest(&call.consumer, call.idempotency_key.operation));
    if let Some(run) = &call.consumer.run {
        payload = payload.token("run", run);
    }
    vec![Draft::new(caller, &call.id, Kind::CHAIN_OPEN, policy_version, now).with_payload(payload)]
}

/// The record of another attempt, after one that ended with `outcome`.
pub(super) fn retried(
    caller: &Principal,
    call: &Call,
    outcome: &AttemptOutcome,
    next: &Attempt,
    policy_version: &str,
    now: Timestamp,
) -> Vec<Draft> {
    let payload = facts(next).nested("ended", ended(outcome));
    vec![Draft::new(caller, &call.id, RETRIED, policy_version, now).with_payload(payload)]
}

/// The facts of a call's end that its record holds.
pub(super) struct CallClosed<'a> {
    pub(super) status: CallStatus,
    pub(super) outcome: Option<&'a AttemptOutcome>,
    pub(super) charged: NanoUsd,
    pub(super) attempts: u32,
    /// The cost that the cache avoided, where it answered.
    pub(super) avoided: Option<NanoUsd>,
}

/// The record of a call's end.
pub(super) fn closed(
    caller: &Principal,
    call: &Call,
    end: &CallClosed<'_>,
    policy_version: &str,
    now: Timestamp,
) -> Vec<Draft> {
    let mut payload = Payload::new()
        .token("status", end.status.as_str())
        .money("charged", end.charged)
        .count("attempts", end.attempts);
    if let Some(avoided) = end.avoided {
        payload = payload.flag("cached", true).money("avoided", avoided);
    }
    if let Some(outcome) = end.outcome {
        payload = payload.nested("ended", ended(outcome));
    }
    vec![Draft::new(caller, &call.id, Kind::CHAIN_CLOSE, policy_version, now).with_payload(payload)]
}

/// The records of a call that was refused.
pub(super) fn refused(
    caller: &Principal,
    id: &str,
    run: Option<&RunId>,
    refused: &CallRefusal,
    policy_version: &str,
    now: Timestamp,
) -> Vec<Draft> {
    let mut payload = Payload::new().token("decision", "refused").token("reason", refused.code());
    if let CallRefusal::Limit(refusal) = refused {
        payload = payload
            .token("scope", refusal.scope.as_str())
            .token("scope_id", &refusal.id)
            .token("meter", refusal.meter.as_str())
            .token("cap", &refusal.limit.to_string())
            .token("used", &refusal.used.to_string());
    }
    if let Some(run) = run {
        payload = payload.id("run", run);
    }
    let draft = |kind| Draft::new(caller, id, kind, policy_version, now);
    vec![
        draft(Kind::CHAIN_OPEN),
        draft(REFUSED).with_payload(payload),
        draft(Kind::CHAIN_CLOSE).with_payload(Payload::new().token("status", "refused")),
    ]
}

fn facts(attempt: &Attempt) -> Payload {
    Payload::new()
        .token("provider", &attempt.provider)
        .token("model", &attempt.model)
        .token("price", &attempt.price_version)
        .money("reserved", attempt.reserved.money)
        .token("reserved_tokens", &attempt.reserved.tokens.to_string())
        .hash("reservation", reservation_digest(attempt))
}

fn ended(outcome: &AttemptOutcome) -> Payload {
    Payload::new()
        .count("attempt", outcome.number)
        .token("status", outcome.status.as_str())
        .money("charged", outcome.charged.money)
        .token("tokens", &outcome.charged.tokens.to_string())
        .flag("estimated", outcome.estimated)
        .token("error", outcome.error.as_deref().unwrap_or("none"))
        .hash("usage", usage_digest(outcome))
}
