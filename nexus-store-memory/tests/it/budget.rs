//! Facade for budgets: rights to see and change them, and the records of changes.

use std::sync::Arc;

use nexus_core::audit::{Kind, Status};
use nexus_core::gateway::{Admission, GatewaySettings, ModelCall};
use nexus_core::ledger::{AutoTripRule, KillSwitchCause, KillSwitchScope, LedgerQuery, Settlement, UsageBy};
use nexus_core::llm::Request;
use nexus_core::price::{PriceRow, Rates};
use nexus_core::quota::{Cap, DateRange, Limit, LimitKey, LimitMode, Meter, ScopeKind, Window};
use nexus_core::session::{Session, SessionStore};
use nexus_core::{
    Authentication, CorpusId, ErrorKind, LimitStatus, NanoUsd, Nexus, Page, Principal, Result, SessionId,
    Timestamp,
};
use nexus_store_memory::MemoryStore;
use nexus_testkit::fake::FixedClock;
use nexus_testkit::store::World;
use nexus_testkit::store::calls::{MODEL, amounts};
use nexus_testkit::store::fixture::at;
use serde_json::json;

use super::journey::{admin, builder, ingest, nexus};

fn user(name: &str, role: &str) -> Principal {
    Principal::user("acme", name).unwrap().roles([role])
}

fn from_afar() -> Principal {
    admin().authenticated(Authentication::ApiKey { key_id: "k-1".to_owned() })
}

#[track_caller]
fn denied<T: std::fmt::Debug>(result: Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Denied);
}

/// Returns the number of the tenant's valid chains.
async fn chains(nexus: &Nexus) -> usize {
    let chains = nexus.chains(&admin(), Page::first(100)).await.unwrap();
    for chain in &chains {
        let verified = nexus.verify(&admin(), chain, None).await.unwrap();
        assert_eq!(verified.status, Status::Ok);
    }
    chains.len()
}

fn calls_a_day(cap: u64) -> Limit {
    Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(cap))
}

fn price() -> PriceRow {
    PriceRow {
        provider: "openai".to_owned(),
        model: "gpt-next".to_owned(),
        valid_from: Timestamp::from_micros(0),
        version: "contract-7".to_owned(),
        rates: Rates { input: 1, output: 2, ..Rates::default() },
        tiers: Vec::new(),
    }
}

#[tokio::test]
async fn each_change_is_one_signed_chain() {
    let nexus = nexus(&MemoryStore::default());
    let caller = admin();
    nexus.set_limit(&caller, &calls_a_day(3)).await.unwrap();
    nexus.add_price(&caller, &price()).await.unwrap();
    nexus.trip(&caller, KillSwitchScope::User("bob".to_owned()), "drill", None).await.unwrap();
    assert!(nexus.rearm(&caller, &KillSwitchScope::User("bob".to_owned())).await.unwrap());
    assert!(nexus.remove_limit(&caller, &calls_a_day(3).subject).await.unwrap());
    assert_eq!(chains(&nexus).await, 5);
}

#[tokio::test]
async fn a_limit_that_is_set_wins_over_the_configured_one_until_it_is_removed() {
    let nexus = nexus(&MemoryStore::default());
    let caller = admin();
    let monthly = Limit::new(ScopeKind::User, Meter::Money, Window::Month, Cap::Limited(7));
    let cap = async || {
        let limits = nexus.limits(&caller, None, Page::default()).await.unwrap();
        let found: Vec<_> =
            limits.into_iter().filter(|status| status.limit.subject == monthly.subject).collect();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].counted_for.as_deref(), found[0].used), (Some("root"), Some(0)));
        found[0].limit.cap
    };
    assert_eq!(cap().await, Cap::Limited(25_000_000_000));
    nexus.set_limit(&caller, &monthly).await.unwrap();
    assert_eq!(cap().await, Cap::Limited(7));
    assert!(nexus.remove_limit(&caller, &monthly.subject).await.unwrap());
    assert!(!nexus.remove_limit(&caller, &monthly.subject).await.unwrap());
    assert_eq!(cap().await, Cap::Limited(25_000_000_000));
}

