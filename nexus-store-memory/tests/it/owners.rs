//! Several Nexus over one store: each works on its own runs, and takes over those of one that is gone, once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use nexus_core::audit::Status;
use nexus_core::ledger::{AttemptStatus, LedgerStore as _};
use nexus_core::run::{Journal, Outcome, RunState};
use nexus_core::system::SystemStore as _;
use nexus_core::{CorpusId, Nexus, Page, RunId, Settings};
use nexus_store_memory::MemoryStore;
use nexus_testkit::fake::FixedClock;
use nexus_testkit::faulty::{FaultyStore, InjectedFault, Troubles};
use nexus_testkit::store::calls::every;
use nexus_testkit::store::fixture::at;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::journey::{admin, ingest, keys};
use crate::outage::{LEAVE, Patient, Shared, ask, check_answered, until};

/// Lease of an owner, by the clock of the test, which stands still. It is renewed each third of it, by the machine's.
const LEASE: Duration = Duration::from_millis(300);

/// Nexus over a store that it shares, with a model of its own.
struct Member {
    nexus: Nexus,
    troubles: Troubles,
    /// One entry for each request to the model.
    asked: UnboundedReceiver<()>,
    model: Patient,
}

fn clock() -> Shared {
    Shared(Arc::new(FixedClock::at(at(0))))
}

fn member(store: &MemoryStore, clock: &Shared) -> Member {
    let (sender, asked) = unbounded();
    let model = Patient { asked: sender, go: Arc::new(Semaphore::new(0)) };
    let (store, troubles) = FaultyStore::new(store.clone());
    let settings = Settings { owner_lease: LEASE, ..Settings::default() };
    let builder = Nexus::builder().store(store).audit_keys(keys()).settings(settings);
    let nexus = builder.llm(model.clone()).clock(clock.clone()).build().unwrap();
    Member { nexus, troubles, asked, model }
}

/// Adds the document that answers the question.
async fn fill(nexus: &Nexus) {
    let corpus = CorpusId::parse("handbook").unwrap();
    nexus.create_corpus(&admin(), corpus, "Handbook", json!({})).await.unwrap();
    ingest(nexus, &admin(), "leave.txt", LEAVE).await;
}

/// Starts a member in a runtime of its own, whose end is the death of its process, and lets it ask its model.
fn doomed(store: &MemoryStore, clock: &Shared) -> (Runtime, RunId) {
    let runtime = Runtime::new().unwrap();
    let run = std::thread::scope(|scope| {
        let start = async {
            let mut member = member(store, clock);
            fill(&member.nexus).await;
            let run = ask(&member.nexus).await.id().clone();
            member.asked.next().await.unwrap();
            run
        };
        scope.spawn(|| runtime.block_on(start)).join().unwrap()
    });
    (runtime, run)
}

/// Ends a runtime with all of its tasks, wherever they are.
fn kill(runtime: Runtime) {
    std::thread::spawn(move || drop(runtime)).join().unwrap();
}

/// Returns the recorded facts about a run: its state, its events, its records, and the entries of its calls.
async fn facts(store: &MemoryStore, run: &RunId) -> String {
    use nexus_core::audit::AuditChain as _;
    use nexus_core::run::RunStore as _;
    let tenant = admin().tenant().clone();
    let stored = store.run(&tenant, run).await.unwrap();
    let journal = store.journal(&tenant, run, 0, 999).await.unwrap();
    let records = store.records(&tenant, run.as_str(), 0, 999).await.unwrap();
    let (calls, lines) =
        (store.calls(&tenant, &every()).await.unwrap(), store.ledger(&tenant, &every()).await.unwrap());
    format!("{stored:?} {journal:?} {records:?} {calls:?} {lines:?}")
}

/// Checks that every chain verifies, and that a run has one end and one answer.
async fn check_chains(nexus: &Nexus, run: &RunId) {
    for chain in nexus.chains(&admin(), Page::first(99)).await.unwrap() {
        assert_eq!(nexus.verify(&admin(), &chain, None).await.unwrap().status, Status::Ok, "{chain}");
    }
    let journal = nexus.store_for_tests().journal(admin().tenant(), run, 0, 999).await.unwrap();
    let Journal::Events(events) = journal else { panic!("{journal:?}") };
    let ends = events.iter().filter(|event| event.body.is_last()).count();
    assert_eq!(ends, 1, "{events:?}");
}

