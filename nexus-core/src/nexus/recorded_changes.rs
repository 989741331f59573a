//! Comparison of limits, prices and corrections of the ledger, as they are stored, with the records of their changes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Nexus;
use super::chains::CHAIN_VERIFY;
use super::limits::{LIMIT_REMOVED, LIMIT_SET, key_facts, limit_facts};
use super::prices::{PRICE_ADDED, price_facts};
use super::reconcile::{RECONCILED, correction_facts};
use crate::access::Visibility;
use crate::audit::{
    ContentFinding, ContentState, KeyRing, Payload, RecordedFacts, Status, Verification, facts_in,
};
use crate::error::Result;
use crate::ledger::LedgerQuery;
use crate::page::Page;
use crate::principal::{Principal, TenantId};
use crate::quota::Limit;

/// Place of the record of a change in its chain, after the one that opens it.
const PLACE: u64 = 1;

/// Number of chains, or of ledger entries, per read.
const PAGE: usize = 1_000;

/// Facts that earlier versions did not record.
const LATER_FACTS: [&str; 3] = ["entry", "mode", "reason"];

/// Name, in a [`Verification`], of the comparison of what is stored with the records of all changes.
const SETTINGS: &str = "settings";

impl Nexus {
    /// Compares the tenant's limits and the corrections of its ledger, as they are stored, with the records of all their
    /// changes: each that is stored has a record, and each that the records leave in force is stored. The report is
    /// called `settings`; its `entries` counts the records of changes. `None` for a caller without admin rights.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied).
    pub async fn verify_settings(
        &self,
        caller: &Principal,
        keys: Option<&KeyRing>,
    ) -> Result<Option<Verification>> {
        self.authorise_all(caller, &CHAIN_VERIFY).await?;
        if Visibility::of(caller) != Visibility::All {
            return Ok(None);
        }
        let keys = keys.unwrap_or(self.engine.sealer.keys());
        let tenant = caller.tenant();
        let mut recorded = RecordedChanges::default();
        let mut page = Page::first(PAGE);
        loop {
            let chains = self.engine.audit.chains(tenant, &page).await?;
            let Some(last) = chains.last() else { break };
            page = page.after(last.run.clone());
            for chain in &chains {
                if let Some(fact) = self.change_in(tenant, &chain.run, keys).await? {
                    recorded.add(&chain.run, fact);
                }
            }
        }
        let mut findings = recorded.compare_limits(&self.engine.quota.limits(tenant).await?);
        findings.extend(self.compare_corrections(tenant, &recorded.corrections).await?);
        let mut verification = Verification::ok(SETTINGS, recorded.records);
        verification.compared(findings);
        Ok(Some(verification))
    }

    /// Returns the fact of a change in its own chain, if the chain is one of a change of these and is genuine.
    async fn change_in(
        &self,
        tenant: &TenantId,
        chain: &str,
        keys: &KeyRing,
    ) -> Result<Option<RecordedFacts>> {
        let record = self.engine.audit.records(tenant, chain, PLACE, 1).await?;
        let fact = record.first().and_then(|record| facts_in(&record.body));
        let is_change = |fact: &RecordedFacts| {
            [LIMIT_SET, LIMIT_REMOVED, RECONCILED].iter().any(|kind| fact.kind == kind.as_str())
        };
        let Some(fact) = fact.filter(is_change) else { return Ok(None) };
        // A chain that is not genuine is a finding of its own, and proves no change.
        let is_genuine = self.inspect(tenant, chain, keys).await?.0.status == Status::Ok;
        Ok(Some(fact).filter(|_| is_genuine))
    }

    /// Compares the corrections in the ledger with their records, by call, attempt and revision.
    async fn compare_corrections(
        &self,
        tenant: &TenantId,
        recorded: &BTreeMap<String, Value>,
    ) -> Result<Vec<ContentFinding>> {
        let (mut found, mut stored) = (BTreeSet::new(), BTreeSet::new());
        let mut query = LedgerQuery { page: Page::first(PAGE), ..LedgerQuery::default() };
        loop {
            let entries = self.engine.ledger.ledger(tenant, &query).await?;
            let Some(last) = entries.last() else { break };
            query.page = query.page.after(last.seq.to_string());
            for facts in entries.iter().filter_map(correction_facts) {
                let facts = facts.to_json();
                let key = correction_key(&facts);
                match recorded.get(&key) {
                    None => found.insert(ContentState::Added),
                    Some(fact) if holds(fact, &facts) => false,
                    Some(_) => found.insert(ContentState::Changed),
                };
                stored.insert(key);
            }
        }
        if recorded.keys().any(|key| !stored.contains(key)) {
            found.insert(ContentState::Missing);
        }
        Ok(found.into_iter().map(|state| ContentFinding { content: "corrections", state }).collect())
    }

