//! What a call leaves behind: its row for the ledger, and the audit records of its admission, retries and end. Ids,
//! counts and salted fingerprints, never text.

use super::call::Refused;
use crate::audit::{Digest, Draft, Kind, Payload};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::RunId;
use crate::ledger::{Attempt, Call, CallStatus, ClaimKey, Ending, Operation};
use crate::money::NanoUsd;
use crate::principal::Principal;
use crate::quota::Consumer;
use crate::usage::Usage;

const RETRIED: Kind = Kind::new("call.retried");
const REFUSED: Kind = Kind::new("call.refused");

/// What is asked for, by whom.
pub(super) struct Asked<'a> {
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
pub(super) fn call(id: &str, asked: Asked<'_>, attempt: &Attempt, now: Timestamp) -> Result<Call> {
    Ok(Call {
        id: id.to_owned(),
        consumer: asked.consumer.clone(),
        claim: ClaimKey::parse(asked.operation, asked.key.unwrap_or(id))?,
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
    who: &Principal,
    call: &Call,
    attempt: &Attempt,
    policy_version: &str,
    now: Timestamp,
) -> Vec<Draft> {
    let mut payload = facts(attempt)
        .word("decision", "admitted")
        .hash("request_commit", Digest::salted("call/request", &call.salt, &call.digest))
        .hash("claim_commit", Digest::salted("call/claim", &call.salt, &call.claim.key));
    if let Some(run) = &call.consumer.run {
        payload = payload.word("run", run);
    }
    vec![Draft::new(who, &call.id, Kind::RUN_OPEN, policy_version, now).with_payload(payload)]
}

/// The record of another attempt.
pub(super) fn retried(
    who: &Principal,
    call: &Call,
    ending: &Ending,
    next: &Attempt,
    policy_version: &str,
    now: Timestamp,
) -> Vec<Draft> {
    let payload = facts(next).group("ended", ended(ending));
    vec![Draft::new(who, &call.id, RETRIED, policy_version, now).with_payload(payload)]
}

/// How a call ended.
pub(super) struct End<'a> {
    pub(super) status: CallStatus,
    pub(super) ending: Option<&'a Ending>,
    pub(super) charged: NanoUsd,
    pub(super) attempts: u32,
    /// What a cache spared, where it answered.
    pub(super) avoided: Option<NanoUsd>,
}

/// The record of a call's end.
pub(super) fn closed(
    who: &Principal,
    call: &Call,
    end: &End<'_>,
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
        Payload::new().word("status", status).money("charged", end.charged).count("attempts", end.attempts);
    if let Some(avoided) = end.avoided {
        payload = payload.flag("cached", true).money("avoided", avoided);
    }
    if let Some(ending) = end.ending {
        payload = payload.group("ended", ended(ending));
    }
    vec![Draft::new(who, &call.id, Kind::RUN_CLOSE, policy_version, now).with_payload(payload)]
}

/// The records of a call that was not made.
pub(super) fn refused(
    who: &Principal,
    id: &str,
    run: Option<&RunId>,
    refused: &Refused,
    policy_version: &str,
    now: Timestamp,
) -> Vec<Draft> {
    let mut payload = Payload::new().word("decision", "refused").word("reason", refused.code());
    if let Refused::Limit(refusal) = refused {
        payload = payload
            .word("scope", refusal.scope.as_str())
            .word("scope_id", &refusal.id)
            .word("meter", refusal.meter.as_str())
            .word("cap", &refusal.limit.to_string())
            .word("used", &refusal.used.to_string());
    }
    if let Some(run) = run {
        payload = payload.id("run", run);
    }
    let draft = |kind| Draft::new(who, id, kind, policy_version, now);
    vec![
        draft(Kind::RUN_OPEN),
        draft(REFUSED).with_payload(payload),
        draft(Kind::RUN_CLOSE).with_payload(Payload::new().word("status", "refused")),
    ]
}

fn facts(attempt: &Attempt) -> Payload {
    Payload::new()
        .word("provider", &attempt.provider)
        .word("model", &attempt.model)
        .word("price", &attempt.price_version)
        .money("reserved", attempt.reserved.money)
        .word("reserved_tokens", &attempt.reserved.tokens.to_string())
}

fn ended(ending: &Ending) -> Payload {
    Payload::new()
        .count("attempt", ending.number)
        .word("status", ending.status.as_str())
        .money("charged", ending.charged.money)
        .word("tokens", &ending.charged.tokens.to_string())
        .flag("estimated", ending.estimated)
        .word("error", ending.error.as_deref().unwrap_or("none"))
}
