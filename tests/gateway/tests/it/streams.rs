//! Streams: settlement of every call, with clients that leave and callers that cancel.

use futures::StreamExt as _;
use nexus_core::Page;
use nexus_core::gateway::Admission;
use nexus_core::ledger::{AttemptStatus, CallStatus, LedgerQuery};
use nexus_core::llm::CompletionEvent;

use crate::fixture::{World, call, caller, price, read, settings, usage};

#[tokio::test]
async fn n25_a_client_who_leaves_after_any_frame_is_billed_what_the_vendor_bills() {
    let world = World::new(settings()).await;
    for frames in 0..8 {
        let mut stream = world.stream(call(&format!("m{frames}+frames=8"))).await;
        for _ in 0..frames {
            stream.next().await.unwrap().unwrap();
        }
        drop(stream);
    }
    world.quiet().await;
    let (lines, log) = (world.lines().await, world.scripted.settled_log().await);
    assert_eq!(lines.len(), 8);
    for line in lines {
        let entry = log.iter().find(|entry| entry.model == line.model).unwrap();
        assert_eq!(line.status, AttemptStatus::Settled);
        assert_eq!(line.charged.money, price().cost(&usage(&entry.billed)).unwrap(), "{}", line.model);
    }
}

#[tokio::test]
async fn n25_a_caller_who_leaves_before_the_answer_begins_is_billed_as_well() {
    let world = World::new(settings()).await;
    let waiting = world.complete(call("m+head-after=100ms"));
    let _ = tokio::time::timeout(std::time::Duration::from_millis(30), waiting).await;
    crate::fixture::until("the call is settled", async || world.lines().await.len() == 1).await;
    assert_eq!(world.lines().await[0].status, AttemptStatus::Settled);
}

#[tokio::test]
async fn n09_a_caller_who_goes_at_any_await_leaves_nothing_reserved() {
    let world = World::new(crate::ledger_vs_vendor::governed()).await;
    let mut answered = 0;
    for polls in 0..60 {
        let model = format!("m{polls}+429+retry-after-ms=1+once");
        let mut waiting = Box::pin(world.complete(call(&model)));
        for _ in 0..polls {
            if futures::poll!(waiting.as_mut()).is_ready() {
                answered += 1;
                break;
            }
            // Other ready tasks get the thread.
            tokio::task::yield_now().await;
        }
        drop(waiting);
        if let Admission::Granted(stream) =
            world.nexus.stream(&caller(), call(&format!("s{polls}"))).await.unwrap()
        {
            for _ in 0..polls {
                tokio::task::yield_now().await;
            }
            stream.cancel();
        }
    }
    world.quiet().await;
    let compared = crate::ledger_vs_vendor::compare(&world.nexus, &world.scripted).await;
    assert!(compared.calls >= 100 && answered < 60, "{} calls, {answered} answered", compared.calls);
}

#[tokio::test]
async fn cancelling_closes_the_connection_and_charges_the_reservation() {
    let world = World::new(settings()).await;
    let mut stream = world.stream(call("m+frames=500+pace=5ms")).await;
    stream.next().await.unwrap().unwrap();
    stream.cancel();
    let (_, error) = read(stream).await;
    assert_eq!(error.unwrap().code(), "CANCELLED");
    let entry = &world.scripted.settled_log().await[0];
    assert_eq!(entry.outcome, nexus_fake_provider::Outcome::Aborted);
    let line = &world.lines().await[0];
    assert_eq!((line.status, line.charged.money), (AttemptStatus::Truncated, line.reserved.money));
    let query = LedgerQuery { page: Page::first(10), ..LedgerQuery::default() };
    let calls = world.nexus.store_for_tests().calls(caller().tenant(), &query).await.unwrap();
    assert_eq!(calls[0].status, CallStatus::Cancelled);
}

#[tokio::test]
async fn n31_a_frame_reaches_the_caller_before_the_next_is_made() {
    let world = World::new(settings()).await;
    let mut stream = world.stream(call("m+frames=4+stall=2,10s")).await;
    for _ in 0..2 {
        assert!(matches!(stream.next().await.unwrap().unwrap(), CompletionEvent::Text(_)));
    }
    stream.cancel();
}

#[tokio::test]
async fn n20_usage_that_grows_with_each_frame_is_counted_once() {
    let world = World::new(settings()).await;
    for model in ["m+usage-each+frames=9", "m+usage-final+frames=9", "m+cached=100+reasoning=9+frames=9"] {
        read(world.stream(call(model)).await).await;
    }
    let log = world.scripted.settled_log().await;
    for line in world.lines().await {
        let entry = log.iter().find(|entry| entry.model == line.model).unwrap();
        assert_eq!(line.charged.money, price().cost(&usage(&entry.billed)).unwrap(), "n14: {}", line.model);
    }
}

#[tokio::test]
async fn usage_that_is_absent_is_estimated_from_above_and_marked() {
    let world = World::new(settings()).await;
    let completed = world.answer(call("m+no-usage")).await;
    assert!(completed.receipt.estimated);
    let (line, entry) = (&world.lines().await[0], &world.scripted.settled_log().await[0]);
    assert!(line.estimated && line.status == AttemptStatus::Settled);
    assert!(price().cost(&usage(&entry.billed)).unwrap() <= line.charged.money);
}

#[tokio::test]
async fn what_a_model_thinks_is_kept_apart_from_what_it_says() {
    let world = World::new(settings()).await;
    let completed = world.answer(call("m+thinking=4+frames=3")).await;
    assert!(completed.reply.reasoning.is_empty());
    let thought =
        world.nexus.store_for_tests().reasoning(caller().tenant(), &completed.receipt.call).await.unwrap();
    assert!(thought.is_some_and(|thought| !thought.is_empty()));
}
