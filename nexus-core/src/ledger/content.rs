//! Comparison of a call and its ledger entries, as they are stored, with the signed record of the call: [`RecordedCall`].

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Call, CallStatus, LedgerEntry};
use crate::audit::{ContentFinding, ContentState, Digest, RecordedFacts, tokenised};

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
        let opened = facts.first().filter(|first| first.payload["decision"] == "admitted")?.payload.clone();
        let (mut begun, mut closed, mut attempts) = (opened.clone(), None, BTreeMap::new());
        for RecordedFacts { kind, payload, .. } in facts.iter().skip(1) {
            if let Some(number) = payload["ended"]["attempt"].as_u64() {
                attempts.insert(number, (begun, payload["ended"].clone()));
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

    fn is_of(&self, call: &Call, has_corrections: bool) -> bool {
        let request = Digest::salted("call/request", &call.salt, &call.digest);
        let key = Digest::salted("call/claim", &call.salt, &call.idempotency_key.key);
        if self.opened["request_commit"] != request.to_string()
            || self.opened["claim_commit"] != key.to_string()
        {
            return false;
        }
        let Some(closed) = &self.closed else { return true };
        let (last, _) = self.attempts.values().next_back().unwrap_or(&(Value::Null, Value::Null));
        let last = if last.is_null() { &self.opened } else { last };
        let is_charge = has_corrections || closed["charged"] == call.cost.as_nanos().to_string();
        let avoided = closed["avoided"].as_str().map_or("0".to_owned(), str::to_owned);
        closed["status"] == word(call.status)
            && is_charge
            && call.was_cached == (closed["cached"] == true)
            && avoided == call.avoided.as_nanos().to_string()
            && last["provider"] == tokenised(&call.provider)
            && last["model"] == tokenised(&call.model)
    }

    fn is_entry(&self, entry: &LedgerEntry) -> bool {
        let Some((begun, ended)) = self.attempts.get(&u64::from(entry.attempt)) else { return false };
        begun["provider"] == tokenised(&entry.provider)
            && begun["model"] == tokenised(&entry.model)
            && begun["price"] == tokenised(&entry.price_version)
            && begun["reserved"] == entry.reserved.money.as_nanos().to_string()
            && begun["reserved_tokens"] == entry.reserved.tokens.to_string()
            && ended["status"] == entry.status.as_str()
            && ended["charged"] == entry.charged.money.as_nanos().to_string()
            && ended["tokens"] == entry.charged.tokens.to_string()
            && ended["estimated"] == entry.estimated
            && ended["error"] == tokenised(entry.error.as_deref().unwrap_or("none"))
    }
}

fn finding(content: &'static str, state: ContentState) -> ContentFinding {
    ContentFinding { content, state }
}

fn word(status: CallStatus) -> &'static str {
    match status {
        CallStatus::Open => "open",
        CallStatus::Succeeded => "succeeded",
        CallStatus::Failed => "failed",
        CallStatus::Cancelled => "cancelled",
        CallStatus::Unknown => "unknown",
    }
}
