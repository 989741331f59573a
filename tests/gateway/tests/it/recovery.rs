//! Recovery: no end of a call is abandoned, in an outage at any step or because of another call, and the record of a
//! call that a killed process left covers all of its attempts.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use nexus_core::gateway::{
    Admission, CallStream, Deadlines, GatewaySettings, ModelCall, RetryPolicy, Routing,
};
use nexus_core::ledger::{AttemptStatus, RetryCall};
use nexus_core::quota::{Cap, Limit, Limits, Meter, MeterAmounts, ScopeKind, Window, checks};
use nexus_core::{NanoUsd, Nexus, Settings, Store};
use nexus_fake_provider::Scripted;
use nexus_store_memory::MemoryStore;
use nexus_testkit::faulty::{FaultyStore, InjectedFault};
use nexus_testkit::store::calls;

use crate::fixture::{World, builder, call, caller, engine, lines, price, routing, settings, until, usage};

fn limited() -> GatewaySettings {
    let limit = Limit::new(ScopeKind::Tenant, Meter::Money, Window::Day, Cap::Limited(u64::MAX / 4));
    let deadlines = Deadlines { store: Duration::from_millis(60), ..settings().deadlines };
    GatewaySettings { limits: Limits::none().with([limit]), deadlines, ..settings() }
}

/// Checks that nothing is open or reserved, and that no attempt is charged that did not reach the vendor.
async fn nothing_is_left(world: &World, what: &str) {
    world.quiet().await;
    let (lines, heard) = (world.lines().await, world.scripted.log().len());
    let charged = lines.iter().filter(|line| line.status != AttemptStatus::FailedUnbilled).count();
    assert!(charged <= heard, "{what}: {heard} requests, {lines:#?}");
    let mut attempts: Vec<_> = lines.iter().map(|line| (&line.call, line.attempt)).collect();
    attempts.dedup();
    assert_eq!(attempts.len(), lines.len(), "{what}: an attempt has two lines");
    let billed: i64 = world
        .scripted
        .settled_log()
        .await
        .iter()
        .map(|entry| price().cost(&usage(&entry.billed)).unwrap().as_nanos())
        .sum();
    let sum = lines.iter().try_fold(MeterAmounts::ZERO, |sum, line| sum.checked_add(&line.charged)).unwrap();
    assert!(sum.money >= NanoUsd::from_nanos(billed), "{what}: {billed} billed, {sum:?} charged");
    let settings = world.nexus.gateway_settings();
    for line in &lines {
        for check in checks(&settings.limits, &line.consumer, &line.model, line.ts, &settings.zone) {
            let used =
                world.nexus.store_for_tests().used(caller().tenant(), &[check.key]).await.unwrap().remove(0);
            assert_eq!((used.reserved, used.settled), (MeterAmounts::ZERO, sum), "{what}");
        }
    }
}

const TROUBLES: [Option<InjectedFault>; 5] = [
    None,
    Some(InjectedFault::FailsBefore),
    Some(InjectedFault::FailsAfter),
    Some(InjectedFault::FreezesBefore),
    Some(InjectedFault::FreezesAfter),
];

/// A call of two attempts, in an outage that begins at one step with one fault, goes on at the next with another, and
/// outlasts the caller's wait: every way in which a step may be executed or not.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_at_any_step_leaves_nothing_reserved_and_nothing_that_was_not_sent_charged() {
    let mut cases = Vec::new();
    for begin in TROUBLES {
        for retry in TROUBLES {
            for settle in TROUBLES {
                // Without a fault at the beginning, the others are reached.
                if begin.is_none() || (retry.is_none() && settle.is_none()) {
                    cases.push((begin, retry, settle));
                }
            }
        }
    }
    let played = futures::stream::iter(cases).map(|(begin, retry, settle)| async move {
        let (world, troubles) = World::troubled(limited()).await;
        troubles.follow(move |name| match name {
            "begin" => begin,
            "retry" => retry,
            "settle" => settle,
            _ => None,
        });
        for model in ["m+500+once", "m+close+once"] {
            // The caller receives an error, or an answer, in the middle of the outage.
            let _ = world.complete(call(model)).await;
        }
        troubles.unfreeze();
        nothing_is_left(&world, &format!("{begin:?} {retry:?} {settle:?}")).await;
    });
    played.buffer_unordered(8).collect::<Vec<()>>().await;
}

