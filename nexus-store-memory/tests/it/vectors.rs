//! Vectors of the embedder in the engine, valid or invalid.

use std::time::Duration;

use async_trait::async_trait;
use nexus_core::audit::Status;
use nexus_core::document::{DocumentStatus, JobState, NewDocument};
use nexus_core::gateway::{Deadlines, GatewaySettings, RetryPolicy};
use nexus_core::id::ModelId;
use nexus_core::ingest::{PASSAGES_CONTENT_TYPE, PrechunkedPassage};
use nexus_core::retrieve::{
    EmbedRole, Embedded, Embedder, HashingEmbedder, QueryVector, Retrieved, SearchMode,
};
use nexus_core::run::Outcome;
use nexus_core::search::Search;
use nexus_core::{CorpusId, DocumentId, Error, ErrorKind, Nexus, Result};
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::journey::{admin, builder, ingest, nexus};

fn handbook() -> CorpusId {
    CorpusId::parse("handbook").unwrap()
}

fn document(id: &str) -> DocumentId {
    DocumentId::parse(id).unwrap()
}

/// Creates a library whose vectors have `dimension` numbers; each dimension is a model of its own.
fn hashing(store: &MemoryStore, dimension: usize) -> Nexus {
    builder(store).embedder(HashingEmbedder::new(dimension)).build().unwrap()
}

/// Adds two documents, embedded by the model of `nexus`.
async fn fill(nexus: &Nexus) {
    nexus.create_corpus(&admin(), handbook(), "Handbook", json!({})).await.unwrap();
    ingest(nexus, &admin(), "leave.txt", "Every employee has thirty days of paid leave in a year.").await;
    ingest(nexus, &admin(), "travel.txt", "Trains are paid in second class, planes are not.").await;
}

async fn search(nexus: &Nexus) -> Retrieved {
    nexus.search(&admin(), Search::new(handbook(), "paid leave")).await.unwrap()
}

/// Returns the documents of a search, each with whether the vector retriever found it, in order of id.
fn arms(found: &Retrieved) -> Vec<(String, bool)> {
    let hits = found.hits.iter();
    let mut arms: Vec<(String, bool)> =
        hits.map(|hit| (hit.source_name.clone(), hit.vector.is_some())).collect();
    arms.sort();
    arms
}

#[tokio::test]
async fn with_an_embedder_both_arms_find_a_passage_and_the_status_names_the_model() {
    let nexus = hashing(&MemoryStore::default(), 64);
    fill(&nexus).await;
    let found = search(&nexus).await;
    assert_eq!(found.mode, SearchMode::Hybrid);
    let best = &found.hits[0];
    assert_eq!(best.source_name, "leave.txt");
    assert_eq!((best.lexical.unwrap().rank, best.vector.unwrap().rank), (1, 1));
    let status = nexus.status(&admin()).await.unwrap();
    assert_eq!(status.embedding_model.as_deref(), Some("hashing-no-meaning-64"));
    assert_eq!((status.search_mode, status.embedding_is_semantic), ("hybrid", false));
}

#[tokio::test]
async fn vectors_of_another_model_are_not_compared_until_a_document_is_embedded_anew() {
    let store = MemoryStore::default();
    let (old, new) = (hashing(&store, 64), hashing(&store, 32));
    fill(&old).await;
    let found = search(&new).await;
    assert_eq!(found.mode, SearchMode::Lexical);
    assert_eq!(found.hits.len(), 2, "words still find what the new model has not seen");

    new.reindex(&admin(), &document("leave.txt"), None).await.unwrap();
    new.run_pending_jobs().await.unwrap();
    let known = |leave, travel| vec![("leave.txt".to_owned(), leave), ("travel.txt".to_owned(), travel)];
    assert_eq!(arms(&search(&new).await), known(true, false));
    assert_eq!(arms(&search(&old).await), known(false, true));
    assert_eq!(search(&nexus(&store)).await.mode, SearchMode::Lexical, "no embedder embeds the question");
}

#[tokio::test]
async fn a_vector_of_the_wrong_length_under_the_embedders_model_fails_alone() {
    let nexus = hashing(&MemoryStore::default(), 64);
    nexus.create_corpus(&admin(), handbook(), "Handbook", json!({})).await.unwrap();
    let new = || NewDocument { id: Some(document("bad")), ..NewDocument::new(handbook(), "bad") };
    let prechunked =
        [PrechunkedPassage { text: "Leave.".to_owned(), vector: Some(vec![1.0; 3]), ..Default::default() }];
    let model = ModelId::parse("hashing-no-meaning-64").unwrap();
    let refused = nexus.ingest_passages(&admin(), new(), Some(model), &prechunked).await.unwrap_err();
    assert_eq!(refused.code(), "INVALID_VECTOR");
    assert!(nexus.document(&admin(), &document("bad")).await.is_err(), "nothing of it is kept");

    let claimed = NewDocument { content_type: Some(PASSAGES_CONTENT_TYPE.to_owned()), ..new() };
    let bytes = "{\"model\":\"hashing-no-meaning-64\"}\n{\"text\":\"Leave.\",\"vector\":[1,2,3]}";
    let job = nexus.ingest(&admin(), claimed, std::io::Cursor::new(bytes)).await.unwrap().job_id;
    let JobState::Failed { failure } = nexus.wait_for_job(&admin(), &job).await.unwrap().state else {
        panic!("it was ingested");
    };
    assert_eq!(failure.code, "INVALID_VECTOR");
    for id in ["leave.txt", "travel.txt"] {
        ingest(&nexus, &admin(), id, "Every employee has thirty days of paid leave in a year.").await;
    }
    assert_eq!(search(&nexus).await.mode, SearchMode::Hybrid);
    nexus.delete_document(&admin(), &document("bad")).await.unwrap();
    assert_eq!(search(&nexus).await.mode, SearchMode::Hybrid);
}

