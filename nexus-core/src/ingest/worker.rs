//! Ingestion worker: claims a job, reads the document, and publishes its passages.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::job_counts::JobEnd;
use super::prechunked::{self, PASSAGES_CONTENT_TYPE};
use super::submit::{DOCUMENT_REINDEX, DOCUMENT_WRITE};
use crate::access::{AccessRule, Authorised, Permission, RequiredAccess};
use crate::audit::{Draft, Kind, Payload, UnsealedRecords};
use crate::corpus::CorpusConfig;
use crate::document::chunk::{Chunk, Chunker, EstimatedTokens};
use crate::document::content::{PassagesDigest, document_digest};
use crate::document::model::Stage;
use crate::document::parser::codes;
use crate::document::store::{Lease, Publication, StagedPassage};
use crate::document::{Block, BlockSink, Document, FileHints, JobState, ParseReport, Source};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Failure, Result};
use crate::gateway::{Origin, embedder_replaced};
use crate::hex;
use crate::id::ModelId;
use crate::language::Language;
use crate::page::Page;
use crate::policy::Resource;
use crate::retrieve::EmbedRole;
use crate::retrieve::embed::check_length;
use crate::store_retry::{is_not_admitted, is_transient, retry};

/// Number of passages that are embedded and staged at once.
const BATCH: usize = 256;
/// Number of blocks in flight between parser and worker.
const BLOCKS_IN_FLIGHT: usize = 256;
/// Length of the sample for language detection, in bytes.
const LANGUAGE_SAMPLE: usize = 4_096;

const PUBLISHED: Kind = Kind::new("document.published");

impl Engine {
    /// Runs the next job, and returns how it ended; `None` if there was none. A document that cannot be read fails its
    /// job, not this call.
    pub(crate) async fn run_next_job(self: &Arc<Self>) -> Result<Option<JobEnd>> {
        let token = self.ids.next();
        let claimed = self.system.claim_job(&token, self.clock.now(), self.settings.job_lease).await?;
        let Some(lease) = claimed else { return Ok(None) };
        match self.work(&lease).await {
            Ok(()) => Ok(Some(JobEnd::Succeeded)),
            Err(error) => self.give_up(&lease, &error).await.map(Some),
        }
    }

    async fn work(self: &Arc<Self>, lease: &Lease) -> Result<()> {
        if lease.job.attempts > self.settings.job_attempts {
            let message =
                format!("the document could not be read in {} attempts", self.settings.job_attempts);
            return Err(Error::new(ErrorKind::Unavailable, message).with_code("JOB_ABANDONED"));
        }
        let renewal = self.start_lease_renewal(lease);
        let reading = timeout(self.settings.document_deadline, self.read(lease));
        let publication = tokio::select! {
            biased;
            read = reading => read.map_err(|_| too_slow())??,
            lost = renewal.lost() => return Err(lost),
        };
        renewal.enter(Stage::Publishing);
        tokio::select! {
            biased;
            published = self.publish(lease, publication) => published,
            lost = renewal.lost() => Err(lost),
        }
    }

    /// Publishes the staged version. A publication whose outcome is unknown may have been made: then the next try
    /// gets `LEASE_LOST`, since the job is over.
    async fn publish(&self, lease: &Lease, publication: Publication) -> Result<()> {
        let passages = publication.passages;
        self.persist(|| self.documents.prepare(lease, passages)).await?;
        let publish = || async {
            // Access is checked at the commit, not only when the job began.
            let access = self.authorise_job(lease).await?;
            let now = self.clock.now();
            let day = self.gateway.settings().zone.day(now);
            let publication = Publication { access, now, day, ..publication.clone() };
            self.documents.publish(lease, publication).await
        };
        self.persist(publish).await.map(drop)
    }

    /// Retries a step of a job while the store is unavailable. A lost lease ends the retries, since it ends the work
    /// on the job.
    async fn persist<T, F: Future<Output = Result<T>>>(&self, step: impl FnMut() -> F) -> Result<T> {
        retry(Duration::MAX, is_transient, step).await
    }

