//! Benchmark of whole model calls, admitted and settled by many callers on one hot budget, beside the disk's own rate.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nexus_benches::{Table, clock, short};
use nexus_core::quota::Window;
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::calls::{amounts, budget};
use nexus_testkit::store::fixture::admin;

use crate::appends::{floor, rate};

const CALLERS: usize = 64;
const CALLS: usize = 20_000;

pub(crate) async fn measure() {
    let dir = tempfile::tempdir().expect("a directory");
    let floor = floor(dir.path());
    let mut table = Table::new(
        "Whole model calls on one budget: begin and settle",
        ["", "calls/s", "per fdatasync", "step p50", "step p99", "processor time of a call"],
    )
    .row(["write 512 bytes + fdatasync".to_owned(), format!("{floor:.0}"), "1.0".to_owned()]);
    for (name, home) in [("in RAM", None), ("on disk", Some(dir.path()))] {
        let ran = run(home).await;
        table = table.row([
            format!("{CALLERS} callers, {name}"),
            format!("{:.0}", ran.rate),
            format!("{:.1}", ran.rate / floor),
            short(ran.p50),
            short(ran.p99),
            ran.processor.map_or_else(|| "unknown".to_owned(), short),
        ]);
    }
    table.print();
}

struct Ran {
    rate: f64,
    p50: Duration,
    p99: Duration,
    processor: Option<Duration>,
}

async fn run(home: Option<&Path>) -> Ran {
    let store = home.map_or_else(MemoryStore::default, |dir| MemoryStore::open(dir).expect("a store"));
    let world = Arc::new(World::new(Arc::new(store)));
    let next = Arc::new(AtomicUsize::new(0));
    let (start, before) = (Instant::now(), clock::process());
    let callers: Vec<_> = (0..CALLERS).map(|_| run_caller(Arc::clone(&world), Arc::clone(&next))).collect();
    let mut took: Vec<Duration> = futures::future::join_all(callers).await.into_iter().flatten().collect();
    let (elapsed, after) = (start.elapsed(), clock::process());
    took.sort_unstable();
    let at = |percent: usize| took.get(took.len() * percent / 100).copied().unwrap_or_default();
    let calls = took.len() / 2;
    let processor = before.zip(after).map(|(before, after)| {
        after.saturating_sub(before) / u32::try_from(calls.max(1)).unwrap_or(u32::MAX)
    });
    Ran { rate: rate(calls, elapsed), p50: at(50), p99: at(99), processor }
}

/// Makes calls until enough were made, and returns the time until each step, begin or settle, was durable.
async fn run_caller(world: Arc<World>, next: Arc<AtomicUsize>) -> Vec<Duration> {
    let caller = admin("acme");
    let limits = [budget(Window::Month, u64::MAX >> 1), budget(Window::Day, u64::MAX >> 1)];
    let mut took = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= CALLS {
            return took;
        }
        let intent = world.intent(&caller, &format!("request-{number}"), &limits, amounts(1_000, 10_000_000));
        let start = Instant::now();
        let call = world.begin(intent).await;
        took.push(start.elapsed());
        let settlement = world.settlement(&caller, &call, amounts(400, 4_000_000));
        let start = Instant::now();
        world.settle(settlement).await;
        took.push(start.elapsed());
    }
}
