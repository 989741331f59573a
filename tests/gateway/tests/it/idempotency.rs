//! Idempotency keys: a repeated call is made once.

use nexus_core::gateway::{Admission, GatewaySettings, ModelCall, Route, Routing};
use nexus_core::llm::{Request, ToolSpec};
use nexus_core::price::{PriceRow, PriceTable};
use nexus_core::{NanoUsd, Principal};
use nexus_providers::anthropic::Anthropic;
use nexus_providers::{HttpClient, HttpOptions, Secret};

use crate::fixture::{World, call, price, read, replace, settings};

fn keyed(model: &str, key: &str) -> ModelCall {
    ModelCall { idempotency_key: Some(key.to_owned()), ..call(model) }
}

#[tokio::test]
async fn n47_the_same_call_again_is_answered_from_the_record_and_charged_nothing() {
    let world = World::new(settings()).await;
    let first = world.answer(keyed("plain", "invoice-1")).await;
    let second = world.answer(keyed("plain", "invoice-1")).await;
    assert_eq!(first.reply.text, second.reply.text);
    assert!(second.receipt.was_replayed && second.receipt.cost == NanoUsd::ZERO);
    assert_eq!(world.scripted.log().len(), 1);
    assert_eq!(world.lines().await.len(), 1);
    let (pieces, error) = read(world.stream(keyed("plain", "invoice-1")).await).await;
    assert!(error.is_none() && pieces.len() >= 2, "a replay is streamed as well");
}

#[tokio::test]
async fn n48_the_same_key_with_another_request_is_a_conflict() {
    let world = World::new(settings()).await;
    world.answer(keyed("plain", "invoice-1")).await;
    let other = ModelCall {
        request: Request { question: "Another question?".to_owned(), ..keyed("plain", "invoice-1").request },
        ..keyed("plain", "invoice-1")
    };
    let error = world.complete(other).await.unwrap_err();
    assert_eq!(error.code(), "IDEMPOTENCY_MISMATCH");
}

#[tokio::test]
async fn n48_a_key_belongs_to_its_tenant() {
    let world = World::new(settings()).await;
    world.answer(keyed("plain", "invoice-1")).await;
    let other = Principal::user("umbrella", "ada").unwrap().roles(["admin"]);
    let made = world.nexus.complete(&other, keyed("plain", "invoice-1")).await.unwrap();
    assert!(matches!(made, Admission::Granted(completed) if !completed.receipt.was_replayed));
    assert_eq!(world.scripted.log().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn n48_concurrent_duplicates_wait_for_the_first() {
    let world = World::new(settings()).await;
    let calls = (0..20).map(|_| world.answer(keyed("plain+head-after=50ms", "invoice-1")));
    let made = futures::future::join_all(calls).await;
    assert_eq!(world.scripted.log().len(), 1);
    assert_eq!(made.iter().filter(|completed| !completed.receipt.was_replayed).count(), 1);
}

#[tokio::test]
async fn n49_a_caller_who_gave_up_waiting_finds_the_answer_that_was_paid_for() {
    let world = World::new(settings()).await;
    let slow = || keyed("plain+head-after=200ms", "invoice-1");
    let gave_up = tokio::time::timeout(std::time::Duration::from_millis(50), world.complete(slow())).await;
    assert!(gave_up.is_err());
    assert!(world.answer(slow()).await.receipt.was_replayed);
    assert_eq!(world.scripted.log().len(), 1);
}

#[tokio::test]
async fn a_call_that_failed_unbilled_may_be_made_again_under_its_key() {
    let world = World::new(settings()).await;
    assert!(world.complete(keyed("m+400+once", "invoice-1")).await.is_err());
    assert!(!world.answer(keyed("m+400+once", "invoice-1")).await.receipt.was_replayed);
}

#[tokio::test]
async fn a_key_has_one_to_128_characters() {
    let world = World::new(settings()).await;
    for key in [String::new(), "k".repeat(129), "a\u{202E}b".to_owned()] {
        let error = world.complete(keyed("plain", &key)).await.unwrap_err();
        assert_eq!(error.code(), "INVALID_IDEMPOTENCY_KEY");
    }
}

#[tokio::test]
async fn what_led_to_a_call_of_a_tool_stays_with_the_call_and_out_of_sight() {
    let world = World::new(settings()).await;
    let client = HttpClient::new(&HttpOptions::default()).unwrap();
    let claude = Anthropic::at(&client, &world.scripted.url(), &Secret::new("sk-scripted")).unwrap();
    let routing = Routing::new(Route::to("scripted")).provider("scripted", claude);
    let price = PriceRow { provider: "anthropic".to_owned(), ..price() };
    let settings = GatewaySettings { prices: PriceTable::empty().with([price]), ..settings() };
    replace(&world.nexus, routing, settings);
    let parameters = serde_json::json!({"type": "object", "properties": {}});
    let clock = ToolSpec { name: "clock".to_owned(), description: "tells the time".to_owned(), parameters };
    let mut call = keyed("m+thinking=3+tools=1", "invoice-1");
    call.request.tools = vec![clock];
    let first = world.answer(call.clone()).await;
    let replayed = world.answer(call).await;
    assert!(replayed.receipt.was_replayed);
    assert_eq!(first.reply.tool_calls, replayed.reply.tool_calls, "the conversation can go on from either");
    let sealed = first.reply.tool_calls[0].signature.as_ref().unwrap();
    assert!(sealed.as_str().contains("000 001 002"), "the vendor signs words");
    for reply in [first.reply, replayed.reply] {
        assert!(reply.reasoning.is_empty() && !format!("{reply:?}").contains("000 001 002"), "{reply:?}");
    }
}
