//! Batches of concurrent jobs, with the outcome of each and a summary.

use futures::StreamExt as _;
use nexus_core::document::store::Submitted;
use nexus_core::document::{ChunkConfig, DocumentStatus, JobState};
use nexus_core::error::Failure;
use nexus_core::ingest::JobCounts;
use nexus_core::{DocumentId, ErrorKind, Nexus, Result};
use serde::Serialize;

use super::discover_files::LeftOut;
use super::folders::Folders;
use super::warnings;
use crate::context::Context;
use crate::exit::Exit;
use crate::left_jobs;
use crate::progress::Progress;
use crate::terminal::count;

/// Outcome of one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub(super) enum Outcome {
    /// Its passages are published.
    Done { passages: u32, warnings: Vec<String> },
    /// Its passages were published before, and nothing had changed.
    Unchanged { passages: u32, warnings: Vec<String> },
    /// It failed.
    Failed { failure: Failure },
}

impl Outcome {
    fn warnings(&self) -> &[String] {
        match self {
            Self::Done { warnings, .. } | Self::Unchanged { warnings, .. } => warnings,
            Self::Failed { .. } => &[],
        }
    }

    /// Returns whether the document is named even where the line of its folder stands for it.
    fn is_notable(&self) -> bool {
        matches!(self, Self::Failed { .. }) || !self.warnings().is_empty()
    }
}

/// Document and its outcome.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Record {
    /// File, or the document's id when there is no file.
    pub(super) source: String,
    pub(super) document_id: Option<DocumentId>,
    /// Folder whose line stands for the document; without one the document has a line of its own.
    #[serde(skip)]
    pub(super) folder: Option<String>,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

/// Summary of a batch.
#[derive(Debug, Default, Serialize)]
struct Summary {
    done: u64,
    unchanged: u64,
    failed: u64,
    /// Number of documents that an interrupt left unstarted.
    left: u64,
    /// Entries of folders that were not ingested.
    left_out: LeftOut,
    /// Jobs of an earlier command that this one finished.
    #[serde(skip_serializing_if = "is_nothing")]
    earlier: JobCounts,
    documents: Vec<Record>,
    #[serde(skip)]
    folders: Folders,
}

fn is_nothing(counts: &JobCounts) -> bool {
    counts.all() == 0
}

/// Reindexes documents, after the jobs of an earlier command.
pub(super) async fn reindex(
    context: &Context<'_>,
    nexus: &Nexus,
    documents: Vec<DocumentId>,
    chunking: Option<ChunkConfig>,
) -> Result<Exit> {
    let earlier = left_jobs::before(context, nexus).await?;
    let one = |document: DocumentId| async move {
        let queued = nexus.reindex(&context.caller, &document, chunking).await;
        let outcome = outcome(context, nexus, queued).await;
        Record { source: document.to_string(), document_id: Some(document), folder: None, outcome }
    };
    all(context, documents, Folders::default(), (earlier, LeftOut::default()), one).await
}

/// Waits for the job of a submitted document and returns its outcome.
pub(super) async fn outcome(context: &Context<'_>, nexus: &Nexus, submitted: Result<Submitted>) -> Outcome {
    match settle(context, nexus, submitted).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed { failure: Failure::from(&error) },
    }
}

async fn settle(context: &Context<'_>, nexus: &Nexus, submitted: Result<Submitted>) -> Result<Outcome> {
    let submitted = submitted?;
    if submitted.status.is_in_flight() {
        let job = nexus.wait_for_job(&context.caller, &submitted.job_id).await?;
        if let JobState::Failed { failure } = job.state {
            return Ok(Outcome::Failed { failure });
        }
    }
    let document = nexus.document(&context.caller, &submitted.document_id).await?;
    let (passages, warnings) = (document.passages, warnings::of(document.report.as_ref()));
    Ok(match (document.status, document.failure) {
        (DocumentStatus::Failed, Some(failure)) => Outcome::Failed { failure },
        _ if submitted.unchanged => Outcome::Unchanged { passages, warnings },
        _ => Outcome::Done { passages, warnings },
    })
}