    /// Reads the document and stages its passages.
    async fn read(&self, lease: &Lease) -> Result<Publication> {
        let document = &lease.document;
        let access = self.check_job(lease).await?;
        let corpus = self.persist(|| self.corpora.corpus(lease.tenant(), &document.corpus_id)).await?;
        let language = CorpusConfig::parse(&corpus.provider_config_json)?.language;
        let source = self.persist(|| self.blobs.open(lease.tenant(), &document.content_hash)).await?;
        let source = unchanged(source, document.content_hash.clone()).await?;
        let mut staging = Staging {
            engine: self,
            lease,
            language,
            sample: String::new(),
            waiting: Vec::new(),
            model: None,
            staged: 0,
            digest: PassagesDigest::default(),
        };
        let report = if document.content_type == PASSAGES_CONTENT_TYPE {
            staging.stage_prechunked(source).await?
        } else {
            staging.stage_parsed(source).await?
        };
        staging.flush().await?;
        if staging.staged == 0 {
            return Err(holds_no_text(&report));
        }
        if document.strict && !report.is_complete() {
            return Err(incomplete(&report));
        }
        let (now, settings) = (self.clock.now(), self.gateway.tenant_settings(lease.tenant()).await?);
        Ok(Publication {
            quota: settings.document_quota(),
            access,
            audit: self.closing(lease, &staging, &report),
            report,
            language: staging.language_of_document(),
            passages: staging.staged,
            model: staging.model,
            now,
            day: self.gateway.settings().zone.day(now),
        })
    }

    /// Checks early that a job can still be published, to save work on one that cannot.
    async fn check_job(&self, lease: &Lease) -> Result<Authorised<RequiredAccess>> {
        let access = self.authorise_job(lease).await?;
        let all = Page::all();
        let grants = self.persist(|| self.grants.grants(lease.tenant(), &lease.document.id, &all)).await?;
        access.check_document(Some(&grants))?;
        Ok(access)
    }

    /// Authorises the publication of a job for its principal: a right that was revoked while the job was queued or
    /// running publishes nothing.
    async fn authorise_job(&self, lease: &Lease) -> Result<Authorised<RequiredAccess>> {
        let (operation, permission) = if lease.reindex {
            (&DOCUMENT_REINDEX, Permission::Reindex)
        } else {
            (&DOCUMENT_WRITE, Permission::Write)
        };
        let document = &lease.document;
        let resource = Resource::document(&document.id).within(&document.corpus_id);
        let rule = AccessRule::StillHolds(permission);
        self.authorise_change(&lease.job.principal, operation, resource, rule).await
    }

    fn closing(&self, lease: &Lease, staging: &Staging<'_>, report: &ParseReport) -> UnsealedRecords {
        let mut document = lease.document.clone();
        document.succeed(lease.job.version, staging.staged, staging.language_of_document(), report);
        let facts = Payload::new()
            .id("document", &lease.document.id)
            .count("version", lease.job.version)
            .count("passages", staging.staged)
            .hash("passages_digest", staging.digest.digest())
            .token("content_type", &report.content_type)
            .count("pages_without_text", report.pages_without_text.len());
        self.pending(vec![
            self.job_draft(lease, PUBLISHED).with_payload(facts),
            self.job_draft(lease, Kind::CHAIN_CLOSE)
                .with_payload(end_facts(&document).token("outcome", "succeeded")),
        ])
    }

    fn job_draft(&self, lease: &Lease, kind: Kind) -> Draft {
        let policy = self.policy.version(lease.tenant());
        Draft::new(&lease.job.principal, lease.job.id.as_str(), kind, policy, self.clock.now())
    }

    /// Records that a job failed, and returns how it ended. A job that another worker has now is not touched, and a job
    /// whose failure cannot be recorded is handed out again when its lease expires.
    async fn give_up(&self, lease: &Lease, error: &Error) -> Result<JobEnd> {
        if error.code() == "LEASE_LOST" {
            return Ok(self.end_of_lost(lease).await);
        }
        tracing::info!(document = %lease.document.id, error = %error.report(), "a document could not be ingested");
        let failure = Failure::from(error);
        let mut document = lease.document.clone();
        document.fail(&failure);
        let facts = end_facts(&document).token("outcome", "failed").token("code", &failure.code);
        let audit = self.pending(vec![self.job_draft(lease, Kind::CHAIN_CLOSE).with_payload(facts)]);
        let fail = || self.jobs.fail(lease, failure.clone(), self.clock.now(), audit.clone());
        match timeout(self.settings.job_lease, self.persist(fail)).await {
            Ok(Ok(())) => Ok(JobEnd::Failed),
            Ok(Err(lost)) if lost.kind() == ErrorKind::Conflict => Ok(self.end_of_lost(lease).await),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                tracing::error!(job = %lease.job.id, "the failure of an ingestion job could not be recorded in time");
                Ok(JobEnd::Elsewhere)
            }
        }
    }

    /// Returns the end of a job whose lease is lost: its publication may have been made, although the store did not
    /// confirm it.
    async fn end_of_lost(&self, lease: &Lease) -> JobEnd {
        match self.jobs.job(lease.tenant(), &lease.job.id).await.map(|job| job.state) {
            Ok(JobState::Succeeded) => JobEnd::Succeeded,
            Ok(JobState::Failed { .. }) => JobEnd::Failed,
            Ok(JobState::Queued | JobState::Processing { .. }) | Err(_) => JobEnd::Elsewhere,
        }
    }
}

