//! Store faults: without a working store nothing is admitted, and nothing is lost or charged twice.

use std::cell::RefCell;
use std::io::Write;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use nexus_core::gateway::{Deadlines, GatewaySettings, ModelCall};
use nexus_core::ledger::{AttemptStatus, LedgerEntry};
use nexus_core::llm::CompletionEvent;
use nexus_core::quota::{Cap, CounterState, Limit, Limits, Meter, MeterAmounts, ScopeKind, Window, checks};
use nexus_core::search::Search;
use nexus_core::{CorpusId, ErrorKind, NanoUsd, Nexus, SystemClock};
use nexus_fake_provider::Scripted;
use nexus_providers::openai::OpenAiEmbedder;
use nexus_store_memory::MemoryStore;
use nexus_testkit::faulty::{FaultyStore, InjectedFault, Troubles};

use crate::fixture::{World, builder, call, caller, price, routing, service, settings, until, usage};

/// Returns settings with one call a day, and a short store deadline.
fn one_a_day() -> GatewaySettings {
    calls_a_day(1, Duration::from_millis(300))
}

fn calls_a_day(cap: u64, store: Duration) -> GatewaySettings {
    let limits =
        Limits::none().with([Limit::new(ScopeKind::Tenant, Meter::Calls, Window::Day, Cap::Limited(cap))]);
    let deadlines = Deadlines { store, ..settings().deadlines };
    GatewaySettings { limits, deadlines, ..settings() }
}

fn keyed(key: &str) -> ModelCall {
    ModelCall { idempotency_key: Some(key.to_owned()), ..call("plain") }
}

/// Returns the state of the day's counter.
async fn used(nexus: &Nexus) -> CounterState {
    use nexus_core::Clock as _;
    let settings = nexus.gateway_settings();
    let consumer = nexus_core::quota::Consumer {
        tenant: caller().tenant().to_string(),
        organisation: None,
        user: caller().subject().to_string(),
        investigation: None,
        run: None,
    };
    let checks = checks(&settings.limits, &consumer, "plain", SystemClock.now(), &settings.zone);
    nexus.store_for_tests().used(caller().tenant(), &[checks[0].key.clone()]).await.unwrap()[0]
}

/// Waits until no call is open, and checks that nothing is reserved and that each entry equals the vendor's bill.
async fn settled(world: &World, troubles: &Troubles) -> Vec<LedgerEntry> {
    troubles.unfreeze();
    world.quiet().await;
    let lines = world.lines().await;
    let charged =
        lines.iter().try_fold(MeterAmounts::ZERO, |sum, line| sum.checked_add(&line.charged)).unwrap();
    assert_eq!(used(&world.nexus).await, CounterState { reserved: MeterAmounts::ZERO, settled: charged });
    let billed: i64 = world
        .scripted
        .settled_log()
        .await
        .iter()
        .map(|entry| price().cost(&usage(&entry.billed)).unwrap().as_nanos())
        .sum();
    assert_eq!(charged.money, NanoUsd::from_nanos(billed), "{lines:#?}");
    lines
}

#[tokio::test]
async fn n03_a_store_that_fails_admits_nothing() {
    let (world, troubles) = World::troubled(one_a_day()).await;
    for step in ["limits", "prices", "begin"] {
        troubles.inject(step, InjectedFault::FailsBefore, 1);
        let error = world.complete(call("plain")).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "STORE_LOST"), "{step}");
        assert!(error.is_retryable());
    }
    assert!(world.scripted.log().is_empty(), "a call left that the ledger does not know");
    troubles.unfreeze();
    world.answer(call("plain")).await;
    assert_eq!(settled(&world, &troubles).await.len(), 1);
}

#[tokio::test]
async fn n03_a_store_that_hangs_admits_nothing_and_says_so_in_time() {
    for step in ["limits", "begin"] {
        let (world, troubles) = World::troubled(one_a_day()).await;
        troubles.inject(step, InjectedFault::FreezesBefore, 1);
        let began = Instant::now();
        let error = world.complete(keyed("k")).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "LEDGER_UNAVAILABLE"));
        assert!(error.is_retryable() && error.retry_after().is_some());
        assert!(began.elapsed() < Duration::from_secs(5), "{step}");
        assert!(world.scripted.log().is_empty(), "{step}");
        troubles.unfreeze();
        // A late reservation is released: the one call of the day is still available, under the same key.
        until("the reservation is given back", async || used(&world.nexus).await == CounterState::default())
            .await;
        world.answer(keyed("k")).await;
        assert_eq!(world.scripted.log().len(), 1, "{step}");
        settled(&world, &troubles).await;
    }
}

