//! [`DocumentStore`]: corpora, documents and their passages.

use async_trait::async_trait;
use nexus_core::access::Visibility;
use nexus_core::document::store::{
    CorpusPatch, DocumentQuery, Lease, Publication, Reindex, StagedPassage, Submission, Submitted,
};
use nexus_core::document::{Corpus, Document, DocumentStatus, DocumentStore, Passage};
use nexus_core::retrieve::ModelId;
use nexus_core::{CorpusId, DocumentId, Error, Result, TenantId, Timestamp, audit};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::sql;
use crate::row::{from_json, limit, small, to_json};
use crate::store::MemoryStore;
use crate::{corpus, passage, publish, submit, version};

/// A document's row.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) document: Document,
    /// The corpus's ordinal.
    pub(crate) corpus: i64,
    /// The ordinal of the version that is searched.
    pub(crate) live: Option<i64>,
    /// The number of the newest version.
    pub(crate) newest: u32,
}

pub(crate) fn not_found() -> Error {
    Error::not_found("there is no such document").code("DOCUMENT_NOT_FOUND")
}

pub(crate) fn find(connection: &Connection, tenant: &TenantId, id: &DocumentId) -> Result<Option<Stored>> {
    let row: Option<(String, i64, Option<i64>, i64)> = connection
        .prepare_cached("SELECT body, corpus, live, newest FROM document WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| {
            let columns = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            statement.query_row(params![tenant.as_str(), id.as_str()], columns).optional()
        })
        .map_err(sql)?;
    row.map(|(body, corpus, live, newest)| {
        Ok(Stored { document: from_json(&body)?, corpus, live, newest: small(newest)? })
    })
    .transpose()
}

/// Writes a document's row, keeping which version is live.
pub(crate) fn save(
    connection: &Connection,
    tenant: &TenantId,
    corpus: i64,
    document: &Document,
    newest: u32,
) -> Result<()> {
    let body = to_json(document)?;
    connection
        .prepare_cached(
            "INSERT INTO document (tenant, id, corpus, status, hash, newest, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (tenant, id) DO UPDATE SET status = ?4, hash = ?5, newest = ?6, body = ?7",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                tenant.as_str(),
                document.id.as_str(),
                corpus,
                document.status.as_str(),
                document.content_hash,
                newest,
                body,
            ])
        })
        .map(drop)
        .map_err(sql)
}

/// Sets which version is searched.
pub(crate) fn set_live(connection: &Connection, tenant: &TenantId, id: &DocumentId, live: i64) -> Result<()> {
    connection
        .prepare_cached("UPDATE document SET live = ?3 WHERE tenant = ?1 AND id = ?2")
        .and_then(|mut statement| statement.execute(params![tenant.as_str(), id.as_str(), live]))
        .map(drop)
        .map_err(sql)
}

fn list(
    connection: &Connection,
    tenant: &TenantId,
    visibility: &Visibility,
    query: &DocumentQuery,
    now: Timestamp,
) -> Result<Vec<Document>> {
    let corpus = match &query.corpus {
        None => None,
        Some(id) => match corpus::row(connection, tenant, id) {
            Ok(row) => Some(row.ordinal),
            Err(error) if error.kind() == nexus_core::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        },
    };
    let mut statement = connection
        .prepare_cached(
            "SELECT body FROM document AS d WHERE tenant = ?1 AND id > ?2
               AND (?3 IS NULL OR corpus = ?3) AND (?4 IS NULL OR status = ?4)
               AND NOT EXISTS (SELECT 1 FROM json_each(?5) AS wanted WHERE wanted.value NOT IN
                   (SELECT value FROM json_each(d.body, '$.tags')))
               AND (?6 IS NULL OR EXISTS (SELECT 1 FROM access AS a
                   WHERE a.tenant = d.tenant AND a.document = d.id AND a.permission IN ('read', 'write', 'owner')
                     AND (a.expires_at IS NULL OR a.expires_at > ?7)
                     AND a.grantee IN (SELECT value FROM json_each(?6))))
             ORDER BY id LIMIT ?8",
        )
        .map_err(sql)?;
    let after = query.after.as_ref().map_or("", DocumentId::as_str);
    let bodies = statement
        .query_map(
            params![
                tenant.as_str(),
                after,
                corpus,
                query.status.map(DocumentStatus::as_str),
                to_json(&query.tags)?,
                crate::access::grantees(visibility)?,
                now.as_micros(),
                limit(query.limit),
            ],
            |row| row.get::<_, String>(0),
        )
        .map_err(sql)?;
    bodies.map(|body| from_json(&body.map_err(sql)?)).collect()
}

fn delete(
    connection: &Connection,
    tenant: &TenantId,
    id: &DocumentId,
    pending: &audit::Pending,
) -> Result<String> {
    let stored = find(connection, tenant, id)?.ok_or_else(not_found)?;
    submit::check_idle(&stored.document)?;
    if let Some(live) = stored.live {
        version::retire(connection, stored.corpus, live)?;
    }
    connection
        .execute("DELETE FROM document WHERE tenant = ?1 AND id = ?2", params![tenant.as_str(), id.as_str()])
        .map_err(sql)?;
    crate::audit::append(connection, pending)?;
    Ok(stored.document.content_hash)
}

