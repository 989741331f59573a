//! Fixture: one engine over one store, with a scripted vendor behind it.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;
use nexus_core::audit::KeyRing;
use nexus_core::gateway::{
    Admission, CallRefusal, CallStream, Completed, Deadlines, GatewaySettings, ModelCall, Models,
    RetryPolicy, Route, Routing, TenantSettings,
};
use nexus_core::ledger::{LedgerEntry, LedgerQuery};
use nexus_core::llm::{CompletionEvent, Request};
use nexus_core::price::{PriceRow, PriceTable, Rates};
use nexus_core::quota::{Limits, TenantQuotas};
use nexus_core::{Builder, Error, Nexus, Page, Principal, Store, Timestamp, Usage};
use nexus_fake_provider::{Billed, Scripted};
use nexus_providers::openai::{OpenAi, Service};
use nexus_providers::{HttpClient, HttpOptions};
use nexus_store_memory::MemoryStore;
use nexus_testkit::faulty::{FaultyStore, Troubles};

/// Returns the price of every scripted model: primes, so that no two mistakes cancel out.
pub fn price() -> PriceRow {
    let rates = Rates {
        input: 3_000_000_007,
        cache_read: Some(300_000_007),
        cache_write_5m: Some(3_750_000_019),
        cache_write_1h: Some(6_000_000_029),
        audio_in: Some(40_000_000_003),
        output: 15_000_000_041,
        reasoning: Some(17_000_000_023),
        audio_out: Some(80_000_000_023),
        tool_requests: None,
    };
    PriceRow {
        provider: "scripted".to_owned(),
        model: "*".to_owned(),
        valid_from: Timestamp::from_micros(0),
        version: "test".to_owned(),
        rates,
        tiers: Vec::new(),
    }
}

/// Returns settings with short delays, without limits.
pub fn settings() -> GatewaySettings {
    let second = Duration::from_secs(1);
    GatewaySettings {
        deadlines: Deadlines {
            first_event: 10 * second,
            idle: 10 * second,
            total: 30 * second,
            ..Deadlines::default()
        },
        retry: RetryPolicy {
            attempts: 3,
            backoff: Duration::from_millis(1),
            max_backoff: Duration::from_millis(4),
        },
        prices: PriceTable::empty().with([price()]),
        limits: Limits::none(),
        ..GatewaySettings::with_builtin_prices().unwrap()
    }
}

/// Returns settings in which the tenant's calls have cost units, one for each thousand tokens, for limits to count.
pub fn with_cost_units(settings: GatewaySettings) -> GatewaySettings {
    let quotas = TenantQuotas::parse(r#"{"llm_cost_units_per_1k_tokens": {"*": 1}}"#).unwrap();
    let tenant = TenantSettings { cost_units: quotas.cost_units(), ..TenantSettings::default() };
    GatewaySettings { tenants: [("acme".to_owned(), tenant)].into(), ..settings }
}

/// Returns the default caller of a test: an admin of `acme`.
pub fn caller() -> Principal {
    Principal::user("acme", "ada").unwrap().roles(["admin"])
}

/// Returns a route to the scripted vendor.
pub fn routing(scripted: &Scripted) -> Routing {
    routing_to(&scripted.openai_url())
}

/// Returns a route to a vendor that listens at `url`.
pub fn routing_to(url: &str) -> Routing {
    Routing::new(Route::to("scripted")).provider("scripted", chat(url))
}

/// Returns the models of a vendor that listens at `url`.
pub fn chat(url: &str) -> OpenAi {
    let client = HttpClient::new(&HttpOptions::default()).unwrap();
    Service::custom("scripted", url).with_key("sk-scripted").chat(&client, "plain").unwrap()
}

/// Scripted vendor and an engine that calls it.
#[derive(Debug)]
pub struct World {
    /// The vendor.
    pub scripted: Scripted,
    /// The engine.
    pub nexus: Nexus,
}

impl World {
    /// Creates a world whose store is fresh and in RAM.
    pub async fn new(settings: GatewaySettings) -> Self {
        Self::over(MemoryStore::default(), settings).await
    }

    /// Creates a world over another store.
    pub async fn over(store: impl Store, settings: GatewaySettings) -> Self {
        let scripted = Scripted::start().await.unwrap();
        let nexus = engine(store, routing(&scripted), settings);
        Self { scripted, nexus }
    }

    /// Creates a world over a store with injected faults.
    pub async fn troubled(settings: GatewaySettings) -> (Self, Troubles) {
        let (store, troubles) = FaultyStore::new(MemoryStore::default());
        (Self::over(store, settings).await, troubles)
    }

    /// Makes a call, and waits for the whole answer.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn complete(&self, call: ModelCall) -> Result<Admission<Completed>, Error> {
        self.nexus.complete(&caller(), call).await
    }

    /// Returns an answer that must be given.
    pub async fn answer(&self, call: ModelCall) -> Completed {
        match self.complete(call).await.unwrap() {
            Admission::Granted(completed) => completed,
            Admission::Refused(refused) => panic!("refused: {}", refused.sentence()),
        }
    }

    /// Returns a refusal that must come.
    pub async fn refusal(&self, call: ModelCall) -> CallRefusal {
        match self.complete(call).await.unwrap() {
            Admission::Refused(refused) => refused,
            Admission::Granted(completed) => panic!("answered: {}", completed.reply.text),
        }
    }

    /// Returns a stream that must begin.
    pub async fn stream(&self, call: ModelCall) -> CallStream {
        match self.nexus.stream(&caller(), call).await.unwrap() {
            Admission::Granted(stream) => stream,
            Admission::Refused(refused) => panic!("refused: {}", refused.sentence()),
        }
    }

    /// Returns the ledger of the tenant, oldest entry first.
    pub async fn lines(&self) -> Vec<LedgerEntry> {
        lines(&self.nexus).await
    }

    /// Ends all calls in flight, and checks that none is left open.
    pub async fn quiet(&self) {
        until("no call is open", async || {
            self.nexus.store_for_tests().open_calls().await.unwrap().is_empty()
        })
        .await;
    }
}

