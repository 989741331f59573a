//! Cache invalidation for questions over documents. Number 54: a hit never bypasses read permissions.

use std::io::Cursor;
use std::time::Duration;

use nexus_core::access::{Grantee, Permission};
use nexus_core::ask::FinishedRun;
use nexus_core::document::NewDocument;
use nexus_core::gateway::ModelCall;
use nexus_core::grounding::Evidence;
use nexus_core::llm::Request;
use nexus_core::run::Outcome;
use nexus_core::search::Search;
use nexus_core::{CorpusId, DocumentId, GrantId, Principal, Timestamp};
use serde_json::json;

use super::{Cached, start};
use crate::fixture::caller;

const QUESTION: &str = "How many days of leave are there?";

fn handbook() -> CorpusId {
    CorpusId::parse("handbook").unwrap()
}

fn leave() -> DocumentId {
    DocumentId::parse("leave").unwrap()
}

fn bob() -> Principal {
    Principal::user("acme", "bob").unwrap().roles(["editor"])
}

impl Cached {
    async fn with_documents() -> Self {
        let cached = Self::new().await;
        let nexus = &cached.world.nexus;
        nexus.create_corpus(&caller(), handbook(), "Handbook", json!({})).await.unwrap();
        cached.ingest("leave", "Every employee has thirty days of leave.").await;
        cached.ingest("travel", "Trains are booked in second class.").await;
        cached
    }

    async fn ingest(&self, id: &str, text: &str) {
        let mut document = NewDocument::new(handbook(), id);
        (document.id, document.overwrite) = (Some(DocumentId::parse(id).unwrap()), true);
        let bytes = Cursor::new(text.as_bytes().to_vec());
        self.world.nexus.ingest(&caller(), document, bytes).await.unwrap();
    }

    async fn grant(&self, to: &str, until: Option<Timestamp>) -> GrantId {
        let grantee: Grantee = to.parse().unwrap();
        let nexus = &self.world.nexus;
        nexus.grant(&caller(), &leave(), grantee, Permission::Read, until).await.unwrap().id
    }

    /// Asks, and returns whether the vendor was called.
    async fn asks(&self, caller: &Principal) -> (FinishedRun, bool) {
        let before = self.asked();
        let run = self.world.nexus.ask(caller, QUESTION).corpus("handbook").start().await.unwrap();
        (run.finish().await.unwrap(), self.asked() > before)
    }

    /// Asks twice: the first run is charged, the second is not, and both answers are equal.
    async fn fills(&self, caller: &Principal) -> FinishedRun {
        let (first, was_asked) = self.asks(caller).await;
        assert!(was_asked, "{first:?}");
        assert_eq!(first.outcome, Outcome::Answered);
        let (second, was_asked) = self.asks(caller).await;
        assert!(!was_asked, "an equal question was paid for twice");
        assert_eq!(first, second);
        assert!(!first.answer.citations.is_empty());
        first
    }

    /// Returns the call that shows the search results of `caller`.
    async fn showing(&self, caller: &Principal) -> ModelCall {
        let found = self.world.nexus.search(caller, Search::new(handbook(), "days of leave")).await.unwrap();
        let evidence = Evidence::number(found.hits);
        assert!(!evidence.is_empty());
        let request = Request {
            model: Some("plain".to_owned()),
            evidence,
            max_tokens: Some(99),
            ..Request::asking(QUESTION)
        };
        ModelCall { corpus: Some(handbook()), ..ModelCall::new(request) }
    }
}

#[tokio::test]
async fn an_equal_question_is_answered_for_nothing_with_its_citations_and_usage() {
    let cached = Cached::with_documents().await;
    let finished = cached.fills(&caller()).await;
    assert!(finished.answer.text.contains("thirty days") && finished.answer.usage.is_some());
    let calls = cached.calls().await;
    assert_eq!(calls.iter().map(|call| call.was_cached).collect::<Vec<_>>(), [false, true]);
    assert_eq!(calls[1].avoided, calls[0].cost);
}

#[tokio::test]
async fn a_run_may_bypass_the_cache() {
    let cached = Cached::with_documents().await;
    cached.fills(&caller()).await;
    let run = cached.world.nexus.ask(&caller(), QUESTION).corpus("handbook").without_cache();
    run.start().await.unwrap().finish().await.unwrap();
    assert_eq!(cached.asked(), 2);
}

#[tokio::test]
async fn n54_a_new_document_invalidates_at_once() {
    let cached = Cached::with_documents().await;
    cached.fills(&caller()).await;
    cached.ingest("news", "The canteen has a new chair.").await;
    assert!(cached.asks(&caller()).await.1);
}

