//! Costs of a process: opening, status, and memory when idle.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_benches::{Table, short};
use nexus_core::stats::StatsStore as _;
use nexus_core::system::SystemStore as _;
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::fixture::{admin, query, staged};

use crate::input::Input;

/// Opens the large store, and a small one in processes of their own.
pub(crate) async fn measure(input: &Input, large: &Path) {
    let start = Instant::now();
    let store = MemoryStore::open(large).expect("a store");
    let opened = start.elapsed();
    let world = World::new(Arc::new(store.clone()));
    let first = Instant::now();
    world.retrieve(&admin("acme"), query("cell growth in mice")).await;
    let first = first.elapsed();
    store.close().await.expect("closed");

    let small = tempfile::tempdir().expect("a directory");
    fill(input, small.path()).await;
    Table::new("What a process pays", ["", ""])
        .row([format!("open {} passages", input.passages.len()), short(opened)])
        .row(["its first search".to_owned(), short(first)])
        .row(["status of 10,000 passages, cold process".to_owned(), child("--status", small.path())])
        .row([
            "memory at rest with 10,000 passages, after a search".to_owned(),
            child("--idle", small.path()),
        ])
        .print();
}

async fn fill(input: &Input, dir: &Path) {
    let store = MemoryStore::open(dir).expect("a store");
    let world = World::new(Arc::new(store.clone()));
    world.corpus(&admin("acme"), "c").await;
    for (number, texts) in
        input.passages.get(..10_000.min(input.passages.len())).unwrap_or_default().chunks(20).enumerate()
    {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        world.submit(&admin("acme"), "c", &format!("d{number}"), &texts.join("\n\n")).await;
        let lease = world.claim(nexus_testkit::store::fixture::at(0)).await;
        world.work(&lease, staged(&texts)).await;
    }
    store.close().await.expect("closed");
}

fn child(what: &str, dir: &Path) -> String {
    let start = Instant::now();
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).arg(what).arg(dir).output().expect("a child process");
    let took = start.elapsed();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if what == "--status" { format!("{} ({said})", short(took)) } else { said }
}

/// In a child process: opens, searches, idles, and prints the resident memory.
pub(crate) async fn idle(dir: &Path) {
    let store = MemoryStore::open(dir).expect("a store");
    let world = World::new(Arc::new(store.clone()));
    for question in ["cell growth in mice", "pressure distribution on a wing", "information retrieval"] {
        world.retrieve(&admin("acme"), query(question)).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
    };
    println!("{} MB ({} MB of it anonymous)", field("VmRSS"), field("RssAnon"));
}

/// In a child process: runs the work of `nexus status`.
pub(crate) async fn status(dir: &Path) {
    let store = MemoryStore::open_read_only(dir).expect("a store");
    let census = store.stats(admin("acme").tenant()).await.expect("a census");
    println!("{} passages", census.passages);
}
