//! Submission of a document: [`submit`] and [`reindex`] write the rows that core's decision yields.

use nexus_core::document::store::{Reindex, Submission, Submitted};
use nexus_core::document::{QueuedJob, StoredDocument, SubmissionDecision};
use nexus_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, params};

use crate::convert::to_json;
use crate::error::sql;
use crate::rows::document::{self, Stored};
use crate::rows::{access, audit, corpus, version};

/// Records a document and its job, unless an equal document exists already.
pub(crate) fn submit(connection: &Connection, submission: &Submission) -> Result<Submitted> {
    let tenant = submission.principal.tenant_id();
    let corpus = corpus::row(connection, tenant, &submission.corpus)?;
    submission.check_corpus(corpus::load(connection, tenant, &submission.corpus)?.created_at)?;
    access::check(connection, &submission.access, &submission.id)?;
    let present = document::find(connection, tenant, &submission.id)?;
    let present = present.map(|Stored { document, newest, .. }| StoredDocument { document, newest });
    let queued = match submission.decide(present)? {
        SubmissionDecision::Unchanged(submitted) => return Ok(submitted),
        SubmissionDecision::Queued(queued) => queued,
    };
    document::check_quota(connection, submission)?;
    queue(connection, corpus.ordinal, &queued)?;
    if queued.is_new {
        access::add_owner(connection, submission)?;
    }
    audit::append(connection, &submission.audit)?;
    Ok(queued.submitted())
}

/// Queues a job that chunks a document again.
pub(crate) fn reindex(connection: &Connection, order: &Reindex) -> Result<Submitted> {
    let tenant = order.principal.tenant_id();
    access::check(connection, &order.access, &order.document)?;
    let Stored { document, newest, corpus, .. } =
        document::find(connection, tenant, &order.document)?.ok_or_else(document::not_found)?;
    let queued = order.decide(StoredDocument { document, newest })?;
    queue(connection, corpus, &queued)?;
    audit::append(connection, &order.audit)?;
    Ok(queued.submitted())
}

/// Writes the document, the version of its job, and the job.
fn queue(connection: &Connection, corpus: i64, queued: &QueuedJob) -> Result<()> {
    let QueuedJob { document, job, reindex, .. } = queued;
    let tenant = job.principal.tenant_id();
    document::save(connection, tenant, corpus, document, job.version)?;
    let ordinal = version::add(connection, tenant, corpus, document.id.as_str(), job.version)?;
    let added = connection
        .prepare_cached(
            "INSERT INTO job (tenant, id, document, version, state, reindex, body)
             VALUES (?1, ?2, ?3, ?4, 'queued', ?5, ?6) ON CONFLICT DO NOTHING",
        )
        .map_err(sql)?
        .execute(params![tenant, job.id.as_str(), document.id.as_str(), ordinal, reindex, to_json(job)?,])
        .map_err(sql)?;
    if added == 0 {
        return Err(
            Error::new(ErrorKind::Conflict, "there is a job with this id already").with_code("JOB_EXISTS")
        );
    }
    Ok(())
}