/// Connects to the scripted vendor, for services other than answers.
pub fn service(scripted: &Scripted) -> (Service, HttpClient) {
    let client = HttpClient::new(&HttpOptions::default()).unwrap();
    (Service::custom("scripted", scripted.openai_url()).with_key("sk-scripted"), client)
}

/// Returns an engine over a store.
pub fn engine(store: impl Store, routing: Routing, settings: GatewaySettings) -> Nexus {
    builder(store, routing, settings).build().unwrap()
}

/// Replaces providers, routes and settings.
pub fn replace(nexus: &Nexus, routing: Routing, settings: GatewaySettings) {
    let (routing, settings) = (routing.into(), settings.into());
    nexus.reconfigure(Models { routing, settings, ..nexus.models() }).unwrap();
}

/// Returns the builder of an engine over a store.
pub fn builder(store: impl Store, routing: Routing, settings: GatewaySettings) -> Builder {
    let keys = KeyRing::from_secret("k0", "a secret of at least sixteen bytes").unwrap();
    Nexus::builder().store(store).audit_keys(keys).routing(routing).gateway(settings)
}

/// Returns an engine over the store in a directory, as after a start.
pub fn reopened(dir: &Path, scripted: &Scripted, settings: GatewaySettings) -> Nexus {
    engine(MemoryStore::open(dir).unwrap(), routing(scripted), settings)
}

/// Returns the ledger of the default tenant, oldest entry first.
pub async fn lines(nexus: &Nexus) -> Vec<LedgerEntry> {
    let query = LedgerQuery { page: Page::first(1_000_000), ..LedgerQuery::default() };
    let mut lines = nexus.store_for_tests().ledger(caller().tenant(), &query).await.unwrap();
    lines.reverse();
    lines
}

/// Returns a call of a scripted model: a base and directives, such as `plain+cut=3`.
pub fn call(model: &str) -> ModelCall {
    let request = Request {
        model: Some(model.to_owned()),
        max_tokens: Some(200),
        ..Request::asking("Which river is the longest?")
    };
    ModelCall::new(request)
}

/// Converts the vendor's bill to usage.
pub fn usage(billed: &Billed) -> Usage {
    Usage {
        input_uncached: billed.input + billed.tool_prompt,
        cache_read: billed.cache_read,
        cache_write_5m: billed.cache_write,
        cache_write_1h: billed.cache_write_1h,
        audio_in: billed.audio_in,
        output_text: billed.output,
        output_reasoning: billed.reasoning,
        audio_out: billed.audio_out,
        tool_requests: billed.searches,
        provider_total: None,
    }
}

/// Reads a stream to its end: its events, and its final error.
pub async fn read(mut stream: CallStream) -> (Vec<CompletionEvent>, Option<Error>) {
    let mut pieces = Vec::new();
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => pieces.push(piece),
            Err(error) => return (pieces, Some(error)),
        }
    }
    (pieces, None)
}

/// Polls a condition that must come true, every few milliseconds.
pub async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    for _ in 0..3_000 {
        if check().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("timed out waiting until {what}");
}