#[tokio::test]
async fn n03_an_admission_with_an_unknown_outcome_is_given_back() {
    for trouble in [InjectedFault::FailsAfter, InjectedFault::FreezesAfter] {
        let (world, troubles) = World::troubled(one_a_day()).await;
        troubles.inject("begin", trouble, 1);
        world.complete(keyed("k")).await.unwrap_err();
        troubles.unfreeze();
        until("the admission is ended", async || world.lines().await.len() == 1).await;
        world.answer(keyed("k")).await;
        let lines = settled(&world, &troubles).await;
        let statuses: Vec<AttemptStatus> = lines.iter().map(|line| line.status).collect();
        assert_eq!(statuses, [AttemptStatus::FailedUnbilled, AttemptStatus::Settled], "{trouble:?}");
        assert_eq!(world.scripted.log().len(), 1, "{trouble:?}");
    }
}

#[tokio::test]
async fn n12_a_settlement_that_fails_is_made_exactly_once() {
    for trouble in [InjectedFault::FailsBefore, InjectedFault::FailsAfter] {
        for times in [1, 3] {
            let (world, troubles) = World::troubled(calls_a_day(9, Duration::from_secs(10))).await;
            troubles.inject("settle", trouble, times);
            assert_eq!(world.answer(call("plain")).await.receipt.attempts, 1);
            let lines = settled(&world, &troubles).await;
            assert_eq!((lines.len(), lines[0].status), (1, AttemptStatus::Settled), "{trouble:?}");
        }
    }
}

#[tokio::test]
async fn n12_a_bill_outlives_an_outage_that_the_caller_is_told_of() {
    for trouble in [InjectedFault::FailsBefore, InjectedFault::FreezesBefore, InjectedFault::FreezesAfter] {
        let (world, troubles) = World::troubled(one_a_day()).await;
        troubles.inject("settle", trouble, u32::MAX);
        let error = world.complete(keyed("k")).await.unwrap_err();
        assert_eq!(error.code(), "LEDGER_UNAVAILABLE", "{trouble:?}");
        let lines = settled(&world, &troubles).await;
        assert_eq!((lines.len(), lines[0].status), (1, AttemptStatus::Settled), "{trouble:?}");
        assert!(!lines[0].estimated, "what the vendor said was forgotten");
        assert!(world.answer(keyed("k")).await.receipt.was_replayed);
    }
}

#[tokio::test]
async fn n12_a_retry_with_an_unknown_outcome_leaves_one_line_for_each_attempt() {
    let cases = [
        (InjectedFault::FailsBefore, 1),
        (InjectedFault::FailsAfter, 2),
        (InjectedFault::FreezesBefore, 1),
        (InjectedFault::FreezesAfter, 2),
    ];
    for (trouble, attempts) in cases {
        let (world, troubles) = World::troubled(one_a_day()).await;
        troubles.inject("retry", trouble, 1);
        world.complete(call("m+500+once")).await.unwrap_err();
        let lines = settled(&world, &troubles).await;
        let numbers: Vec<u32> = lines.iter().map(|line| line.attempt).collect();
        assert_eq!(numbers, (1..=attempts).collect::<Vec<u32>>(), "{trouble:?}");
        assert!(lines.iter().all(|line| line.status == AttemptStatus::FailedUnbilled), "{lines:#?}");
        assert_eq!(world.scripted.log().len(), 1, "an attempt was made that is not in the ledger");
    }
}

#[tokio::test]
async fn n36_no_caller_hears_that_a_call_ended_before_its_end_is_stored() {
    let (world, troubles) = World::troubled(calls_a_day(9, Duration::from_secs(30))).await;
    troubles.inject("settle", InjectedFault::FreezesBefore, 1);
    let mut stream = world.stream(call("m+frames=3")).await;
    let mut texts = 0;
    while texts < 3 {
        texts += usize::from(matches!(stream.next().await.unwrap().unwrap(), CompletionEvent::Text(_)));
    }
    until("the settlement is in flight", async || troubles.struck() == 1).await;
    assert!(world.lines().await.is_empty());
    assert!(futures::poll!(stream.next()).is_pending(), "an end was reported before it was stored");
    troubles.unfreeze();
    while let Some(piece) = stream.next().await {
        if matches!(piece.unwrap(), CompletionEvent::Finish(_)) {
            assert_eq!(world.lines().await.len(), 1);
        }
    }
    settled(&world, &troubles).await;
}

