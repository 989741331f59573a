//! Embeddings pass the same gateway as answers: limits, kill switches, prices, retries, the ledger and the audit.

use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use nexus_core::audit::Status;
use nexus_core::document::{JobState, NewDocument};
use nexus_core::gateway::{BreakerPolicy, GatewaySettings, Models};
use nexus_core::id::ModelId;
use nexus_core::ledger::{AttemptStatus, CallStatus, KillSwitchScope, LedgerEntry, LedgerQuery, Operation};
use nexus_core::price::PriceTable;
use nexus_core::quota::{Cap, Limit, Limits, Meter, MeterAmounts, ScopeKind, Window, checks};
use nexus_core::retrieve::{EmbedRole, Embedded, Embedder, HashingEmbedder, Retrieved, SearchMode};
use nexus_core::run::Outcome;
use nexus_core::search::Search;
use nexus_core::{CorpusId, Error, ErrorKind, NanoUsd, Nexus, Page, Result};
use nexus_fake_provider::Scripted;
use nexus_providers::openai::OpenAiEmbedder;
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::fixture::{World, builder, caller, price, routing, service, settings, until, usage};

const TEXT: &str = "Every employee has thirty days of paid leave in a year.";

fn corpus() -> CorpusId {
    CorpusId::parse("handbook").unwrap()
}

/// Returns a world with an empty corpus, and an embedder of its own or that of a scripted model.
async fn world(model: &str, settings: GatewaySettings) -> World {
    let scripted = Scripted::start().await.unwrap();
    let (service, client) = service(&scripted);
    let dimension = OpenAiEmbedder::DEFAULT_DIMENSION;
    world_of(scripted, service.embedder(&client, model, dimension).unwrap(), settings).await
}

async fn world_of(scripted: Scripted, embedder: impl Embedder + 'static, settings: GatewaySettings) -> World {
    let builder = builder(MemoryStore::default(), routing(&scripted), settings);
    let nexus = builder.embedder(embedder).build().unwrap();
    nexus.create_corpus(&caller(), corpus(), "Handbook", json!({})).await.unwrap();
    World { scripted, nexus }
}

/// Ingests one document, and returns the end state of its job.
async fn ingest(nexus: &Nexus) -> JobState {
    let job = nexus.ingest(&caller(), NewDocument::new(corpus(), "leave.txt"), Cursor::new(TEXT)).await;
    nexus.wait_for_job(&caller(), &job.unwrap().job_id).await.unwrap().state
}

async fn search(nexus: &Nexus) -> Result<Retrieved> {
    nexus.search(&caller(), Search::new(corpus(), "paid leave")).await
}

/// Returns the error of a search that must fail.
async fn refusal(nexus: &Nexus) -> Error {
    search(nexus).await.unwrap_err()
}

fn statuses(lines: &[LedgerEntry]) -> Vec<AttemptStatus> {
    lines.iter().map(|line| line.status).collect()
}

fn limited(meter: Meter, cap: u64) -> GatewaySettings {
    let limit = Limit::new(ScopeKind::User, meter, Window::Day, Cap::Limited(cap));
    GatewaySettings { limits: Limits::none().with([limit]), ..settings() }
}

async fn nothing_is_reserved(world: &World) {
    for line in world.lines().await {
        let settings = world.nexus.gateway_settings();
        for check in checks(&settings.limits, &line.consumer, &line.model, line.ts, &settings.zone) {
            let used = world.nexus.store_for_tests().used(caller().tenant(), &[check.key]).await.unwrap();
            assert_eq!(used[0].reserved, MeterAmounts::ZERO);
        }
    }
}

#[tokio::test]
async fn a_document_and_a_question_are_billed_to_the_nano_usd() {
    let world = world("plain", limited(Meter::Money, u64::MAX >> 1)).await;
    assert!(matches!(ingest(&world.nexus).await, JobState::Succeeded));
    assert_eq!(search(&world.nexus).await.unwrap().mode, SearchMode::Hybrid);

    let (lines, log) = (world.lines().await, world.scripted.settled_log().await);
    assert_eq!((lines.len(), log.len()), (2, 2));
    for (line, entry) in lines.iter().zip(&log) {
        assert_eq!((line.kind, line.attempt, line.estimated), (Operation::Embed, 1, false));
        assert_eq!((line.provider.as_str(), line.model.as_str()), ("scripted", "plain"));
        assert_eq!(line.charged.money, price().cost(&usage(&entry.billed)).unwrap());
        assert!(line.charged.money > NanoUsd::ZERO && line.charged.money <= line.reserved.money);
    }
    let calls = world
        .nexus
        .calls(&caller(), LedgerQuery { page: Page::first(9), ..LedgerQuery::default() })
        .await
        .unwrap();
    assert_eq!(calls.len(), 2);
    for call in &calls {
        assert_eq!(call.status, CallStatus::Succeeded);
        let verified = world.nexus.verify(&caller(), &call.id, None).await.unwrap();
        assert_eq!((verified.status, verified.entries), (Status::Ok, 2));
    }
    let (tenant, from, to) = (caller().tenant().clone(), "2000-01-01", "2999-12-31");
    let records = world.nexus.store_for_tests().usage_records(&tenant, from, to, &Page::all()).await.unwrap();
    let scripted = records.iter().find(|record| record.provider == "scripted").unwrap();
    let tokens: u64 = log.iter().map(|entry| entry.billed.input).sum();
    assert_eq!((scripted.embedding_tokens, scripted.tokens, scripted.queries), (tokens, 0, 0));
    nothing_is_reserved(&world).await;
}

