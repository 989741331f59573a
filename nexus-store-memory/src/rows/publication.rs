//! Publication of passages: [`stage`] adds them under a lease, then [`publish`] makes all of them searchable at once.

use nexus_core::Result;
use nexus_core::document::store::{Lease, Publication, StagedPassage};
use nexus_core::document::{Document, JobWork};
use nexus_core::id::ModelId;
use nexus_core::retrieve::check_staged;
use rusqlite::Connection;

use crate::rows::document::{self, Stored};
use crate::rows::version::{self, Content, Described};
use crate::rows::{access, audit, job, ledger, passage};

/// Adds passages to the staged version of the lease's job.
pub(crate) fn stage(
    connection: &Connection,
    lease: &Lease,
    model: Option<&ModelId>,
    passages: &[StagedPassage],
) -> Result<()> {
    let held = job::held(connection, lease)?;
    held.version.check_staged()?;
    check_staged(model, passages)?;
    let model = model.map(|model| passage::model_or_new(connection, model)).transpose()?;
    passage::stage(connection, held.version.ordinal, passages, model)
}

/// Makes the staged version live. Returns the document and its corpus's ordinal.
pub(crate) fn publish(
    connection: &Connection,
    lease: &Lease,
    publication: &Publication,
) -> Result<(Document, i64)> {
    let held = job::held(connection, lease)?;
    access::check(connection, &publication.access, &held.job.document_id)?;
    let tenant = lease.job.principal.tenant_id();
    let Stored { document, corpus, live, newest } =
        document::find(connection, tenant, &held.job.document_id)?.ok_or_else(document::not_found)?;
    let model =
        publication.model.as_ref().map(|model| passage::model_or_new(connection, model)).transpose()?;
    let (passages, vectors) = passage::count(connection, held.version.ordinal, model)?;
    if publication.quota.passages.is_some() {
        let others = version::live_passages(connection, tenant, live)?;
        publication.quota.check_publication(others.saturating_add(passages.into()))?;
    }
    let live = live.map(|live| version::find(connection, live)).transpose()?;
    let mut work = JobWork { job: held.job.clone(), document, version: held.version };
    let versions = work.publish(publication, passages, held.reindex, live)?;
    let JobWork { job, document, .. } = work;
    let content = Content {
        passages,
        model,
        vectors,
        languages: passage::languages(connection, versions.live.ordinal)?,
        described: Described::of(&document),
    };
    version::publish(connection, corpus, versions.live, &content)?;
    if let Some(retired) = versions.retired {
        version::retire(connection, corpus, retired)?;
    }
    document::save(connection, tenant, corpus, &document, newest)?;
    document::set_live(connection, tenant, &document.id, versions.live.ordinal)?;
    if !held.reindex {
        ledger::count_document(connection, tenant, &publication.day, document.size_bytes)?;
    }
    job::end(connection, &held, &job)?;
    audit::append(connection, &publication.audit)?;
    Ok((document, corpus))
}
