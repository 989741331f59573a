//! Audit chains of the facade: their list, and their verification together with what they fingerprint.

use super::Nexus;
use super::retention::APPLIED;
use super::runs::PRUNED;
use crate::access::Visibility;
use crate::audit::{
    Erasable, KeyRing, RecordedFacts, Status, Verification, actor, actor_in, facts_in, inspect_run, no_chain,
};
use crate::document::content::RecordedJob;
use crate::error::{ErrorKind, Result};
use crate::id::RunId;
use crate::ledger::LedgerQuery;
use crate::ledger::content::RecordedCall;
use crate::page::Page;
use crate::policy::{Operation, READERS, Resource, Route};
use crate::principal::{Principal, TenantId};
use crate::retention::RetentionClass;
use crate::run::content::{RecordedRun, compare};

/// Operation of verifying an audit chain.
pub const CHAIN_VERIFY: Operation =
    Operation::new("audit.read", READERS, Route::get("/v1/audit/chains/{chain_id}/verification"));
/// Operation of listing audit chains.
pub const CHAIN_LIST: Operation = CHAIN_VERIFY.at(Route::get("/v1/audit/chains"));

/// Maximum number of comparisons of one chain while its object changes between them.
const MAX_COMPARISONS: usize = 16;

/// Maximum number of records of a chain whose facts are compared with what is stored: a run has at most five.
const MAX_FACTS: usize = 1_000;

impl Nexus {
    /// Verifies the audit chain of a run, call or job: one that the caller started, or any of the tenant for an admin.
    /// The stored texts of a run, and the ledger entries of a call, are compared with their fingerprints. `keys` is the
    /// key ring that checks signatures, by default that of this Nexus.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied); [`NotFound`](ErrorKind::NotFound), also for another user's chain.
    pub async fn verify(
        &self,
        caller: &Principal,
        run: &str,
        keys: Option<&KeyRing>,
    ) -> Result<Verification> {
        self.authorise(caller, &CHAIN_VERIFY, Resource::one(CHAIN_VERIFY.action.kind(), run)).await?;
        if Visibility::of(caller) != Visibility::All {
            self.check_own_chain(caller, run).await?;
        }
        let keys = keys.unwrap_or(self.engine.sealer.keys());
        let mut verification = self.verify_once(caller.tenant(), run, keys).await?;
        for _ in 1..MAX_COMPARISONS {
            if verification.status != Status::ContentChanged {
                break;
            }
            // Work that goes on between the reads of chain and contents looks like a change, until it is read again.
            let again = self.verify_once(caller.tenant(), run, keys).await?;
            if again == verification {
                break;
            }
            verification = again;
        }
        Ok(verification)
    }

    /// Verifies a chain, then compares what is stored with it.
    async fn verify_once(&self, tenant: &TenantId, chain: &str, keys: &KeyRing) -> Result<Verification> {
        let (mut verification, facts) = self.inspect(tenant, chain, keys).await?;
        if verification.status.is_sound() {
            self.compare_contents(tenant, chain, keys, facts, &mut verification).await?;
        }
        Ok(verification)
    }