#[tokio::test]
async fn a_limit_on_one_user_is_about_that_user_for_every_caller() {
    let nexus = nexus(&MemoryStore::default());
    nexus.set_limit(&admin(), &calls_a_day(3).for_id("bob").for_model("m")).await.unwrap();
    let limits = nexus.limits(&admin(), None, Page::default()).await.unwrap();
    let of_bob = limits.iter().find(|status| status.limit.subject.id.is_some()).unwrap();
    assert_eq!((of_bob.counted_for.as_deref(), of_bob.used), (Some("bob"), Some(0)));
}

#[tokio::test]
async fn a_check_of_a_provider_is_the_systems_call_outside_the_limits_of_users() {
    let nexus = builder(&MemoryStore::default()).build().unwrap();
    let nothing = |scope| Limit::new(scope, Meter::Calls, Window::Day, Cap::Limited(0));
    nexus.set_limit(&admin(), &nothing(ScopeKind::User)).await.unwrap();
    let own_call = || ModelCall::new(Request::asking("Reply with the word OK."));
    assert!(matches!(nexus.complete(&admin(), own_call()).await.unwrap(), Admission::Refused(_)));
    denied(nexus.check_provider(&user("bob", "editor"), "extractive").await);
    let receipt = nexus.check_provider(&admin(), "extractive").await.unwrap();
    let entries = nexus.ledger(&admin(), LedgerQuery::default()).await.unwrap();
    let booked: Vec<_> = entries.iter().map(|entry| (&*entry.consumer.user, &entry.call)).collect();
    assert_eq!(booked, [("nexus", &receipt.call)]);
    nexus.set_limit(&admin(), &nothing(ScopeKind::Tenant)).await.unwrap();
    let refused = nexus.check_provider(&admin(), "extractive").await.unwrap_err();
    assert_eq!(refused.code(), "QUOTA_EXCEEDED", "the tenant's limits hold");
}

#[tokio::test]
async fn a_general_limit_counts_nothing_for_a_user_with_an_own_one() {
    let nexus = nexus(&MemoryStore::default());
    let general = calls_a_day(3);
    let own = Limit { cap: Cap::Limited(9), ..general.clone() }.for_id("bob");
    for limit in [&general, &own] {
        nexus.set_limit(&admin(), limit).await.unwrap();
    }
    let counted = async |user: &str| {
        let limits = nexus.limits(&admin(), Some(user), Page::default()).await.unwrap();
        let of = |key: &LimitKey| {
            let found = limits.iter().find(|status| status.limit.subject == *key).unwrap();
            found.counted_for.clone()
        };
        (of(&general.subject), of(&own.subject))
    };
    let bob = Some("bob".to_owned());
    assert_eq!(counted("bob").await, (None, bob.clone()));
    assert_eq!(counted("eve").await, (Some("eve".to_owned()), bob));
}

#[tokio::test]
async fn readers_see_nothing_editors_their_own_and_admins_everything() {
    let nexus = nexus(&MemoryStore::default());
    let month = DateRange::month("2026-03").unwrap();
    let (reader, editor) = (user("ada", "reader"), user("bob", "editor"));
    denied(nexus.usage(&reader, UsageBy::User, &month).await);
    denied(nexus.ledger(&reader, LedgerQuery::default()).await);
    denied(nexus.calls(&reader, LedgerQuery::default()).await);
    denied(nexus.prices(&reader, Page::default()).await);
    denied(nexus.limits(&reader, None, Page::default()).await);
    denied(nexus.kill_switches(&reader, Page::default()).await);
    nexus.usage(&editor, UsageBy::User, &month).await.unwrap();
    nexus.ledger(&editor, LedgerQuery::default()).await.unwrap();
    nexus.limits(&editor, Some("bob"), Page::default()).await.unwrap();
    denied(nexus.usage(&editor, UsageBy::Model, &month).await);
    denied(nexus.usage_records(&editor, &month, Page::default()).await);
    denied(nexus.limits(&editor, Some("ada"), Page::default()).await);
    denied(nexus.reasoning(&editor, "call").await);
    assert_eq!(nexus.reasoning(&admin(), "call").await.unwrap_err().kind(), ErrorKind::NotFound);
    nexus.usage_records(&admin(), &month, Page::default()).await.unwrap();
    assert_eq!(chains(&nexus).await, 0);
}

