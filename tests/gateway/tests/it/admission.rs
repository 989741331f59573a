//! Admission: no caller overspends, however many calls run at once. The numbers are those of failures that public
//! gateways have shipped; each test names its own.

use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use nexus_core::gateway::{Admission, CallRefusal, GatewaySettings, InvestigationPolicy, ModelCall, Route};
use nexus_core::llm::Request;
use nexus_core::price::{PriceRow, PriceTable, Rates};
use nexus_core::quota::{Cap, Limit, LimitMode, Limits, Meter, ScopeKind, TenantQuotas, Window};
use nexus_core::{NanoUsd, Usage};
use nexus_store_memory::MemoryStore;
use nexus_testkit::faulty::{FaultyStore, Troubles};

use crate::fixture::{World, call, caller, engine, price, replace, routing, settings};

fn limited(limit: Limit) -> GatewaySettings {
    GatewaySettings { limits: Limits::none().with([limit]), ..settings() }
}

fn money(nanos: i64) -> Cap {
    Cap::money(NanoUsd::from_nanos(nanos))
}

fn limit(scope: ScopeKind, meter: Meter, cap: Cap) -> Limit {
    Limit::new(scope, meter, Window::Day, cap)
}

/// Returns the cost of one call of `plain`, and its worst case.
async fn cost() -> (i64, i64) {
    let world = World::new(settings()).await;
    world.answer(call("plain")).await;
    let line = &world.lines().await[0];
    (line.charged.money.as_nanos(), line.reserved.money.as_nanos())
}

#[tokio::test(flavor = "multi_thread")]
async fn n01_a_thousand_callers_do_not_overspend_one_cap() {
    let (_, worst) = cost().await;
    let cap = worst * 100;
    let world = World::new(limited(limit(ScopeKind::User, Meter::Money, money(cap)))).await;
    let verdicts: Vec<bool> = futures::stream::iter(0..1_000)
        .map(|_| async { matches!(world.complete(call("plain")).await.unwrap(), Admission::Granted(_)) })
        .buffer_unordered(200)
        .collect()
        .await;
    assert_eq!(verdicts.len(), 1_000);
    let admitted = verdicts.iter().filter(|admitted| **admitted).count();
    let lines = world.lines().await;
    assert_eq!(lines.len(), admitted);
    let spent: i64 = lines.iter().map(|line| line.charged.money.as_nanos()).sum();
    assert!(spent <= cap && admitted >= 100, "{admitted} calls spent {spent} of {cap}");
    assert_eq!(world.scripted.log().len(), admitted, "a refused call reached the vendor");
}

#[tokio::test]
async fn n04_a_call_is_refused_when_its_worst_case_does_not_fit() {
    let (cost, worst) = cost().await;
    assert!(cost < worst);
    let world = World::new(limited(limit(ScopeKind::User, Meter::Money, money(worst - 1)))).await;
    let CallRefusal::Limit(refusal) = world.refusal(call("plain")).await else { panic!("another refusal") };
    assert_eq!((refusal.limit, refusal.used), ((worst - 1).unsigned_abs(), 0));
    assert!(refusal.resets_at.is_some());
    assert!(world.scripted.log().is_empty());
}

#[tokio::test]
async fn n04_a_request_without_max_tokens_gets_one() {
    let world = World::new(settings()).await;
    world.answer(ModelCall::new(Request { model: Some("plain".to_owned()), ..Request::asking("Hi") })).await;
    let body = String::from_utf8(world.scripted.requests()[0].body.to_vec()).unwrap();
    assert!(body.contains("1024"), "{body}");
}

#[tokio::test]
async fn n05_a_cap_of_zero_denies_everything() {
    for meter in Meter::ALL {
        let world = World::new(limited(limit(ScopeKind::Tenant, meter, Cap::Limited(0)))).await;
        assert!(matches!(world.refusal(call("plain")).await, CallRefusal::Limit(_)), "{meter:?}");
        assert!(world.scripted.log().is_empty());
    }
}

#[tokio::test]
async fn n06_a_refused_call_takes_nothing_of_any_other_limit() {
    let limits = Limits::none().with([
        limit(ScopeKind::Tenant, Meter::Calls, Cap::Limited(10)),
        limit(ScopeKind::User, Meter::Money, money(1)),
    ]);
    let world = World::new(GatewaySettings { limits, ..settings() }).await;
    for _ in 0..20 {
        let CallRefusal::Limit(refusal) = world.refusal(call("plain")).await else {
            panic!("another refusal")
        };
        assert_eq!(refusal.meter, Meter::Money);
    }
}