/// Staging buffer: passages that are embedded and staged in batches.
struct Staging<'e> {
    engine: &'e Engine,
    lease: &'e Lease,
    language: Option<Language>,
    sample: String,
    waiting: Vec<(Chunk, Option<Vec<f32>>)>,
    model: Option<ModelId>,
    staged: u32,
    digest: PassagesDigest,
}

/// Returns what the record of a job's end tells of its document.
fn end_facts(document: &Document) -> Payload {
    Payload::new().hash("document_digest", document_digest(document))
}

impl Staging<'_> {
    fn language_of_document(&self) -> Language {
        self.language.unwrap_or(Language::Undetermined)
    }

    /// Runs the parser on a blocking thread, and chunks its blocks.
    async fn stage_parsed(&mut self, mut source: Box<dyn Source>) -> Result<ParseReport> {
        let document = &self.lease.document;
        let hints =
            FileHints { name: document.name.clone(), content_type: Some(document.content_type.clone()) };
        let parser = Arc::clone(&self.engine.parser);
        let (sender, mut blocks) = mpsc::channel(BLOCKS_IN_FLIGHT);
        let parsing =
            tokio::task::spawn_blocking(move || parser.parse(&mut *source, &hints, &mut Channel(sender)));
        self.model = self.engine.gateway.embedding_model();
        let mut chunker = Chunker::new(document.chunking, Arc::new(EstimatedTokens));
        while let Some(block) = blocks.recv().await {
            for chunk in chunker.push(block) {
                self.add((chunk, None)).await?;
            }
        }
        for chunk in chunker.finish() {
            self.add((chunk, None)).await?;
        }
        parsing.await.map_err(crashed)?
    }

    /// Reads passages that the caller has cut already.
    async fn stage_prechunked(&mut self, source: Box<dyn Source>) -> Result<ParseReport> {
        let reader = prechunked::Reader::new(source)?;
        self.model = reader.model().cloned();
        let (sender, mut passages) = mpsc::channel(BATCH);
        let reading = tokio::task::spawn_blocking(move || {
            for passage in reader {
                if sender.blocking_send(passage).is_err() {
                    return;
                }
            }
        });
        let embedder = self.engine.gateway.embedder();
        while let Some(passage) = passages.recv().await {
            let (chunk, vector) = passage?;
            if let (Some(model), Some(vector)) = (&self.model, &vector) {
                check_length(embedder.as_ref(), model, vector)?;
            }
            self.add((chunk, vector)).await?;
        }
        reading.await.map_err(crashed)?;
        Ok(ParseReport { content_type: PASSAGES_CONTENT_TYPE.to_owned(), ..ParseReport::default() })
    }

    async fn add(&mut self, (chunk, vector): (Chunk, Option<Vec<f32>>)) -> Result<()> {
        if self.sample.len() < LANGUAGE_SAMPLE {
            self.sample.push_str(&chunk.text);
            self.sample.push('\n');
        }
        self.digest = self.digest.with_chunk(&chunk);
        self.waiting.push((chunk, vector));
        if self.waiting.len() >= BATCH { self.flush().await } else { Ok(()) }
    }

    /// Embeds passages if an embedder is configured; a refusal fails the job.
    async fn embed(&self, texts: &[&str]) -> Result<Option<Vec<Vec<f32>>>> {
        let job = &self.lease.job;
        let origin = Origin { correlation_id: Some(job.id.to_string()), ..Origin::default() };
        let embed = || self.engine.gateway.embed(&job.principal, &origin, EmbedRole::Passage, texts);
        let embedded = retry(Duration::MAX, is_not_admitted, embed).await?;
        if self.engine.gateway.embedding_model() != self.model {
            return Err(embedder_replaced());
        }
        embedded.or_error(self.engine.clock.now())
    }

    /// Embeds and stages the buffered passages.
    async fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let language = *self
            .language
            .get_or_insert_with(|| Language::detect(&self.sample).unwrap_or(Language::Undetermined));
        let waiting = std::mem::take(&mut self.waiting);
        let unembedded = waiting.iter().any(|(_, vector)| vector.is_none());
        let vectors = if unembedded && self.lease.document.content_type != PASSAGES_CONTENT_TYPE {
            let texts: Vec<&str> = waiting.iter().map(|(chunk, _)| chunk.text.as_str()).collect();
            self.embed(&texts).await?
        } else {
            None
        };
        let mut vectors = vectors.map(Vec::into_iter);
        let passages: Vec<StagedPassage> = waiting
            .into_iter()
            .map(|(chunk, own)| {
                let vector = own.or_else(|| vectors.as_mut().and_then(Iterator::next));
                StagedPassage { chunk, language, vector }
            })
            .collect();
        self.staged += u32::try_from(passages.len()).unwrap_or(u32::MAX);
        let stage = || self.engine.documents.stage(self.lease, self.model.as_ref(), passages.clone());
        self.engine.persist(stage).await
    }
}

