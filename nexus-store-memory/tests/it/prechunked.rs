//! Pre-chunked passages, with and without vectors.

use std::io::Cursor;

use nexus_core::document::store::DocumentQuery;
use nexus_core::document::{JobState, NewDocument};
use nexus_core::id::ModelId;
use nexus_core::ingest::{PASSAGES_CONTENT_TYPE, PrechunkedPassage};
use nexus_core::retrieve::{QueryVector, SearchMode};
use nexus_core::search::Search;
use nexus_core::{CorpusId, DocumentId, Nexus, Page};
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::journey::{admin, nexus};

fn handbook() -> CorpusId {
    CorpusId::parse("handbook").unwrap()
}

fn model() -> ModelId {
    ModelId::parse("mine@1").unwrap()
}

async fn library() -> Nexus {
    let nexus = nexus(&MemoryStore::default());
    nexus.create_corpus(&admin(), handbook(), "Handbook", json!({})).await.unwrap();
    nexus
}

fn new() -> NewDocument {
    NewDocument { id: Some(DocumentId::parse("cut").unwrap()), ..NewDocument::new(handbook(), "cut") }
}

fn passage(text: impl Into<String>, vector: Option<&[f32]>) -> PrechunkedPassage {
    PrechunkedPassage {
        text: text.into(),
        vector: vector.map(<[f32]>::to_vec),
        ..PrechunkedPassage::default()
    }
}

#[tokio::test]
async fn brought_passages_are_kept_as_they_were_cut() {
    let nexus = library().await;
    let heading_path = vec!["Handbook".to_owned(), "Leave".to_owned()];
    let mut prechunked = vec![PrechunkedPassage {
        page: Some(7),
        heading_path: heading_path.clone(),
        ..passage("Thirty days\nof paid leave.", None)
    }];
    // More than one transaction stages.
    prechunked.extend((0..600).map(|number| passage(format!("Passage {number} says näïve things."), None)));
    let submitted = nexus.ingest_passages(&admin(), new(), None, &prechunked).await.unwrap();
    nexus.run_pending_jobs().await.unwrap();
    let kept = nexus.passages(&admin(), &submitted.document_id, Page::first(999)).await.unwrap();
    let texts: Vec<&str> = kept.iter().map(|passage| passage.text.as_str()).collect();
    assert_eq!(texts, prechunked.iter().map(|passage| passage.text.as_str()).collect::<Vec<_>>());
    assert_eq!((kept[0].page, &kept[0].heading_path), (Some(7), &heading_path));
    assert!(kept.iter().all(|passage| passage.span.end - passage.span.start == passage.text.len() as u64));
    assert!(kept.windows(2).all(|pair| pair[0].span.end + 2 == pair[1].span.start));
    let found = nexus.search(&admin(), Search::new(handbook(), "paid leave")).await.unwrap();
    assert_eq!((found.mode, found.hits[0].passage.page), (SearchMode::Lexical, Some(7)));
    assert!(nexus.ingest_passages(&admin(), new(), None, &prechunked).await.unwrap().unchanged);
}

#[tokio::test]
async fn brought_vectors_are_searched_with_vectors_of_their_model() {
    let nexus = library().await;
    let prechunked = [passage("Trains.", Some(&[1.0, 0.0])), passage("Planes.", Some(&[0.0, 1.0]))];
    nexus.ingest_passages(&admin(), new(), Some(model()), &prechunked).await.unwrap();
    nexus.run_pending_jobs().await.unwrap();
    let search = async |model: ModelId, values: Vec<f32>| {
        let vector = Some(QueryVector { model, values });
        nexus.search(&admin(), Search { vector, ..Search::new(handbook(), "") }).await
    };
    let found = search(model(), vec![0.1, 0.9]).await.unwrap();
    let texts: Vec<&str> = found.hits.iter().map(|hit| hit.passage.text.as_str()).collect();
    assert_eq!((found.mode, texts), (SearchMode::Vector, vec!["Planes.", "Trains."]));
    for unlike in [vec![1.0], vec![1.0, f32::NAN], Vec::new()] {
        assert_eq!(search(model(), unlike).await.unwrap_err().code(), "INVALID_VECTOR");
    }
    let other = search(ModelId::parse("another@1").unwrap(), vec![0.1, 0.9]).await.unwrap();
    assert!(other.hits.is_empty(), "vectors of two models are never compared");
}

#[tokio::test]
async fn passages_that_cannot_be_used_are_refused_and_nothing_is_kept() {
    let nexus = library().await;
    let two = passage("two", Some(&[1.0, 0.0]));
    for (model, prechunked) in [
        (None, vec![passage(" \n", None)]),
        (None, vec![two.clone()]),
        (Some(model()), vec![passage("none", None)]),
        (Some(model()), vec![two.clone(), passage("none", None)]),
        (Some(model()), vec![two.clone(), passage("three", Some(&[1.0, 0.0, 0.0]))]),
        (Some(model()), vec![passage("endless", Some(&[f32::INFINITY, 0.0]))]),
    ] {
        let refused = nexus.ingest_passages(&admin(), new(), model, &prechunked).await.unwrap_err();
        assert_eq!(refused.code(), "DOCUMENT_MALFORMED", "{prechunked:?}");
    }
    let all = DocumentQuery { page: Page::first(9), ..DocumentQuery::default() };
    assert!(nexus.documents(&admin(), &all).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_that_only_claims_to_hold_passages_fails_with_the_reason() {
    for (bytes, code) in [
        ("", "DOCUMENT_MALFORMED"),
        ("Thirty days of paid leave.", "DOCUMENT_MALFORMED"),
        ("{\"model\":null}", "DOCUMENT_EMPTY"),
        ("{\"model\":null}\nThirty days", "DOCUMENT_MALFORMED"),
        ("{\"model\":null}\n{\"text\":\"a\",\"owner\":\"me\"}", "DOCUMENT_MALFORMED"),
        ("{\"model\":null}\n{\"text\":\"a\",\"vector\":[1.0]}", "INVALID_VECTOR"),
        ("{\"model\":\"mine@1\"}\n{\"text\":\"a\",\"vector\":[]}", "INVALID_VECTOR"),
        ("{\"model\":\"mine@1\"}\n{\"text\":\"a\",\"vector\":[1e39]}", "DOCUMENT_MALFORMED"),
        (
            "{\"model\":\"mine@1\"}\n{\"text\":\"a\",\"vector\":[1]}\n{\"text\":\"b\",\"vector\":[1,2]}",
            "INVALID_VECTOR",
        ),
    ] {
        let nexus = library().await;
        let claimed = NewDocument { content_type: Some(PASSAGES_CONTENT_TYPE.to_owned()), ..new() };
        let submitted = nexus.ingest(&admin(), claimed, Cursor::new(bytes)).await.unwrap();
        let JobState::Failed { failure } =
            nexus.wait_for_job(&admin(), &submitted.job_id).await.unwrap().state
        else {
            panic!("it was ingested: {bytes}");
        };
        assert_eq!(failure.code, code, "{bytes}");
    }
}
