//! Caps: a caller's cap bounds the sum of all attempts, retries and fallbacks, and of everything else that is done for
//! a call or a question.

use std::io::Cursor;

use futures::StreamExt as _;
use nexus_core::document::NewDocument;
use nexus_core::gateway::{
    Admission, BreakerPolicy, CallRefusal, GatewaySettings, ModelCall, Route, Routing, RunCaps,
};
use nexus_core::ledger::{LedgerEntry, Operation};
use nexus_core::price::{PriceRow, Rates};
use nexus_core::quota::{Cap, Limit, Limits, Meter, ScopeKind, Window};
use nexus_core::run::{Budget, Outcome};
use nexus_core::{CorpusId, NanoUsd, Nexus, RunId};
use nexus_fake_provider::Scripted;
use nexus_providers::HttpClient;
use nexus_providers::HttpOptions;
use nexus_providers::openai::{OpenAiEmbedder, OpenAiSpeech, Service};
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::fixture::{World, builder, call, caller, engine, price, routing, service, settings};

fn nanos(nanos: i64) -> NanoUsd {
    NanoUsd::from_nanos(nanos)
}

fn spent(lines: &[LedgerEntry]) -> i64 {
    lines.iter().map(|line| line.charged.money.as_nanos()).sum()
}

/// Returns the worst case of one attempt at `model`.
async fn worst(model: &str) -> i64 {
    let world = World::new(settings()).await;
    let _ = world.complete(call(model)).await;
    world.lines().await[0].reserved.money.as_nanos()
}

/// Returns a world with two providers, the second of which answers with a model that costs a thousandth.
async fn with_cheap_fallback() -> World {
    let scripted = Scripted::start().await.unwrap();
    let client = HttpClient::new(&HttpOptions::default()).unwrap();
    let at = |key: &str| Service::custom("scripted", scripted.openai_url()).with_key(key);
    let route = Route { fallbacks: vec!["spare".to_owned()], ..Route::to("first") };
    let routing = Routing::new(route)
        .provider("first", at("k1").chat(&client, "m+close").unwrap())
        .provider("spare", at("k2").chat(&client, "cheap").unwrap());
    let rates = Rates { input: 3_000_007, output: 15_000_041, ..Rates::default() };
    let cheap = PriceRow { model: "cheap".to_owned(), rates, ..price() };
    let settings = GatewaySettings { prices: settings().prices.with([cheap]), ..settings() };
    let nexus = engine(MemoryStore::default(), routing, settings);
    World { scripted, nexus }
}

#[tokio::test]
async fn what_a_call_may_cost_bounds_the_sum_of_its_attempts() {
    let worst = worst("m+close").await;
    // A closed connection may be billed, so each attempt is charged with its worst case.
    for (allowed, attempts) in
        [(worst, 1), (2 * worst - 1, 1), (2 * worst, 2), (3 * worst, 3), (9 * worst, 3)]
    {
        let world = World::new(settings()).await;
        let error = world
            .complete(ModelCall { max_cost: Some(nanos(allowed)), ..call("m+close") })
            .await
            .unwrap_err();
        assert_ne!(error.code(), "MAX_COST_EXCEEDED", "the caller learns what went wrong");
        let lines = world.lines().await;
        assert_eq!((lines.len(), world.scripted.log().len()), (attempts, attempts), "{allowed}");
        assert!(spent(&lines) <= allowed, "{} of {allowed}", spent(&lines));
    }
}

#[tokio::test]
async fn what_was_not_billed_leaves_room_for_another_attempt() {
    let worst = worst("plain").await;
    let world = World::new(settings()).await;
    let receipt =
        world.answer(ModelCall { max_cost: Some(nanos(worst)), ..call("m+500+first=2") }).await.receipt;
    assert_eq!(receipt.attempts, 3);
    assert!(spent(&world.lines().await) <= worst);
}

