//! Fixture of the scenarios: principals, times, and a document's way into a store.

use std::io::Cursor;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nexus_core::access::{AccessRule, Authorised, Grant, Grantee, Permission, RequiredAccess};
use nexus_core::audit::{Draft, KeyRing, Kind, Sealer, UnsealedRecords};
use nexus_core::corpus::Corpus;
use nexus_core::document::chunk::Chunk;
use nexus_core::document::store::{Blob, Lease, Publication, StagedPassage, Submission, Submitted};
use nexus_core::document::{ChunkConfig, Document, DocumentQuota, ParseReport};
use nexus_core::id::ModelId;
use nexus_core::language::Language;
use nexus_core::owner::OwnerLease;
use nexus_core::retrieve::{Fusion, Query, QueryVector, Retrieved, Weights, WordStatistics};
use nexus_core::store::Store;
use nexus_core::{
    CorpusId, DocumentId, GrantId, JobId, OwnerId, Page, Principal, Result, SubjectId, Timestamp, hex,
};
use serde_json::json;

/// Fresh store with short forms of its operations.
#[derive(Debug)]
pub struct World {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Seals records under the store's own name.
    pub sealer: Arc<Sealer>,
    last: AtomicU64,
    /// Bytes of submissions that are yet to be made.
    held: Mutex<Vec<Blob>>,
}

/// Duration of a lease.
pub const LEASE: Duration = Duration::from_mins(1);

/// Returns a time, in seconds after the first.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_772_357_400_000_000 + seconds * 1_000_000)
}

/// Returns an admin of a tenant.
pub fn admin(tenant: &str) -> Principal {
    Principal::user(tenant, "root").unwrap().roles(["admin"])
}

/// Returns a principal of a tenant with the role `reader`.
pub fn reader(tenant: &str, subject: &str) -> Principal {
    Principal::user(tenant, subject).unwrap().roles(["reader"])
}

/// Returns the id of an owner.
pub fn owner(id: &str) -> OwnerId {
    OwnerId::parse(id).unwrap()
}

/// Returns the lease of an owner that begins at `seconds`.
pub fn lease(id: &str, seconds: i64) -> OwnerLease {
    OwnerLease { owner: owner(id), until: at(seconds).plus(LEASE) }
}

/// Returns the id of a document.
pub fn document(id: &str) -> DocumentId {
    DocumentId::parse(id).unwrap()
}

/// Returns the id of a corpus.
pub fn corpus(id: &str) -> CorpusId {
    CorpusId::parse(id).unwrap()
}

/// Returns the id of an embedding model.
pub fn model() -> ModelId {
    ModelId::parse("model@1").unwrap()
}

