//! Objects and records without each other: runs, messages, ledger entries and documents that a store holds and that no chain
//! opens; and documents that their chains leave in place and that the store does not hold.
//!
//! A chain is compared with its object when it is verified, and takes a document that is gone for removed. A walk over each list
//! finds an object that was inserted, or whose chain was removed with its head; a walk over the chains finds a document that
//! was removed without a record.

use std::collections::{BTreeMap, BTreeSet};

use super::chains::CHAIN_VERIFY;
use super::{Nexus, corpora, documents};
use crate::access::Visibility;
use crate::audit::{ContentFinding, ContentState, Kind, RecordedFacts, Verification, facts_in};
use crate::document::store::DocumentQuery;
use crate::error::{ErrorKind, Result};
use crate::id::{DocumentId, SessionId};
use crate::ledger::LedgerQuery;
use crate::page::Page;
use crate::principal::{Principal, TenantId};
use crate::run::RunQuery;

/// Kind of the record of a publication.
const PUBLISHED: &str = "document.published";

/// Number of objects per read.
const PAGE: usize = 1_000;

impl Nexus {
    /// Returns a report on each run, session's message, ledger entry and document of the tenant that has no record: the chain
    /// that should begin with it does not exist, or is one of something else; and on each document that was published, that no
    /// later record removes, and that is not stored. A report has the id of the run, the call or the document. Whether a chain
    /// is genuine is the verdict of [`verify`](Self::verify). `None` for a caller without admin rights.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied).
    pub async fn verify_objects(&self, caller: &Principal) -> Result<Option<Vec<Verification>>> {
        self.authorise_all(caller, &CHAIN_VERIFY).await?;
        if Visibility::of(caller) != Visibility::All {
            return Ok(None);
        }
        let mut unmatched = Unmatched::default();
        self.add_runs(caller.tenant(), &mut unmatched).await?;
        self.add_messages(caller.tenant(), &mut unmatched).await?;
        self.add_entries(caller.tenant(), &mut unmatched).await?;
        self.add_documents(caller.tenant(), &mut unmatched).await?;
        self.add_missing_documents(caller.tenant(), &mut unmatched).await?;
        Ok(Some(unmatched.into_reports()))
    }

    async fn add_runs(&self, tenant: &TenantId, unmatched: &mut Unmatched) -> Result<()> {
        let mut query = RunQuery { page: Page::first(PAGE), ..RunQuery::default() };
        loop {
            let runs = self.engine.runs.runs(tenant, &query).await?;
            for run in &runs {
                let opening = self.opening_facts(tenant, run.id.as_str()).await?;
                unmatched.add(run.id.as_str(), "run", opening.is_some_and(|facts| is_of_run(&facts)));
            }
            let Some(last) = last_of_full(&runs) else { return Ok(()) };
            let next = unmatched.next_page(&query.page, "run", last.id.as_str(), last.id.to_string());
            let Some(next) = next else { return Ok(()) };
            query.page = next;
        }
    }

    async fn add_messages(&self, tenant: &TenantId, unmatched: &mut Unmatched) -> Result<()> {
        let mut page = Page::first(PAGE);
        loop {
            let sessions = self.engine.sessions.sessions(tenant, None, &page).await?;
            for session in &sessions {
                self.add_messages_of(tenant, &session.id, unmatched).await?;
            }
            let Some(last) = last_of_full(&sessions) else { return Ok(()) };
            let next = unmatched.next_page(&page, "session", last.id.as_str(), last.key());
            let Some(next) = next else { return Ok(()) };
            page = next;
        }
    }