/// Runs `one` for each of `items` concurrently and reports the outcomes, after the jobs `earlier`. After an interrupt, started items finish and
/// no further one starts.
pub(super) async fn all<T, F: Future<Output = Record>>(
    context: &Context<'_>,
    items: Vec<T>,
    folders: Folders,
    (earlier, left_out): (JobCounts, LeftOut),
    one: impl Fn(T) -> F,
) -> Result<Exit> {
    let (total, progress) = (items.len(), Progress::new(context.output, items.len(), context.verbose));
    let mut listener = context.interrupts.listen();
    let mut summary = Summary { left_out, earlier, folders, ..Summary::default() };
    {
        let interrupted = std::pin::pin!(listener.interrupted());
        let records = futures::stream::iter(items)
            .take_until(interrupted)
            .map(&one)
            .buffer_unordered(context.settings.max_ingests.max(1));
        let mut records = std::pin::pin!(records);
        while let Some(record) = records.next().await {
            summary.add(context, &progress, record)?;
        }
    }
    progress.finish();
    summary.left = (total as u64).saturating_sub(summary.done + summary.unchanged + summary.failed);
    summary.report(context)?;
    Ok(if listener.was_interrupted() { Exit::Cancelled } else { summary.exit() })
}

impl Summary {
    fn add(&mut self, context: &Context<'_>, progress: &Progress<'_>, record: Record) -> Result<()> {
        let source = &record.source;
        let line = match &record.outcome {
            Outcome::Done { passages, warnings } => {
                self.done += 1;
                let status = format!("done{}", warnings::number(warnings));
                let passages = count((*passages).into(), "passage");
                format!("{status:<9}  {source} ({passages}){}", warnings::summary(warnings))
            }
            Outcome::Unchanged { warnings, .. } => {
                self.unchanged += 1;
                let status = format!("unchanged{}", warnings::number(warnings));
                format!("{status}  {source}{}", warnings::summary(warnings))
            }
            Outcome::Failed { failure } => {
                self.failed += 1;
                format!("failed     {source} ({})", failure.code)
            }
        };
        let has_line = record.folder.is_none() || record.outcome.is_notable();
        progress.done(source, has_line.then_some(&line), !record.outcome.warnings().is_empty())?;
        if let Outcome::Failed { failure } = &record.outcome
            && !context.output.is_json()
        {
            let message = format!("{source}: {}", failure.message);
            let hint = failure.hint.as_deref();
            progress.aside(|| context.output.failure(&failure.code, &message, hint));
        }
        let folder = record.folder.as_ref();
        if let Some(line) = folder.and_then(|folder| self.folders.add(folder, &record.outcome)) {
            progress.line(&line)?;
        }
        if context.output.is_json() {
            self.documents.push(record);
        } else if let Outcome::Failed { failure } = record.outcome {
            self.documents.push(Record { outcome: Outcome::Failed { failure }, ..record });
        }
        Ok(())
    }

    fn report(&self, context: &Context<'_>) -> Result<()> {
        if context.output.is_json() {
            return context.output.json(self);
        }
        self.folders.unfinished().try_for_each(|line| context.output.line(line))?;
        let total = self.done + self.unchanged + self.failed;
        let left = if self.left > 0 { format!(", {} not begun", self.left) } else { String::new() };
        let Self { done, unchanged, failed, left_out, .. } = self;
        context.output.line(format_args!(
            "{}: {done} done, {unchanged} unchanged, {failed} failed{left}{left_out}",
            count(total, "document")
        ))
    }

    /// Returns a denial if every document was denied, and a failure for any other failure, also one of an earlier command's
    /// documents.
    fn exit(&self) -> Exit {
        let denied = self.documents.iter().all(|record| match &record.outcome {
            Outcome::Failed { failure } => failure.code == ErrorKind::Denied.code(),
            Outcome::Done { .. } | Outcome::Unchanged { .. } => false,
        });
        match (self.failed, self.done + self.unchanged) {
            (0, _) if self.earlier.failed > 0 => Exit::Failed,
            (0, _) => Exit::Done,
            (_, 0) if denied => Exit::Denied,
            (_, _) => Exit::Failed,
        }
    }
}
