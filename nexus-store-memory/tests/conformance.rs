//! The conformance suite of stores, in RAM and on disk.

#![expect(clippy::expect_used, reason = "a test without a directory has nothing to test")]

use std::process::ExitCode;

use nexus_store_memory::MemoryStore;
use nexus_testkit::store::{Subject, factory, run};

fn main() -> ExitCode {
    run([
        ("ram", factory(|| async { Subject::new(MemoryStore::default()) })),
        (
            "disk",
            factory(|| async {
                let dir = tempfile::tempdir().expect("a directory");
                Subject::keeping(MemoryStore::open(dir.path()).expect("a store"), dir)
            }),
        ),
    ])
}
