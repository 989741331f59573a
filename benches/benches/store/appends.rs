//! Benchmark of concurrent durable appends of audit records, beside the disk's own rate.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_benches::Table;
use nexus_core::audit::{AuditChain, Kind};
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::fixture::admin;

const WRITERS: usize = 64;
const ROUNDS: usize = 300;

pub(crate) async fn measure() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = MemoryStore::open(dir.path()).expect("a store");
    let world = Arc::new(World::new(Arc::new(store.clone())));
    let caller = admin("acme");
    let opens = (0..WRITERS)
        .map(|writer| store.append(world.pending(&caller, &format!("r{writer}"), &[Kind::CHAIN_OPEN])));
    futures::future::try_join_all(opens).await.expect("opened");
    let start = Instant::now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, world, caller) = (store.clone(), Arc::clone(&world), caller.clone());
            async move {
                for _ in 0..ROUNDS {
                    let pending = world.pending(&caller, &format!("r{writer}"), &[Kind::new("run.step")]);
                    store.append(pending).await.expect("appended");
                }
            }
        })
        .collect();
    futures::future::join_all(writers).await;
    let grouped = rate(WRITERS * ROUNDS, start.elapsed());
    let start = Instant::now();
    for _ in 0..ROUNDS {
        store.append(world.pending(&caller, "r0", &[Kind::new("run.step")])).await.expect("appended");
    }
    let alone = rate(ROUNDS, start.elapsed());
    let floor = floor(dir.path());
    Table::new("Durable appends a second", ["", "appends/s", "per fdatasync"])
        .row(["write 512 bytes + fdatasync".to_owned(), format!("{floor:.0}"), "1.0".to_owned()])
        .row(["one writer".to_owned(), format!("{alone:.0}"), format!("{:.1}", alone / floor)])
        .row([
            format!("{WRITERS} writers, grouped"),
            format!("{grouped:.0}"),
            format!("{:.1}", grouped / floor),
        ])
        .print();
}

pub(crate) fn floor(dir: &std::path::Path) -> f64 {
    let mut file = std::fs::File::create(dir.join("floor")).expect("a file");
    let start = Instant::now();
    for _ in 0..ROUNDS {
        file.write_all(&[7; 512]).and_then(|()| file.sync_data()).expect("written");
    }
    rate(ROUNDS, start.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
pub(crate) fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