#[tokio::test]
async fn a_question_that_has_no_vector_of_the_right_length_is_asked_by_its_words() {
    let store = MemoryStore::default();
    let old = hashing(&store, 64);
    fill(&old).await;
    let model = ModelId::parse("hashing-no-meaning-64").unwrap();
    for values in [vec![1.0; 3], vec![0.0; 64]] {
        let vector = Some(QueryVector { model: model.clone(), values });
        let asked = Search { vector, ..Search::new(handbook(), "paid leave") };
        let found = old.search(&admin(), asked).await.unwrap();
        assert_eq!((found.mode, found.hits.len()), (SearchMode::Lexical, 2));
    }
    for values in [vec![], vec![f32::NAN; 64], vec![f32::INFINITY; 64], vec![f32::MAX; 64]] {
        let vector = Some(QueryVector { model: model.clone(), values });
        let asked = Search { vector, ..Search::new(handbook(), "paid leave") };
        assert_eq!(old.search(&admin(), asked).await.unwrap_err().code(), "INVALID_VECTOR");
    }
}

/// Defect of an embedder.
#[derive(Clone, Copy, Debug)]
enum Fault {
    TooFew,
    TooShort,
    NotFinite,
    Unreachable,
    Silent,
}

#[derive(Debug)]
struct Faulty {
    model: ModelId,
    fault: Fault,
}

#[async_trait]
impl Embedder for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }

    fn model(&self) -> &ModelId {
        &self.model
    }

    fn dimension(&self) -> usize {
        2
    }

    fn token_limit(&self) -> usize {
        512
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn embed(&self, _: EmbedRole, texts: &[&str]) -> Result<Embedded> {
        let vectors = match self.fault {
            Fault::TooFew => vec![vec![1.0, 0.0]; texts.len() - 1],
            Fault::TooShort => vec![vec![1.0]; texts.len()],
            Fault::NotFinite => vec![vec![1.0, f32::NAN]; texts.len()],
            Fault::Unreachable => {
                let error = Error::new(ErrorKind::Unavailable, "the model is out of reach");
                return Err(error.with_code("MODEL_UNREACHABLE"));
            }
            Fault::Silent => std::future::pending().await,
        };
        Ok(Embedded { vectors, usage: None })
    }
}

#[tokio::test]
async fn an_embedder_that_does_not_keep_its_word_fails_the_document_the_search_and_the_run() {
    for (fault, code) in [
        (Fault::TooFew, "EMBEDDER_BROKEN"),
        (Fault::TooShort, "EMBEDDER_BROKEN"),
        (Fault::NotFinite, "EMBEDDER_BROKEN"),
        (Fault::Unreachable, "MODEL_UNREACHABLE"),
        (Fault::Silent, "MODEL_TIMEOUT"),
    ] {
        let store = MemoryStore::default();
        let deadlines = Deadlines { first_event: Duration::from_millis(20), ..Deadlines::default() };
        let retry = RetryPolicy { attempts: 1, ..RetryPolicy::default() };
        let settings =
            GatewaySettings { deadlines, retry, ..GatewaySettings::with_builtin_prices().unwrap() };
        let model = ModelId::parse("faulty@1").unwrap();
        let broken = builder(&store).embedder(Faulty { model, fault }).gateway(settings).build().unwrap();
        broken.create_corpus(&admin(), handbook(), "Handbook", json!({})).await.unwrap();
        let new = NewDocument { id: Some(document("d")), ..NewDocument::new(handbook(), "leave.txt") };
        let text = std::io::Cursor::new("Thirty days of paid leave.");
        let job = broken.ingest(&admin(), new, text).await.unwrap().job_id;
        let JobState::Failed { failure } = broken.wait_for_job(&admin(), &job).await.unwrap().state else {
            panic!("{fault:?}: it was ingested");
        };
        assert_eq!(failure.code, code, "{fault:?}");
        let searched = broken.search(&admin(), Search::new(handbook(), "leave")).await;
        assert_eq!(searched.unwrap_err().code(), code, "{fault:?}");
        let run = broken.ask(&admin(), "How much paid leave?").corpus("handbook").start().await.unwrap();
        let Outcome::Failed { failure } = run.finish().await.unwrap().outcome else {
            panic!("{fault:?}: it did not fail");
        };
        assert_eq!(failure.code, code, "{fault:?}");
        for chain in [run.id().as_str(), job.as_str()] {
            assert_eq!(broken.verify(&admin(), chain, None).await.unwrap().status, Status::Ok, "{fault:?}");
        }

        let mended = hashing(&store, 8);
        mended.reindex(&admin(), &document("d"), None).await.unwrap();
        mended.run_pending_jobs().await.unwrap();
        assert_eq!(search(&mended).await.mode, SearchMode::Hybrid, "{fault:?}");
        let found = mended.document(&admin(), &document("d")).await.unwrap();
        assert_eq!(found.status, DocumentStatus::Succeeded, "{fault:?}");
    }
}