#[tokio::test]
async fn n39_a_store_that_only_seems_to_be_there_is_found_out_at_the_start() {
    let (world, troubles) = World::troubled(settings()).await;
    world.nexus.resume().await.unwrap();
    troubles.inject("check", InjectedFault::FailsBefore, 2);
    assert_eq!(world.nexus.resume().await.unwrap_err().code(), "STORE_LOST");
    assert_eq!(world.nexus.ready().await.unwrap_err().code(), "STORE_LOST");
    let dir = tempfile::tempdir().unwrap();
    MemoryStore::open(dir.path()).unwrap();
    let (store, _) = FaultyStore::new(MemoryStore::open_read_only(dir.path()).unwrap());
    let reader = World::over(store, settings()).await;
    assert_eq!(reader.nexus.resume().await.unwrap_err().code(), "STORE_READ_ONLY");
}

thread_local! {
    /// Log of this thread: a test and everything that it began, on a runtime of one thread.
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writer that puts the log where its thread can read it.
#[derive(Clone, Copy, Debug)]
struct Logged;

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn n40_an_outage_is_logged_when_it_begins_and_when_it_ends() {
    tracing_subscriber::fmt().with_ansi(false).with_writer(|| Logged).init();
    let (world, troubles) = World::troubled(calls_a_day(99, Duration::from_millis(150))).await;
    for trouble in [InjectedFault::FailsBefore, InjectedFault::FreezesBefore] {
        troubles.inject_all(trouble);
        for _ in 0..10 {
            world.complete(call("plain")).await.unwrap_err();
        }
    }
    troubles.unfreeze();
    world.answer(call("plain")).await;
    settled(&world, &troubles).await;
    let logged = String::from_utf8(LOGGED.take()).unwrap();
    let lines: Vec<&str> = logged.lines().filter(|line| line.contains("the ledger")).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("out of reach") && lines[1].contains("in reach again"), "{lines:#?}");
}

#[tokio::test]
async fn n40_a_store_that_recovers_is_used_again_at_once() {
    let (store, troubles) = FaultyStore::new(MemoryStore::default());
    let scripted = Scripted::start().await.unwrap();
    let nexus = crate::fixture::engine(store, routing(&scripted), calls_a_day(99, Duration::from_secs(5)));
    let world = World { scripted, nexus };
    for _ in 0..5 {
        troubles.inject_all(InjectedFault::FailsBefore);
        world.complete(call("plain")).await.unwrap_err();
        troubles.unfreeze();
        world.answer(call("plain")).await;
    }
    assert_eq!(settled(&world, &troubles).await.len(), 5);
}

#[tokio::test]
async fn n03_n12_vectors_are_held_to_the_same() {
    let cases = [
        ("begin", InjectedFault::FreezesBefore, "m", 0, 0),
        ("begin", InjectedFault::FailsAfter, "m", 1, 0),
        ("retry", InjectedFault::FailsAfter, "m+500+once", 2, 1),
        ("settle", InjectedFault::FailsBefore, "m", 1, 1),
        ("settle", InjectedFault::FreezesAfter, "m", 1, 1),
    ];
    for (step, trouble, model, lines, asked) in cases {
        let scripted = Scripted::start().await.unwrap();
        let ((service, client), (store, troubles)) =
            (service(&scripted), FaultyStore::new(MemoryStore::default()));
        let embedder = service.embedder(&client, model, OpenAiEmbedder::DEFAULT_DIMENSION).unwrap();
        let settings = calls_a_day(9, Duration::from_millis(300));
        let nexus = builder(store, routing(&scripted), settings).embedder(embedder).build().unwrap();
        let corpus = CorpusId::parse("handbook").unwrap();
        nexus.create_corpus(&caller(), corpus.clone(), "Handbook", serde_json::json!({})).await.unwrap();
        troubles.inject(step, trouble, 1);
        let searched = nexus.search(&caller(), Search::new(corpus, "paid leave")).await;
        assert_eq!(
            searched.is_ok(),
            (step, trouble) == ("settle", InjectedFault::FailsBefore),
            "{step} {trouble:?}"
        );
        let world = World { scripted, nexus };
        troubles.unfreeze();
        if lines > 0 {
            until("the attempts are over", async || world.lines().await.len() >= lines).await;
        }
        settled(&world, &troubles).await;
        assert_eq!(world.scripted.log().len(), asked, "{step} {trouble:?}");
    }
}
