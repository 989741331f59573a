//! Embedding cache: only unknown texts are embedded and billed.

use std::io::Cursor;
use std::time::Duration;

use nexus_core::cache::CacheSettings;
use nexus_core::document::NewDocument;
use nexus_core::gateway::GatewaySettings;
use nexus_core::ledger::Operation;
use nexus_core::search::Search;
use nexus_core::{CorpusId, Principal};
use serde_json::json;

use super::{Cached, start};
use crate::fixture::{caller, settings};

fn handbook() -> CorpusId {
    CorpusId::parse("handbook").unwrap()
}

impl Cached {
    async fn with_corpus(settings: GatewaySettings) -> Self {
        let cached = Self::with_embedder(settings).await;
        for caller in [caller(), other()] {
            cached.world.nexus.create_corpus(&caller, handbook(), "Handbook", json!({})).await.unwrap();
        }
        cached
    }

    async fn searches(&self, caller: &Principal, words: &str) {
        self.world.nexus.search(caller, Search::new(handbook(), words)).await.unwrap();
    }

    async fn ingests(&self, name: &str, text: &str) {
        let document = NewDocument::new(handbook(), name);
        self.world.nexus.ingest(&caller(), document, Cursor::new(text.as_bytes().to_vec())).await.unwrap();
    }
}

fn other() -> Principal {
    Principal::user("umbrella", "ada").unwrap().roles(["admin"])
}

#[tokio::test]
async fn an_equal_question_is_embedded_once_a_day_and_billed_once() {
    let cached = Cached::with_corpus(settings()).await;
    for _ in 0..3 {
        cached.searches(&caller(), "paid leave").await;
    }
    assert_eq!((cached.asked(), cached.world.lines().await.len()), (1, 1));
    assert_eq!(cached.world.lines().await[0].kind, Operation::Embed);
    cached.searches(&caller(), "leave, paid").await;
    assert_eq!(cached.asked(), 2, "equal words in another order are another text");
    cached.clock.set(start().plus(Duration::from_hours(24)));
    cached.searches(&caller(), "paid leave").await;
    assert_eq!(cached.asked(), 3);
}

/// Number 50: vectors are a tenant's own too.
#[tokio::test]
async fn n50_two_tenants_never_share_a_vector() {
    let cached = Cached::with_corpus(settings()).await;
    cached.searches(&caller(), "paid leave").await;
    cached.searches(&other(), "paid leave").await;
    assert_eq!(cached.asked(), 2);
}

#[tokio::test]
async fn a_time_of_zero_keeps_no_vector() {
    let cache = CacheSettings { embedding_ttl: Duration::ZERO, ..CacheSettings::default() };
    let cached = Cached::with_corpus(GatewaySettings { cache, ..settings() }).await;
    for _ in 0..2 {
        cached.searches(&caller(), "paid leave").await;
    }
    assert_eq!(cached.asked(), 2);
}

/// A document that grew by a chapter: only the chapter goes out.
#[tokio::test]
async fn only_what_is_not_known_is_sent() {
    let cached = Cached::with_corpus(settings()).await;
    let chapter =
        |name: &str| format!("# {name}\n\n{}\n\n", format!("Every {name} has rules of its own. ").repeat(60));
    let two = chapter("leave") + &chapter("travel");
    cached.ingests("one.md", &two).await;
    let sent = cached.world.scripted.requests().len();
    cached.ingests("copy.md", &two).await;
    assert_eq!(cached.world.scripted.requests().len(), sent, "a copy has the same passages");
    cached.ingests("more.md", &(two + &chapter("canteen"))).await;
    let requests = cached.world.scripted.requests();
    let more: String =
        requests[sent..].iter().map(|request| String::from_utf8_lossy(&request.body).into_owned()).collect();
    assert!(more.contains("Every canteen") && !more.contains("Every leave"), "{more}");
    let known = cached.world.nexus.search(&caller(), Search::new(handbook(), "canteen rules")).await.unwrap();
    assert!(known.hits.iter().any(|hit| hit.vector.is_some()));
}
