//! Single flight: equal calls at the same time.

use std::time::Duration;

use futures::future::join_all;
use nexus_core::NanoUsd;
use nexus_core::ledger::{AttemptStatus, CallStatus};
use nexus_core::quota::MeterAmounts;

use super::Cached;
use crate::fixture::{call, read, until};

/// Number 49: without an idempotency key too, equal calls at the same time are one call to the vendor.
#[tokio::test(flavor = "multi_thread")]
async fn n49_equal_calls_at_the_same_time_are_one() {
    let cached = Cached::new().await;
    let made = join_all((0..20).map(|_| cached.answer(call("plain+head-after=100ms")))).await;
    assert_eq!(cached.asked(), 1);
    let paid: Vec<_> = made.iter().filter(|completed| !completed.receipt.was_cached).collect();
    assert_eq!(paid.len(), 1);
    assert!(made.iter().all(|completed| completed.reply == paid[0].reply));
    let lines = cached.world.lines().await;
    assert_eq!(lines.iter().filter(|line| line.charged.money > NanoUsd::ZERO).count(), 1);
    assert_eq!(lines.len(), 20);
}

/// Number 49: a caller that stops waiting does not stop a call in flight, and finds its answer on the next request.
#[tokio::test]
async fn n49_a_client_that_gave_up_does_not_end_the_call_that_fills_the_cache() {
    let cached = Cached::new().await;
    let slow = || call("plain+head-after=300ms");
    let gave_up = tokio::time::timeout(Duration::from_millis(50), cached.world.complete(slow())).await;
    assert!(gave_up.is_err());
    assert!(cached.answer(slow()).await.receipt.was_cached, "it joins the first");
    assert_eq!(cached.asked(), 1);
}

/// When the leader leaves no answer, each follower makes its own call.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_leader_fails_no_follower() {
    let cached = Cached::new().await;
    let made = join_all((0..5).map(|_| cached.world.complete(call("m+400+once+head-after=100ms")))).await;
    assert_eq!(made.iter().filter(|made| made.is_err()).count(), 1);
    assert!(cached.asked() >= 2);
    assert!(cached.answer(call("m+400+once+head-after=100ms")).await.receipt.was_cached);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_call_that_is_cancelled_lets_the_others_go_on() {
    let cached = Cached::new().await;
    let slow = || call("m+frames=3+first-after=300ms");
    let first = cached.world.stream(slow()).await;
    until("the vendor is asked", async || cached.asked() == 1).await;
    let (second, ()) = tokio::join!(cached.answer(slow()), async { first.cancel() });
    assert!(!second.receipt.was_cached);
    assert_eq!(cached.asked(), 2);
}

/// A follower has sent nothing, and is charged nothing when it leaves.
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_cancels_is_charged_nothing() {
    let cached = Cached::new().await;
    let slow = || call("m+frames=3+first-after=2s");
    let first = cached.world.stream(slow()).await;
    until("the vendor is asked", async || cached.asked() == 1).await;
    let second = cached.world.stream(slow()).await;
    second.cancel();
    let (pieces, error) = read(second).await;
    assert!(pieces.is_empty());
    assert_eq!(error.unwrap().code(), "CANCELLED");
    let line = &cached.world.lines().await[0];
    assert_eq!((line.status, line.charged), (AttemptStatus::FailedUnbilled, MeterAmounts::ZERO));
    assert!(cached.calls().await.iter().any(|call| call.status == CallStatus::Cancelled));
    first.cancel();
    read(first).await;
    assert_eq!(cached.asked(), 1);
}
