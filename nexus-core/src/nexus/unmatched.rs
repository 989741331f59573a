//! Objects without a record: runs, messages, ledger entries and documents that a store holds, and that no chain opens.
//!
//! A chain is compared with its object when it is verified. This is the other direction: an object that was inserted, or whose
//! chain was removed with its head, is found by a walk over each list.

use std::collections::{BTreeMap, BTreeSet};

use super::Nexus;
use super::chains::CHAIN_VERIFY;
use crate::access::Visibility;
use crate::audit::{ContentFinding, ContentState, Kind, RecordedFacts, Verification, facts_in};
use crate::document::store::DocumentQuery;
use crate::error::Result;
use crate::id::SessionId;
use crate::ledger::LedgerQuery;
use crate::page::Page;
use crate::principal::{Principal, TenantId};
use crate::run::RunQuery;

/// Number of objects per read.
const PAGE: usize = 1_000;

impl Nexus {
    /// Returns a report on each run, session's message, ledger entry and document of the tenant that has no record: the chain
    /// that should begin with it does not exist, or is one of something else. A report has the id of the run, the call or the
    /// document. Whether a chain is genuine is the verdict of [`verify`](Self::verify). `None` for a caller without admin
    /// rights.
    ///
    /// # Errors
    /// [`Denied`](crate::ErrorKind::Denied).
    pub async fn verify_objects(&self, caller: &Principal) -> Result<Option<Vec<Verification>>> {
        self.authorise_all(caller, &CHAIN_VERIFY).await?;
        if Visibility::of(caller) != Visibility::All {
            return Ok(None);
        }
        let mut unrecorded = Unrecorded::default();
        self.add_runs(caller.tenant(), &mut unrecorded).await?;
        self.add_messages(caller.tenant(), &mut unrecorded).await?;
        self.add_entries(caller.tenant(), &mut unrecorded).await?;
        self.add_documents(caller.tenant(), &mut unrecorded).await?;
        Ok(Some(unrecorded.into_reports()))
    }

    async fn add_runs(&self, tenant: &TenantId, unrecorded: &mut Unrecorded) -> Result<()> {
        let mut query = RunQuery { page: Page::first(PAGE), ..RunQuery::default() };
        loop {
            let runs = self.engine.runs.runs(tenant, &query).await?;
            for run in &runs {
                let opening = self.opening_facts(tenant, run.id.as_str()).await?;
                unrecorded.add(run.id.as_str(), "run", opening.is_some_and(|facts| is_of_run(&facts)));
            }
            let Some(last) = last_of_full(&runs) else { return Ok(()) };
            let next = unrecorded.next_page(&query.page, "run", last.id.as_str(), last.id.to_string());
            let Some(next) = next else { return Ok(()) };
            query.page = next;
        }
    }

    async fn add_messages(&self, tenant: &TenantId, unrecorded: &mut Unrecorded) -> Result<()> {
        let mut page = Page::first(PAGE);
        loop {
            let sessions = self.engine.sessions.sessions(tenant, None, &page).await?;
            for session in &sessions {
                self.add_messages_of(tenant, &session.id, unrecorded).await?;
            }
            let Some(last) = last_of_full(&sessions) else { return Ok(()) };
            let next = unrecorded.next_page(&page, "session", last.id.as_str(), last.key());
            let Some(next) = next else { return Ok(()) };
            page = next;
        }
    }

    async fn add_messages_of(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        unrecorded: &mut Unrecorded,
    ) -> Result<()> {
        let mut page = Page::first(PAGE);
        loop {
            let messages = self.engine.sessions.messages(tenant, session, &page).await?;
            for message in &messages {
                let opening = self.opening_facts(tenant, message.run.as_str()).await?;
                let is_of_session = |facts: &RecordedFacts| {
                    is_of_run(facts) && facts.text("session") == Some(session.as_str())
                };
                unrecorded.add(
                    message.run.as_str(),
                    "messages",
                    opening.is_some_and(|facts| is_of_session(&facts)),
                );
            }
            let Some(last) = last_of_full(&messages) else { return Ok(()) };
            let next = unrecorded.next_page(&page, "messages", last.run.as_str(), last.key());
            let Some(next) = next else { return Ok(()) };
            page = next;
        }
    }

    async fn add_entries(&self, tenant: &TenantId, unrecorded: &mut Unrecorded) -> Result<()> {
        let mut query = LedgerQuery { page: Page::first(PAGE), ..LedgerQuery::default() };
        loop {
            let entries = self.engine.ledger.ledger(tenant, &query).await?;
            let calls: BTreeSet<&str> = entries.iter().map(|entry| entry.call.as_str()).collect();
            for call in calls {
                let opening = self.opening_facts(tenant, call).await?;
                let is_call = opening.is_some_and(|facts| facts.text("decision") == Some("admitted"));
                unrecorded.add(call, "ledger", is_call);
            }
            let Some(last) = last_of_full(&entries) else { return Ok(()) };
            let next = unrecorded.next_page(&query.page, "ledger", &last.call, last.seq.to_string());
            let Some(next) = next else { return Ok(()) };
            query.page = next;
        }
    }

    async fn add_documents(&self, tenant: &TenantId, unrecorded: &mut Unrecorded) -> Result<()> {
        let mut query = DocumentQuery { page: Page::first(PAGE), ..DocumentQuery::default() };
        loop {
            let now = self.engine.clock.now();
            let documents = self.engine.documents.documents(tenant, &Visibility::All, &query, now).await?;
            for document in &documents {
                let opening = self.opening_facts(tenant, document.last_job_id.as_str()).await?;
                let is_job =
                    opening.is_some_and(|facts| facts.text("document") == Some(document.id.as_str()));
                unrecorded.add(document.id.as_str(), "document", is_job);
            }
            let Some(last) = last_of_full(&documents) else { return Ok(()) };
            let next = unrecorded.next_page(&query.page, "document", last.id.as_str(), last.id.to_string());
            let Some(next) = next else { return Ok(()) };
            query.page = next;
        }
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

/// Returns the last object of a full page, after which there may be more.
fn last_of_full<T>(page: &[T]) -> Option<&T> {
    page.last().filter(|_| page.len() >= PAGE)
}

fn is_of_run(facts: &RecordedFacts) -> bool {
    facts.text("question_commit").is_some()
}

/// Objects without a record, by id, with the kinds of what is stored under it.
#[derive(Debug, Default)]
struct Unrecorded {
    objects: BTreeMap<String, BTreeSet<&'static str>>,
    /// Keys of pages that were read.
    cursors: BTreeSet<(&'static str, String)>,
}

impl Unrecorded {
    fn add(&mut self, id: &str, content: &'static str, is_recorded: bool) {
        if !is_recorded {
            self.objects.entry(id.to_owned()).or_default().insert(content);
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
        let added = |content| ContentFinding { content, state: ContentState::Added };
        let report = |(id, contents): (String, BTreeSet<_>)| {
            let mut report = Verification::ok(id, 0);
            report.compared(contents.into_iter().map(added).collect());
            report.reason = Some("what is stored has no record");
            report
        };
        self.objects.into_iter().map(report).collect()
    }
}