/// Settles a call of `caller`, which counts on the tenant's, the organisation's and the user's counters.
async fn spend(store: &MemoryStore, caller: &Principal, session: Option<&str>) {
    let world = World::new(Arc::new(store.clone()));
    let mut intent = world.intent(caller, &caller.subject().to_string(), &[], amounts(5, 7));
    intent.call.id = format!("call-of-{}", caller.subject());
    intent.call.consumer.investigation = session.map(str::to_owned);
    intent.audit = world.pending(caller, &intent.call.id, &[Kind::CHAIN_OPEN]);
    let call = world.begin(intent).await;
    world.settle(world.settlement(caller, &call, amounts(5, 7))).await;
}

#[tokio::test]
async fn what_others_consume_is_shown_to_admins_only_in_limits_too() {
    let store = MemoryStore::default();
    let nexus = nexus(&store);
    let (eve, bob) = (user("eve", "editor"), user("bob", "editor"));
    for (id, caller) in [("of-bob", &bob), ("of-eve", &eve)] {
        let session = Session {
            id: SessionId::parse(id).unwrap(),
            owner: caller.subject().clone(),
            title: id.to_owned(),
            created_at: at(0),
            updated_at: at(0),
        };
        store.open_session(caller.tenant(), session).await.unwrap();
    }
    spend(&store, &bob, Some("of-bob")).await;
    spend(&store, &eve, Some("of-eve")).await;
    let total = |scope| Limit::new(scope, Meter::Money, Window::Total, Cap::Limited(100));
    for limit in [
        total(ScopeKind::Tenant),
        total(ScopeKind::User),
        total(ScopeKind::User).for_id("bob"),
        total(ScopeKind::User).for_id("eve").for_model(MODEL),
        total(ScopeKind::Organisation).for_id("north"),
        total(ScopeKind::Investigation).for_id("of-bob"),
        total(ScopeKind::Investigation).for_id("of-eve"),
        total(ScopeKind::Run).for_id("of-bob"),
    ] {
        nexus.set_limit(&admin(), &limit).await.unwrap();
    }
    let shown = async |caller: &Principal| {
        let limits = nexus.limits(caller, None, Page::default()).await.unwrap();
        let limits = limits.into_iter().filter(|status| status.limit.subject.window == Window::Total);
        let row = |status: LimitStatus| (status.limit.subject.scope, status.limit.subject.id, status.used);
        limits.map(row).collect::<Vec<_>>()
    };
    let named = |id: &str| Some(id.to_owned());
    assert_eq!(
        shown(&eve).await,
        [
            (ScopeKind::Tenant, None, None),
            (ScopeKind::User, None, Some(7)),
            (ScopeKind::User, named("eve"), Some(7)),
            (ScopeKind::Investigation, None, None),
            (ScopeKind::Investigation, named("of-eve"), Some(7)),
        ]
    );
    let all = shown(&admin()).await;
    assert_eq!(all.len(), 9, "{all:?}");
    assert!(all.contains(&(ScopeKind::Tenant, None, Some(14))));
    assert!(all.contains(&(ScopeKind::Investigation, named("of-bob"), Some(7))));
}

