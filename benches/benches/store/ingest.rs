//! Benchmark of ingestion: plain text by the passage, and the cost of a document as the store grows.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use nexus_benches::{Table, short};
use nexus_core::access::Permission;
use nexus_core::document::store::StagedPassage;
use nexus_core::system::SystemStore as _;
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::fixture::{LEASE, admin, at, query, staged};

use crate::appends::rate;
use crate::input::Input;

/// Number of documents in flight.
const WORKERS: usize = 16;

/// Ingests passages of 2 KB, twenty to a document, until all are searchable.
pub(crate) async fn plain_text(input: &Input) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = MemoryStore::open(dir.path()).expect("a store");
    let world = Arc::new(World::new(Arc::new(store)));
    world.corpus(&admin("acme"), "c").await;
    let texts: Vec<String> = input
        .passages
        .chunks(4)
        .map(|four| four.join(" ").chars().take(2048).collect())
        .take(12_000)
        .collect();
    let documents: Vec<Vec<&str>> =
        texts.chunks(20).map(|chunk| chunk.iter().map(String::as_str).collect()).collect();
    let start = Instant::now();
    for (group, documents) in documents.chunks(WORKERS).enumerate() {
        let ingested = documents
            .iter()
            .enumerate()
            .map(|(number, texts)| ingest(&world, format!("d{group}-{number}"), staged(texts)));
        futures::future::join_all(ingested).await;
    }
    let durable = start.elapsed();
    world.retrieve(&admin("acme"), query("anything")).await;
    let searchable = start.elapsed();
    let (bytes, start) = (texts.iter().map(String::len).sum::<usize>(), Instant::now());
    write_floor(dir.path(), &texts);
    let floor = start.elapsed();
    Table::new(format!("Ingest {} passages of 2 KB ({} MB)", texts.len(), bytes >> 20), ["", "passages/s"])
        .row(["write + fdatasync each document".to_owned(), format!("{:.0}", rate(texts.len(), floor))])
        .row(["durable".to_owned(), format!("{:.0}", rate(texts.len(), durable))])
        .row(["durable and found".to_owned(), format!("{:.0}", rate(texts.len(), searchable))])
        .print();
    world.store.close().await.expect("closed");
}

fn write_floor(dir: &Path, texts: &[String]) {
    use std::io::Write;
    let mut file = std::fs::File::create(dir.join("floor")).expect("a file");
    for document in texts.chunks(20) {
        for text in document {
            file.write_all(text.as_bytes()).expect("written");
        }
        file.sync_data().expect("synced");
    }
}

/// Ingests one passage with a vector per document, every other one granted to readers; prints the cost of a document.
pub(crate) async fn curve(input: &Input, dir: &Path) {
    let store = MemoryStore::open(dir).expect("a store");
    let world = Arc::new(World::new(Arc::new(store.clone())));
    for tenant in ["acme", "globex"] {
        world.corpus(&admin(tenant), "c").await;
    }
    let mut table =
        Table::new("What a document costs as the store grows", ["documents", "per document", "and search"]);
    let marks = [1_000, 3_000, 10_000, 30_000, 100_000];
    let (mut start, mut since) = (Instant::now(), 0_u32);
    let all: Vec<_> = input.passages.iter().zip(&input.vectors).enumerate().collect();
    for group in all.chunks(WORKERS) {
        let ingested = group.iter().map(|(number, (text, vector))| {
            let mut passages = staged(&[text.as_str()]);
            for passage in &mut passages {
                passage.vector = Some((*vector).clone());
            }
            ingest(&world, format!("d{number:06}"), passages)
        });
        futures::future::join_all(ingested).await;
        since += u32::try_from(group.len()).unwrap_or(0);
        let done = group.last().map_or(0, |(number, _)| number + 1);
        if marks.iter().any(|mark| (done.saturating_sub(group.len())..done).contains(&(mark - 1))) {
            let per_document = start.elapsed() / since;
            let search = Instant::now();
            world.retrieve(&admin("acme"), query("cell growth in mice")).await;
            table = table.row([done.to_string(), short(per_document), short(search.elapsed())]);
            (start, since) = (Instant::now(), 0);
        }
    }
    table.print();
    let ids: Vec<String> =
        (0..input.passages.len()).step_by(2).map(|number| format!("d{number:06}")).collect();
    for group in ids.chunks(256) {
        let caller = admin("acme");
        let grants = group.iter().map(|id| world.grant(&caller, id, "role:reader", Permission::Read, None));
        futures::future::join_all(grants).await;
    }
    store.close().await.expect("closed");
}

/// Ingests one document. Workers claim any job, so each processes the one that it gets.
async fn ingest(world: &World, id: String, passages: Vec<StagedPassage>) {
    let caller = admin("acme");
    let text: Vec<&str> = passages.iter().map(|passage| passage.chunk.text.as_str()).collect();
    world.submit(&caller, "c", &id, &text.join("\n\n")).await;
    let lease =
        world.store.claim_job(&world.fresh("worker"), at(0), LEASE).await.expect("a claim").expect("a job");
    world.work(&lease, passages).await;
}