/// The outage outlives the caller: the outcome in the store is resolved when it answers, however late.
#[tokio::test]
async fn a_retry_in_doubt_is_settled_by_whichever_end_fits_when_the_store_is_back() {
    let (world, troubles) = World::troubled(limited()).await;
    troubles.follow(|name| match name {
        "retry" => Some(InjectedFault::FreezesAfter),
        "settle" => Some(InjectedFault::FreezesBefore),
        _ => None,
    });
    world.complete(call("m+500+once")).await.unwrap_err();
    let struck = troubles.struck();
    until("the end was tried again without its caller", async || troubles.struck() > struck + 1).await;
    troubles.unfreeze();
    nothing_is_left(&world, "retry with an unknown outcome").await;
    let numbers: Vec<_> = world.lines().await.iter().map(|line| (line.attempt, line.status)).collect();
    let unbilled = AttemptStatus::FailedUnbilled;
    assert_eq!(numbers, [(1, unbilled), (2, unbilled)]);
    assert_eq!(world.scripted.log().len(), 1);
}

/// A shutdown waits for the pending settlement, up to its deadline; the next start recovers the rest.
#[tokio::test]
async fn a_shutdown_in_an_outage_leaves_the_end_to_the_next_start() {
    let (dir, scripted) = (tempfile::tempdir().unwrap(), Scripted::start().await.unwrap());
    let (store, troubles) = FaultyStore::new(MemoryStore::open(dir.path()).unwrap());
    let nexus = engine(store, routing(&scripted), limited());
    troubles.inject("settle", InjectedFault::FailsBefore, u32::MAX);
    nexus.complete(&caller(), call("plain")).await.unwrap_err();
    assert!(!nexus.shutdown(Duration::from_millis(100)).await.unwrap(), "an end is still to be written");
    drop(nexus);
    let next = engine(MemoryStore::open(dir.path()).unwrap(), routing(&scripted), limited());
    next.resume().await.unwrap();
    assert!(next.store_for_tests().open_calls().await.unwrap().is_empty());
    let lines = lines(&next).await;
    assert_eq!(
        (lines.len(), lines[0].status, lines[0].charged),
        (1, AttemptStatus::UnknownOutcome, lines[0].reserved)
    );
}

/// Returns an engine whose leases have expired at once, as if its process were killed.
fn killed(store: impl Store, routing: Routing, settings: GatewaySettings) -> Nexus {
    let no_lease = Settings { owner_lease: Duration::ZERO, ..Settings::default() };
    builder(store, routing, settings).settings(no_lease).build().unwrap()
}