    /// Compares what a chain of one change left in the store: a price, a correction, or a limit that no later record
    /// changed.
    pub(super) async fn compare_change(
        &self,
        tenant: &TenantId,
        chain: &str,
        keys: &KeyRing,
        fact: &RecordedFacts,
        verification: &mut Verification,
    ) -> Result<()> {
        let (content, is_stored) = if fact.kind == PRICE_ADDED.as_str() {
            let prices = self.engine.prices.prices().await?;
            (
                "price",
                prices.iter().filter_map(|row| price_facts(row).ok()).any(|row| is_as_recorded(&row, fact)),
            )
        } else if fact.kind == RECONCILED.as_str() {
            let call = fact.text("call").map(str::to_owned);
            let query = LedgerQuery { call, page: Page::all(), ..LedgerQuery::default() };
            let entries = self.engine.ledger.ledger(tenant, &query).await?;
            (
                "correction",
                entries.iter().filter_map(correction_facts).any(|entry| is_as_recorded(&entry, fact)),
            )
        } else if fact.kind == LIMIT_SET.as_str() || fact.kind == LIMIT_REMOVED.as_str() {
            let limits = self.engine.quota.limits(tenant).await?;
            let is_of_key = |limit: &&Limit| is_as_recorded(&key_facts(&limit.subject), fact);
            let stored = limits.iter().find(is_of_key);
            let is_as_set = match stored {
                Some(limit) => fact.kind == LIMIT_SET.as_str() && is_as_recorded(&limit_facts(limit), fact),
                None => fact.kind == LIMIT_REMOVED.as_str(),
            };
            ("limit", is_as_set || self.is_changed_later(tenant, chain, keys, fact).await?)
        } else {
            return Ok(());
        };
        let state = ContentState::Changed;
        verification.compared(Vec::from_iter((!is_stored).then_some(ContentFinding { content, state })));
        Ok(())
    }

    /// Returns whether a genuine chain after `chain`, whose id is larger because ids grow with time, changes the same limit.
    async fn is_changed_later(
        &self,
        tenant: &TenantId,
        chain: &str,
        keys: &KeyRing,
        fact: &RecordedFacts,
    ) -> Result<bool> {
        let key = limit_key(&fact.payload);
        let mut page = Page::first(PAGE).after(chain.to_owned());
        loop {
            let chains = self.engine.audit.chains(tenant, &page).await?;
            let Some(last) = chains.last() else { return Ok(false) };
            page = page.after(last.run.clone());
            for later in &chains {
                let change = self.change_in(tenant, &later.run, keys).await?;
                if change.is_some_and(|later| {
                    later.kind != RECONCILED.as_str() && limit_key(&later.payload) == key
                }) {
                    return Ok(true);
                }
            }
        }
    }
}

/// State that the records of all changes leave.
#[derive(Debug, Default)]
struct RecordedChanges {
    /// Number of records.
    records: u64,
    /// Latest change of each limit, by key, with its time and chain: the facts of the limit, or none once it was removed.
    limits: BTreeMap<String, ((String, String), Option<Value>)>,
    /// Facts of each correction, by key.
    corrections: BTreeMap<String, Value>,
}

impl RecordedChanges {
    fn add(&mut self, chain: &str, RecordedFacts { kind, ts, payload, .. }: RecordedFacts) {
        self.records = self.records.saturating_add(1);
        if kind == RECONCILED.as_str() {
            self.corrections.insert(correction_key(&payload), payload);
            return;
        }
        let (at, key) = ((ts, chain.to_owned()), limit_key(&payload));
        if self.limits.get(&key).is_none_or(|(earlier, _)| *earlier < at) {
            self.limits.insert(key, (at, Some(payload).filter(|_| kind == LIMIT_SET.as_str())));
        }
    }

    fn compare_limits(&self, stored: &[Limit]) -> Vec<ContentFinding> {
        let mut found = BTreeSet::new();
        let mut known = BTreeSet::new();
        for limit in stored {
            let facts = limit_facts(limit).to_json();
            let key = limit_key(&facts);
            match self.limits.get(&key) {
                None | Some((_, None)) => found.insert(ContentState::Added),
                Some((_, Some(fact))) if holds(fact, &facts) => false,
                Some(_) => found.insert(ContentState::Changed),
            };
            known.insert(key);
        }
        if self.limits.iter().any(|(key, (_, set))| set.is_some() && !known.contains(key)) {
            found.insert(ContentState::Missing);
        }
        found.into_iter().map(|state| ContentFinding { content: "limits", state }).collect()
    }
}

fn is_as_recorded(stored: &Payload, fact: &RecordedFacts) -> bool {
    holds(&fact.payload, &stored.to_json())
}

/// Returns whether a recorded fact says all that is stored. Records of earlier versions have no [`LATER_FACTS`].
fn holds(recorded: &Value, stored: &Value) -> bool {
    let Some(stored) = stored.as_object() else { return false };
    stored.iter().all(|(name, fact)| match recorded.get(name) {
        Some(recorded) => recorded == fact,
        None => LATER_FACTS.contains(&name.as_str()),
    })
}

fn limit_key(facts: &Value) -> String {
    key(facts, &["scope", "meter", "window", "of", "model"])
}

fn correction_key(facts: &Value) -> String {
    key(facts, &["call", "attempt", "revision"])
}

fn key(facts: &Value, names: &[&str]) -> String {
    let parts: Vec<&Value> = names.iter().map(|name| facts.get(*name).unwrap_or(&Value::Null)).collect();
    serde_json::to_string(&parts).unwrap_or_default()
}
