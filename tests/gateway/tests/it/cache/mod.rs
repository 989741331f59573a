//! Answer cache: its scopes, costs and invalidation. The numbers are those of failures that public gateways have
//! shipped.

mod costs;
mod retention;
mod runs;
mod scopes;
mod semantic;
mod single_flight;
mod vectors;

use std::sync::Arc;
use std::time::Duration;

use nexus_core::audit::KeyRing;
use nexus_core::cache::{CacheSettings, CacheStore};
use nexus_core::gateway::{Admission, Completed, GatewaySettings, ModelCall, Routing};
use nexus_core::ledger::{Call, LedgerQuery};
use nexus_core::{Builder, Clock, Nexus, Page, Principal, Settings, Timestamp};
use nexus_fake_provider::Scripted;
use nexus_store_memory::{MemoryCache, MemoryStore};
use nexus_testkit::fake::FixedClock;

use crate::fixture::{World, call, caller, routing, service, settings};

/// Scripted model that embeds.
const EMBEDDER: &str = "vectors";

/// Capacity of the caches in these tests, in bytes.
const ROOM: u64 = 8 << 20;

/// Clock that the test sets while the engine reads it.
#[derive(Clone, Debug)]
struct Shared(Arc<FixedClock>);

impl Clock for Shared {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// World with a cache, whose clock stands still.
struct Cached {
    world: World,
    clock: Arc<FixedClock>,
}

fn start() -> Timestamp {
    "2026-03-01T09:00:00Z".parse().unwrap()
}

fn builder(store: &MemoryStore, routing: Routing, settings: GatewaySettings) -> Builder {
    let keys = KeyRing::from_secret("k0", "a secret of at least sixteen bytes").unwrap();
    let inline = Settings { ingest_inline: true, ..Settings::default() };
    Nexus::builder().store(store.clone()).audit_keys(keys).routing(routing).gateway(settings).settings(inline)
}

impl Cached {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: GatewaySettings) -> Self {
        Self::over(MemoryCache::in_ram(ROOM).unwrap(), settings).await
    }

    async fn over(cache: impl CacheStore, settings: GatewaySettings) -> Self {
        Self::made(cache, settings, |builder, _| builder).await
    }

    /// Adds an embedder with the vectors of a scripted model.
    async fn with_embedder(settings: GatewaySettings) -> Self {
        Self::made(MemoryCache::in_ram(ROOM).unwrap(), settings, |builder, scripted| {
            let (service, client) = service(scripted);
            builder.embedder(service.embedder(&client, EMBEDDER, 1_536).unwrap())
        })
        .await
    }

    async fn made(
        cache: impl CacheStore,
        settings: GatewaySettings,
        more: impl FnOnce(Builder, &Scripted) -> Builder,
    ) -> Self {
        let scripted = Scripted::start().await.unwrap();
        let clock = Arc::new(FixedClock::at(start()));
        let builder = builder(&MemoryStore::default(), routing(&scripted), settings)
            .cache(cache)
            .clock(Shared(Arc::clone(&clock)));
        let nexus = more(builder, &scripted).build().unwrap();
        Self { world: World { scripted, nexus }, clock }
    }

    async fn answer(&self, call: ModelCall) -> Completed {
        self.world.answer(call).await
    }

    async fn answer_to(&self, caller: &Principal, call: ModelCall) -> Completed {
        answer_to(&self.world.nexus, caller, call).await
    }

    /// Counts the requests to the vendor.
    fn asked(&self) -> usize {
        self.world.scripted.log().len()
    }

    /// Returns the calls of the tenant, oldest first.
    async fn calls(&self) -> Vec<Call> {
        let query = LedgerQuery { page: Page::first(1_000), ..LedgerQuery::default() };
        let mut calls = self.world.nexus.store_for_tests().calls(caller().tenant(), &query).await.unwrap();
        calls.reverse();
        calls
    }
}

async fn answer_to(nexus: &Nexus, caller: &Principal, call: ModelCall) -> Completed {
    match nexus.complete(caller, call).await.unwrap() {
        Admission::Granted(completed) => completed,
        Admission::Refused(refused) => panic!("refused: {}", refused.sentence()),
    }
}

fn kept_for(answers: Duration) -> GatewaySettings {
    GatewaySettings { cache: CacheSettings { answer_ttl: answers, ..CacheSettings::default() }, ..settings() }
}

/// Returns a call with another question.
fn asking(model: &str, question: &str) -> ModelCall {
    let mut call = call(model);
    question.clone_into(&mut call.request.question);
    call
}