#[tokio::test]
async fn neither_of_two_touches_the_live_runs_calls_and_cancels_of_the_other() {
    let (store, clock) = (MemoryStore::default(), clock());
    let (mut first, mut second) = (member(&store, &clock), member(&store, &clock));
    fill(&first.nexus).await;
    let theirs = [ask(&first.nexus).await, ask(&first.nexus).await];
    let ours = ask(&second.nexus).await;
    first.asked.next().await.unwrap();
    first.asked.next().await.unwrap();
    second.asked.next().await.unwrap();
    let open = store.open_calls().await.unwrap();
    assert_eq!(open.len(), 3);

    assert_eq!((first.nexus.resume().await.unwrap(), second.nexus.resume().await.unwrap()), (0, 0));
    assert_eq!(store.open_calls().await.unwrap(), open);
    assert_eq!(store.ledger(admin().tenant(), &every()).await.unwrap(), []);

    // A request goes to the owner of the run, wherever it is made.
    second.nexus.cancel(&admin(), theirs[0].id()).await.unwrap();
    assert_eq!(theirs[0].finish().await.unwrap().outcome, Outcome::Cancelled);
    first.nexus.cancel(&admin(), ours.id()).await.unwrap();
    assert_eq!(ours.finish().await.unwrap().outcome, Outcome::Cancelled);
    assert_eq!(second.nexus.run(&admin(), theirs[1].id()).await.unwrap().state(), RunState::Running);
    first.model.go.add_permits(9);
    check_answered(&first.nexus, &theirs[1]).await;
    assert!(first.asked.try_recv().is_err() && second.asked.try_recv().is_err(), "no model was asked twice");
}

#[tokio::test]
async fn the_run_of_a_dead_owner_is_taken_over_within_a_lease_and_by_one() {
    let (store, clock) = (MemoryStore::default(), clock());
    let (runtime, run) = doomed(&store, &clock);
    let (mut second, mut third) = (member(&store, &clock), member(&store, &clock));
    second.model.go.add_permits(9);
    third.model.go.add_permits(9);
    assert_eq!((second.nexus.resume().await.unwrap(), third.nexus.resume().await.unwrap()), (0, 0));
    kill(runtime);
    clock.0.advance(LEASE.saturating_sub(Duration::from_micros(1)));
    assert_eq!(second.nexus.resume().await.unwrap(), 0, "its lease has not expired yet");
    clock.0.advance(Duration::from_micros(1));

    // Each looks for expired leases by itself.
    until(async || second.nexus.run(&admin(), &run).await.unwrap().state() == RunState::Closed).await;
    assert_eq!(second.nexus.run(&admin(), &run).await.unwrap().outcome(), Some(&Outcome::Answered));
    let asked =
        [&mut second, &mut third].map(|member| std::iter::from_fn(|| member.asked.try_recv().ok()).count());
    assert_eq!(asked.iter().sum::<usize>(), 1, "one of them asked its model, once: {asked:?}");
    let lines = store.ledger(admin().tenant(), &every()).await.unwrap();
    let ends: Vec<_> = lines.iter().rev().map(|line| line.status).collect();
    assert_eq!(ends, [AttemptStatus::FailedUnbilled, AttemptStatus::Settled]);
    check_chains(&second.nexus, &run).await;
}

#[tokio::test]
async fn a_cancel_request_for_the_run_of_a_dead_owner_is_carried_out_by_the_one_that_takes_it_over() {
    let (store, clock) = (MemoryStore::default(), clock());
    let (runtime, run) = doomed(&store, &clock);
    kill(runtime);
    let second = member(&store, &clock);
    assert_eq!(second.nexus.resume().await.unwrap(), 0);
    second.nexus.cancel(&admin(), &run).await.unwrap();
    assert_eq!(second.nexus.run(&admin(), &run).await.unwrap().state(), RunState::Running);
    clock.0.advance(LEASE);
    until(async || second.nexus.run(&admin(), &run).await.unwrap().state() == RunState::Closed).await;
    assert_eq!(second.nexus.run(&admin(), &run).await.unwrap().outcome(), Some(&Outcome::Cancelled));
    check_chains(&second.nexus, &run).await;
}

