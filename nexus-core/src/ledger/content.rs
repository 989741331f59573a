//! Comparison of a call and its ledger entries, as they are stored, with the signed record of the call: [`RecordedCall`].

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Attempt, AttemptOutcome, Call, LedgerEntry, Operation};
use crate::audit::{ContentFinding, ContentState, Digest, RecordedFacts, tokenised};
use crate::money::NanoUsd;
use crate::quota::Consumer;

/// Returns the digest of the consumer of a call and its operation, which the record of its admission holds.
pub(crate) fn consumer_digest(consumer: &Consumer, operation: Operation) -> Digest {
    digest(&(consumer, operation))
}

/// Returns the digest of all amounts of a reservation.
pub(crate) fn reservation_digest(attempt: &Attempt) -> Digest {
    digest(&attempt.reserved)
}

/// Returns the digest of the usage, the charge and the end of an attempt.
pub(crate) fn usage_digest(outcome: &AttemptOutcome) -> Digest {
    let AttemptOutcome { at, usage, charged, .. } = outcome;
    digest(&(at, usage, charged))
}

/// Returns the digest of a whole entry, as it is shown, without its number in the store.
pub(crate) fn entry_digest(entry: &LedgerEntry) -> Digest {
    digest(&LedgerEntry { seq: 0, ..entry.clone() })
}

fn digest(value: &impl Serialize) -> Digest {
    Digest::of(serde_json::to_string(value).unwrap_or_default())
}

/// Facts that the records of a call's chain hold.
#[derive(Clone, Debug)]
pub(crate) struct RecordedCall {
    opened: Value,
    closed: Option<Value>,
    /// Facts of each attempt, by number: those of its begin, and of its end.
    attempts: BTreeMap<u64, (Value, Value)>,
}

impl RecordedCall {
    /// Reads the records of an admitted call; `None` for another chain.
    pub(crate) fn read(facts: &[RecordedFacts]) -> Option<Self> {
        let opened =
            facts.first().filter(|first| first.text("decision") == Some("admitted"))?.payload.clone();
        let (mut begun, mut closed, mut attempts) = (opened.clone(), None, BTreeMap::new());
        for RecordedFacts { kind, payload, .. } in facts.iter().skip(1) {
            if let Some(ended) = payload.get("ended")
                && let Some(number) = ended.get("attempt").and_then(Value::as_u64)
            {
                attempts.insert(number, (begun, ended.clone()));
            }
            begun = payload.clone();
            if kind == "run.close" {
                closed = Some(payload.clone());
            }
        }
        Some(Self { opened, closed, attempts })
    }

    /// Compares the stored call and its entries with the record. `is_erased` says that a record tells of the removal of
    /// the call's row; the entries of the ledger are never removed.
    pub(crate) fn compare(
        &self,
        call: Option<&Call>,
        entries: &[LedgerEntry],
        is_erased: bool,
    ) -> Vec<ContentFinding> {
        let mut found = Vec::new();
        let own: Vec<_> = entries.iter().filter(|entry| entry.correction.is_none()).collect();
        let has_corrections = own.len() < entries.len();
        match call {
            None if is_erased => found.push(finding("call", ContentState::Erased)),
            None => found.push(finding("call", ContentState::Missing)),
            Some(call) if self.is_of(call, has_corrections) => {}
            Some(_) => found.push(finding("call", ContentState::Changed)),
        }
        let is_known = |entry: &&LedgerEntry| self.attempts.contains_key(&u64::from(entry.attempt));
        let ledger = if own.len() > self.attempts.len() || !own.iter().all(is_known) {
            Some(ContentState::Added)
        } else if own.len() < self.attempts.len() {
            Some(ContentState::Missing)
        } else if own.iter().any(|entry| !self.is_entry(entry)) {
            Some(ContentState::Changed)
        } else {
            None
        };
        // An attempt in flight has no entry, and its record no end.
        found.extend(ledger.map(|state| finding("ledger", state)));
        found
    }

    /// Returns whether the record has digests of all that an entry shows. That of an earlier version does not.
    pub(crate) fn is_complete(&self) -> bool {
        self.opened.get("consumer").is_some()
    }

    fn is_of(&self, call: &Call, has_corrections: bool) -> bool {
        let request = Digest::salted("call/request", &call.salt, &call.digest).to_string();
        let key = Digest::salted("call/claim", &call.salt, &call.idempotency_key.key).to_string();
        let consumer = consumer_digest(&call.consumer, call.idempotency_key.operation);
        if !holds(&self.opened, &[("request_commit", request), ("claim_commit", key)])
            || !holds_if_any(&self.opened, "consumer", consumer)
        {
            return false;
        }
        let Some(closed) = &self.closed else { return true };
        let last = self.attempts.values().next_back().map_or(&self.opened, |(begun, _)| begun);
        // A correction changes the cost of the call, and has a chain of its own.
        let is_charge = has_corrections || holds(closed, &[("charged", nanos(call.cost))]);
        let avoided = closed.get("avoided").and_then(Value::as_str).unwrap_or("0");
        let is_cached = closed.get("cached").and_then(Value::as_bool).unwrap_or_default();
        let facts = [("provider", tokenised(&call.provider)), ("model", tokenised(&call.model))];
        is_charge
            && holds(closed, &[("status", call.status.as_str().to_owned())])
            && (is_cached, avoided) == (call.was_cached, nanos(call.avoided).as_str())
            && holds(last, &facts)
    }

    fn is_entry(&self, entry: &LedgerEntry) -> bool {
        let Some((begun, ended)) = self.attempts.get(&u64::from(entry.attempt)) else { return false };
        let then = [
            ("provider", tokenised(&entry.provider)),
            ("model", tokenised(&entry.model)),
            ("price", tokenised(&entry.price_version)),
            ("reserved", nanos(entry.reserved.money)),
            ("reserved_tokens", entry.reserved.tokens.to_string()),
        ];
        let at_the_end = [
            ("status", entry.status.as_str().to_owned()),
            ("charged", nanos(entry.charged.money)),
            ("tokens", entry.charged.tokens.to_string()),
            ("error", tokenised(entry.error.as_deref().unwrap_or("none"))),
        ];
        let consumer = consumer_digest(&entry.consumer, entry.kind);
        let usage = digest(&(&entry.ts, &entry.usage, &entry.charged));
        holds(begun, &then)
            && holds(ended, &at_the_end)
            && holds_if_any(&self.opened, "consumer", consumer)
            && holds_if_any(begun, "reservation", digest(&entry.reserved))
            && holds_if_any(ended, "usage", usage)
            && ended.get("estimated").and_then(Value::as_bool) == Some(entry.estimated)
    }
}

/// Returns whether a record holds all of these facts.
fn holds(record: &Value, facts: &[(&str, String)]) -> bool {
    facts.iter().all(|(name, fact)| record.get(*name).and_then(Value::as_str) == Some(fact.as_str()))
}

/// Returns whether a record holds a digest, or has none, as that of an earlier version.
fn holds_if_any(record: &Value, name: &str, digest: Digest) -> bool {
    record.get(name).is_none_or(|recorded| recorded.as_str() == Some(digest.to_string().as_str()))
}

fn nanos(amount: NanoUsd) -> String {
    amount.as_nanos().to_string()
}

fn finding(content: &'static str, state: ContentState) -> ContentFinding {
    ContentFinding { content, state }
}
