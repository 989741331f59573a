//! Process ends: killed at random points, and shut down gracefully under load. The vendor lives on, and its bill is
//! compared with the ledger of the next process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::StreamExt as _;
use nexus_core::gateway::Admission;
use nexus_core::ledger::AttemptStatus;
use nexus_core::llm::CompletionEvent;
use nexus_fake_provider::{Outcome, Scripted};
use nexus_store_memory::MemoryStore;
use tokio::task::JoinSet;

use crate::fixture::{World, call, caller, engine, lines, price, read, reopened, routing_to, until, usage};
use crate::ledger_vs_vendor::{Random, compare, fault, governed};
use crate::reconcile::reconcile_with_the_bill;

/// Parameters of a process to be killed: its store, the vendor's address and its number.
const PLACE: &str = "NEXUS_TEST_BOUNDARY_CRASH";

/// Not a test of its own: makes calls until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_makes_calls_until_it_is_killed() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let [dir, url, life] = place.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let nexus = engine(MemoryStore::open(dir).unwrap(), routing_to(url), governed());
    nexus.resume().await.unwrap();
    let mut random = Random(life.parse().unwrap());
    let calls =
        (0_u64..).map(|number| (format!("l{life}n{number}{}", fault(&mut random)), number.is_multiple_of(2)));
    futures::stream::iter(calls)
        .map(|(model, streamed)| {
            let nexus = nexus.clone();
            async move {
                if !streamed {
                    let _ = nexus.complete(&caller(), call(&model)).await;
                } else if let Ok(Admission::Granted(stream)) = nexus.stream(&caller(), call(&model)).await {
                    read(stream).await;
                }
            }
        })
        .buffer_unordered(24)
        .count()
        .await;
}

fn begin_life(dir: &Path, scripted: &Scripted, life: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_makes_calls_until_it_is_killed", "--nocapture"])
        .env(PLACE, format!("{} {} {life}", dir.display(), scripted.openai_url()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn n35_a_process_killed_at_any_point_leaves_intents_that_the_next_one_ends() {
    let dir = tempfile::tempdir().unwrap();
    let scripted = Scripted::start().await.unwrap();
    for (life, more) in [1, 30, 90, 170, 260].into_iter().enumerate() {
        let heard = scripted.log().len();
        let mut child = begin_life(dir.path(), &scripted, life);
        until("the vendor hears of calls", async || scripted.log().len() >= heard + more).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let nexus = reopened(dir.path(), &scripted, governed());
    assert!(!nexus.store_for_tests().open_calls().await.unwrap().is_empty(), "no kill struck a call");
    nexus.resume().await.unwrap();
    assert!(nexus.store_for_tests().open_calls().await.unwrap().is_empty());
    let compared = compare(&nexus, &scripted).await;
    assert!(
        compared.calls > 300 && compared.exact * 4 > compared.calls,
        "{} of {}",
        compared.exact,
        compared.calls
    );
    let unknown = |status| status == AttemptStatus::UnknownOutcome;
    assert!(lines(&nexus).await.iter().any(|line| unknown(line.status) && line.estimated));
    reconcile_with_the_bill(&nexus, &scripted).await;
    nexus.shutdown(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn n35_n58_a_graceful_stop_under_load_cuts_no_stream_and_loses_no_line() {
    const STREAMS: usize = 48;
    let dir = tempfile::tempdir().unwrap();
    let world = World::over(MemoryStore::open(dir.path()).unwrap(), governed()).await;
    let mut reading = JoinSet::new();
    for number in 0..STREAMS {
        let model = format!("s{number}+frames=40+pace=5ms");
        let nexus = world.nexus.clone();
        reading.spawn(async move {
            let Admission::Granted(stream) = nexus.stream(&caller(), call(&model)).await.unwrap() else {
                panic!()
            };
            // Half of the callers are gone already.
            if number.is_multiple_of(2) { Some(read(stream).await) } else { None }
        });
    }
    until("the vendor streams", async || world.scripted.log().len() == STREAMS).await;
    let (late, nexus) = (world.nexus.clone(), world.nexus.clone());
    let mut stopping = JoinSet::new();
    stopping.spawn(async move { nexus.shutdown(Duration::from_secs(30)).await.unwrap() });
    // Load goes on during the shutdown: a late call is refused, and recorded nowhere.
    let mut refused = 0;
    while refused < 20 {
        match late.complete(&caller(), call("late")).await {
            Err(error) => {
                assert_eq!(error.code(), "SHUTTING_DOWN");
                refused += 1;
            }
            Ok(granted) => assert!(matches!(granted, Admission::Granted(_))),
        }
    }
    assert_eq!(stopping.join_all().await, [true], "something was cut off");
    for (pieces, error) in reading.join_all().await.into_iter().flatten() {
        assert!(error.is_none(), "{error:?}");
        assert!(matches!(pieces.last(), Some(CompletionEvent::Finish(_))));
    }
    let after = reopened(dir.path(), &world.scripted, governed());
    assert!(after.store_for_tests().open_calls().await.unwrap().is_empty());
    let (lines, log) = (lines(&after).await, world.scripted.settled_log().await);
    assert_eq!(lines.len(), log.len());
    for line in lines.iter().filter(|line| line.model != "late") {
        let entry = log.iter().find(|entry| entry.model == line.model).unwrap();
        assert_eq!((line.status, entry.outcome), (AttemptStatus::Settled, Outcome::Completed));
        assert_eq!(line.charged.money, price().cost(&usage(&entry.billed)).unwrap());
    }
    assert!(lines.iter().all(|line| line.status == AttemptStatus::Settled && !line.estimated));
}
