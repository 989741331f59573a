//! Benchmarks of the embedded store: ingestion, both components of a search, durable appends, opening and memory, each
//! beside a peer or a floor in the same run.
//!
//! `cargo bench -p nexus-benches --bench store -- DATA [PASSAGES]` takes texts, questions and vectors from a folder of
//! judged collections; without one it generates them. `--appends` measures durable appends alone, `--calls` model
//! calls alone.

#![expect(clippy::expect_used, reason = "a benchmark that cannot prepare its input has nothing to measure")]
#![expect(clippy::print_stdout, reason = "printing its figures is what a benchmark is for")]

mod appends;
mod calls;
mod ingest;
mod input;
mod process;
mod searches;

use std::path::{Path, PathBuf};

use input::Input;
use nexus_store_memory::MemoryStore;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match arguments.first().map(String::as_str) {
        Some("--idle") => runtime.block_on(process::idle(Path::new(arguments.get(1).expect("a directory")))),
        Some("--status") => {
            runtime.block_on(process::status(Path::new(arguments.get(1).expect("a directory"))));
        }
        Some("--calls") => runtime.block_on(calls::measure()),
        Some("--appends") => runtime.block_on(appends::measure()),
        data => {
            let passages = arguments.get(1).and_then(|count| count.parse().ok()).unwrap_or(100_000);
            runtime.block_on(all(data.map(PathBuf::from), passages));
        }
    }
}

async fn all(data: Option<PathBuf>, passages: usize) {
    let input = Input::read(data.as_deref(), passages);
    println!("{} passages, {} questions", input.passages.len(), input.questions.len());
    appends::measure().await;
    calls::measure().await;
    ingest::plain_text(&input).await;
    let dir = tempfile::tempdir().expect("a directory");
    ingest::curve(&input, dir.path()).await;
    process::measure(&input, dir.path()).await;
    let store = MemoryStore::open(dir.path()).expect("a store");
    searches::measure(&input, &store).await;
}