#[tokio::test]
async fn a_budget_that_is_too_small_sends_nothing_and_says_so() {
    for meter in Meter::ALL {
        let world = world("plain", limited(meter, 0)).await;
        let JobState::Failed { failure } = ingest(&world.nexus).await else { panic!("{meter:?}: ingested") };
        let error = refusal(&world.nexus).await;
        assert_eq!(failure.code, error.code(), "{meter:?}");
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{meter:?}");
        let run =
            world.nexus.ask(&caller(), "How much paid leave?").corpus("handbook").start().await.unwrap();
        assert!(matches!(run.finish().await.unwrap().outcome, Outcome::OverQuota { .. }), "{meter:?}");
        assert!(world.scripted.log().is_empty(), "{meter:?}");
        assert!(world.lines().await.is_empty(), "{meter:?}");
    }
}

#[tokio::test]
async fn the_kill_switch_stops_embeddings() {
    let world = world("plain", settings()).await;
    world.nexus.trip(&caller(), KillSwitchScope::Global, "drill", None).await.unwrap();
    let JobState::Failed { failure } = ingest(&world.nexus).await else { panic!("it was ingested") };
    assert_eq!(failure.code, "KILL_SWITCH");
    assert_eq!(refusal(&world.nexus).await.kind(), ErrorKind::Denied);
    assert!(world.scripted.log().is_empty());
    world.nexus.rearm(&caller(), &KillSwitchScope::Global).await.unwrap();
    search(&world.nexus).await.unwrap();
}

#[tokio::test]
async fn a_model_without_a_price_is_not_called() {
    let world = world("plain", GatewaySettings { prices: PriceTable::empty(), ..settings() }).await;
    let error = refusal(&world.nexus).await;
    assert_eq!((error.code(), error.kind()), ("PRICE_UNKNOWN", ErrorKind::Denied));
    assert!(world.scripted.log().is_empty());
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_and_each_attempt_has_one_line() {
    let world = world("m+429+retry-after=0.3+once", limited(Meter::Calls, 1)).await;
    let began = Instant::now();
    search(&world.nexus).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300));
    let lines = world.lines().await;
    assert_eq!(statuses(&lines), [AttemptStatus::FailedUnbilled, AttemptStatus::Settled]);
    assert_eq!(lines[0].call, lines[1].call);
    assert_eq!((lines[0].attempt, lines[1].attempt), (1, 2));
    assert_eq!(lines[0].charged, MeterAmounts::ZERO);
    assert_eq!(
        world
            .nexus
            .calls(&caller(), LedgerQuery { page: Page::first(9), ..Default::default() })
            .await
            .unwrap()
            .len(),
        1
    );
    nothing_is_reserved(&world).await;
}

#[tokio::test]
async fn what_is_not_to_be_tried_again_is_not() {
    let world = world("m+401", settings()).await;
    assert_eq!(refusal(&world.nexus).await.code(), "PROVIDER_AUTHENTICATION");
    assert_eq!(statuses(&world.lines().await), [AttemptStatus::FailedUnbilled]);
    assert_eq!(world.scripted.log().len(), 1);
}

#[tokio::test]
async fn a_vendor_that_keeps_failing_is_left_alone_and_answers_are_not_held_up_by_it() {
    let breaker = BreakerPolicy { failures: 3, ..BreakerPolicy::default() };
    let world = world("m+503", GatewaySettings { breaker, ..settings() }).await;
    assert_eq!(refusal(&world.nexus).await.code(), "PROVIDER_OVERLOADED");
    let unavailable = refusal(&world.nexus).await;
    assert_eq!(unavailable.code(), "PROVIDERS_UNAVAILABLE");
    assert!(unavailable.retry_after().is_some());
    assert_eq!(world.scripted.log().len(), 3);
    world.answer(crate::fixture::call("plain")).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_charged_at_its_reservation() {
    let world = world("m+cut-byte=200", settings()).await;
    assert_eq!(refusal(&world.nexus).await.code(), "MODEL_TRUNCATED");
    let line = &world.lines().await[0];
    assert_eq!((line.status, line.estimated), (AttemptStatus::FailedBilled, true));
    assert_eq!(line.charged, line.reserved);
}

#[tokio::test]
async fn a_search_whose_caller_left_is_settled_all_the_same() {
    let world = world("m+head-after=200ms", settings()).await;
    let left = tokio::time::timeout(Duration::from_millis(60), search(&world.nexus)).await;
    assert!(left.is_err());
    until("the call is settled", async || !world.lines().await.is_empty()).await;
    world.quiet().await;
    assert_eq!(statuses(&world.lines().await), [AttemptStatus::Settled]);
}

/// Embedder whose vendor reports no usage, or useless usage.
#[derive(Debug)]
struct Uncounted {
    model: ModelId,
    sound: bool,
}

impl Uncounted {
    fn new(sound: bool) -> Self {
        Self { model: ModelId::parse("uncounted").unwrap(), sound }
    }
}

#[async_trait]
impl Embedder for Uncounted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn model(&self) -> &ModelId {
        &self.model
    }

    fn dimension(&self) -> usize {
        2
    }

    fn token_limit(&self) -> usize {
        512
    }

    async fn embed(&self, _: EmbedRole, texts: &[&str]) -> Result<Embedded> {
        let number = if self.sound { 1.0 } else { f32::NAN };
        Ok(Embedded { vectors: vec![vec![number, 0.0]; texts.len()], usage: None })
    }
}

