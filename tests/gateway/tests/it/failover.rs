//! Vendor faults: retries, fallbacks, and final errors.

use std::time::{Duration, Instant};

use nexus_core::gateway::{Admission, BreakerPolicy, Deadlines, GatewaySettings, ModelCall, Route, Routing};
use nexus_core::ledger::{AttemptStatus, LedgerEntry};
use nexus_core::llm::{FinishReason, ProviderErrorKind};
use nexus_core::{Error, NanoUsd};
use nexus_providers::openai::Service;
use nexus_providers::{HttpClient, HttpOptions};

use crate::fixture::{World, call, read, replace, routing, settings};

fn statuses(lines: &[LedgerEntry]) -> Vec<AttemptStatus> {
    lines.iter().map(|line| line.status).collect()
}

async fn error(world: &World, call: ModelCall) -> Error {
    match world.complete(call).await {
        Err(error) => error,
        Ok(Admission::Granted(completed)) => panic!("answered: {}", completed.reply.text),
        Ok(Admission::Refused(refused)) => panic!("refused: {}", refused.sentence()),
    }
}

/// Returns a world whose first provider has the fault and whose second has none.
async fn with_fallback(settings: GatewaySettings) -> World {
    let world = World::new(settings.clone()).await;
    let client = HttpClient::new(&HttpOptions::default()).unwrap();
    let spare = Service::custom("scripted", world.scripted.openai_url()).with_key("sk-spare");
    let route = Route { fallbacks: vec!["spare".to_owned()], ..Route::to("scripted") };
    let first = Service::custom("scripted", world.scripted.openai_url()).with_key("sk-scripted");
    let routing = Routing::new(route)
        .provider("scripted", first.chat(&client, "plain").unwrap())
        .provider("spare", spare.chat(&client, "spare-model").unwrap());
    replace(&world.nexus, routing, settings);
    world
}

#[tokio::test]
async fn s01_a_rate_limit_is_waited_out_as_long_as_the_vendor_says() {
    let world = World::new(settings()).await;
    let began = Instant::now();
    let receipt = world.answer(call("m+429+retry-after=0.3+once")).await.receipt;
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(receipt.attempts, 2);
    let expected = [AttemptStatus::FailedUnbilled, AttemptStatus::Settled];
    assert_eq!(statuses(&world.lines().await), expected);
}

#[tokio::test]
async fn s02_a_rate_limit_that_stays_ends_the_call_with_its_hint() {
    let world = World::new(settings()).await;
    let error = error(&world, call("m+429+retry-after-ms=5")).await;
    assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::RateLimited));
    assert!(error.retry_after().is_some());
    assert_eq!(world.scripted.log().len(), 3);
    assert!(world.lines().await.iter().all(|line| line.charged.money == NanoUsd::ZERO));
}

#[tokio::test]
async fn the_vendors_word_on_trying_again_wins_over_its_status() {
    for (directives, fault, attempts) in [
        ("429+should-retry=false", ProviderErrorKind::RateLimited, 1),
        ("500+should-retry=false", ProviderErrorKind::Server, 1),
        ("400+should-retry=true", ProviderErrorKind::InvalidRequest, 3),
        ("400", ProviderErrorKind::InvalidRequest, 1),
    ] {
        let world = World::new(settings()).await;
        let error = error(&world, call(&format!("m+{directives}"))).await;
        assert_eq!(ProviderErrorKind::of(&error), Some(fault), "{directives}");
        assert_eq!(world.scripted.log().len(), attempts, "{directives}");
    }
}

#[tokio::test]
async fn a_vendor_that_is_not_to_be_asked_again_gives_way_to_the_next() {
    let world = with_fallback(settings()).await;
    let receipt = world.answer(call("m+500+should-retry=false")).await.receipt;
    assert_eq!(receipt.attempts, 2);
    // A refused request is retried where the vendor says so, and still at no other provider.
    let before = world.scripted.log().len();
    let error = error(&world, call("m+400+should-retry=true")).await;
    assert_eq!(ProviderErrorKind::of(&error), Some(ProviderErrorKind::InvalidRequest));
    assert!(world.scripted.log()[before..].iter().all(|entry| entry.model.starts_with("m+")));
}

#[tokio::test]
async fn a_vendor_that_asks_for_more_patience_than_there_is_is_not_asked_again() {
    // The first wait would end after the call's deadline, the second exceeds the upper bound on `Retry-After`.
    for wait in ["31", "121"] {
        let deadlines = Deadlines {
            total: Duration::from_secs(if wait == "31" { 30 } else { 600 }),
            ..settings().deadlines
        };
        let world = World::new(GatewaySettings { deadlines, ..settings() }).await;
        let error = error(&world, call(&format!("m+429+retry-after={wait}"))).await;
        assert_eq!(error.retry_after(), wait.parse().ok().map(Duration::from_secs));
        assert_eq!(world.scripted.log().len(), 1);
    }
}

#[tokio::test]
async fn s03_a_server_error_is_tried_again() {
    let world = World::new(settings()).await;
    assert_eq!(world.answer(call("m+500+once")).await.receipt.attempts, 2);
}

#[tokio::test]
async fn s04_a_provider_that_is_down_gives_way_to_the_next() {
    let world = with_fallback(settings()).await;
    let receipt = world.answer(call("m+503")).await.receipt;
    assert_eq!((receipt.provider.as_str(), receipt.model.as_str()), ("spare", "spare-model"));
    let lines = world.lines().await;
    assert_eq!(lines.last().unwrap().model, "spare-model", "n21: each attempt has its own model");
}

