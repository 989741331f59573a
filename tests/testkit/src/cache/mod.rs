//! Conformance suite of caches: one scenario for each line of the `# Contract` of `CacheStore`.
//!
//! ```no_run
//! # use std::process::ExitCode;
//! # async fn fresh(max_bytes: u64) -> nexus_testkit::cache::Subject { unimplemented!("{max_bytes}") }
//! fn main() -> ExitCode {
//!     nexus_testkit::cache::run([("memory", nexus_testkit::cache::factory(fresh))])
//! }
//! ```

mod scenarios;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use nexus_core::cache::CacheStore;

/// Fresh, empty cache, its size in bytes, and a guard that must outlive it.
pub struct Subject {
    cache: Arc<dyn CacheStore>,
    held: Box<dyn Fn() -> u64 + Send + Sync>,
    _keep: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subject").field(&self.cache).finish()
    }
}

impl Subject {
    /// Creates a subject from a cache and a function that returns its size in bytes.
    pub fn new(cache: impl CacheStore, held: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { cache: Arc::new(cache), held: Box::new(held), _keep: Box::new(()) }
    }

    /// Adds a guard to drop after the cache, such as its directory.
    #[must_use]
    pub fn keeping(self, keep: impl Any + Send + Sync) -> Self {
        Self { _keep: Box::new(keep), ..self }
    }
}

/// Factory of fresh caches with a given upper bound on their bytes, one for each scenario.
pub type Factory = Arc<dyn Fn(u64) -> Pin<Box<dyn Future<Output = Subject> + Send>> + Send + Sync>;

/// Returns a factory from an async function.
pub fn factory<F, Fut>(make: F) -> Factory
where
    F: Fn(u64) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Subject> + Send + 'static,
{
    Arc::new(move |max_bytes| Box::pin(make(max_bytes)))
}

/// Upper bound on the bytes of a scenario's cache.
const CAPACITY: u64 = 2 << 20;

/// Law of a cache, as a test.
struct Scenario {
    name: &'static str,
    play: fn(Subject) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Runs the suite against each of the caches, as a test binary with `harness = false` does.
pub fn run<'a>(caches: impl IntoIterator<Item = (&'a str, Factory)>) -> ExitCode {
    let trials = caches.into_iter().flat_map(|(name, factory)| trials(name, &factory)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trials(cache: &str, factory: &Factory) -> Vec<Trial> {
    let trial = |scenario: &'static Scenario| {
        let factory = Arc::clone(factory);
        Trial::test(format!("{cache}::cache_store::{}", scenario.name), move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
            runtime.block_on(async { (scenario.play)(factory(CAPACITY).await).await });
            Ok(())
        })
    };
    scenarios::SCENARIOS.iter().map(trial).collect()
}