#[tokio::test]
async fn a_stop_tells_what_others_spent_to_admins_only() {
    let store = MemoryStore::default();
    let nexus = nexus(&store);
    let (eve, bob) = (user("eve", "editor"), user("bob", "editor"));
    let rule = AutoTripRule {
        tenant_spend: Some(NanoUsd::from_nanos(10)),
        user_spend: Some(NanoUsd::from_nanos(6)),
        ..AutoTripRule::default()
    };
    let world = World::new(Arc::new(store.clone()));
    let mut begun = Vec::new();
    for caller in [&bob, &eve] {
        begun.push((
            caller,
            world.begin(world.intent(caller, caller.subject().as_str(), &[], amounts(5, 7))).await,
        ));
    }
    for (caller, call) in begun {
        let settlement = world.settlement(caller, &call, amounts(5, 7));
        world.settle(Settlement { auto_trip: rule, ..settlement }).await;
    }
    assert_eq!(nexus.kill_switches(&admin(), Page::default()).await.unwrap().len(), 3);
    let stops = nexus.kill_switches(&eve, Page::default()).await.unwrap();
    let spend = |nanos| KillSwitchCause::Spend { spent: NanoUsd::from_nanos(nanos) };
    let shown: Vec<_> = stops.iter().map(|stop| (&stop.scope, &stop.cause)).collect();
    let (tenant, own) = (KillSwitchScope::Tenant("acme".to_owned()), KillSwitchScope::User("eve".to_owned()));
    assert_eq!(shown, [(&tenant, &spend(0)), (&own, &spend(7))]);
    for stop in nexus.kill_switches(&admin(), Page::default()).await.unwrap() {
        assert_eq!(stop.sentence().contains("0.0000000"), matches!(stop.scope, KillSwitchScope::User(_)));
    }
}