impl World {
    /// Creates a world around a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let keys = KeyRing::from_secret("k0", "a secret of at least sixteen bytes").unwrap();
        let sealer = Arc::new(Sealer::new(store.instance(), keys));
        Self { store, sealer, last: AtomicU64::new(0), held: Mutex::default() }
    }

    /// Returns a name that was not used before.
    pub fn fresh(&self, prefix: &str) -> String {
        format!("{prefix}-{:04}", self.last.fetch_add(1, Ordering::SeqCst))
    }

    /// Returns records to be sealed with a change.
    pub fn pending(&self, caller: &Principal, run: &str, kinds: &[Kind]) -> UnsealedRecords {
        let drafts = kinds.iter().map(|kind| Draft::new(caller, run, *kind, "v1", at(0))).collect();
        UnsealedRecords::new(Arc::clone(&self.sealer), drafts)
    }

    /// Returns no records.
    pub fn unrecorded(&self) -> UnsealedRecords {
        UnsealedRecords::new(Arc::clone(&self.sealer), Vec::new())
    }

    /// Returns the record of one change, in a chain of its own.
    pub fn recorded(&self, caller: &Principal) -> UnsealedRecords {
        let kinds = [Kind::CHAIN_OPEN, Kind::new("test.changed"), Kind::CHAIN_CLOSE];
        self.pending(caller, &self.fresh("audit"), &kinds)
    }

    /// Returns a record that no chain takes, so that the change which it belongs to is undone.
    pub fn unsealable(&self, caller: &Principal) -> UnsealedRecords {
        self.pending(caller, &self.fresh("audit"), &[Kind::new("test.changed")])
    }

    /// Returns the number of the tenant's audit chains.
    pub async fn chains(&self, caller: &Principal) -> usize {
        self.store.chains(caller.tenant(), &Page::first(99)).await.unwrap().len()
    }

    /// Returns the payload of the second record of a chain.
    pub async fn payload(&self, caller: &Principal, chain: &str) -> serde_json::Value {
        let records = self.store.records(caller.tenant(), chain, 1, 1).await.unwrap();
        serde_json::from_slice::<serde_json::Value>(&records[0].body).unwrap()["payload"].clone()
    }

    /// Creates a corpus.
    pub async fn corpus(&self, caller: &Principal, id: &str) {
        let made = Corpus {
            id: corpus(id),
            name: id.to_owned(),
            provider_config_json: json!({}),
            created_at: at(0),
        };
        self.store.create_corpus(caller.tenant(), made, self.unrecorded()).await.unwrap();
    }

    /// Stores `text` as raw bytes and describes it as a document of `in_corpus`.
    pub async fn submission(&self, caller: &Principal, in_corpus: &str, id: &str, text: &str) -> Submission {
        let bytes = Box::new(Cursor::new(text.as_bytes().to_vec()));
        let blob = self.store.put(caller.tenant(), bytes, u64::MAX).await.unwrap();
        self.held.lock().unwrap().push(blob.clone());
        let job = self.fresh("job");
        Submission {
            principal: caller.clone(),
            audit: self.pending(caller, &job, &[Kind::CHAIN_OPEN]),
            job: JobId::parse(job).unwrap(),
            owner_grant: GrantId::parse(self.fresh("grant")).unwrap(),
            id: document(id),
            corpus: corpus(in_corpus),
            name: format!("{id}.txt"),
            content_type: "text/plain".to_owned(),
            size_bytes: blob.size,
            content_hash: blob.hash,
            tags: std::collections::BTreeSet::new(),
            metadata: serde_json::Map::new(),
            chunking: ChunkConfig::default(),
            overwrite: false,
            strict: false,
            access: access(caller, AccessRule::NewOr(Permission::Write), at(0)),
            corpus_created_at: at(0),
            quota: DocumentQuota::default(),
            now: at(0),
        }
    }

    /// Submits a document that is new or may be replaced.
    pub async fn submit(&self, caller: &Principal, in_corpus: &str, id: &str, text: &str) -> Submitted {
        let mut submission = self.submission(caller, in_corpus, id, text).await;
        submission.overwrite = true;
        let submitted = self.store.submit(submission).await.unwrap();
        self.let_go();
        submitted
    }

    /// Releases the bytes of submissions: those that no document refers to may be deleted.
    pub fn let_go(&self) {
        self.held.lock().unwrap().clear();
    }

    /// Claims the next job.
    pub async fn claim(&self, now: Timestamp) -> Lease {
        self.store.claim_job(&self.fresh("worker"), now, LEASE).await.unwrap().expect("a job waits")
    }

    /// Returns a publication of `passages` passages.
    pub fn publication(&self, lease: &Lease, passages: usize, model: Option<ModelId>) -> Publication {
        Publication {
            report: ParseReport {
                content_type: "text/plain".to_owned(),
                reader_version: 3,
                ..ParseReport::default()
            },
            language: Language::English,
            passages: u32::try_from(passages).unwrap(),
            quota: DocumentQuota::default(),
            model,
            access: access(&lease.job.principal, AccessRule::StillHolds(Permission::Write), at(1)),
            now: at(1),
            day: super::calls::DAY.to_owned(),
            audit: self.pending(&lease.job.principal, lease.job.id.as_str(), &[Kind::CHAIN_CLOSE]),
        }
    }

    /// Stages and publishes the passages of a lease's document.
    pub async fn work(&self, lease: &Lease, passages: Vec<StagedPassage>) -> Document {
        let model = passages.iter().any(|passage| passage.vector.is_some()).then(model);
        let count = passages.len();
        self.store.stage(lease, model.as_ref(), passages).await.unwrap();
        self.store.publish(lease, self.publication(lease, count, model)).await.unwrap()
    }

    /// Ingests a document from submission to publication: each text is one passage.
    pub async fn publish(&self, caller: &Principal, in_corpus: &str, id: &str, texts: &[&str]) -> Document {
        self.publish_staged(caller, in_corpus, id, staged(texts)).await
    }

    /// Ingests a document whose passages have vectors.
    pub async fn publish_vectors(
        &self,
        caller: &Principal,
        in_corpus: &str,
        id: &str,
        passages: &[(&str, [f32; 4])],
    ) -> Document {
        let texts: Vec<&str> = passages.iter().map(|(text, _)| *text).collect();
        let mut staged = staged(&texts);
        for (passage, (_, vector)) in staged.iter_mut().zip(passages) {
            passage.vector = Some(vector.to_vec());
        }
        self.publish_staged(caller, in_corpus, id, staged).await
    }

    /// Ingests a document whose passages are staged as they are.
    pub async fn publish_staged(
        &self,
        caller: &Principal,
        in_corpus: &str,
        id: &str,
        passages: Vec<StagedPassage>,
    ) -> Document {
        let text: Vec<&str> = passages.iter().map(|passage| passage.chunk.text.as_str()).collect();
        self.submit(caller, in_corpus, id, &text.join("\n\n")).await;
        let lease = self.claim(at(0)).await;
        self.work(&lease, passages).await
    }

    /// Grants a permission on a document.
    pub async fn grant(
        &self,
        caller: &Principal,
        id: &str,
        grantee: &str,
        permission: Permission,
        until: Option<Timestamp>,
    ) -> Grant {
        let grant = Grant {
            id: GrantId::parse(self.fresh("grant")).unwrap(),
            document_id: document(id),
            grantee: grantee.parse::<Grantee>().unwrap(),
            permission,
            granted_by: SubjectId::parse("root").unwrap(),
            expires_at: until,
            created_at: at(0),
        };
        let access = access(caller, AccessRule::Holds(Permission::Owner), at(0));
        self.store.grant(&access, grant, self.unrecorded()).await.unwrap()
    }

    /// Revokes a permission on a document.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn revoke(&self, caller: &Principal, id: &str, grant: &GrantId) -> Result<Grant> {
        let access = access(caller, AccessRule::Holds(Permission::Owner), at(0));
        self.store.revoke(&access, &document(id), grant, self.unrecorded()).await
    }

    /// Deletes a document.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete(&self, caller: &Principal, id: &str) -> Result<()> {
        let access = access(caller, AccessRule::Holds(Permission::Delete), at(0));
        self.store.delete_document(&access, &document(id), self.unrecorded()).await
    }

    /// Searches.
    pub async fn retrieve(&self, caller: &Principal, query: Query) -> Retrieved {
        self.store.retrieve(&allowed(caller, query)).await.unwrap()
    }

    /// Searches for words in the corpus `c`, and returns the ids of the documents found.
    pub async fn found(&self, caller: &Principal, text: &str) -> Vec<String> {
        names(&self.retrieve(caller, query(text)).await)
    }
}