#[tokio::test]
async fn a_fallback_counts_for_what_the_call_may_cost_and_a_cheaper_one_is_asked_where_a_retry_is_too_dear() {
    let keyed = |max_cost| ModelCall {
        request: nexus_core::llm::Request { model: None, ..call("").request },
        max_cost: Some(nanos(max_cost)),
        ..ModelCall::default()
    };
    let dear = worst("m+close").await;
    let world = with_cheap_fallback().await;
    let answered = world.answer(keyed(dear + dear / 10)).await.receipt;
    assert_eq!((answered.provider.as_str(), answered.attempts), ("spare", 2));
    assert!(spent(&world.lines().await) <= dear + dear / 10);
    let world = with_cheap_fallback().await;
    world.complete(keyed(dear)).await.unwrap_err();
    let lines = world.lines().await;
    assert_eq!((lines.len(), spent(&lines) <= dear), (1, true), "nothing is left for the fallback");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_one_run_at_once_stay_within_its_cap() {
    let worst = worst("m+no-usage+close").await;
    let cap = worst * 7 / 2;
    let breaker = BreakerPolicy { failures: 1_000, ..settings().breaker };
    let world = World::new(GatewaySettings { breaker, ..settings() }).await;
    let caps = RunCaps { max_cost: Some(nanos(cap)), ..RunCaps::unlimited(RunId::parse("run-1").unwrap()) };
    let granted: Vec<bool> = futures::stream::iter(0..40)
        .map(|number| {
            let run = Some(caps.clone());
            let call = ModelCall { run, ..call(&format!("m{number}+close")) };
            let world = &world;
            async move { !matches!(world.complete(call).await, Ok(Admission::Refused(_))) }
        })
        .buffer_unordered(40)
        .collect()
        .await;
    assert!(granted.iter().any(|granted| *granted) && granted.iter().any(|granted| !granted));
    let lines = world.lines().await;
    assert!(spent(&lines) <= cap && spent(&lines) >= 3 * worst, "{} of {cap}", spent(&lines));
    // Another run has its own.
    let run = Some(RunCaps { id: RunId::parse("run-2").unwrap(), ..caps });
    world.answer(ModelCall { run, ..call("plain") }).await;
}

#[tokio::test]
async fn the_calls_that_answer_are_counted_apart_from_those_that_do_not() {
    let world = World::new(settings()).await;
    let call = |max_calls| {
        let run =
            RunCaps { max_calls: Some(max_calls), ..RunCaps::unlimited(RunId::parse("run-1").unwrap()) };
        ModelCall { run: Some(run), ..call("plain") }
    };
    assert!(matches!(world.refusal(call(0)).await, CallRefusal::Limit(_)));
    world.answer(call(2)).await;
    world.answer(call(2)).await;
    let CallRefusal::Limit(refusal) = world.refusal(call(2)).await else { panic!("another refusal") };
    assert_eq!((refusal.scope, refusal.meter, refusal.used), (ScopeKind::Run, Meter::Calls, 2));
}

/// Returns an engine that embeds, answers and synthesises speech for money, with one document.
async fn everything(settings: GatewaySettings) -> (World, CorpusId) {
    let scripted = Scripted::start().await.unwrap();
    let (service, client) = service(&scripted);
    let embedder = service.embedder(&client, "vectors", OpenAiEmbedder::DEFAULT_DIMENSION).unwrap();
    let synthesizer = service.speech(&client, "voice", OpenAiSpeech::DEFAULT_VOICE).unwrap();
    let nexus = builder(MemoryStore::default(), routing(&scripted), settings)
        .embedder(embedder)
        .speech_synthesizer(synthesizer)
        .build()
        .unwrap();
    let corpus = CorpusId::parse("handbook").unwrap();
    nexus.create_corpus(&caller(), corpus.clone(), "Handbook", json!({})).await.unwrap();
    let text = Cursor::new("Every employee has thirty days of paid leave in a year.");
    nexus.ingest(&caller(), NewDocument::new(corpus.clone(), "leave.txt"), text).await.unwrap();
    nexus.run_pending_jobs().await.unwrap();
    (World { scripted, nexus }, corpus)
}

/// Asks, and returns the outcome and the ledger entries of the run's calls.
async fn ask(world: &World, budget: Budget) -> (Outcome, Vec<LedgerEntry>) {
    let nexus: &Nexus = &world.nexus;
    let question = nexus.ask(&caller(), "How much paid leave?").corpus("handbook").speak(true).budget(budget);
    let run = question.start().await.unwrap();
    let outcome = run.finish().await.unwrap().outcome;
    let mut lines = world.lines().await;
    lines.retain(|line| line.consumer.run.as_deref() == Some(run.id().as_str()));
    (outcome, lines)
}

#[tokio::test]
async fn the_vector_the_answer_and_the_speech_of_a_question_share_one_cap() {
    let (world, _) = everything(settings()).await;
    let (outcome, lines) = ask(&world, Budget::default()).await;
    assert_eq!(outcome, Outcome::Answered);
    let of = |kind| lines.iter().find(|line| line.kind == kind).unwrap();
    let (vector, answer, speech) = (of(Operation::Embed), of(Operation::Chat), of(Operation::Speak));
    let whole = |line: &LedgerEntry| line.reserved.money.as_nanos();
    let charged = |line: &LedgerEntry| line.charged.money.as_nanos();
    let answered = charged(vector) + whole(answer);
    let spoken = charged(vector) + charged(answer) + whole(speech);
    for (allowed, kinds) in [
        (whole(vector) - 1, 0),
        (answered - 1, 1),
        (answered, if spoken <= answered { 3 } else { 2 }),
        (answered.max(spoken), 3),
    ] {
        let (world, _) = everything(settings()).await;
        let budget = Budget { max_cost: Some(nanos(allowed)), ..Budget::default() };
        let (outcome, lines) = ask(&world, budget).await;
        assert_eq!(lines.len(), kinds, "{allowed}: {lines:#?}");
        assert!(spent(&lines) <= allowed, "{} of {allowed}", spent(&lines));
        let is_answered = kinds >= 2;
        assert_eq!(outcome == Outcome::Answered, is_answered, "{outcome:?}");
        assert_eq!(matches!(outcome, Outcome::OverQuota { .. }), !is_answered, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_cap_of_nothing_allows_what_is_free_and_a_cap_on_calls_counts_answers() {
    let nothing = Budget { max_cost: Some(NanoUsd::ZERO), ..Budget::default() };
    let (dear, _) = everything(settings()).await;
    let (outcome, lines) = ask(&dear, nothing).await;
    assert!(matches!(outcome, Outcome::OverQuota { .. }) && lines.is_empty(), "{outcome:?}");
    let free = PriceRow { rates: Rates::default(), version: "free".to_owned(), ..price() };
    let settings_of = || GatewaySettings { prices: settings().prices.with([free.clone()]), ..settings() };
    let (world, _) = everything(settings_of()).await;
    let (outcome, lines) = ask(&world, nothing).await;
    assert_eq!((outcome, lines.len()), (Outcome::Answered, 3));
    for (most, is_answered) in [(1, true), (0, false)] {
        let budget = Budget { max_llm_calls: Some(most), ..Budget::default() };
        let (outcome, _) = ask(&world, budget).await;
        assert_eq!(outcome == Outcome::Answered, is_answered, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_limit_on_units_without_a_rate_is_refused_wherever_it_comes_from() {
    let units = |cap| Limit::new(ScopeKind::User, Meter::CostUnits, Window::Day, cap);
    let (world, _) = everything(settings()).await;
    let error = world.nexus.set_limit(&caller(), &units(Cap::Limited(1))).await.unwrap_err();
    assert_eq!(error.code(), "LIMIT_UNCOUNTED");
    for harmless in [Cap::Limited(0), Cap::Unlimited] {
        world.nexus.set_limit(&caller(), &units(harmless)).await.unwrap();
        assert!(world.nexus.remove_limit(&caller(), &units(harmless).subject).await.unwrap());
    }
    let budget = Budget { max_cost_units: Some(5), ..Budget::default() };
    let asked =
        world.nexus.ask(&caller(), "How much paid leave?").corpus("handbook").budget(budget).start().await;
    assert_eq!(asked.unwrap_err().code(), "LIMIT_UNCOUNTED");
    let run = RunCaps { max_cost_units: Some(5), ..RunCaps::unlimited(RunId::parse("run-1").unwrap()) };
    let error = world.complete(ModelCall { run: Some(run), ..call("plain") }).await.unwrap_err();
    assert_eq!(error.code(), "LIMIT_UNCOUNTED");
    // A limit that was set before this check existed admits nothing.
    let record = nexus_core::audit::UnsealedRecords::new(
        std::sync::Arc::new(nexus_core::audit::Sealer::new(
            world.nexus.store_for_tests().instance(),
            nexus_core::audit::KeyRing::from_secret("k0", "a secret of at least sixteen bytes").unwrap(),
        )),
        Vec::new(),
    );
    world
        .nexus
        .store_for_tests()
        .set_limit(caller().tenant(), &units(Cap::Limited(1)), record)
        .await
        .unwrap();
    let error = world.complete(call("plain")).await.unwrap_err();
    assert_eq!(error.code(), "LIMIT_UNCOUNTED");
    let configured = GatewaySettings { limits: Limits::none().with([units(Cap::Limited(1))]), ..settings() };
    let scripted = Scripted::start().await.unwrap();
    let built = builder(MemoryStore::default(), routing(&scripted), configured).build();
    assert_eq!(built.unwrap_err().code(), "LIMIT_UNCOUNTED");
}

#[tokio::test]
async fn a_limit_that_is_set_later_counts_what_was_spent_before() {
    let world = World::new(settings()).await;
    world.answer(call("plain")).await;
    let line = world.lines().await.remove(0);
    let (used, worst) = (line.charged.money.as_nanos(), line.reserved.money.as_nanos());
    for (scope, window) in [
        (ScopeKind::Tenant, Window::Total),
        (ScopeKind::User, Window::Total),
        (ScopeKind::User, Window::seconds(1_000_000_000)),
        (ScopeKind::Tenant, Window::Month),
    ] {
        let limit = Limit::new(scope, Meter::Money, window, Cap::money(nanos(used + worst - 1)));
        world.nexus.set_limit(&caller(), &limit).await.unwrap();
        let CallRefusal::Limit(refusal) = world.refusal(call("plain")).await else {
            panic!("another refusal")
        };
        assert_eq!(i64::try_from(refusal.used).unwrap(), used, "{scope} {window}");
        assert!(world.nexus.remove_limit(&caller(), &limit.subject).await.unwrap());
    }
    world.answer(call("plain")).await;
}
