//! Path of a document and a question through the store, in RAM and on disk.

use std::io::Cursor;
use std::time::Duration;

use nexus_core::audit::{KeyRing, Status};
use nexus_core::document::model::{DocumentStatus, NewDocument};
use nexus_core::run::Outcome;
use nexus_core::search::Search;
use nexus_core::{Authentication, Builder, CorpusId, DocumentId, Nexus, Principal, Settings};
use nexus_store_memory::MemoryStore;
use serde_json::json;

/// Returns a builder over `store`, without a model.
pub(crate) fn builder(store: &MemoryStore) -> Builder {
    Nexus::builder().store(store.clone()).audit_keys(keys())
}

pub(crate) fn keys() -> KeyRing {
    KeyRing::from_secret("k0", "a secret of at least sixteen bytes").unwrap()
}

pub(crate) fn nexus(store: &MemoryStore) -> Nexus {
    builder(store).build().unwrap()
}

pub(crate) fn admin() -> Principal {
    Principal::user("acme", "root").unwrap().roles(["admin"])
}

pub(crate) async fn ingest(nexus: &Nexus, caller: &Principal, id: &str, text: &str) {
    let corpus = CorpusId::parse("handbook").unwrap();
    let mut document = NewDocument::new(corpus, id);
    document.id = Some(DocumentId::parse(id).unwrap());
    document.overwrite = true;
    nexus.ingest(caller, document, Cursor::new(text.as_bytes().to_vec())).await.unwrap();
    nexus.run_pending_jobs().await.unwrap();
}

async fn ask_and_check(store: MemoryStore) {
    let (nexus, caller) = (nexus(&store), admin());
    nexus.create_corpus(&caller, CorpusId::parse("handbook").unwrap(), "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &caller, "leave.txt", "Every employee has thirty days of paid leave in a year.").await;
    ingest(
        &nexus,
        &caller,
        "travel.txt",
        "Trains are booked in second class unless the journey is longer than six hours.",
    )
    .await;

    let found =
        nexus.search(&caller, Search::new(CorpusId::parse("handbook").unwrap(), "paid leave")).await.unwrap();
    assert_eq!(found.hits[0].source_name, "leave.txt");

    let run = nexus
        .ask(&caller, "How many days of paid leave does an employee have?")
        .corpus("handbook")
        .start()
        .await
        .unwrap();
    let finished = run.finish().await.unwrap();
    assert_eq!(finished.outcome, Outcome::Answered);
    assert!(finished.answer.text.contains("thirty days"), "{}", finished.answer.text);
    assert_eq!(nexus.verify(&caller, run.id().as_str(), None).await.unwrap().status, Status::Ok);
    assert!(nexus.shutdown(Duration::from_secs(5)).await.unwrap());
}

#[tokio::test]
async fn a_question_is_answered_from_a_store_in_ram() {
    ask_and_check(MemoryStore::default()).await;
}

#[tokio::test]
async fn the_words_that_ask_are_searched_for_only_when_typed_into_a_search() {
    let store = MemoryStore::default();
    let (nexus, caller) = (nexus(&store), admin());
    let handbook = CorpusId::parse("handbook").unwrap();
    nexus.create_corpus(&caller, handbook.clone(), "Handbook", json!({})).await.unwrap();
    ingest(
        &nexus,
        &caller,
        "forms.txt",
        "How to fill in forms. How long lists are cut, how long names are cut.",
    )
    .await;
    ingest(
        &nexus,
        &caller,
        "contract.txt",
        "Its first part is called probation and lasts two months in each office.",
    )
    .await;

    let question = "How long is probation?";
    let found =
        nexus.search(&caller, Search { top_k: Some(1), ..Search::new(handbook, question) }).await.unwrap();
    assert_eq!(found.hits[0].source_name, "forms.txt");
    let run = nexus.ask(&caller, question).corpus("handbook").top_k(1).start().await.unwrap();
    let finished = run.finish().await.unwrap();
    assert!(finished.answer.text.contains("two months"), "{}", finished.answer.text);
    assert!(nexus.shutdown(Duration::from_secs(5)).await.unwrap());
}

#[tokio::test]
async fn a_question_is_answered_from_a_store_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    ask_and_check(MemoryStore::open(dir.path()).unwrap()).await;
}

#[tokio::test]
async fn what_was_ingested_is_found_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    ask_and_check(MemoryStore::open(dir.path()).unwrap()).await;
    let nexus = nexus(&MemoryStore::open(dir.path()).unwrap());
    let found = nexus
        .search(&admin(), Search::new(CorpusId::parse("handbook").unwrap(), "train class"))
        .await
        .unwrap();
    assert_eq!(found.hits[0].source_name, "travel.txt");
    nexus.shutdown(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn an_inline_ingestion_has_ended_when_the_call_returns() {
    let keys = KeyRing::from_secret("k0", "sixteen bytes or more").unwrap();
    let settings = Settings { ingest_inline: true, ..Settings::default() };
    let nexus =
        Nexus::builder().store(MemoryStore::default()).audit_keys(keys).settings(settings).build().unwrap();
    let caller = Principal::user("acme", "erin").unwrap().roles(["editor"]);
    let corpus = CorpusId::parse("notes").unwrap();
    nexus.create_corpus(&caller, corpus.clone(), "Notes", json!({})).await.unwrap();
    for (text, expected) in
        [("Tea is at four.", DocumentStatus::Succeeded), ("\n \n", DocumentStatus::Failed)]
    {
        let new = NewDocument::new(corpus.clone(), "note.txt");
        let submitted = nexus.ingest(&caller, new, Cursor::new(text)).await.unwrap();
        assert_eq!(submitted.status, expected);
        assert_eq!(nexus.document(&caller, &submitted.document_id).await.unwrap().status, expected);
    }
}

#[tokio::test]
async fn the_location_of_the_store_is_for_its_operator() {
    let dir = tempfile::tempdir().unwrap();
    let nexus = nexus(&MemoryStore::open(dir.path()).unwrap());
    let place = dir.path().display().to_string();
    assert_eq!(nexus.status(&admin()).await.unwrap().store.store, format!("sqlite {place}"));
    let from_afar = admin().authenticated(Authentication::ApiKey { key_id: "k-1".to_owned() });
    assert_eq!(nexus.status(&from_afar).await.unwrap().store.store, "sqlite");
}
