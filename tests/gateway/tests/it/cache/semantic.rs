//! Semantic cache, for operators that set a similarity threshold. The scripted vectors are made of words: equal words
//! in another order have equal vectors, and four words of five have a cosine of about 0.8.

use std::io::Cursor;

use nexus_core::cache::{CacheSettings, Similarity, cosine};
use nexus_core::document::NewDocument;
use nexus_core::gateway::{GatewaySettings, ModelCall};
use nexus_core::ledger::Operation;
use nexus_core::llm::{MessageRole, Turn};
use nexus_core::retrieve::{EmbedRole, Embedder, HashingEmbedder};
use nexus_core::run::Outcome;
use nexus_core::{CorpusId, NanoUsd, Principal};
use nexus_store_memory::MemoryCache;
use serde_json::json;

use super::{Cached, EMBEDDER, ROOM, asking};
use crate::fixture::{caller, settings};

const FIRST: &str = "What was spent in 2024?";
const SAME_WORDS: &str = "In 2024, what was spent?";
const NEAR_MISS: &str = "What was spent in 2025?";

fn near_enough(threshold: f64) -> GatewaySettings {
    let semantic = Some(Similarity::new(threshold).unwrap());
    GatewaySettings {
        cache: CacheSettings { semantic_threshold: semantic, ..CacheSettings::default() },
        ..settings()
    }
}

/// Counts the requests to the vendor for an answer.
fn answers_asked(cached: &Cached) -> usize {
    cached.world.scripted.log().iter().filter(|entry| entry.model != EMBEDDER).count()
}

/// Number 51: semantic hits are off by default.
#[tokio::test]
async fn n51_near_questions_share_nothing_by_default() {
    let cached = Cached::with_embedder(settings()).await;
    cached.answer(asking("plain", FIRST)).await;
    assert!(!cached.answer(asking("plain", SAME_WORDS)).await.receipt.was_cached);
    assert_eq!(cached.asked(), 2, "and no question is embedded for it");
}

/// Number 51: a question below the threshold is another question, however similar.
#[tokio::test]
async fn n51_a_near_miss_does_not_hit() {
    let cached = Cached::with_embedder(near_enough(0.95)).await;
    let first = cached.answer(asking("plain", FIRST)).await;
    let same = cached.answer(asking("plain", SAME_WORDS)).await;
    assert!(same.receipt.was_cached && same.reply.text == first.reply.text);
    let other = cached.answer(asking("plain", NEAR_MISS)).await;
    assert!(!other.receipt.was_cached && other.reply.text.contains("2025"), "{}", other.reply.text);
    assert_eq!(answers_asked(&cached), 2);
}

/// The question's embedding counts towards the call's worst case: without room for it, the question is not compared.
#[tokio::test]
async fn the_vector_of_a_question_counts_for_what_its_call_may_cost() {
    let free = Cached::with_embedder(near_enough(0.95)).await;
    free.answer(asking("plain", FIRST)).await;
    let lines = free.world.lines().await;
    let reserved = |kind| lines.iter().find(|line| line.kind == kind).unwrap().reserved.money.as_nanos();
    let (answer, vector) = (reserved(Operation::Chat), reserved(Operation::Embed));
    assert!(vector > 0);
    for (allowed, vectors) in [(answer, 0), (answer + vector - 1, 0), (answer + vector, 1)] {
        let cached = Cached::with_embedder(near_enough(0.95)).await;
        let max_cost = Some(NanoUsd::from_nanos(allowed));
        cached.answer(ModelCall { max_cost, ..asking("plain", FIRST) }).await;
        let lines = cached.world.lines().await;
        assert_eq!(lines.iter().filter(|line| line.kind == Operation::Embed).count(), vectors, "{allowed}");
        let spent: i64 = lines.iter().map(|line| line.charged.money.as_nanos()).sum();
        assert!(spent <= allowed);
    }
}

/// A similarity equal to the threshold hits, and the next lower one misses.
#[tokio::test]
async fn the_threshold_decides_to_the_last_digit() {
    let embedder = HashingEmbedder::new(64);
    let made = embedder.embed(EmbedRole::Query, &[FIRST, NEAR_MISS]).await.unwrap();
    let similarity = cosine(&made.vectors[0], &made.vectors[1]).unwrap();
    assert!((0.5..0.95).contains(&similarity), "{similarity}");
    for (threshold, hits) in [(similarity, true), (similarity.next_up(), false)] {
        let cache = MemoryCache::in_ram(ROOM).unwrap();
        let cached =
            Cached::made(cache, near_enough(threshold), |builder, _| builder.embedder(embedder.clone()))
                .await;
        cached.answer(asking("plain", FIRST)).await;
        let near = cached.answer(asking("plain", NEAR_MISS)).await;
        assert_eq!(near.receipt.was_cached, hits, "{threshold}");
    }
}

