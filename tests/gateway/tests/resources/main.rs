//! Resource leaks: calls leave no sockets, tasks or memory behind after thousands of aborted streams and minutes of
//! load, and no work after an error. A process of its own, whose vendor is another one, so that only the gateway is
//! measured; one test at a time.
//!
//! `NEXUS_ABORTED_STREAMS` and `NEXUS_LOAD_SECONDS` make it longer: `make oracle` aborts 100,000 streams and keeps up the
//! load for ten minutes.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is a failed test")]

mod counted;
mod footprint;
mod vendor;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use nexus_core::Nexus;
use nexus_core::gateway::{Admission, BreakerPolicy, GatewaySettings, Route, Routing};
use nexus_gateway_tests::fixture::{
    builder, call, caller, chat, engine, lines, read, routing_to, settings, until,
};
use nexus_store_memory::MemoryStore;
use tokio::sync::Mutex;

use counted::{Counted, Work};
use footprint::Footprint;
use vendor::Vendor;

/// Number of calls in flight.
const AT_ONCE: usize = 64;
/// Upper bound on resident memory beyond the warm-up: pages of the store and of the allocator.
const ROOM: u64 = 24 << 20;

/// Number of aborted streams of the long run.
const LONG: u64 = 100_000;

static ALONE: Mutex<()> = Mutex::const_new(());

fn setting(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |number| number.parse().unwrap())
}

fn hardy() -> GatewaySettings {
    let breaker = BreakerPolicy { failures: u32::MAX, ..BreakerPolicy::default() };
    GatewaySettings { breaker, ..settings() }
}