/// Leaves calls open, as a killed process does: their engine is forgotten.
async fn leave(store: &MemoryStore, scripted: &Scripted, models: &[&str]) -> Vec<(Nexus, CallStream)> {
    let mut left = Vec::new();
    for model in models {
        let first = killed(store.clone(), routing(scripted), settings());
        let Admission::Granted(stream) = first.stream(&caller(), call(model)).await.unwrap() else {
            panic!("refused")
        };
        left.push((first, stream));
    }
    left
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_cannot_be_ended_holds_up_no_other_and_is_ended_later() {
    let (store, scripted) = (MemoryStore::default(), Scripted::start().await.unwrap());
    let _left = leave(&store, &scripted, &["a+silent", "b+silent", "c+silent"]).await;
    until("three calls are open", async || scripted.log().len() == 3).await;
    let (faulty, troubles) = FaultyStore::new(store.clone());
    let next = engine(faulty, routing(&scripted), settings());
    troubles.inject("settle", InjectedFault::FailsBefore, 1);
    next.resume().await.unwrap();
    let lines = lines(&next).await;
    assert_eq!((lines.len(), next.store_for_tests().open_calls().await.unwrap().len()), (2, 1));
    next.complete(&caller(), call("plain")).await.unwrap();
    until("the third is ended in the background", async || {
        next.store_for_tests().open_calls().await.unwrap().is_empty()
    })
    .await;
    assert_eq!(crate::fixture::lines(&next).await.len(), 4);
}

#[tokio::test]
async fn the_record_of_a_call_that_was_left_in_its_second_attempt_has_the_sum_of_both() {
    let (store, scripted) = (MemoryStore::default(), Scripted::start().await.unwrap());
    // Calls left by a process that is killed in the second attempt, after the first was charged.
    let left = nexus_testkit::store::World::new(Arc::new(store.clone()));
    let call = left.begin(left.intent(&caller(), "k", &[], calls::amounts(5, 30))).await;
    let first = calls::ending(1, AttemptStatus::UnknownOutcome, calls::amounts(5, 20));
    let retry = left.retry_of(&caller(), &call, &[], calls::amounts(5, 30));
    left.store.retry(RetryCall { outcome: first, ..retry }).await.unwrap();
    assert_eq!(store_open(&store).await, [(Some(2), call.clone())]);
    let next = engine(store, routing(&scripted), settings());
    next.resume().await.unwrap();
    let lines = lines(&next).await;
    let sum: i64 = lines.iter().map(|line| line.charged.money.as_nanos()).sum();
    assert_eq!(lines.len(), 2);
    let records = next.store_for_tests().records(caller().tenant(), &call, 0, 100).await.unwrap();
    let last: serde_json::Value = serde_json::from_slice(&records.last().unwrap().body).unwrap();
    assert_eq!(last["payload"]["charged"], sum.to_string(), "{last}");
    assert_eq!(last["payload"]["attempts"], 2);
}

/// Returns the open attempts and their calls.
async fn store_open(store: &MemoryStore) -> Vec<(Option<u32>, String)> {
    use nexus_core::system::SystemStore as _;
    let open = store.open_calls().await.unwrap();
    open.into_iter().map(|open| (open.attempt.map(|attempt| attempt.number), open.call.id)).collect()
}

/// The process ends between two attempts: one attempt is over, and the next was refused.
#[tokio::test]
async fn a_call_that_was_left_between_two_attempts_is_recorded_with_the_one_that_is_over() {
    let (store, scripted) = (MemoryStore::default(), Scripted::start().await.unwrap());
    let (faulty, troubles) = FaultyStore::new(store.clone());
    let worst = {
        let world = World::new(settings()).await;
        let _ = world.complete(call("m+close")).await;
        world.lines().await[0].reserved.money
    };
    let limit = Limit::new(ScopeKind::Tenant, Meter::Money, Window::Day, Cap::money(worst));
    let limits = Limits::none().with([limit]);
    let retry = RetryPolicy { attempts: 2, ..settings().retry };
    let deadlines = Deadlines { store: Duration::from_millis(60), ..settings().deadlines };
    let first =
        killed(faulty, routing(&scripted), GatewaySettings { limits, retry, deadlines, ..settings() });
    troubles.inject("settle", InjectedFault::FailsBefore, u32::MAX);
    first
        .complete(&caller(), ModelCall { idempotency_key: Some("k".to_owned()), ..call("m+close") })
        .await
        .unwrap_err();
    let call = store_open(&store).await.remove(0);
    assert_eq!(call.0, None, "the retry was refused, and the call is open without an attempt");
    let next = engine(store.clone(), routing(&scripted), settings());
    next.resume().await.unwrap();
    // On a busy machine, a later round ends it.
    until("the call is ended", async || store_open(&store).await.is_empty()).await;
    let records = next.store_for_tests().records(caller().tenant(), &call.1, 0, 100).await.unwrap();
    let last: serde_json::Value = serde_json::from_slice(&records.last().unwrap().body).unwrap();
    assert_eq!(last["payload"]["charged"], worst.as_nanos().to_string(), "{last}");
    assert_eq!(last["payload"]["attempts"], 1);
    drop(Arc::new(first));
}
