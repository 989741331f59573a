//! Costs of a cache hit, and its traces.

use nexus_core::audit::Status;
use nexus_core::gateway::GatewaySettings;
use nexus_core::ledger::{AttemptStatus, CallStatus, UsageBy};
use nexus_core::llm::CompletionEvent;
use nexus_core::quota::{
    Cap, CounterKey, Limit, Limits, Meter, MeterAmounts, ScopeKind, Window, Zone, checks,
};
use nexus_core::{NanoUsd, Timestamp, Usage};

use super::{Cached, asking, start};
use crate::fixture::{call, caller, price, read, settings, usage, with_cost_units};

/// Returns a limit of each meter on the user's day.
fn limits(cap: u64) -> Limits {
    Limits::none()
        .with(Meter::ALL.map(|meter| Limit::new(ScopeKind::User, meter, Window::Day, Cap::Limited(cap))))
}

/// Number 24: a hit is billed nothing and reports the avoided cost; the vendor's tokens are not consumed again.
#[tokio::test]
async fn n24_a_hit_is_billed_nothing_and_says_what_it_avoided() {
    let cached = Cached::new().await;
    let first = cached.answer(call("plain+cached=50+reasoning=7")).await;
    let second = cached.answer(call("plain+cached=50+reasoning=7")).await;
    assert!(!first.receipt.was_cached && first.receipt.avoided == NanoUsd::ZERO);
    assert!(second.receipt.was_cached && !second.receipt.was_replayed);
    assert_eq!((second.receipt.cost, second.receipt.attempts), (NanoUsd::ZERO, 0));
    assert_eq!(second.receipt.avoided, first.receipt.cost);
    assert!(first.receipt.cost > NanoUsd::ZERO);
    assert_eq!(first.reply, second.reply);
    assert_eq!(cached.asked(), 1);

    let lines = cached.world.lines().await;
    assert_eq!(lines.len(), 2);
    let line = &lines[1];
    assert_eq!(
        (line.status, line.charged, line.usage),
        (AttemptStatus::Cached, MeterAmounts::ZERO, Usage::default())
    );
    assert!(!line.estimated && line.error.is_none());
    let calls = cached.calls().await;
    let kept = calls.iter().find(|call| call.id == second.receipt.call).unwrap();
    assert_eq!((kept.status, kept.was_cached), (CallStatus::Succeeded, true));
    assert_eq!((kept.cost, kept.avoided, kept.usage), (NanoUsd::ZERO, first.receipt.cost, Usage::default()));
    assert!(!calls.iter().any(|call| call.id == first.receipt.call && call.was_cached));
    let day = "2026-03-01";
    let store = cached.world.nexus.store_for_tests();
    let used = store.usage(caller().tenant(), UsageBy::Tenant, day, day).await.unwrap();
    let billed = usage(&cached.world.scripted.settled_log().await[0].billed);
    assert_eq!((used[0].calls, used[0].tokens), (1, billed.total().unwrap()));
    assert_eq!(used[0].cost, price().cost(&billed).unwrap());
}

#[tokio::test]
async fn n24_no_counter_moves_for_a_hit() {
    let cached =
        Cached::with(with_cost_units(GatewaySettings { limits: limits(1 << 40), ..settings() })).await;
    cached.answer(call("plain")).await;
    let consumer = cached.calls().await[0].consumer.clone();
    let now: Timestamp = start();
    let keys: Vec<CounterKey> = checks(&limits(1 << 40), &consumer, "plain", now, &Zone::default())
        .into_iter()
        .map(|check| check.key)
        .collect();
    assert!(!keys.is_empty());
    let store = cached.world.nexus.store_for_tests();
    let before = store.used(caller().tenant(), &keys).await.unwrap();
    for _ in 0..20 {
        assert!(cached.answer(call("plain")).await.receipt.was_cached);
    }
    assert_eq!(store.used(caller().tenant(), &keys).await.unwrap(), before);
    assert!(
        before.iter().all(|used| used.reserved == MeterAmounts::ZERO && used.settled != MeterAmounts::ZERO)
    );
}

