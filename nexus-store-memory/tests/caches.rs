//! The conformance suite of caches, in RAM and on disk.

#![expect(clippy::expect_used, reason = "a test without a directory has nothing to test")]

use std::process::ExitCode;

use nexus_store_memory::{MemoryCache, MemoryStore};
use nexus_testkit::cache::{Subject, factory, run};

fn subject(cache: MemoryCache) -> Subject {
    let counted = cache.clone();
    Subject::new(cache, move || counted.held().expect("the cache can be counted"))
}

fn main() -> ExitCode {
    run([
        (
            "ram",
            factory(|room| async move {
                let cache =
                    MemoryStore::default().cache(room).expect("a cache").expect("of a store that writes");
                subject(cache)
            }),
        ),
        (
            "disk",
            factory(|room| async move {
                let dir = tempfile::tempdir().expect("a directory");
                let store = MemoryStore::open(dir.path()).expect("a store");
                let cache = store.cache(room).expect("a cache").expect("of a store that writes");
                subject(cache).keeping(std::sync::Mutex::new((store, dir)))
            }),
        ),
    ])
}