#[tokio::test]
async fn n54_a_replaced_document_invalidates_at_once() {
    let cached = Cached::with_documents().await;
    cached.fills(&caller()).await;
    cached.ingest("leave", "Every employee has forty days of leave.").await;
    let (finished, was_asked) = cached.asks(&caller()).await;
    assert!(was_asked && finished.answer.text.contains("forty"), "{}", finished.answer.text);
}

#[tokio::test]
async fn n54_a_deleted_document_is_never_answered_from_again() {
    let cached = Cached::with_documents().await;
    cached.fills(&caller()).await;
    cached.world.nexus.delete_document(&caller(), &leave()).await.unwrap();
    let (finished, _) = cached.asks(&caller()).await;
    assert!(!finished.answer.text.contains("thirty"), "{}", finished.answer.text);
    assert!(finished.answer.citations.iter().all(|citation| citation.source_id != leave()));
}

#[tokio::test]
async fn n54_a_revoked_grant_ends_what_the_cache_gives() {
    let cached = Cached::with_documents().await;
    let grant = cached.grant("user:bob", None).await;
    cached.fills(&bob()).await;
    cached.world.nexus.revoke(&caller(), &leave(), &grant).await.unwrap();
    let (finished, was_asked) = cached.asks(&bob()).await;
    assert!(!was_asked);
    assert!(matches!(finished.outcome, Outcome::Abstained { .. }), "{finished:?}");
    assert_eq!(finished.answer.text, "");
}

#[tokio::test]
async fn n54_a_grant_to_somebody_else_is_another_state_of_the_corpus() {
    let cached = Cached::with_documents().await;
    cached.grant("user:bob", None).await;
    cached.fills(&bob()).await;
    cached.grant("user:eve", None).await;
    assert!(cached.asks(&bob()).await.1);
}

/// An expired grant does not change the corpus: each source is authorised again before a cached answer is served.
#[tokio::test]
async fn n54_a_grant_that_ran_out_ends_what_the_cache_gives() {
    let cached = Cached::with_documents().await;
    cached.grant("user:bob", Some(start().plus(Duration::from_mins(10)))).await;
    let call = cached.showing(&bob()).await;
    assert!(!cached.answer_to(&bob(), call.clone()).await.receipt.was_cached);
    assert!(cached.answer_to(&bob(), call.clone()).await.receipt.was_cached);
    cached.clock.advance(Duration::from_mins(10));
    assert!(!cached.answer_to(&bob(), call).await.receipt.was_cached);
}

/// Passages without a corpus have no known tenant.
#[tokio::test]
async fn n54_a_call_that_does_not_say_where_its_passages_are_from_is_not_cached() {
    let cached = Cached::with_documents().await;
    let said = cached.showing(&caller()).await;
    let unsaid = ModelCall { corpus: None, ..said.clone() };
    for _ in 0..2 {
        assert!(!cached.answer(unsaid.clone()).await.receipt.was_cached);
    }
    let elsewhere = CorpusId::parse("elsewhere").unwrap();
    cached.world.nexus.create_corpus(&caller(), elsewhere.clone(), "Elsewhere", json!({})).await.unwrap();
    let lied = ModelCall { corpus: Some(elsewhere), ..said };
    for _ in 0..2 {
        assert!(!cached.answer(lied.clone()).await.receipt.was_cached);
    }
}

/// A hash is the caller's claim about a passage; the text is what the model reads.
#[tokio::test]
async fn n54_a_passage_with_another_text_under_the_same_hash_is_another_passage() {
    let cached = Cached::with_documents().await;
    let honest = cached.showing(&caller()).await;
    cached.answer(honest.clone()).await;
    let mut forged = honest;
    forged.request.evidence[0].text = forged.request.evidence[0].text.replace("thirty", "ninety");
    let answer = cached.answer(forged).await;
    assert!(!answer.receipt.was_cached && answer.reply.text.contains("ninety"), "{}", answer.reply.text);
}

#[tokio::test]
async fn what_was_said_before_in_the_session_belongs_to_the_question() {
    let cached = Cached::with_documents().await;
    let nexus = &cached.world.nexus;
    cached.fills(&caller()).await;
    let first = nexus.ask(&caller(), "How are trains booked?").corpus("handbook").start().await.unwrap();
    first.finish().await.unwrap();
    let before = cached.asked();
    let session = first.session_id().clone();
    let follow_up = nexus.ask(&caller(), QUESTION).corpus("handbook").session(session).start().await.unwrap();
    follow_up.finish().await.unwrap();
    assert_eq!(cached.asked(), before + 1);
}