    async fn add_messages_of(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        unmatched: &mut Unmatched,
    ) -> Result<()> {
        let mut page = Page::first(PAGE);
        loop {
            let messages = self.engine.sessions.messages(tenant, session, &page).await?;
            for message in &messages {
                let opening = self.opening_facts(tenant, message.run.as_str()).await?;
                let is_of_session = |facts: &RecordedFacts| {
                    is_of_run(facts) && facts.text("session") == Some(session.as_str())
                };
                unmatched.add(
                    message.run.as_str(),
                    "messages",
                    opening.is_some_and(|facts| is_of_session(&facts)),
                );
            }
            let Some(last) = last_of_full(&messages) else { return Ok(()) };
            let next = unmatched.next_page(&page, "messages", last.run.as_str(), last.key());
            let Some(next) = next else { return Ok(()) };
            page = next;
        }
    }

    async fn add_entries(&self, tenant: &TenantId, unmatched: &mut Unmatched) -> Result<()> {
        let mut query = LedgerQuery { page: Page::first(PAGE), ..LedgerQuery::default() };
        loop {
            let entries = self.engine.ledger.ledger(tenant, &query).await?;
            let calls: BTreeSet<&str> = entries.iter().map(|entry| entry.call.as_str()).collect();
            for call in calls {
                let opening = self.opening_facts(tenant, call).await?;
                let is_call = opening.is_some_and(|facts| facts.text("decision") == Some("admitted"));
                unmatched.add(call, "ledger", is_call);
            }
            let Some(last) = last_of_full(&entries) else { return Ok(()) };
            let next = unmatched.next_page(&query.page, "ledger", &last.call, last.seq.to_string());
            let Some(next) = next else { return Ok(()) };
            query.page = next;
        }
    }

    async fn add_documents(&self, tenant: &TenantId, unmatched: &mut Unmatched) -> Result<()> {
        let mut query = DocumentQuery { page: Page::first(PAGE), ..DocumentQuery::default() };
        loop {
            let now = self.engine.clock.now();
            let documents = self.engine.documents.documents(tenant, &Visibility::All, &query, now).await?;
            for document in &documents {
                let opening = self.opening_facts(tenant, document.last_job_id.as_str()).await?;
                let is_job =
                    opening.is_some_and(|facts| facts.text("document") == Some(document.id.as_str()));
                unmatched.add(document.id.as_str(), "document", is_job);
            }
            let Some(last) = last_of_full(&documents) else { return Ok(()) };
            let next = unmatched.next_page(&query.page, "document", last.id.as_str(), last.id.to_string());
            let Some(next) = next else { return Ok(()) };
            query.page = next;
        }
    }

    async fn add_missing_documents(&self, tenant: &TenantId, unmatched: &mut Unmatched) -> Result<()> {
        let mut missing = self.missing_documents(tenant).await?;
        if !missing.is_empty() {
            // A document that is removed meanwhile has its record by now.
            let still = self.missing_documents(tenant).await?;
            missing.retain(|document| still.contains(document));
        }
        for document in missing {
            unmatched.objects.entry(document).or_default().insert(("document", ContentState::Missing));
        }
        Ok(())
    }

    /// Returns the documents that were published, are not stored, and have no record of a removal.
    async fn missing_documents(&self, tenant: &TenantId) -> Result<BTreeSet<String>> {
        let mut recorded = RecordedDocuments::default();
        let mut page = Page::first(PAGE);
        loop {
            let chains = self.engine.audit.chains(tenant, &page).await?;
            let Some(last) = chains.last() else { break };
            page = page.after(last.run.clone());
            for chain in &chains {
                let records = self.engine.audit.records(tenant, &chain.run, 0, 2).await?;
                records
                    .iter()
                    .filter_map(|record| facts_in(&record.body))
                    .for_each(|fact| recorded.add(&fact));
            }
        }
        let mut missing = BTreeSet::new();
        for document in recorded.not_removed() {
            let stored = match DocumentId::parse(document.as_str()) {
                Ok(id) => self.engine.documents.document(tenant, &id).await.map(drop),
                Err(error) => Err(error),
            };
            match stored {
                Err(error) if error.kind() == ErrorKind::NotFound => drop(missing.insert(document)),
                other => other?,
            }
        }
        Ok(missing)
    }