/// Returns the documents of the hits, in their order.
pub fn names(retrieved: &Retrieved) -> Vec<String> {
    retrieved.hits.iter().map(|hit| hit.passage.key.document.to_string()).collect()
}

/// Returns a search for words in the corpus `c`.
pub fn query(text: &str) -> Query {
    Query {
        corpus: corpus("c"),
        text: text.to_owned(),
        language: None,
        vector: None,
        top_k: 10,
        filter: None,
        tags: Vec::new(),
        documents: Vec::new(),
        fusion: Fusion::default(),
        weights: Weights::default(),
        statistics: WordStatistics::default(),
        explain: false,
        now: at(2),
    }
}

/// Returns a search by vector in the corpus `c`.
pub fn vector_query(text: &str, values: [f32; 4]) -> Query {
    Query { vector: Some(QueryVector { model: model(), values: values.to_vec() }), ..query(text) }
}

/// Returns a request that a policy allowed.
pub fn allowed<T>(caller: &Principal, request: T) -> Authorised<T> {
    Authorised::for_tests(caller, request)
}

/// Returns the access that a change needs, allowed by a policy.
pub fn access(caller: &Principal, rule: AccessRule, moment: Timestamp) -> Authorised<RequiredAccess> {
    allowed(caller, RequiredAccess::new(rule, moment))
}

/// Returns texts as passages of one English document.
pub fn staged(texts: &[&str]) -> Vec<StagedPassage> {
    let mut start = 0_u64;
    (0..)
        .zip(texts)
        .map(|(index, text)| {
            let end = start + text.len() as u64;
            let chunk = Chunk {
                index,
                text: (*text).to_owned(),
                span: start..end,
                page: Some(index + 1),
                heading_path: vec!["Title".to_owned(), format!("Section {index}")],
                tokens: 7,
                hash: hex::sha256(text.as_bytes()),
            };
            start = end + 2;
            StagedPassage { chunk, language: Language::English, vector: None }
        })
        .collect()
}
