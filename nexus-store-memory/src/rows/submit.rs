//! Submission of a document: [`submit`] and [`reindex`] record it together with the job that makes it searchable.

use nexus_core::document::model::{DocumentStatus, JobState};
use nexus_core::document::store::{Reindex, Submission, Submitted};
use nexus_core::document::{ChunkConfig, Document, Job};
use nexus_core::{Error, ErrorKind, JobId, Principal, Result, Timestamp};
use rusqlite::{Connection, params};

use crate::convert::to_json;
use crate::error::sql;
use crate::rows::document::{self, Stored};
use crate::rows::{access, audit, corpus, version};

/// Records a document and its job, unless an equal document exists already.
pub(crate) fn submit(connection: &Connection, submission: &Submission) -> Result<Submitted> {
    let tenant = submission.principal.tenant();
    let corpus = corpus::row(connection, tenant, &submission.corpus)?;
    corpus::check_same(connection, tenant, &submission.corpus, submission.corpus_created_at)?;
    access::check(connection, &submission.access, &submission.id)?;
    let stored = document::find(connection, tenant, &submission.id)?;
    if let Some(stored) = &stored {
        if is_unchanged(&stored.document, submission) {
            return Ok(submitted(&stored.document, true));
        }
        check_replaceable(&stored.document, submission)?;
    }
    let is_new = stored.is_none();
    let (mut document, newest) = match stored {
        Some(Stored { document, newest, .. }) => (document, newest),
        None => (blank(submission), 0),
    };
    document.name.clone_from(&submission.name);
    document.content_type.clone_from(&submission.content_type);
    document.size_bytes = submission.size_bytes;
    document.content_hash.clone_from(&submission.content_hash);
    document.tags.clone_from(&submission.tags);
    document.metadata.clone_from(&submission.metadata);
    let order = Order {
        principal: &submission.principal,
        job: &submission.job,
        chunking: submission.chunking,
        now: submission.now,
        reindex: false,
    };
    queue(connection, corpus.ordinal, &mut document, newest, &order)?;
    if is_new {
        access::add_owner(connection, submission)?;
    }
    audit::append(connection, &submission.audit)?;
    Ok(submitted(&document, false))
}

/// Queues a job that chunks a document again.
pub(crate) fn reindex(connection: &Connection, order: &Reindex) -> Result<Submitted> {
    let tenant = order.principal.tenant();
    access::check(connection, &order.access, &order.document)?;
    let Stored { mut document, newest, corpus, .. } =
        document::find(connection, tenant, &order.document)?.ok_or_else(document::not_found)?;
    document::check_idle(&document)?;
    let job = Order {
        principal: &order.principal,
        job: &order.job,
        chunking: order.chunking,
        now: order.now,
        reindex: true,
    };
    queue(connection, corpus, &mut document, newest, &job)?;
    audit::append(connection, &order.audit)?;
    Ok(submitted(&document, false))
}

struct Order<'a> {
    principal: &'a Principal,
    job: &'a JobId,
    chunking: ChunkConfig,
    now: Timestamp,
    reindex: bool,
}

/// Writes the document as queued, the version of its job, and the job.
fn queue(
    connection: &Connection,
    corpus: i64,
    document: &mut Document,
    newest: u32,
    order: &Order<'_>,
) -> Result<()> {
    let tenant = order.principal.tenant();
    let number = newest.saturating_add(1);
    document.chunking = order.chunking;
    document.status = DocumentStatus::Queued;
    document.failure = None;
    document.updated_at = order.now;
    document.queued_at = order.now;
    document.processing_started_at = None;
    document.completed_at = None;
    document.last_job_id = order.job.clone();
    document::save(connection, tenant, corpus, document, number)?;
    let ordinal = version::add(connection, tenant, corpus, document.id.as_str(), number)?;
    let job = Job {
        id: order.job.clone(),
        document_id: document.id.clone(),
        principal: order.principal.clone(),
        version: number,
        state: JobState::Queued,
        attempts: 0,
        queued_at: order.now,
    };
    let added = connection
        .prepare_cached(
            "INSERT INTO job (tenant, id, document, version, state, reindex, body)
             VALUES (?1, ?2, ?3, ?4, 'queued', ?5, ?6) ON CONFLICT DO NOTHING",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                tenant.as_str(),
                job.id.as_str(),
                document.id.as_str(),
                ordinal,
                order.reindex,
                to_json(&job).unwrap_or_default(),
            ])
        })
        .map_err(sql)?;
    if added == 0 {
        return Err(Error::new(ErrorKind::Conflict, "there is a job with this id already").code("JOB_EXISTS"));
    }
    Ok(())
}

fn blank(submission: &Submission) -> Document {
    Document {
        id: submission.id.clone(),
        corpus_id: submission.corpus.clone(),
        name: submission.name.clone(),
        size_bytes: submission.size_bytes,
        content_type: submission.content_type.clone(),
        content_hash: submission.content_hash.clone(),
        tags: submission.tags.clone(),
        metadata: submission.metadata.clone(),
        chunking: submission.chunking,
        created_by: submission.principal.subject().clone(),
        status: DocumentStatus::Queued,
        failure: None,
        version: 0,
        passages: 0,
        language: nexus_core::language::Language::Undetermined,
        report: None,
        created_at: submission.now,
        updated_at: submission.now,
        queued_at: submission.now,
        processing_started_at: None,
        completed_at: None,
        last_reindexed_at: None,
        last_job_id: submission.job.clone(),
    }
}

fn submitted(document: &Document, unchanged: bool) -> Submitted {
    Submitted {
        document_id: document.id.clone(),
        job_id: document.last_job_id.clone(),
        status: document.status,
        unchanged,
    }
}

/// Returns whether the submission equals the present or queued version. A failed document is retried.
fn is_unchanged(document: &Document, submission: &Submission) -> bool {
    document.status != DocumentStatus::Failed && is_same(document, submission)
}

fn is_same(document: &Document, submission: &Submission) -> bool {
    document.corpus_id == submission.corpus
        && document.content_hash == submission.content_hash
        && document.name == submission.name
        && document.tags == submission.tags
        && document.metadata == submission.metadata
        && document.chunking == submission.chunking
}

fn check_replaceable(document: &Document, submission: &Submission) -> Result<()> {
    document::check_idle(document)?;
    if document.corpus_id != submission.corpus {
        return Err(Error::new(ErrorKind::Conflict, "a document with this id is in another corpus")
            .code("DOCUMENT_EXISTS")
            .hint("delete it there first, or choose another id"));
    }
    if !submission.overwrite && !is_same(document, submission) {
        return Err(Error::new(ErrorKind::Conflict, "there is another document with this id already")
            .code("DOCUMENT_EXISTS")
            .hint("overwrite it, or choose another id"));
    }
    Ok(())
}