/// Number 24: the answer is free, the embedding of the question is not.
#[tokio::test]
async fn n24_side_costs_of_a_hit_are_charged() {
    let cached = Cached::with_embedder(near_enough(0.95)).await;
    let paid = cached.answer(asking("plain", FIRST)).await.receipt.cost;
    let hit = cached.answer(asking("plain", SAME_WORDS)).await.receipt;
    assert_eq!((hit.cost, hit.avoided), (NanoUsd::ZERO, paid));
    let lines = cached.world.lines().await;
    let vectors: Vec<_> = lines.iter().filter(|line| line.kind == Operation::Embed).collect();
    assert_eq!(vectors.len(), 2, "one for each question");
    assert!(vectors.iter().all(|line| line.charged.money > NanoUsd::ZERO && line.model == EMBEDDER));
}

#[tokio::test]
async fn an_equal_question_needs_no_vector() {
    let cached = Cached::with_embedder(near_enough(0.95)).await;
    cached.answer(asking("plain", FIRST)).await;
    let before = cached.asked();
    assert!(cached.answer(asking("plain", FIRST)).await.receipt.was_cached);
    assert_eq!(cached.asked(), before);
}

/// Everything but the question is equal, semantically similar or not.
#[tokio::test]
async fn n50_near_questions_share_within_one_scope_only() {
    let cached = Cached::with_embedder(near_enough(0.95)).await;
    cached.answer(asking("plain", FIRST)).await;
    let theirs = Principal::user("umbrella", "ada").unwrap().roles(["admin"]);
    assert!(!cached.answer_to(&theirs, asking("plain", SAME_WORDS)).await.receipt.was_cached);
    let editor = Principal::user("acme", "bob").unwrap().roles(["editor"]);
    assert!(!cached.answer_to(&editor, asking("plain", SAME_WORDS)).await.receipt.was_cached);
    let mut others =
        [asking("another", SAME_WORDS), asking("plain", SAME_WORDS), asking("plain", SAME_WORDS)];
    others[1].request.history = vec![Turn::said(MessageRole::User, "Hello")];
    others[2].request.parameters.temperature = Some(0.5);
    for other in others {
        assert!(!cached.answer(other.clone()).await.receipt.was_cached, "{other:?}");
    }
    assert!(cached.answer(asking("plain", SAME_WORDS)).await.receipt.was_cached);
}

/// When the embedding of a question fails, the model is called.
#[tokio::test]
async fn a_question_that_cannot_be_embedded_is_answered_all_the_same() {
    let cached = Cached::with(near_enough(0.95)).await;
    cached.answer(asking("plain", FIRST)).await;
    assert!(!cached.answer(asking("plain", SAME_WORDS)).await.receipt.was_cached);
    assert!(cached.answer(asking("plain", FIRST)).await.receipt.was_cached);
}

#[tokio::test]
async fn a_near_question_over_documents_cites_what_is_shown_for_it() {
    let cached = Cached::with_embedder(near_enough(0.95)).await;
    let nexus = &cached.world.nexus;
    let corpus = CorpusId::parse("handbook").unwrap();
    nexus.create_corpus(&caller(), corpus.clone(), "Handbook", json!({})).await.unwrap();
    for text in ["Every employee has thirty days of leave.", "Trains are booked in second class."] {
        let document = NewDocument::new(corpus.clone(), text);
        nexus.ingest(&caller(), document, Cursor::new(text.as_bytes().to_vec())).await.unwrap();
    }
    let mut answers = Vec::new();
    for question in ["How many days of leave are there?", "Are there days of leave, how many?"] {
        let run = nexus.ask(&caller(), question).corpus("handbook").start().await.unwrap();
        let finished = run.finish().await.unwrap();
        assert_eq!(finished.outcome, Outcome::Answered, "{finished:?}");
        let shown = nexus.store_for_tests().evidence(caller().tenant(), run.id()).await.unwrap();
        assert!(!finished.answer.citations.is_empty());
        assert!(finished.answer.citations.iter().all(|citation| citation.check(&shown).is_ok()));
        answers.push(finished.answer);
    }
    assert_eq!(answers[0].text, answers[1].text);
    assert_eq!(answers_asked(&cached), 1);
    let bypassing = ModelCall { cache: nexus_core::cache::CacheUse::Bypassed, ..asking("plain", FIRST) };
    assert!(!cached.answer(bypassing).await.receipt.was_cached);
}
