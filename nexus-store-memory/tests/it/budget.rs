//! The facade for budgets: who may see and change what, and the records that changes leave.

use nexus_core::audit::Status;
use nexus_core::ledger::{LedgerQuery, StopCause, StopScope, UsageBy};
use nexus_core::price::{PriceRow, Rates};
use nexus_core::quota::{Cap, Days, Limit, Meter, ScopeKind, Window};
use nexus_core::{Authentication, ErrorKind, Nexus, Principal, Result, Timestamp};
use nexus_store_memory::MemoryStore;

use super::journey::{admin, nexus};

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

/// How many sound chains the tenant has.
async fn chains(nexus: &Nexus) -> usize {
    let chains = nexus.chains(&admin(), None, 100).await.unwrap();
    for chain in &chains {
        let verified = nexus.verify(&admin(), chain, None).await.unwrap();
        assert_eq!(verified.status, Status::Ok);
    }
    chains.len()
}

fn calls_a_day(cap: u64) -> Limit {
    Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::At(cap))
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
    let who = admin();
    nexus.set_limit(&who, &calls_a_day(3)).await.unwrap();
    nexus.add_price(&who, &price()).await.unwrap();
    nexus.trip(&who, StopScope::User("bob".to_owned()), "drill", None).await.unwrap();
    assert!(nexus.rearm(&who, &StopScope::User("bob".to_owned())).await.unwrap());
    assert!(nexus.remove_limit(&who, &calls_a_day(3).subject).await.unwrap());
    assert_eq!(chains(&nexus).await, 5);
}

#[tokio::test]
async fn a_limit_that_is_set_wins_over_the_configured_one_until_it_is_removed() {
    let nexus = nexus(&MemoryStore::default());
    let who = admin();
    let monthly = Limit::new(ScopeKind::User, Meter::Money, Window::Month, Cap::At(7));
    let cap = async || {
        let limits = nexus.limits(&who, None).await.unwrap();
        let found: Vec<_> =
            limits.into_iter().filter(|status| status.limit.subject == monthly.subject).collect();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].counted_for.as_deref(), found[0].used), (Some("root"), Some(0)));
        found[0].limit.cap
    };
    assert_eq!(cap().await, Cap::At(25_000_000_000));
    nexus.set_limit(&who, &monthly).await.unwrap();
    assert_eq!(cap().await, Cap::At(7));
    assert!(nexus.remove_limit(&who, &monthly.subject).await.unwrap());
    assert!(!nexus.remove_limit(&who, &monthly.subject).await.unwrap());
    assert_eq!(cap().await, Cap::At(25_000_000_000));
}

#[tokio::test]
async fn a_limit_on_one_user_is_about_that_one_whoever_looks() {
    let nexus = nexus(&MemoryStore::default());
    nexus.set_limit(&admin(), &calls_a_day(3).for_id("bob").for_model("m")).await.unwrap();
    let limits = nexus.limits(&admin(), None).await.unwrap();
    let of_bob = limits.iter().find(|status| status.limit.subject.id.is_some()).unwrap();
    assert_eq!((of_bob.counted_for.as_deref(), of_bob.used), (Some("bob"), Some(0)));
}

#[tokio::test]
async fn readers_see_nothing_editors_their_own_and_admins_everything() {
    let nexus = nexus(&MemoryStore::default());
    let month = Days::month("2026-03").unwrap();
    let (reader, editor) = (user("ada", "reader"), user("bob", "editor"));
    denied(nexus.usage(&reader, UsageBy::User, &month).await);
    denied(nexus.ledger(&reader, LedgerQuery::default()).await);
    denied(nexus.calls(&reader, LedgerQuery::default()).await);
    denied(nexus.prices(&reader).await);
    denied(nexus.limits(&reader, None).await);
    denied(nexus.stops(&reader).await);
    nexus.usage(&editor, UsageBy::User, &month).await.unwrap();
    nexus.ledger(&editor, LedgerQuery::default()).await.unwrap();
    nexus.limits(&editor, Some("bob")).await.unwrap();
    denied(nexus.usage(&editor, UsageBy::Model, &month).await);
    denied(nexus.usage_records(&editor, &month).await);
    denied(nexus.limits(&editor, Some("ada")).await);
    denied(nexus.reasoning(&editor, "call").await);
    assert_eq!(nexus.reasoning(&admin(), "call").await.unwrap_err().kind(), ErrorKind::NotFound);
    nexus.usage_records(&admin(), &month).await.unwrap();
    assert_eq!(chains(&nexus).await, 0);
}

#[tokio::test]
async fn only_admins_change_anything_and_only_operators_what_concerns_every_tenant() {
    let nexus = nexus(&MemoryStore::default());
    let editor = user("bob", "editor");
    denied(nexus.set_limit(&editor, &calls_a_day(3)).await);
    denied(nexus.remove_limit(&editor, &calls_a_day(3).subject).await);
    denied(nexus.add_price(&editor, &price()).await);
    denied(nexus.trip(&editor, StopScope::User("bob".to_owned()), "drill", None).await);
    denied(nexus.rearm(&editor, &StopScope::User("bob".to_owned())).await);
    denied(nexus.add_price(&from_afar(), &price()).await);
    denied(nexus.trip(&from_afar(), StopScope::Global, "drill", None).await);
    denied(nexus.rearm(&from_afar(), &StopScope::Global).await);
    denied(nexus.trip(&admin(), StopScope::Tenant("other".to_owned()), "drill", None).await);
    nexus.trip(&from_afar(), StopScope::Tenant("acme".to_owned()), "drill", None).await.unwrap();
    assert_eq!(chains(&nexus).await, 1);
}

#[tokio::test]
async fn a_price_that_cannot_be_meant_is_refused_and_one_that_can_is_in_force() {
    let nexus = nexus(&MemoryStore::default());
    let shipped = nexus.prices(&admin()).await.unwrap().len();
    let dear = PriceRow { rates: Rates { input: u64::MAX, ..Rates::default() }, ..price() };
    assert_eq!(nexus.add_price(&admin(), &dear).await.unwrap_err().stable_code(), "INVALID_PRICE");
    nexus.add_price(&admin(), &price()).await.unwrap();
    let prices = nexus.prices(&admin()).await.unwrap();
    assert_eq!((prices.len(), prices.last()), (shipped + 1, Some(&price())));
}

#[tokio::test]
async fn a_stop_says_why_and_for_how_long() {
    let nexus = nexus(&MemoryStore::default());
    let minute = std::time::Duration::from_mins(1);
    let stop = nexus.trip(&admin(), StopScope::Global, "drill", Some(minute)).await.unwrap();
    assert_eq!(stop.until.map(|until| until.since(stop.since)), Some(minute));
    let stops = nexus.stops(&admin()).await.unwrap();
    assert_eq!(stops, [stop]);
    assert!(matches!(&stops[0].cause, StopCause::Switch { reason } if reason == "drill"));
    let unfit = nexus.trip(&admin(), StopScope::Global, "two\nlines", None).await.unwrap_err();
    assert_eq!(unfit.kind(), ErrorKind::InvalidInput);
}