    /// Returns a page of the ids of the audit chains that the caller started, or of all of the tenant for an admin, in
    /// byte order. The key is the id.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied).
    pub async fn chains(&self, caller: &Principal, page: Page) -> Result<Vec<String>> {
        self.authorise_all(caller, &CHAIN_LIST).await?;
        let Page { mut after, limit } = page.bounded();
        if Visibility::of(caller) == Visibility::All {
            let chains = self.engine.audit.chains(caller.tenant(), &Page { after, limit }).await?;
            return Ok(chains.into_iter().map(|chain| chain.run).collect());
        }
        let (own, mut found) = (Some(actor(caller)), Vec::new());
        while found.len() < limit {
            let chains = self.engine.audit.chains(caller.tenant(), &Page { after, limit: Page::MAX }).await?;
            let Some(last) = chains.last() else { break };
            after = Some(last.run.clone());
            found.extend(chains.into_iter().filter(|chain| chain.begun_by == own).map(|chain| chain.run));
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Verifies a chain, and returns the facts of its first records.
    pub(super) async fn inspect(
        &self,
        tenant: &TenantId,
        run: &str,
        keys: &KeyRing,
    ) -> Result<(Verification, Vec<RecordedFacts>)> {
        let (audit, instance) = (self.engine.audit.as_ref(), self.engine.system.instance());
        let mut facts = Vec::new();
        let verification = inspect_run(audit, instance, tenant, run, Some(keys), |record| {
            if facts.len() < MAX_FACTS {
                facts.extend(facts_in(&record.body));
            }
        });
        Ok((verification.await?, facts))
    }

    /// Compares what is stored with the facts of a sound chain.
    async fn compare_contents(
        &self,
        tenant: &TenantId,
        chain: &str,
        keys: &KeyRing,
        facts: Vec<RecordedFacts>,
        verification: &mut Verification,
    ) -> Result<()> {
        let time = |fact: Option<&RecordedFacts>| fact.map(|fact| fact.ts.clone()).unwrap_or_default();
        let (began, ended) = (time(facts.first()), time(facts.last()));
        if let Some(call) = RecordedCall::read(&facts) {
            let of_call = |fact: &RecordedFacts| is_expiry(fact, &[RetentionClass::Calls], &began);
            let object = Erasable::Call(chain.to_owned());
            let is_erased = self.is_recorded(tenant, &object, keys, of_call).await?;
            return self.compare_call(tenant, chain, &call, is_erased, verification).await;
        }
        if let Some(job) = RecordedJob::read(&facts) {
            return self.compare_document(tenant, chain, keys, &job, verification).await;
        }
        if let [_, change, _] = &*facts {
            self.compare_change(tenant, chain, keys, change, verification).await?;
        }
        let Some(record) = RecordedRun::read(facts) else { return Ok(()) };
        let (Ok(id), Some(session)) = (RunId::parse(chain), record.session()) else { return Ok(()) };
        let contents = self.engine.runs.contents(tenant, &id, &session).await?;
        // An earlier version recorded no erasures of its own.
        let (mut is_erased, mut is_session_erased) = (!record.is_complete(), !record.is_complete());
        if record.is_complete() {
            let of_run = |fact: &RecordedFacts| {
                let is_pruned = fact.kind == PRUNED.as_str() && fact.text("run") == Some(chain);
                is_pruned || is_expiry(fact, &[RetentionClass::Journals, RetentionClass::Runs], &ended)
            };
            is_erased = self.is_recorded(tenant, &Erasable::Run(id), keys, of_run).await?;
            let of_session = |fact: &RecordedFacts| is_expiry(fact, &[RetentionClass::Sessions], &began);
            is_session_erased =
                self.is_recorded(tenant, &Erasable::Session(session), keys, of_session).await?;
        } else {
            verification.not_checked.push(
                "options, citations, speech and journal of this run, and whether its texts were erased on purpose: \
                 an earlier version wrote no fingerprints of them",
            );
        }
        if !record.has_principal() {
            verification.not_checked.push(
                "organisation, roles and groups of the run's principal: an earlier version wrote no fingerprint of them",
            );
        }
        if !record.is_closed() {
            verification.not_checked.push("answer, journal and outcome: the run is not over");
        }
        verification.compared(compare(&record, &contents, is_erased, is_session_erased));
        Ok(())
    }

    /// Returns whether a genuine and complete chain holds the fact of an object's erasure.
    async fn is_recorded(
        &self,
        tenant: &TenantId,
        object: &Erasable,
        keys: &KeyRing,
        is_fact: impl Fn(&RecordedFacts) -> bool,
    ) -> Result<bool> {
        let Some(chain) = self.engine.audit.erased_by(tenant, object).await? else { return Ok(false) };
        match self.inspect(tenant, &chain, keys).await {
            Ok((verification, facts)) => Ok(verification.status == Status::Ok && facts.iter().any(is_fact)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn compare_call(
        &self,
        tenant: &TenantId,
        id: &str,
        record: &RecordedCall,
        is_erased: bool,
        verification: &mut Verification,
    ) -> Result<()> {
        let query =
            LedgerQuery { call: Some(id.to_owned()), page: Page::first(MAX_FACTS), ..LedgerQuery::default() };
        let calls = self.engine.ledger.calls(tenant, &query).await?;
        let entries = self.engine.ledger.ledger(tenant, &query).await?;
        if !record.is_complete() {
            verification.not_checked.push(
                "consumer, usage and time of the ledger entries: an earlier version wrote no digests of them",
            );
        }
        verification.compared(record.compare(calls.first(), &entries, is_erased));
        Ok(())
    }

    /// Checks that the caller started a chain. A run's owner is stored beside its chain, so that the owner can still
    /// verify a chain whose beginning was altered.
    async fn check_own_chain(&self, caller: &Principal, run: &str) -> Result<()> {
        let first = self.engine.audit.records(caller.tenant(), run, 0, 1).await?;
        if first.first().and_then(|first| actor_in(&first.body)) == Some(actor(caller)) {
            return Ok(());
        }
        let Ok(id) = RunId::parse(run) else { return Err(no_chain()) };
        match self.engine.runs.run(caller.tenant(), &id).await {
            Ok(run) if run.principal.subject() == caller.subject() => Ok(()),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Ok(_) | Err(_) => Err(no_chain()),
        }
    }
}

/// Returns whether a fact is a removal by retention, of one of `classes`, of what has the age of `at`: the end of a run and of
/// its journal, the start of a call, the question in a session.
fn is_expiry(fact: &RecordedFacts, classes: &[RetentionClass], at: &str) -> bool {
    let is_of_class = classes.iter().any(|class| fact.text("class") == Some(class.as_str()));
    let before = fact.text("before").unwrap_or_default();
    fact.kind == APPLIED.as_str() && is_of_class && at < before
}