#[tokio::test]
async fn a_limit_in_shadow_tells_what_others_consume_to_admins_only() {
    let store = MemoryStore::default();
    let nexus = nexus(&store);
    let eve = user("eve", "editor");
    spend(&store, &user("bob", "editor"), None).await;
    let shadow = |scope| Limit {
        mode: LimitMode::Shadow,
        ..Limit::new(scope, Meter::Money, Window::Day, Cap::Limited(1))
    };
    let world = World::new(Arc::new(store.clone()));
    world
        .begin(world.intent(&eve, "k", &[shadow(ScopeKind::Tenant), shadow(ScopeKind::User)], amounts(5, 7)))
        .await;
    let used = async |caller: &Principal| {
        let query =
            LedgerQuery { user: Some("eve".to_owned()), page: Page::first(9), ..LedgerQuery::default() };
        let call = nexus.calls(caller, query).await.unwrap().remove(0);
        let shadowed = call.metadata["shadowed"].as_array().unwrap().clone();
        shadowed.iter().map(|refusal| refusal["used"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((used(&admin()).await, used(&eve).await), (vec![7, 0], vec![0, 0]));
}

#[tokio::test]
async fn a_chain_is_listed_and_verified_for_its_owner_and_for_admins() {
    let store = MemoryStore::default();
    let nexus = nexus(&store);
    let (eve, bob) = (user("eve", "reader"), user("bob", "editor"));
    spend(&store, &bob, None).await;
    spend(&store, &eve, None).await;
    assert_eq!(nexus.chains(&eve, Page::first(9)).await.unwrap(), ["call-of-eve"]);
    assert_eq!(nexus.chains(&bob, Page::first(9)).await.unwrap(), ["call-of-bob"]);
    assert!(nexus.chains(&bob, Page::first(9).after("call-of-bob")).await.unwrap().is_empty());
    assert_eq!(nexus.chains(&admin(), Page::first(9)).await.unwrap().len(), 2);
    assert_eq!(nexus.verify(&eve, "call-of-eve", None).await.unwrap().status, Status::Ok);
    let foreign = nexus.verify(&eve, "call-of-bob", None).await.unwrap_err();
    let missing = nexus.verify(&eve, "unknown-call", None).await.unwrap_err();
    assert_eq!((foreign.code(), foreign.to_string()), (missing.code(), missing.to_string()));
    assert_eq!(nexus.verify(&admin(), "call-of-bob", None).await.unwrap().status, Status::Ok);
}

#[tokio::test]
async fn a_limit_that_could_count_nothing_is_not_set() {
    let nexus = nexus(&MemoryStore::default());
    let limit = |scope, meter| Limit::new(scope, meter, Window::Day, Cap::Limited(5));
    for unfit in [
        limit(ScopeKind::User, Meter::CostUnits),
        limit(ScopeKind::User, Meter::CostUnits).for_model("gpt-4o"),
        limit(ScopeKind::Tenant, Meter::Money).for_id("umbrella"),
    ] {
        let error = nexus.set_limit(&admin(), &unfit).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, "LIMIT_UNCOUNTED"));
    }
    nexus.set_limit(&admin(), &limit(ScopeKind::Tenant, Meter::Money).for_id("acme")).await.unwrap();
    assert_eq!(chains(&nexus).await, 1);
}

#[tokio::test]
async fn documents_and_calls_of_one_moment_are_used_on_one_day() {
    let store = MemoryStore::default();
    let zone = "Pacific/Auckland".parse().unwrap();
    let now: Timestamp = "2026-03-01T20:00:00Z".parse().unwrap();
    let settings = GatewaySettings { zone, ..GatewaySettings::with_builtin_prices().unwrap() };
    let nexus = builder(&store).gateway(settings).clock(FixedClock::at(now)).build().unwrap();
    nexus.create_corpus(&admin(), CorpusId::parse("handbook").unwrap(), "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "leave.txt", "Every employee has thirty days of paid leave in a year.").await;
    let run = nexus.ask(&admin(), "How many days of paid leave?").corpus("handbook").start().await.unwrap();
    run.finish().await.unwrap();
    let records =
        nexus.usage_records(&admin(), &DateRange::month("2026-03").unwrap(), Page::default()).await.unwrap();
    let days: Vec<_> = records.iter().map(|record| (record.date.as_str(), record.documents)).collect();
    assert_eq!(days.len(), 2, "{days:?}");
    assert!(days.iter().all(|(day, _)| *day == "2026-03-02"), "{days:?}");
}

#[tokio::test]
async fn only_admins_change_anything_and_only_operators_what_concerns_every_tenant() {
    let nexus = nexus(&MemoryStore::default());
    let editor = user("bob", "editor");
    denied(nexus.set_limit(&editor, &calls_a_day(3)).await);
    denied(nexus.remove_limit(&editor, &calls_a_day(3).subject).await);
    denied(nexus.add_price(&editor, &price()).await);
    denied(nexus.trip(&editor, KillSwitchScope::User("bob".to_owned()), "drill", None).await);
    denied(nexus.rearm(&editor, &KillSwitchScope::User("bob".to_owned())).await);
    denied(nexus.add_price(&from_afar(), &price()).await);
    denied(nexus.trip(&from_afar(), KillSwitchScope::Global, "drill", None).await);
    denied(nexus.rearm(&from_afar(), &KillSwitchScope::Global).await);
    denied(nexus.trip(&admin(), KillSwitchScope::Tenant("other".to_owned()), "drill", None).await);
    nexus.trip(&from_afar(), KillSwitchScope::Tenant("acme".to_owned()), "drill", None).await.unwrap();
    assert_eq!(chains(&nexus).await, 1);
}

#[tokio::test]
async fn a_price_that_cannot_be_meant_is_refused_and_one_that_can_is_in_force() {
    let nexus = nexus(&MemoryStore::default());
    let shipped = nexus.prices(&admin(), Page::default()).await.unwrap().len();
    let dear = PriceRow { rates: Rates { input: u64::MAX, ..Rates::default() }, ..price() };
    assert_eq!(nexus.add_price(&admin(), &dear).await.unwrap_err().code(), "INVALID_PRICE");
    nexus.add_price(&admin(), &price()).await.unwrap();
    let prices = nexus.prices(&admin(), Page::default()).await.unwrap();
    assert_eq!((prices.len(), prices.last()), (shipped + 1, Some(&price())));
}

#[tokio::test]
async fn a_stop_says_why_and_for_how_long() {
    let nexus = nexus(&MemoryStore::default());
    let minute = std::time::Duration::from_mins(1);
    let stop = nexus.trip(&admin(), KillSwitchScope::Global, "drill", Some(minute)).await.unwrap();
    assert_eq!(stop.until.map(|until| until.since(stop.since)), Some(minute));
    let stops = nexus.kill_switches(&admin(), Page::default()).await.unwrap();
    assert_eq!(stops, [stop]);
    assert!(matches!(&stops[0].cause, KillSwitchCause::Switch { reason } if reason == "drill"));
    let unfit = nexus.trip(&admin(), KillSwitchScope::Global, "two\nlines", None).await.unwrap_err();
    assert_eq!(unfit.kind(), ErrorKind::InvalidInput);
}
