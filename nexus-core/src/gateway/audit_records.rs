//! What a call leaves behind: its row for the ledger, and the audit records of its admission, retries and end. Ids,
//! counts and salted fingerprints, never text.

use super::call::CallRefusal;
use crate::audit::{Digest, Draft, Kind, Payload};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::RunId;
use crate::ledger::{Attempt, AttemptOutcome, Call, CallStatus, IdempotencyKey, Operation};
use crate::money::NanoUsd;
use crate::principal::Principal;
use crate::quota::Consumer;
use crate::usage::Usage;

const RETRIED: Kind = Kind::new("call.retried");
const REFUSED: Kind = Kind::new("call.refused");

/// What is asked for, by whom.
pub(super) struct NewCall<'a> {
    pub(super) operation: Operation,
    /// What makes it the same call when it is made again; a call of its own without one.
    pub(super) key: Option<&'a str>,
    pub(super) digest: &'a str,
    pub(super) salt: String,
    pub(super) consumer: &'a Consumer,
    pub(super) correlation_id: Option<&'a str>,
    pub(super) streamed: bool,
}

/// The row of a call that is about to be made.
pub(super) fn call(id: &str, asked: NewCall<'_>, attempt: &Attempt, now: Timestamp) -> Result<Call> {
    Ok(Call {
        id: id.to_owned(),
        consumer: asked.consumer.clone(),
        claim: IdempotencyKey::parse(asked.operation, asked.key.unwrap_or(id))?,
        digest: asked.digest.to_owned(),
        salt: asked.salt,
        correlation_id: asked.correlation_id.map(str::to_owned),
        provider: attempt.provider.clone(),
        model: attempt.model.clone(),
        streamed: asked.streamed,
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
        .hash("claim_commit", Digest::salted("call/claim", &call.salt, &call.claim.key));
    if let Some(run) = &call.consumer.run {
        payload = payload.token("run", run);
    }
    vec![Draft::new(caller, &call.id, Kind::CHAIN_OPEN, policy_version, now).with_payload(payload)]
}

/// The record of another attempt.
pub(super) fn retried(
    caller: &Principal,
    call: &Call,
    ending: &AttemptOutcome,
    next: &Attempt,
    policy_version: &str,
    now: Timestamp,
) -> Vec<Draft> {
    let payload = facts(next).nested("ended", ended(ending));
    vec![Draft::new(caller, &call.id, RETRIED, policy_version, now).with_payload(payload)]
}

/// How a call ended.
pub(super) struct CallEnd<'a> {
    pub(super) status: CallStatus,
    pub(super) ending: Option<&'a AttemptOutcome>,
    pub(super) charged: NanoUsd,
    pub(super) attempts: u32,
    /// What a cache spared, where it answered.
    pub(super) avoided: Option<NanoUsd>,
}

/// The record of a call's end.
pub(super) fn closed(
    caller: &Principal,
    call: &Call,
    end: &CallEnd<'_>,
    policy_version: &str,
    now: Timestamp,
) -> Vec<Draft> {
    let status = match end.status {
        CallStatus::Open => "open",
        CallStatus::Succeeded => "succeeded",
        CallStatus::Failed => "failed",
        CallStatus::Cancelled => "cancelled",
        CallStatus::Unknown => "unknown",
    };
    let mut payload =
        Payload::new().token("status", status).money("charged", end.charged).count("attempts", end.attempts);
    if let Some(avoided) = end.avoided {
        payload = payload.flag("cached", true).money("avoided", avoided);
    }
    if let Some(ending) = end.ending {
        payload = payload.nested("ended", ended(ending));
    }
    vec![Draft::new(caller, &call.id, Kind::CHAIN_CLOSE, policy_version, now).with_payload(payload)]
}

/// The records of a call that was not made.
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
}

fn ended(ending: &AttemptOutcome) -> Payload {
    Payload::new()
        .count("attempt", ending.number)
        .token("status", ending.status.as_str())
        .money("charged", ending.charged.money)
        .token("tokens", &ending.charged.tokens.to_string())
        .flag("estimated", ending.estimated)
        .token("error", ending.error.as_deref().unwrap_or("none"))
}
