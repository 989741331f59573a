//! Comparison of a document and its passages, as they are stored, with the chains of its jobs.

use super::Nexus;
use super::{corpora, documents};
use crate::audit::{ContentFinding, ContentState, KeyRing, RecordedFacts, Verification, facts_in};
use crate::document::Document;
use crate::document::content::{RecordedJob, RecordedPublication, StoredPassages};
use crate::error::{ErrorKind, Result};
use crate::page::Page;
use crate::principal::TenantId;

/// Number of passages per read of a comparison.
const PASSAGES_PAGE: usize = 256;

/// Number of chains per read.
const CHAINS_PAGE: usize = 1_000;

/// Place of the record of a publication or a deletion in its chain.
const PLACE: u64 = 1;

/// Relation of a job to the version of its document that is searched.
enum Standing {
    /// The job is the last that published a version.
    Live,
    /// A genuine record tells of a later version, or of the deletion of the document.
    Replaced,
    /// The store names another job, which no genuine record proves to be a later one of this document.
    Unproven,
}

impl Nexus {
    /// Compares the document of a job, if it is its last, and the passages that the job published, as long as its version
    /// is the one that is searched.
    pub(super) async fn compare_document(
        &self,
        tenant: &TenantId,
        chain: &str,
        keys: &KeyRing,
        job: &RecordedJob,
        verification: &mut Verification,
    ) -> Result<()> {
        let Some(document) = self.stored_document(tenant, job).await? else {
            verification.not_checked.push("the document and its passages: the document was removed");
            return Ok(());
        };
        let mut found = Vec::new();
        if document.last_job_id.as_str() == chain {
            found.extend(job.compare(&document));
            if !job.has_digest() {
                verification.not_checked.push(
                    "name, tags, metadata, chunking and report of the document: an earlier version wrote no digest of them",
                );
            }
        }
        if let Some(publication) = &job.publication {
            if !publication.is_complete() {
                verification
                    .not_checked
                    .push("the texts of the passages: an earlier version wrote no digest of them");
            }
            let changed = ContentFinding { content: "document", state: ContentState::Changed };
            match self.standing(tenant, chain, keys, job, publication, &document).await? {
                Standing::Replaced => verification
                    .not_checked
                    .push("the passages: a later job has worked on the document, or it was removed"),
                Standing::Live if document.version == publication.version => {
                    found.extend(self.compare_passages(tenant, job, publication).await?);
                }
                Standing::Live | Standing::Unproven if found.is_empty() => found.push(changed),
                Standing::Live | Standing::Unproven => {}
            }
        }
        verification.compared(found);
        Ok(())
    }

    async fn stored_document(&self, tenant: &TenantId, job: &RecordedJob) -> Result<Option<Document>> {
        match self.engine.documents.document(tenant, &job.document).await {
            Ok(document) => Ok(Some(document)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn standing(
        &self,
        tenant: &TenantId,
        chain: &str,
        keys: &KeyRing,
        job: &RecordedJob,
        publication: &RecordedPublication,
        document: &Document,
    ) -> Result<Standing> {
        let last = document.last_job_id.as_str();
        if last == chain {
            return Ok(Standing::Live);
        }
        let facts = self.genuine_facts(tenant, last, keys).await?;
        let later = RecordedJob::read(&facts).filter(|later| later.document == job.document);
        let Some(later) = later else { return Ok(Standing::Unproven) };
        if let Some(later) = later.publication {
            // Ids grow with time; versions begin anew when a document was removed.
            let is_later = last > chain || later.version > publication.version;
            return Ok(if is_later { Standing::Replaced } else { Standing::Unproven });
        }
        // A job that published nothing leaves the version before it in place.
        let is_replaced = self.is_replaced_after(tenant, chain, keys, job).await?;
        Ok(if is_replaced { Standing::Replaced } else { Standing::Live })
    }

    /// Returns whether a genuine chain after `chain` publishes a version of the same document, or removes it.
    async fn is_replaced_after(
        &self,
        tenant: &TenantId,
        chain: &str,
        keys: &KeyRing,
        job: &RecordedJob,
    ) -> Result<bool> {
        let mut page = Page::first(CHAINS_PAGE).after(chain.to_owned());
        loop {
            let chains = self.engine.audit.chains(tenant, &page).await?;
            let Some(last) = chains.last() else { return Ok(false) };
            page = page.after(last.run.clone());
            for later in &chains {
                let record = self.engine.audit.records(tenant, &later.run, PLACE, 1).await?;
                let fact = record.first().and_then(|record| facts_in(&record.body));
                if fact.is_some_and(|fact| replaces(&fact, job))
                    && !self.genuine_facts(tenant, &later.run, keys).await?.is_empty()
                {
                    return Ok(true);
                }
            }
        }
    }

    /// Returns the facts of a chain; none where there is no such chain, or it is not genuine.
    pub(super) async fn genuine_facts(
        &self,
        tenant: &TenantId,
        chain: &str,
        keys: &KeyRing,
    ) -> Result<Vec<RecordedFacts>> {
        match self.inspect(tenant, chain, keys).await {
            Ok((verification, facts)) if verification.status.is_sound() => Ok(facts),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Ok(_) | Err(_) => Ok(Vec::new()),
        }
    }

    async fn compare_passages(
        &self,
        tenant: &TenantId,
        job: &RecordedJob,
        publication: &RecordedPublication,
    ) -> Result<Option<ContentFinding>> {
        let mut stored = StoredPassages::default();
        let mut page = Page::first(PASSAGES_PAGE);
        loop {
            let passages = self.engine.documents.passages(tenant, &job.document, &page).await?;
            let Some(last) = passages.last() else { return Ok(publication.compare(&stored)) };
            if passages.iter().any(|passage| passage.key.version != publication.version) {
                return Ok(Some(ContentFinding { content: "passages", state: ContentState::Changed }));
            }
            page = page.after(last.key.index.to_string());
            stored = passages.iter().fold(stored, StoredPassages::with);
        }
    }
}

/// Returns whether a fact is a publication of the document of `job`, or its removal, alone or with its corpus.
fn replaces(fact: &RecordedFacts, job: &RecordedJob) -> bool {
    let is_of_document = fact.text("document") == Some(job.document.as_str());
    // A job that chunks a document again does not name its corpus.
    let corpus = job.opened.get("corpus").and_then(serde_json::Value::as_str);
    let is_of_corpus = corpus.is_none() || fact.text("corpus") == corpus;
    match fact.kind.as_str() {
        "document.published" => is_of_document,
        kind if kind == documents::DELETED.as_str() => is_of_document,
        kind if kind == corpora::DELETED.as_str() => is_of_corpus,
        _ => false,
    }
}