#[tokio::test]
async fn n24_a_cap_of_two_calls_allows_any_number_of_hits() {
    let limit = Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(2));
    let cached = Cached::with(GatewaySettings { limits: Limits::none().with([limit]), ..settings() }).await;
    for _ in 0..9 {
        cached.answer(call("plain")).await;
    }
    cached.answer(asking("plain", "Which river is the widest?")).await;
    cached.world.refusal(asking("plain", "Which river is the deepest?")).await;
}

/// Number 53: a replay to a reader is the whole stream, with its usage.
#[tokio::test]
async fn n53_a_stream_is_replayed_whole_with_its_usage() {
    let cached = Cached::new().await;
    let streamed = |pieces: &[CompletionEvent]| {
        let text: String = pieces
            .iter()
            .filter_map(
                |piece| if let CompletionEvent::Text(text) = piece { Some(text.as_str()) } else { None },
            )
            .collect();
        let usage = pieces
            .iter()
            .find_map(|piece| if let CompletionEvent::Usage(usage) = piece { Some(*usage) } else { None });
        (text, usage.unwrap(), pieces.last().cloned())
    };
    let first = cached.world.stream(call("m+frames=9+cached=20")).await;
    let (made, error) = read(first).await;
    assert!(error.is_none() && made.len() > 9);
    let (replayed, error) = read(cached.world.stream(call("m+frames=9+cached=20")).await).await;
    assert!(error.is_none());
    assert_eq!(streamed(&replayed), streamed(&made));
    assert!(matches!(replayed.last(), Some(CompletionEvent::Finish(_))));
    let whole = cached.answer(call("m+frames=9+cached=20")).await;
    assert!(whole.receipt.was_cached, "a stream may serve a unary call");
    assert_eq!((whole.reply.text, whole.reply.usage.unwrap()), (streamed(&made).0, streamed(&made).1));
    assert_eq!(cached.asked(), 1);
}

#[tokio::test]
async fn a_streams_receipt_says_that_it_was_cached() {
    use futures::StreamExt as _;
    let cached = Cached::new().await;
    let paid = cached.answer(call("plain")).await.receipt.cost;
    let mut stream = cached.world.stream(call("plain")).await;
    while stream.next().await.is_some() {}
    let receipt = stream.receipt().unwrap();
    assert!(receipt.was_cached && receipt.avoided == paid);
}

#[tokio::test]
async fn the_record_of_a_hit_verifies_and_holds_none_of_its_words() {
    let cached = Cached::new().await;
    let words = cached.answer(call("plain")).await.reply.text;
    let hit = cached.answer(call("plain")).await.receipt.call;
    let nexus = &cached.world.nexus;
    assert_eq!(nexus.verify(&caller(), &hit, None).await.unwrap().status, Status::Ok);
    let records = nexus.store_for_tests().records(caller().tenant(), &hit, 0, 99).await.unwrap();
    let bodies: String = records.iter().map(|record| String::from_utf8_lossy(&record.body)).collect();
    assert!(bodies.contains("cached") && bodies.contains("avoided"), "{bodies}");
    assert!(!bodies.contains(&words), "{bodies}");
}

#[tokio::test]
async fn a_hit_under_an_idempotency_key_is_replayed_like_any_call() {
    let cached = Cached::new().await;
    cached.answer(call("plain")).await;
    let keyed = || {
        let mut call = call("plain");
        call.idempotency_key = Some("invoice-1".to_owned());
        call
    };
    let hit = cached.answer(keyed()).await;
    let replayed = cached.answer(keyed()).await;
    assert!(hit.receipt.was_cached && replayed.receipt.was_replayed);
    assert_eq!((hit.reply.text, hit.receipt.call), (replayed.reply.text, replayed.receipt.call));
    assert_eq!((cached.asked(), cached.world.lines().await.len()), (1, 2));
}