#[tokio::test]
async fn unreported_usage_is_charged_at_its_bound_and_marked() {
    for sound in [true, false] {
        let scripted = Scripted::start().await.unwrap();
        let world = world_of(scripted, Uncounted::new(sound), settings()).await;
        assert_eq!(search(&world.nexus).await.is_ok(), sound);
        let line = &world.lines().await[0];
        assert!(line.estimated && line.charged.tokens >= "paid leave".len() as u64);
        assert_eq!(line.charged.tokens, line.reserved.tokens);
        assert!(line.charged.money > NanoUsd::ZERO && line.charged.money <= line.reserved.money);
        let status = if sound { AttemptStatus::Settled } else { AttemptStatus::FailedBilled };
        assert_eq!((line.status, line.error.is_none()), (status, sound));
    }
}

#[tokio::test]
async fn a_model_within_the_process_costs_nothing_and_is_counted_recorded_and_limited_all_the_same() {
    let scripted = Scripted::start().await.unwrap();
    let world = world_of(scripted, HashingEmbedder::new(16), limited(Meter::Calls, 2)).await;
    assert!(matches!(ingest(&world.nexus).await, JobState::Succeeded));
    search(&world.nexus).await.unwrap();
    assert_eq!(refusal(&world.nexus).await.kind(), ErrorKind::RateLimited);
    let lines = world.lines().await;
    assert_eq!(statuses(&lines), [AttemptStatus::Settled, AttemptStatus::Settled]);
    for line in &lines {
        assert_eq!((line.charged.money, line.price_version.as_str()), (NanoUsd::ZERO, "local"));
        assert!(line.charged.tokens > 0);
        let verified = world.nexus.verify(&caller(), &line.call, None).await.unwrap();
        assert_eq!((verified.status, verified.entries), (Status::Ok, 2));
    }
    let of_user = Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(3));
    world.nexus.set_limit(&caller(), &of_user).await.unwrap();
    search(&world.nexus).await.unwrap();
    assert_eq!(
        refusal(&world.nexus).await.kind(),
        ErrorKind::RateLimited,
        "settings that are set hold at once"
    );
    world.nexus.trip(&caller(), KillSwitchScope::Global, "drill", None).await.unwrap();
    assert_eq!(refusal(&world.nexus).await.code(), "KILL_SWITCH");
    nothing_is_reserved(&world).await;
}

#[tokio::test]
async fn an_embedder_is_replaced_by_another_of_the_same_model_and_by_no_other() {
    let (world, other) = (world("plain", settings()).await, Scripted::start().await.unwrap());
    let replace_by = |model: &str| {
        let (service, client) = service(&other);
        let embedder = service.embedder(&client, model, OpenAiEmbedder::DEFAULT_DIMENSION).unwrap();
        let embedder: Option<Arc<dyn Embedder>> = Some(Arc::new(embedder));
        world.nexus.reconfigure(Models { embedder, ..world.nexus.models() })
    };
    search(&world.nexus).await.unwrap();
    assert_eq!(replace_by("another").unwrap_err().code(), "EMBEDDER_CHANGED");
    search(&world.nexus).await.unwrap();
    assert_eq!((world.scripted.log().len(), other.log().len()), (2, 0));
    replace_by("plain").unwrap();
    search(&world.nexus).await.unwrap();
    assert_eq!((world.scripted.log().len(), other.log().len()), (2, 1));
}

#[tokio::test]
async fn a_question_of_a_run_is_counted_with_the_run_and_its_session() {
    let world = world("plain", settings()).await;
    assert!(matches!(ingest(&world.nexus).await, JobState::Succeeded));
    let run = world.nexus.ask(&caller(), "How much paid leave?").corpus("handbook").start().await.unwrap();
    run.finish().await.unwrap();
    let lines = world.lines().await;
    let embedded = lines.iter().find(|line| line.consumer.run.is_some()).unwrap();
    assert_eq!(embedded.kind, Operation::Embed);
    assert_eq!(embedded.consumer.run.as_deref(), Some(run.id().as_str()));
    assert_eq!(embedded.consumer.investigation.as_deref(), Some(run.session_id().as_str()));
}