#[tokio::test]
async fn a_paused_owner_that_wakes_after_its_lease_writes_nothing_and_its_followers_see_the_end() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let store = MemoryStore::open(dir.path()).unwrap();
    let (mut first, second) = (member(&store, &clock), member(&store, &clock));
    fill(&first.nexus).await;
    let run = ask(&first.nexus).await;
    first.asked.next().await.unwrap();
    let frozen = pause(&first.troubles);
    // It has an answer, and can record neither the step of the run nor the end of the call.
    first.model.go.add_permits(9);
    until(async || frozen("advance") && frozen("settle")).await;

    clock.0.advance(LEASE);
    second.model.go.add_permits(9);
    assert_eq!(second.nexus.resume().await.unwrap(), 1);
    until(async || second.nexus.run(&admin(), run.id()).await.unwrap().state() == RunState::Closed).await;
    let before = facts(&store, run.id()).await;
    first.troubles.unfreeze();
    assert_eq!(run.finish().await.unwrap().outcome, Outcome::Answered);
    assert!(first.nexus.shutdown(LEASE).await.unwrap(), "it leaves nothing to write");
    drop(second);

    let store = MemoryStore::open(dir.path()).unwrap();
    assert_eq!(facts(&store, run.id()).await, before);
    check_chains(&crate::journey::nexus(&store), run.id()).await;
}

#[tokio::test]
async fn a_renewed_lease_outlasts_its_first_end() {
    let (store, clock) = (MemoryStore::default(), clock());
    let (mut first, second) = (member(&store, &clock), member(&store, &clock));
    fill(&first.nexus).await;
    let run = ask(&first.nexus).await;
    first.asked.next().await.unwrap();
    for _ in 0..4 {
        clock.0.advance(LEASE / 2);
        // The second renewal from now on began after the advance.
        let seen = renewals(&first.troubles);
        until(async || seen() >= 2).await;
        assert_eq!(second.nexus.resume().await.unwrap(), 0);
    }
    first.model.go.add_permits(9);
    check_answered(&first.nexus, &run).await;
}

/// Freezes every step of a member, and returns whether one of a name is frozen.
fn pause(troubles: &Troubles) -> impl Fn(&str) -> bool + use<> {
    let names = Arc::new(Mutex::new(BTreeSet::new()));
    let frozen = Arc::clone(&names);
    troubles.follow(move |name| {
        frozen.lock().unwrap().insert(name.to_owned());
        Some(InjectedFault::FreezesBefore)
    });
    move |name| names.lock().unwrap().contains(name)
}

/// Counts the renewals of a member from now on.
fn renewals(troubles: &Troubles) -> impl Fn() -> usize + use<> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    troubles.follow(move |name| {
        counted.fetch_add(usize::from(name == "renew"), Ordering::SeqCst);
        None
    });
    move || count.load(Ordering::SeqCst)
}

#[tokio::test]
async fn on_a_directory_the_work_of_a_dead_owner_is_taken_over_at_once() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let (runtime, run) = doomed(&MemoryStore::open(dir.path()).unwrap(), &clock);
    kill(runtime);
    let store = MemoryStore::open(dir.path()).unwrap();
    let second = member(&store, &clock);
    second.model.go.add_permits(9);
    assert_eq!(second.nexus.resume().await.unwrap(), 1);
    until(async || second.nexus.run(&admin(), &run).await.unwrap().state() == RunState::Closed).await;
    assert_eq!(second.nexus.run(&admin(), &run).await.unwrap().outcome(), Some(&Outcome::Answered));
    check_chains(&second.nexus, &run).await;
}

#[tokio::test]
async fn a_graceful_stop_leaves_no_lease() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let mut first = member(&MemoryStore::open(dir.path()).unwrap(), &clock);
    fill(&first.nexus).await;
    ask(&first.nexus).await;
    first.asked.next().await.unwrap();
    let seen = renewals(&first.troubles);
    until(async || seen() > 1).await;
    first.nexus.shutdown(Duration::ZERO).await.unwrap();
    let file = rusqlite::Connection::open(dir.path().join("nexus.db")).unwrap();
    let count = |query: &str| file.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM run WHERE closed = 0"), 1);
    let leases = "SELECT (SELECT count(*) FROM owner_lease)
        + (SELECT count(*) FROM run WHERE closed = 0 AND lease_until > 0)
        + (SELECT count(*) FROM llm_api_calls WHERE status = 'open' AND lease_until > 0)";
    assert_eq!(count(leases), 0);
}