/// Begins streams and leaves each after `number % 4` events: every other one by dropping it, which reads it out, the
/// others by cancelling, which closes its connection.
async fn abort(nexus: &Nexus, numbers: std::ops::Range<u64>) {
    let aborted = futures::stream::iter(numbers).map(|number| async move {
        let granted = nexus.stream(&caller(), call("m+frames=12+pace=1ms")).await.unwrap();
        let Admission::Granted(mut stream) = granted else { panic!("refused") };
        for _ in 0..number % 4 {
            stream.next().await.unwrap().unwrap();
        }
        if number.is_multiple_of(2) {
            stream.cancel();
        }
    });
    aborted.buffer_unordered(AT_ONCE).count().await;
    until("every call is settled", async || nexus.store_for_tests().open_calls().await.unwrap().is_empty())
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n26_n57_n60_aborted_streams_leave_no_socket_no_task_and_no_memory_behind() {
    let _alone = ALONE.lock().await;
    let (vendor, dir) = (Vendor::start(), tempfile::tempdir().unwrap());
    let before = Footprint::now();
    let nexus = engine(MemoryStore::open(dir.path()).unwrap(), routing_to(vendor.url()), hardy());
    let streams = setting("NEXUS_ABORTED_STREAMS", 10_000);
    abort(&nexus, 0..400).await;
    let warm = Footprint::now();
    let (mut first, mut last) = (Duration::ZERO, Duration::ZERO);
    for batch in 0..5 {
        let began = footprint::processor_time();
        abort(&nexus, 0..streams / 5).await;
        last = footprint::processor_time().saturating_sub(began);
        first = if batch == 0 { last } else { first };
    }
    // A call is settled a moment before the last of its tasks ends.
    until("the tasks of settled calls have ended", async || {
        let now = Footprint::now();
        now.sockets <= warm.sockets + AT_ONCE && now.tasks <= warm.tasks + AT_ONCE
    })
    .await;
    let after = Footprint::now();
    println!("{streams} aborted streams: {warm:?} became {after:?}, a fifth took {first:?}, then {last:?}");
    assert!(after.sockets <= warm.sockets + AT_ONCE, "{warm:?} became {after:?}");
    assert!(after.tasks <= warm.tasks + AT_ONCE, "{warm:?} became {after:?}");
    assert!(after.resident <= warm.resident + ROOM, "{warm:?} became {after:?}");
    // A timing decides nothing in the ordinary run: this is for the long one, alone on its machine.
    assert!(streams < LONG || last < first * 2, "work grew from {first:?} to {last:?}");
    assert!(nexus.shutdown(Duration::from_secs(10)).await.unwrap());
    drop(nexus);
    until("connections and tasks are gone", async || {
        let end = Footprint::now();
        end.sockets <= before.sockets && end.tasks <= before.tasks
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n57_n60_memory_is_flat_under_load() {
    let _alone = ALONE.lock().await;
    let (vendor, dir) = (Vendor::start(), tempfile::tempdir().unwrap());
    let nexus = engine(MemoryStore::open(dir.path()).unwrap(), routing_to(vendor.url()), hardy());
    let models = ["m", "m+frames=30", "m+429+retry-after-ms=1+once", "m+cut=2", "m+error=2", "m+thinking=5"];
    let load = async |until: Instant| {
        let calls = futures::stream::iter(0..).take_while(|_| std::future::ready(Instant::now() < until));
        let calls = calls.map(|number: usize| {
            let (nexus, model) = (&nexus, models[number % models.len()]);
            async move {
                if number.is_multiple_of(2) {
                    let _ = nexus.complete(&caller(), call(model)).await;
                } else if let Ok(Admission::Granted(stream)) = nexus.stream(&caller(), call(model)).await {
                    read(stream).await;
                }
            }
        });
        calls.buffer_unordered(AT_ONCE).count().await
    };
    let part = Duration::from_secs(setting("NEXUS_LOAD_SECONDS", 4)) / 4;
    let mut calls = load(Instant::now() + part).await;
    assert!(calls > 0);
    let warm = Footprint::now();
    for _ in 0..3 {
        calls += load(Instant::now() + part).await;
    }
    let after = Footprint::now();
    println!("{calls} calls within {:?}: {warm:?} became {after:?}", part * 4);
    assert!(after.resident <= warm.resident + ROOM, "{warm:?} became {after:?}");
    assert!(after.tasks <= warm.tasks + AT_ONCE, "{warm:?} became {after:?}");
    nexus.shutdown(Duration::from_secs(10)).await.unwrap();
}

/// Upper bounds on the attempts of one call, and on the polls of one answer: an answer has some dozens of frames, and
/// a spinning task polls thousands of times within milliseconds.
const ATTEMPTS: u64 = 3;
const POLLS: u64 = 500;
/// Upper bound on the wakes of this thread within an idle hour: idle connections are closed.
const WAKES: u64 = 200;

/// Counts the wakes of this thread's runtime within an hour of its own clock, which is paused, and advances to the
/// next timer only while no task is ready.
///
/// # Panics
/// If it never becomes idle: some task is always ready.
async fn wakes_within_an_hour() -> u64 {
    let (done, waits) = std::sync::mpsc::channel::<()>();
    let (give_up, given_up) = tokio::sync::oneshot::channel();
    let watch = std::thread::spawn(move || {
        // Its error is either end: the hour is over, or it never will be.
        let _ = waits.recv_timeout(Duration::from_mins(1));
        let _ = give_up.send(());
    });
    let metrics = tokio::runtime::Handle::current().metrics();
    tokio::time::pause();
    let before = metrics.worker_park_count(0);
    tokio::select! {
        biased;
        () = tokio::time::sleep(Duration::from_hours(1)) => {}
        _ = given_up => panic!("the runtime never becomes idle"),
    }
    let wakes = metrics.worker_park_count(0) - before;
    tokio::time::resume();
    drop(done);
    watch.join().unwrap();
    wakes
}

#[tokio::test]
async fn n29_after_errors_and_refusals_the_processor_is_idle() {
    let _alone = ALONE.lock().await;
    let (vendor, work) = (Vendor::start(), Arc::<Work>::default());
    let counted = Counted { inner: chat(vendor.url()), work: Arc::clone(&work) };
    let routing = Routing::new(Route::to("scripted")).provider("scripted", counted);
    let nexus = builder(MemoryStore::default(), routing, hardy()).build().unwrap();
    for fault in ["error=2", "error=0", "429+retry-after-ms=1", "cut=1", "no-finish", "malformed=1", "reset"]
    {
        let model = format!("m+{fault}");
        let (asked, polls) = (work.asked(), work.polls());
        let mut ended = nexus.complete(&caller(), call(&model)).await.is_err();
        if let Ok(Admission::Granted(stream)) = nexus.stream(&caller(), call(&model)).await {
            ended |= read(stream).await.1.is_some();
        }
        assert!(ended, "{fault} was no error");
        let (asked, polls) = (work.asked() - asked, work.polls() - polls);
        assert!((2..=2 * ATTEMPTS).contains(&asked), "{fault}: asked {asked} times");
        assert!(polls <= asked * POLLS, "{fault}: {polls} polls for {asked} answers");
    }
    until("every call is settled", async || nexus.store_for_tests().open_calls().await.unwrap().is_empty())
        .await;
    let before = (work.asked(), work.polls());
    let wakes = wakes_within_an_hour().await;
    assert_eq!((work.asked(), work.polls()), before, "a provider was called without a caller");
    assert_eq!(work.late(), 0, "a stream was polled after its end");
    assert_eq!(
        lines(&nexus).await.len() as u64,
        work.asked(),
        "an attempt has no line, or a line no attempt"
    );
    println!("after {before:?} attempts and polls, {wakes} wakes within an idle hour");
    assert!(wakes < WAKES, "{wakes} wakes within an hour without work");
}
