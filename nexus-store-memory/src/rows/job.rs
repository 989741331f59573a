//! Ingestion jobs as rows, and their leases.

use nexus_core::document::model::{JobState, Stage};
use nexus_core::document::store::Lease;
use nexus_core::document::{Job, JobWork, StoredVersion};
use nexus_core::error::Failure;
use nexus_core::{Error, ErrorKind, JobId, Result, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::convert::{from_json, to_json};
use crate::error::sql;
use crate::rows::document::{self, Stored};
use crate::rows::version;

/// Row of a job.
#[derive(Debug)]
pub(crate) struct JobRow {
    seq: i64,
    pub(crate) job: Job,
    /// Version that the job makes.
    pub(crate) version: StoredVersion,
    /// Ordinal of its document's corpus.
    pub(crate) corpus: i64,
    pub(crate) reindex: bool,
}

fn lost() -> Error {
    Error::new(ErrorKind::Conflict, "another worker holds the job, or the job has ended")
        .with_code("LEASE_LOST")
}

/// Columns of a [`JobRow`].
type Columns = (i64, String, i64, String, i64, bool);

impl JobRow {
    fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
    }

    fn read((seq, body, ordinal, state, corpus, reindex): Columns) -> Result<Self> {
        let version = version::stored(ordinal, &state)?;
        Ok(Self { seq, job: from_json(&body)?, version, corpus, reindex })
    }
}

/// Returns the job of a lease, if the lease holds.
pub(crate) fn held(connection: &Connection, lease: &Lease) -> Result<JobRow> {
    let row = connection
        .prepare_cached(
            "SELECT job.seq, job.body, job.version, version.state, version.corpus, job.reindex
             FROM job JOIN version ON version.ordinal = job.version
             WHERE job.tenant = ?1 AND job.id = ?2 AND job.state = 'processing' AND job.token = ?3",
        )
        .and_then(|mut statement| {
            let values = params![lease.job.principal.tenant_id(), lease.job.id.as_str(), lease.token];
            statement.query_row(values, JobRow::columns).optional()
        })
        .map_err(sql)?;
    JobRow::read(row.ok_or_else(lost)?)
}

/// Writes the end of a job.
pub(crate) fn end(connection: &Connection, row: &JobRow, job: &Job) -> Result<()> {
    save(connection, row.seq, job, None)
}

fn save(connection: &Connection, seq: i64, job: &Job, lease: Option<(&str, Timestamp)>) -> Result<()> {
    let state = match job.state {
        JobState::Queued => "queued",
        JobState::Processing { .. } => "processing",
        JobState::Succeeded => "succeeded",
        JobState::Failed { .. } => "failed",
    };
    let body = to_json(job)?;
    connection
        .prepare_cached("UPDATE job SET state = ?2, body = ?3, token = ?4, lease_until = ?5 WHERE seq = ?1")
        .and_then(|mut statement| {
            let (token, until) = lease.map(|(token, until)| (token, until.as_micros())).unzip();
            statement.execute(params![seq, state, body, token, until])
        })
        .map(drop)
        .map_err(sql)
}

/// Returns the first job in the order of the queue that core lets a worker claim.
fn next(connection: &Connection, now: Timestamp) -> Result<Option<JobRow>> {
    let mut candidates = connection
        .prepare_cached(
            "SELECT job.seq, job.body, job.version, version.state, version.corpus, job.reindex, job.lease_until
             FROM job INDEXED BY job_to_do CROSS JOIN version ON version.ordinal = job.version
             WHERE job.state IN ('queued', 'processing') AND (job.state = 'queued' OR job.lease_until <= ?1)
             ORDER BY job.seq",
        )
        .map_err(sql)?;
    let mut rows = candidates.query(params![now.as_micros()]).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let lease_until: Option<i64> = row.get(6).map_err(sql)?;
        let found = JobRow::columns(row).map_err(sql).and_then(JobRow::read)?;
        if found.job.is_claimable(lease_until.map(Timestamp::from_micros), now) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Gives the next job to a worker.
pub(crate) fn claim(
    connection: &Connection,
    token: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Lease>> {
    let Some(row) = next(connection, now)? else { return Ok(None) };
    let (mut work, newest) = work(connection, &row)?;
    if let Some(discarded) = work.claim(now)? {
        version::remove(connection, discarded)?;
        add_version(connection, &row)?;
    }
    save(connection, row.seq, &work.job, Some((token, until)))?;
    document::save(connection, work.job.principal.tenant_id(), row.corpus, &work.document, newest)?;
    let JobWork { job, document, .. } = work;
    Ok(Some(Lease { job, document, reindex: row.reindex, token: token.to_owned() }))
}

/// Returns a job with its document, and the number of the document's newest version.
fn work(connection: &Connection, row: &JobRow) -> Result<(JobWork, u32)> {
    let found = document::find(connection, row.job.principal.tenant_id(), &row.job.document_id)?;
    let Stored { document, newest, .. } = found.ok_or_else(document::not_found)?;
    Ok((JobWork { job: row.job.clone(), document, version: row.version }, newest))
}

/// Adds the fresh version of a retried job.
fn add_version(connection: &Connection, row: &JobRow) -> Result<()> {
    let (tenant, document) = (row.job.principal.tenant_id(), row.job.document_id.as_str());
    let ordinal = version::add(connection, tenant, row.corpus, document, row.job.version)?;
    connection
        .prepare_cached("UPDATE job SET version = ?2 WHERE seq = ?1")
        .and_then(|mut statement| statement.execute(params![row.seq, ordinal]))
        .map(drop)
        .map_err(sql)
}

/// Ends the job of a lease with a failure.
pub(crate) fn fail(connection: &Connection, lease: &Lease, failure: &Failure, now: Timestamp) -> Result<()> {
    let row = held(connection, lease)?;
    let (mut work, newest) = work(connection, &row)?;
    let discarded = work.fail(failure, now)?;
    document::save(connection, work.job.principal.tenant_id(), row.corpus, &work.document, newest)?;
    end(connection, &row, &work.job)?;
    version::remove(connection, discarded)
}

/// Extends a lease.
pub(crate) fn heartbeat(
    connection: &Connection,
    lease: &Lease,
    stage: Stage,
    now: Timestamp,
    until: Timestamp,
) -> Result<()> {
    let mut row = held(connection, lease)?;
    row.job.renew(stage, now);
    save(connection, row.seq, &row.job, Some((&lease.token, until)))
}

/// Returns a job.
pub(crate) fn load(connection: &Connection, tenant: &str, id: &JobId) -> Result<Job> {
    let body: Option<String> = connection
        .prepare_cached("SELECT body FROM job WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![tenant, id.as_str()], |row| row.get(0)).optional()
        })
        .map_err(sql)?;
    from_json(&body.ok_or_else(|| Error::not_found("there is no such job").with_code("JOB_NOT_FOUND"))?)
}

/// Expires all leases: their holders are gone, because this process holds the directory now.
pub(crate) fn expire_leases(connection: &Connection) -> Result<()> {
    connection.execute("UPDATE job SET lease_until = 0 WHERE state = 'processing'", []).map(drop).map_err(sql)
}