    /// Returns the facts of the record that opens a chain; `None` where the chain has no head, or does not begin so.
    async fn opening_facts(&self, tenant: &TenantId, chain: &str) -> Result<Option<RecordedFacts>> {
        if self.engine.audit.head(tenant, chain).await?.is_none() {
            return Ok(None);
        }
        let first = self.engine.audit.records(tenant, chain, 0, 1).await?;
        let facts = first.first().and_then(|record| facts_in(&record.body));
        Ok(facts.filter(|facts| facts.kind == Kind::CHAIN_OPEN.as_str()))
    }
}

/// Documents and corpora in the records of their publication and removal. The order of records does not count: it follows the
/// clock.
#[derive(Debug, Default)]
struct RecordedDocuments {
    published: BTreeSet<String>,
    removed: BTreeSet<String>,
    /// Corpora of the documents that were sent to them.
    corpora: BTreeMap<String, BTreeSet<String>>,
    removed_corpora: BTreeSet<String>,
}

impl RecordedDocuments {
    fn add(&mut self, fact: &RecordedFacts) {
        let (document, corpus) = (fact.text("document"), fact.text("corpus"));
        match (fact.kind.as_str(), document, corpus) {
            (PUBLISHED, Some(document), _) => drop(self.published.insert(document.to_owned())),
            (kind, Some(document), _) if kind == documents::DELETED.as_str() => {
                self.removed.insert(document.to_owned());
            }
            (kind, None, Some(corpus)) if kind == corpora::DELETED.as_str() => {
                self.removed_corpora.insert(corpus.to_owned());
            }
            (_, Some(document), Some(corpus)) => {
                self.corpora.entry(document.to_owned()).or_default().insert(corpus.to_owned());
            }
            _ => {}
        }
    }

    /// Returns the published documents of which no record tells that they, or a corpus of theirs, were removed.
    fn not_removed(self) -> impl Iterator<Item = String> {
        let Self { published, removed, corpora, removed_corpora } = self;
        published.into_iter().filter(move |document| {
            let is_of_removed =
                corpora.get(document).is_some_and(|corpora| !corpora.is_disjoint(&removed_corpora));
            !removed.contains(document) && !is_of_removed
        })
    }
}

/// Returns the last object of a full page, after which there may be more.
fn last_of_full<T>(page: &[T]) -> Option<&T> {
    page.last().filter(|_| page.len() >= PAGE)
}

fn is_of_run(facts: &RecordedFacts) -> bool {
    facts.text("question_commit").is_some()
}

/// Objects that do not match the records, by id, with the kinds of what is stored under it or is missing.
#[derive(Debug, Default)]
struct Unmatched {
    objects: BTreeMap<String, BTreeSet<(&'static str, ContentState)>>,
    /// Keys of pages that were read.
    cursors: BTreeSet<(&'static str, String)>,
}

impl Unmatched {
    fn add(&mut self, id: &str, content: &'static str, is_recorded: bool) {
        if !is_recorded {
            self.objects.entry(id.to_owned()).or_default().insert((content, ContentState::Added));
        }
    }

    /// Returns the page after `page`, which ends with the object `id` under `key`; `None` where the key does not lead on,
    /// because it was changed in the store.
    fn next_page(&mut self, page: &Page, content: &'static str, id: &str, key: String) -> Option<Page> {
        if self.cursors.insert((content, key.clone())) {
            return Some(page.clone().after(key));
        }
        self.add(id, content, false);
        None
    }

    fn into_reports(self) -> Vec<Verification> {
        let report = |(id, contents): (String, BTreeSet<_>)| {
            let is_added = contents.iter().any(|(_, state)| *state == ContentState::Added);
            let finding = |(content, state)| ContentFinding { content, state };
            let mut report = Verification::ok(id, 0);
            report.compared(contents.into_iter().map(finding).collect());
            let reason = if is_added {
                "what is stored has no record"
            } else {
                "what the records leave is not stored"
            };
            report.reason = Some(reason);
            report
        };
        self.objects.into_iter().map(report).collect()
    }
}