#[tokio::test]
async fn n10_a_model_that_costs_nothing_is_admitted_by_the_same_rules() {
    let free = PriceRow { model: "free".to_owned(), rates: Rates::default(), ..price() };
    for (meter, cap, is_admitted) in [
        (Meter::Money, 1, true),
        (Meter::Money, 0, false),
        (Meter::Calls, 1, true),
        (Meter::Calls, 0, false),
        (Meter::Tokens, 10, false),
        (Meter::Tokens, 100_000, true),
    ] {
        let prices = settings().prices.with([free.clone()]);
        let limited = limited(limit(ScopeKind::User, meter, Cap::Limited(cap)));
        let world = World::new(GatewaySettings { prices, ..limited }).await;
        let granted = world.complete(call("free")).await.unwrap();
        assert_eq!(matches!(granted, Admission::Granted(_)), is_admitted, "{meter:?} {cap}");
        let dear = world.complete(call("plain")).await.unwrap();
        let fits = is_admitted && meter == Meter::Tokens;
        assert_eq!(matches!(dear, Admission::Granted(_)), fits, "{meter:?} {cap}");
    }
}

#[tokio::test]
async fn n17_a_model_without_a_price_is_refused_and_never_free() {
    let world = World::new(GatewaySettings { prices: PriceTable::empty(), ..settings() }).await;
    let refused = world.refusal(call("plain")).await;
    assert_eq!(refused.code(), "PRICE_UNKNOWN");
    assert!(world.scripted.log().is_empty());
    world.nexus.add_price(&caller(), &price()).await.unwrap();
    world.answer(call("plain")).await;
}

#[tokio::test]
async fn n23_counters_hold_more_than_ten_billion_tokens() {
    let usage = Usage { input_uncached: 20_000_000_000, ..Usage::default() };
    assert!(price().cost(&usage).unwrap().as_nanos() > i64::from(u32::MAX));
}

#[tokio::test]
async fn max_cost_tightens_and_never_loosens() {
    let world = World::new(limited(limit(ScopeKind::User, Meter::Calls, Cap::Limited(1)))).await;
    let allowed = NanoUsd::from_nanos(1);
    let refused = world.refusal(ModelCall { max_cost: Some(allowed), ..call("plain") }).await;
    assert_eq!(refused.code(), "MAX_COST_EXCEEDED");
    let generous = || ModelCall { max_cost: Some(NanoUsd::from_nanos(i64::MAX)), ..call("plain") };
    world.answer(generous()).await;
    assert!(matches!(world.refusal(generous()).await, CallRefusal::Limit(_)));
}

#[tokio::test]
async fn a_limit_in_shadow_refuses_nothing() {
    let mut shadow = limit(ScopeKind::User, Meter::Calls, Cap::Limited(0));
    shadow.mode = LimitMode::Shadow;
    let world = World::new(limited(shadow)).await;
    world.answer(call("plain")).await;
}

#[tokio::test]
async fn the_quotas_that_tenants_bring_are_enforced() {
    let quotas = TenantQuotas::parse(
        r#"{"llm_quotas": {"user": {"per_model": {"plain": {"max_cost_units_per_day": 5}}}},
            "llm_cost_units_per_1k_tokens": {"*": 1}, "llm_call_cost_units": 9}"#,
    )
    .unwrap();
    let tenant = nexus_core::gateway::TenantSettings {
        limits: quotas.limits(60),
        cost_units: quotas.cost_units(),
        distillation: false,
    };
    let world =
        World::new(GatewaySettings { tenants: [("acme".to_owned(), tenant)].into(), ..settings() }).await;
    for _ in 0..5 {
        world.answer(call("plain")).await;
    }
    let CallRefusal::Limit(refusal) = world.refusal(call("plain")).await else { panic!("another refusal") };
    assert_eq!((refusal.meter, refusal.used, refusal.limit), (Meter::CostUnits, 5, 5));
    world.answer(call("another")).await;
}