#[tokio::test]
async fn s05_a_reset_before_the_head_is_charged_as_unknown_and_tried_again() {
    let world = World::new(settings()).await;
    world.answer(call("m+reset+once")).await;
    let lines = world.lines().await;
    assert_eq!(statuses(&lines), [AttemptStatus::UnknownOutcome, AttemptStatus::Settled]);
    assert_eq!(lines[0].charged.money, lines[0].reserved.money);
    assert!(lines[0].estimated && !lines[1].estimated);
}

#[tokio::test]
async fn s06_s07_a_silent_provider_gives_way_within_one_deadline() {
    let hasty = Duration::from_millis(150);
    let deadlines = Deadlines { first_event: hasty, ..settings().deadlines };
    let world = with_fallback(GatewaySettings { deadlines, ..settings() }).await;
    for fault in ["m+silent", "m+first-after=20s"] {
        let began = Instant::now();
        let stream = world.stream(call(fault)).await;
        let (_, error) = read(stream).await;
        assert!(error.is_none(), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{fault}");
    }
}

#[tokio::test]
async fn n30_the_total_deadline_covers_all_attempts() {
    let total = Duration::from_millis(400);
    let first_event = Duration::from_millis(150);
    let deadlines = Deadlines { first_event, total, ..settings().deadlines };
    let world = World::new(GatewaySettings { deadlines, ..settings() }).await;
    let began = Instant::now();
    assert_eq!(
        ProviderErrorKind::of(&error(&world, call("m+silent")).await),
        Some(ProviderErrorKind::Timeout)
    );
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn s08_s09_s11_an_answer_that_breaks_off_is_an_error_and_never_an_answer() {
    let deadlines = Deadlines { idle: Duration::from_millis(150), ..settings().deadlines };
    let world = with_fallback(GatewaySettings { deadlines, ..settings() }).await;
    for fault in ["m+frames=60+cut=40", "m+frames=60+stall=40", "m+no-finish"] {
        let (pieces, error) = read(world.stream(call(fault)).await).await;
        assert!(error.is_some(), "n27: {fault} ended as if it were whole");
        assert!(
            !pieces.iter().any(|piece| matches!(piece, nexus_core::llm::CompletionEvent::Finish(_))),
            "{fault}"
        );
    }
    let lines = world.lines().await;
    assert_eq!(lines.len(), 3, "n28: something was tried again after the first words");
    assert!(lines.iter().all(|line| line.status == AttemptStatus::Truncated && line.estimated));
}

#[tokio::test]
async fn s10_a_malformed_first_frame_falls_over_and_a_later_one_ends_the_call() {
    let world = with_fallback(settings()).await;
    let (pieces, error) = read(world.stream(call("m+malformed=3")).await).await;
    assert_eq!(error.as_ref().and_then(ProviderErrorKind::of), Some(ProviderErrorKind::Protocol));
    assert!(!pieces.is_empty());
}

#[tokio::test]
async fn s12_s13_s14_refused_requests_and_content_are_not_shopped_around() {
    let world = with_fallback(settings()).await;
    assert_eq!(
        ProviderErrorKind::of(&error(&world, call("m+context")).await),
        Some(ProviderErrorKind::ContextLength)
    );
    assert_eq!(
        ProviderErrorKind::of(&error(&world, call("m+401")).await),
        Some(ProviderErrorKind::Authentication)
    );
    assert_eq!(
        ProviderErrorKind::of(&error(&world, call("m+400")).await),
        Some(ProviderErrorKind::InvalidRequest)
    );
    let filtered = world.answer(call("m+filter=3")).await;
    assert_eq!(filtered.reply.finish, FinishReason::ContentFilter);
    assert!(world.scripted.log().iter().all(|entry| entry.model.starts_with("m+")));
}

#[tokio::test]
async fn s15_a_flapping_provider_never_fails_a_caller_who_has_a_fallback() {
    let world = with_fallback(settings()).await;
    for _ in 0..20 {
        world.answer(call("m+503+flap=1,1")).await;
    }
}

#[tokio::test]
async fn an_account_without_money_is_not_asked_again() {
    let world = with_fallback(settings()).await;
    assert_eq!(world.answer(call("m+quota")).await.receipt.provider, "spare");
    assert_eq!(world.answer(call("plain")).await.receipt.provider, "spare", "its breaker is open");
    assert_eq!(world.scripted.log().iter().filter(|entry| entry.model == "m+quota").count(), 1);
}

#[tokio::test]
async fn n55_a_breaker_that_is_open_says_when_to_come_back() {
    let breaker = BreakerPolicy { failures: 3, ..BreakerPolicy::default() };
    let world = World::new(GatewaySettings { breaker, ..settings() }).await;
    error(&world, call("m+503")).await;
    let unavailable = error(&world, call("plain")).await;
    assert_eq!(unavailable.code(), "PROVIDERS_UNAVAILABLE");
    assert!(unavailable.retry_after().is_some_and(|after| after > Duration::from_secs(20)));
    assert_eq!(world.scripted.log().len(), 3);
}

#[tokio::test]
async fn calls_in_flight_end_on_the_routing_they_began_with() {
    let world = World::new(settings()).await;
    let stream = world.stream(call("m+frames=5+pace=20ms")).await;
    let elsewhere = routing(&world.scripted).tenant("acme", Route::to("scripted"));
    replace(&world.nexus, elsewhere, settings());
    let (_, error) = read(stream).await;
    assert!(error.is_none());
}
