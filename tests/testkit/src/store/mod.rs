//! Conformance suite of stores: scenarios for the laws of the `# Contract` of each store port. A store passes all of them.
//!
//! ```no_run
//! # use std::process::ExitCode;
//! # use std::sync::Arc;
//! # async fn fresh() -> nexus_testkit::store::Subject { unimplemented!() }
//! fn main() -> ExitCode {
//!     nexus_testkit::store::run([("memory", nexus_testkit::store::factory(fresh))])
//! }
//! ```

mod audit;
mod blob;
pub mod calls;
mod corpus;
mod document;
pub mod fixture;
mod grant;
mod idempotency;
mod job;
mod ledger;
pub mod pages;
mod permission;
mod price;
mod quota;
mod reconciliation;
mod resource;
mod retention;
mod retrieve;
mod run;
mod session;
mod stats;
mod system;
pub mod transfer;

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use nexus_core::store::Store;

pub use fixture::World;

/// Fresh, empty store, and a guard that must outlive it.
#[derive(Debug)]
pub struct Subject {
    store: Arc<dyn Store>,
    _keep: Box<dyn Any + Send>,
}

impl Subject {
    /// Creates a subject without a guard.
    pub fn new(store: impl Store) -> Self {
        Self::keeping(store, ())
    }

    /// Creates a subject with a guard to drop after the store, such as its directory.
    pub fn keeping(store: impl Store, keep: impl Any + Send) -> Self {
        Self { store: Arc::new(store), _keep: Box::new(keep) }
    }
}

/// Factory of fresh stores, one for each scenario.
pub type Factory = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Subject> + Send>> + Send + Sync>;

/// Returns a factory from an async function.
pub fn factory<F, Fut>(make: F) -> Factory
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Subject> + Send + 'static,
{
    Arc::new(move || Box::pin(make()))
}

/// Law of a store, as a test.
pub(crate) struct Scenario {
    name: &'static str,
    play: fn(World) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Names async functions as scenarios. One that is left out is dead code, and the compiler says so.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        pub(super) const SCENARIOS: &[$crate::store::Scenario] =
            &[$($crate::store::Scenario { name: stringify!($name), play: |world| Box::pin($name(world)) }),*];
    };
}
pub(crate) use scenarios;

const PORTS: &[(&str, &[Scenario])] = &[
    ("admin_resource_store", resource::SCENARIOS),
    ("audit_chain", audit::SCENARIOS),
    ("blob_store", blob::SCENARIOS),
    ("corpus_store", corpus::SCENARIOS),
    ("document_store", document::SCENARIOS),
    ("document_store", permission::SCENARIOS),
    ("grant_store", grant::SCENARIOS),
    ("job_queue", job::SCENARIOS),
    ("ledger_store", ledger::SCENARIOS),
    ("price_store", price::SCENARIOS),
    ("quota_store", idempotency::SCENARIOS),
    ("quota_store", quota::SCENARIOS),
    ("quota_store", reconciliation::SCENARIOS),
    ("retention_store", retention::SCENARIOS),
    ("retriever", retrieve::SCENARIOS),
    ("run_store", run::SCENARIOS),
    ("session_store", session::SCENARIOS),
    ("stats_store", stats::SCENARIOS),
    ("system_store", system::SCENARIOS),
    ("transfer_store", transfer::SCENARIOS),
];

/// Runs the suite against each of the stores, as a test binary with `harness = false` does.
pub fn run<'a>(stores: impl IntoIterator<Item = (&'a str, Factory)>) -> ExitCode {
    let trials = stores.into_iter().flat_map(|(name, factory)| trials(name, &factory)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Returns the suite against one store.
fn trials(store: &str, factory: &Factory) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (port, scenarios) in PORTS {
        for scenario in *scenarios {
            let (factory, play) = (Arc::clone(factory), scenario.play);
            let name = format!("{store}::{port}::{}", scenario.name);
            trials.push(Trial::test(name, move || {
                play_on(&factory, play);
                Ok(())
            }));
        }
    }
    trials
}

fn play_on(factory: &Factory, play: fn(World) -> Pin<Box<dyn Future<Output = ()> + Send>>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let subject = factory().await;
        play(World::new(Arc::clone(&subject.store))).await;
        subject.store.close().await.expect("the store closes");
    });
}
