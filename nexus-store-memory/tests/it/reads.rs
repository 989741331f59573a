//! Records of reads: those that the settings name are recorded before their results are released.

use nexus_core::audit::RecordedReads;
use nexus_core::{CorpusId, DocumentId, Nexus, Page, Search, Settings};
use nexus_store_memory::MemoryStore;
use nexus_testkit::faulty::{FaultyStore, InjectedFault, Troubles};
use serde_json::{Value, json};

use crate::journey::{admin, ingest, keys};
use crate::records::events;

async fn library(recorded_reads: RecordedReads) -> (MemoryStore, Nexus, Troubles) {
    let store = MemoryStore::default();
    let (faulty, troubles) = FaultyStore::new(store.clone());
    let settings = Settings { recorded_reads, ..Settings::default() };
    let nexus = Nexus::builder().store(faulty).audit_keys(keys()).settings(settings).build().unwrap();
    let corpus = CorpusId::parse("handbook").unwrap();
    nexus.create_corpus(&admin(), corpus, "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "leave.txt", "Every employee has thirty days of paid leave in a year.").await;
    (store, nexus, troubles)
}

fn leave() -> DocumentId {
    DocumentId::parse("leave.txt").unwrap()
}

fn search() -> Search {
    Search::new(CorpusId::parse("handbook").unwrap(), "leave")
}

/// Reads in each way, and returns the payloads of the records of reads.
async fn read(recorded_reads: RecordedReads) -> Vec<Value> {
    let (store, nexus, _) = library(recorded_reads).await;
    nexus.corpora(&admin(), Page::default()).await.unwrap();
    nexus.document(&admin(), &leave()).await.unwrap();
    nexus.passages(&admin(), &leave(), Page::first(9)).await.unwrap();
    nexus.search(&admin(), search()).await.unwrap();
    let events = events(&store, &admin()).await.into_iter();
    events.filter(|(kind, ..)| kind == "data.read").map(|(_, _, facts)| facts).collect()
}

#[tokio::test]
async fn reads_are_recorded_as_the_settings_say() {
    assert_eq!(read(RecordedReads::None).await, Vec::<Value>::new());
    let documents = read(RecordedReads::Documents).await;
    let paths: Vec<_> = documents.iter().map(|facts| facts["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/v1/documents/:document_id/passages", "/v1/corpora/:corpus_id/search"]);
    assert_eq!((&documents[0]["document"], &documents[0]["count"]), (&json!("leave.txt"), &json!(1)));
    let shown = &documents[1]["passages"][0];
    assert_eq!((&documents[1]["count"], &shown["document"]), (&json!(1), &json!("leave.txt")));
    assert_eq!(shown["hash"].as_str().unwrap().len(), 64);
    assert_eq!(read(RecordedReads::All).await.len(), 4);
}

#[tokio::test]
async fn the_record_of_a_verification_names_the_chain() {
    let (store, nexus, _) = library(RecordedReads::All).await;
    let chain = nexus.chains(&admin(), Page::first(1)).await.unwrap().remove(0);
    nexus.verify(&admin(), &chain, None).await.unwrap();
    let events = events(&store, &admin()).await;
    let (_, _, facts) = events.iter().rev().find(|(kind, ..)| kind == "data.read").unwrap();
    assert_eq!((&facts["action"], &facts["id"]), (&json!("audit.read"), &json!(chain)));
}

#[tokio::test]
async fn a_read_that_cannot_be_recorded_releases_nothing() {
    let (_, nexus, troubles) = library(RecordedReads::All).await;
    troubles.inject("append", InjectedFault::FailsBefore, 3);
    for refused in [
        nexus.corpora(&admin(), Page::default()).await.map(drop),
        nexus.passages(&admin(), &leave(), Page::first(9)).await.map(drop),
        nexus.search(&admin(), search()).await.map(drop),
    ] {
        assert_eq!(refused.unwrap_err().code(), "READ_NOT_RECORDED");
    }
    nexus.corpora(&admin(), Page::default()).await.unwrap();
}