#[async_trait]
impl DocumentStore for MemoryStore {
    async fn create_corpus(&self, tenant: &TenantId, corpus: Corpus) -> Result<()> {
        let tenant = tenant.clone();
        self.engine().write(move |write| corpus::create(write, &tenant, &corpus)).await
    }

    async fn update_corpus(&self, tenant: &TenantId, id: &CorpusId, patch: CorpusPatch) -> Result<Corpus> {
        let (tenant, id) = (tenant.clone(), id.clone());
        self.engine().write(move |write| corpus::update(write, &tenant, &id, patch)).await
    }

    async fn corpus(&self, tenant: &TenantId, id: &CorpusId) -> Result<Corpus> {
        let (tenant, id) = (tenant.clone(), id.clone());
        self.engine().read(move |connection| corpus::load(connection, &tenant, &id)).await
    }

    async fn corpora(&self, tenant: &TenantId) -> Result<Vec<Corpus>> {
        let tenant = tenant.clone();
        self.engine().read(move |connection| corpus::list(connection, &tenant)).await
    }

    async fn delete_corpus(&self, tenant: &TenantId, id: &CorpusId) -> Result<()> {
        let (tenant, id, store) = (tenant.clone(), id.clone(), self.clone());
        let work = move |write: &crate::engine::Write<'_>| {
            let (ordinal, hashes) = corpus::delete(write, &tenant, &id)?;
            write.after_commit(move |connection| {
                store.forget_corpus(ordinal);
                for hash in &hashes {
                    store.drop_blob(connection, &tenant, hash);
                }
            });
            Ok(())
        };
        self.engine().write(work).await
    }

    async fn submit(&self, submission: Submission) -> Result<Submitted> {
        let store = self.clone();
        let work = move |write: &crate::engine::Write<'_>| {
            let tenant = submission.principal.tenant().as_str();
            store.blobs().check_kept(tenant, &submission.content_hash)?;
            let submitted = submit::submit(write, &submission)?;
            store.blobs().release(tenant, &submission.content_hash);
            Ok(submitted)
        };
        self.engine().write(work).await
    }

    async fn reindex(&self, reindex: Reindex) -> Result<Submitted> {
        self.engine().write(move |write| submit::reindex(write, &reindex)).await
    }

    async fn document(&self, tenant: &TenantId, id: &DocumentId) -> Result<Document> {
        let (tenant, id) = (tenant.clone(), id.clone());
        let work = move |connection: &Connection| {
            find(connection, &tenant, &id)?.map(|stored| stored.document).ok_or_else(not_found)
        };
        self.engine().read(work).await
    }

    async fn documents(
        &self,
        tenant: &TenantId,
        visibility: &Visibility,
        query: &DocumentQuery,
        now: Timestamp,
    ) -> Result<Vec<Document>> {
        let (tenant, visibility, query) = (tenant.clone(), visibility.clone(), query.clone());
        self.engine().read(move |connection| list(connection, &tenant, &visibility, &query, now)).await
    }

    async fn delete_document(&self, tenant: &TenantId, id: &DocumentId, audit: audit::Pending) -> Result<()> {
        let (tenant, id, store) = (tenant.clone(), id.clone(), self.clone());
        let work = move |write: &crate::engine::Write<'_>| {
            let hash = delete(write, &tenant, &id, &audit)?;
            write.after_commit(move |connection| store.drop_blob(connection, &tenant, &hash));
            Ok(())
        };
        self.engine().write(work).await
    }

    async fn passages(
        &self,
        tenant: &TenantId,
        document: &DocumentId,
        from: u32,
        limit: usize,
    ) -> Result<Vec<Passage>> {
        let (tenant, document) = (tenant.clone(), document.clone());
        let work = move |connection: &Connection| match find(connection, &tenant, &document)? {
            Some(Stored { live: Some(live), document: found, .. }) => {
                passage::page(connection, live, &document, found.version, from, limit)
            }
            _ => Ok(Vec::new()),
        };
        self.engine().read(work).await
    }

    async fn stage(
        &self,
        lease: &Lease,
        model: Option<&ModelId>,
        passages: Vec<StagedPassage>,
    ) -> Result<()> {
        let (lease, model) = (lease.clone(), model.cloned());
        self.engine().write(move |write| publish::stage(write, &lease, model.as_ref(), &passages)).await
    }

    async fn publish(&self, lease: &Lease, publication: Publication) -> Result<Document> {
        self.index_ahead(lease, publication.passages).await?;
        let (lease, store) = (lease.clone(), self.clone());
        let work = move |write: &crate::engine::Write<'_>| {
            let (document, corpus) = publish::publish(write, &lease, &publication)?;
            let passages = u64::from(document.passages);
            write.after_commit(move |_| store.note_publication(corpus, passages));
            Ok(document)
        };
        self.engine().write(work).await
    }
}