#[tokio::test]
async fn an_investigation_is_blocked_or_gets_a_cheaper_model() {
    let (_, worst) = cost().await;
    let limits = Limits::none().with([Limit::new(
        ScopeKind::Investigation,
        Meter::Money,
        Window::Total,
        money(worst + worst / 2),
    )]);
    let case = || ModelCall { investigation: Some("case-1".to_owned()), ..call("plain") };
    let blocking = World::new(GatewaySettings { limits: limits.clone(), ..settings() }).await;
    blocking.answer(case()).await;
    while let Admission::Granted(_) = blocking.complete(case()).await.unwrap() {}
    let CallRefusal::Limit(refusal) = blocking.refusal(case()).await else { panic!("another refusal") };
    assert_eq!((refusal.scope, refusal.resets_at), (ScopeKind::Investigation, None));

    let mut cheap = price();
    (cheap.model, cheap.rates) = ("cheap".to_owned(), nexus_core::price::Rates::default());
    let settings = GatewaySettings {
        limits,
        prices: settings().prices.with([cheap]),
        investigation: InvestigationPolicy::Degrade,
        ..settings()
    };
    let degrading = World::new(settings.clone()).await;
    let cheaper = nexus_core::gateway::DegradedModel {
        provider: "scripted".to_owned(),
        model: Some("cheap".to_owned()),
    };
    let route = Route { degrade_to: Some(cheaper), ..Route::to("scripted") };
    replace(&degrading.nexus, routing(&degrading.scripted).tenant("acme", route), settings);
    let mut models = Vec::new();
    for _ in 0..60 {
        models.push(degrading.answer(case()).await.receipt.model);
    }
    assert_eq!((models[0].as_str(), models[59].as_str()), ("plain", "cheap"));
}

#[tokio::test]
async fn n41_replacing_the_configuration_resets_no_usage() {
    let settings = limited(limit(ScopeKind::User, Meter::Calls, Cap::Limited(2)));
    let world = World::new(settings.clone()).await;
    world.answer(call("plain")).await;
    replace(&world.nexus, routing(&world.scripted), settings);
    world.answer(call("plain")).await;
    world.refusal(call("plain")).await;
}

#[tokio::test]
async fn a_caller_who_may_not_call_models_is_denied() {
    let world = World::new(settings()).await;
    let reader = nexus_core::Principal::user("acme", "bob").unwrap().roles(["reader"]);
    let error = world.nexus.complete(&reader, call("plain")).await.unwrap_err();
    assert_eq!(error.kind(), nexus_core::ErrorKind::Denied);
}

#[tokio::test]
async fn one_tenants_calls_count_for_no_other() {
    let world = World::new(limited(limit(ScopeKind::Tenant, Meter::Calls, Cap::Limited(1)))).await;
    world.answer(call("plain")).await;
    let other = nexus_core::Principal::user("umbrella", "ada").unwrap().roles(["admin"]);
    assert!(matches!(world.nexus.complete(&other, call("plain")).await.unwrap(), Admission::Granted(_)));
    assert!(matches!(world.nexus.complete(&other, call("plain")).await.unwrap(), Admission::Refused(_)));
}

/// Returns the steps of a store that read settings, since they were taken last.
fn settings_read(troubles: &Troubles) -> impl Fn() -> Vec<String> + use<> {
    let steps: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&steps);
    troubles.follow(move |step| {
        if matches!(step, "settings_version" | "limits" | "prices") {
            seen.lock().unwrap().push(step.to_owned());
        }
        None
    });
    move || std::mem::take(&mut *steps.lock().unwrap())
}

#[tokio::test]
async fn unchanged_settings_are_read_once_and_a_change_by_another_process_holds_for_the_next_call() {
    let store = MemoryStore::default();
    let (faulty, troubles) = FaultyStore::new(store.clone());
    let world = World::over(faulty, settings()).await;
    let other = engine(store, routing(&world.scripted), settings());
    let read = settings_read(&troubles);
    world.answer(call("plain")).await;
    assert_eq!(read(), ["settings_version", "limits", "prices"]);
    world.answer(call("plain")).await;
    assert_eq!(read(), [""; 0]);

    let nothing = limit(ScopeKind::User, Meter::Calls, Cap::Limited(0));
    other.set_limit(&caller(), &nothing).await.unwrap();
    assert!(matches!(world.refusal(call("plain")).await, CallRefusal::Limit(refusal) if refusal.limit == 0));
    assert_eq!(read(), ["settings_version", "limits", "prices"]);
    assert!(other.remove_limit(&caller(), &nothing.subject).await.unwrap());
    world.answer(call("plain")).await;

    let dearer = PriceRow { version: "dearer".to_owned(), ..price() };
    other.add_price(&caller(), &dearer).await.unwrap();
    world.answer(call("plain")).await;
    let versions: Vec<String> = world.lines().await.into_iter().map(|line| line.price_version).collect();
    assert_eq!(versions.last().unwrap(), "dearer");
    assert!(!versions[..versions.len() - 1].contains(&"dearer".to_owned()));
    world.quiet().await;
}
