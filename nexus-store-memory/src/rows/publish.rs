//! Publication of passages: [`stage`] adds them under a lease, then [`publish`] makes all of them searchable at once.

use nexus_core::document::Document;
use nexus_core::document::model::{DocumentStatus, JobState};
use nexus_core::document::store::{Lease, Publication, StagedPassage};
use nexus_core::id::ModelId;
use nexus_core::{Error, ErrorKind, Result};
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
    let model = model.map(|model| passage::model_or_new(connection, model)).transpose()?;
    match model {
        Some(_) => passage::check_vectors(passages)?,
        None if passages.iter().any(|passage| passage.vector.is_some()) => {
            return Err(Error::invalid("a passage has a vector, but the model that made it is not named")
                .code("INVALID_VECTOR"));
        }
        None => {}
    }
    passage::stage(connection, held.version, passages, model)
}

/// Makes the staged version live. Returns the document and its corpus's ordinal.
pub(crate) fn publish(
    connection: &Connection,
    lease: &Lease,
    publication: &Publication,
) -> Result<(Document, i64)> {
    let held = job::held(connection, lease)?;
    access::check(connection, &publication.access, &held.job.document_id)?;
    let tenant = lease.tenant();
    let Stored { mut document, corpus, live, newest } =
        document::find(connection, tenant, &held.job.document_id)?.ok_or_else(document::not_found)?;
    let model =
        publication.model.as_ref().map(|model| passage::model_or_new(connection, model)).transpose()?;
    let (passages, vectors) = passage::count(connection, held.version, model)?;
    if passages != publication.passages {
        return Err(Error::new(
            ErrorKind::Corrupt,
            "the number of staged passages differs from the number to publish",
        )
        .code("PASSAGES_MISSING")
        .with("staged", passages)
        .with("published", publication.passages));
    }
    document.status = DocumentStatus::Succeeded;
    document.failure = None;
    document.version = held.job.version;
    document.passages = passages;
    document.language = publication.language;
    if !publication.report.content_type.is_empty() {
        document.content_type.clone_from(&publication.report.content_type);
    }
    document.report = Some(publication.report.clone());
    document.updated_at = publication.now;
    document.completed_at = Some(publication.now);
    if held.reindex {
        document.last_reindexed_at = Some(publication.now);
    }
    let content = Content {
        passages,
        model,
        vectors,
        languages: passage::languages(connection, held.version)?,
        described: Described::of(&document),
    };
    version::publish(connection, corpus, held.version, &content)?;
    if let Some(replaced) = live {
        version::retire(connection, corpus, replaced)?;
    }
    document::save(connection, tenant, corpus, &document, newest)?;
    document::set_live(connection, tenant, &document.id, held.version)?;
    if !held.reindex {
        ledger::count_document(connection, tenant.as_str(), &publication.day, document.size_bytes)?;
    }
    job::end(connection, &held, JobState::Succeeded)?;
    audit::append(connection, &publication.audit)?;
    Ok((document, corpus))
}