/// Channel of blocks from the parser's thread to the worker. When the worker stops receiving, the parser stops.
struct Channel(mpsc::Sender<Block>);

impl BlockSink for Channel {
    fn block(&mut self, block: Block) -> Result<()> {
        self.0
            .blocking_send(block)
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the worker no longer reads the document"))
    }
}

/// Checks that the stored bytes are those that were submitted, of which the record holds the hash. Returns them at their
/// beginning.
async fn unchanged(mut source: Box<dyn Source>, hash: String) -> Result<Box<dyn Source>> {
    let hashed = tokio::task::spawn_blocking(move || {
        let digest = hex::sha256_of(&mut source)?;
        source.rewind()?;
        Ok::<_, std::io::Error>((source, digest))
    });
    let unreadable = |error| {
        Error::new(ErrorKind::Unavailable, "cannot read the stored bytes of the document").because(error)
    };
    let (source, digest) = hashed.await.map_err(crashed)?.map_err(unreadable)?;
    if digest == hash {
        return Ok(source);
    }
    Err(Error::new(
        ErrorKind::Corrupt,
        "the stored bytes of the document differ from those that were submitted",
    )
    .with_code("CONTENT_CHANGED")
    .with_hint("verify the records with `nexus runs verify --all`, then ingest the document again"))
}

/// Returns the error of a document without a passage. The hint about scans is for documents with pages, where the report
/// has no other reason.
fn holds_no_text(report: &ParseReport) -> Error {
    if let Some(warning) = report.warnings.first() {
        let message = format!("the document holds no text that can be read: {warning}");
        return Error::invalid(message).with_code(codes::EMPTY);
    }
    let error = Error::invalid("the document holds no text").with_code(codes::EMPTY);
    if report.content_type == PASSAGES_CONTENT_TYPE || report.pages.is_none() {
        return error;
    }
    error.with_hint("a scanned document needs text recognition before it is ingested")
}

/// Returns the error of a strict document of which a part was not read.
fn incomplete(report: &ParseReport) -> Error {
    Error::invalid(format!("a part of the document was not read: {}", report.findings().join("; ")))
        .with_code(codes::INCOMPLETE)
        .with_hint("send it without `strict` to search the rest of it")
}

fn crashed(crash: tokio::task::JoinError) -> Error {
    Error::unexpected("the parser crashed on the document").with_code(codes::CRASHED).because(crash)
}

fn too_slow() -> Error {
    Error::new(ErrorKind::Timeout, "reading the document took too long")
        .with_code(codes::TIMEOUT)
        .with_hint("split the document, or raise the limit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_without_a_passage_fails_with_what_its_report_warns_of() {
        let report = ParseReport { warnings: vec!["page 1 is missing".into()], ..ParseReport::default() };
        let error = holds_no_text(&report);
        assert_eq!((error.code(), error.hint()), (codes::EMPTY, None));
        assert!(error.message().ends_with("that can be read: page 1 is missing"));
        let with_pages = ParseReport { pages: Some(1), ..ParseReport::default() };
        assert!(holds_no_text(&with_pages).hint().is_some());
        assert_eq!(
            holds_no_text(&ParseReport::default()).hint(),
            None,
            "the hint is for documents with pages"
        );
        let prechunked = ParseReport { content_type: PASSAGES_CONTENT_TYPE.into(), ..ParseReport::default() };
        assert_eq!(holds_no_text(&prechunked).hint(), None);
    }
}
