//! Pages of the facade: those of lists that it puts together itself, of what a caller may see, and their bound.

use std::sync::Arc;

use nexus_core::audit::Kind;
use nexus_core::ledger::{KillSwitch, KillSwitchCause, KillSwitchScope, QuotaStore};
use nexus_core::price::PriceRow;
use nexus_core::quota::{Cap, Limit, Meter, ScopeKind, Window};
use nexus_core::{LimitStatus, Page, Principal};
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::fixture::at;
use nexus_testkit::store::pages::{refused, walk, walk_while};

use super::journey::{admin, nexus};

fn editor(name: &str) -> Principal {
    Principal::user("acme", name).unwrap().roles(["editor"])
}

fn calls_of(user: &str, window: Window) -> Limit {
    Limit::new(ScopeKind::User, Meter::Calls, window, Cap::Limited(9)).for_id(user)
}

#[tokio::test]
async fn limits_in_force_have_pages_for_each_caller() {
    let nexus = nexus(&MemoryStore::default());
    let (caller, eve) = (admin(), editor("eve"));
    let set = async |user: &str, window| nexus.set_limit(&caller, &calls_of(user, window)).await.unwrap();
    for user in ["ada", "eve", "zoe"] {
        for window in [Window::Day, Window::Month] {
            set(user, window).await;
        }
    }
    let of_eve = |page| nexus.limits(&eve, None, page);
    let shown = walk(of_eve, LimitStatus::key).await;
    assert!(
        shown.len() > 3 && !shown.iter().any(|key| key.contains("ada") || key.contains("zoe")),
        "{shown:?}"
    );
    let change = async {
        let first = nexus.limits(&caller, None, Page::first(1)).await.unwrap().remove(0).limit;
        nexus.set_limit(&caller, &Limit { cap: Cap::Limited(1), ..first }).await.unwrap();
        assert!(nexus.remove_limit(&caller, &calls_of("eve", Window::Day).subject).await.unwrap());
        set("bob", Window::Day).await;
    };
    walk_while(|page| nexus.limits(&caller, None, page), LimitStatus::key, change).await;
    refused(nexus.limits(&caller, None, Page::first(9).after("month")).await);
}

#[tokio::test]
async fn prices_have_pages_and_a_new_price_is_at_the_end() {
    let nexus = nexus(&MemoryStore::default());
    let caller = admin();
    let all = nexus.prices(&caller, Page::all()).await.unwrap();
    let new = PriceRow { version: "contract-7".to_owned(), ..all[0].clone() };
    let mut walked: Vec<PriceRow> = Vec::new();
    loop {
        let page = Page::first(7).after(walked.len().to_string());
        let page = nexus.prices(&caller, page).await.unwrap();
        if page.is_empty() {
            break;
        }
        if walked.is_empty() {
            nexus.add_price(&caller, &new).await.unwrap();
        }
        walked.extend(page);
    }
    assert_eq!(walked, [all, vec![new]].concat());
    refused(nexus.prices(&caller, Page::first(7).after("gpt-4o")).await);
}

#[tokio::test]
async fn a_page_is_filled_with_what_the_caller_may_see_and_has_at_most_a_thousand_entries() {
    let store = MemoryStore::default();
    let world = World::new(Arc::new(store.clone()));
    let (nexus, caller) = (nexus(&store), admin());
    let trip = async |scope| {
        let cause = KillSwitchCause::Switch { reason: "drill".to_owned() };
        let switch = KillSwitch { scope, cause, since: at(0), until: None };
        store.trip(caller.tenant(), &switch, world.unrecorded()).await.unwrap();
    };
    trip(KillSwitchScope::Global).await;
    trip(KillSwitchScope::User("zoe".to_owned())).await;
    for number in 0..Page::MAX {
        trip(KillSwitchScope::User(format!("u{number:04}"))).await;
    }
    let key = |switch: &KillSwitch| switch.scope.key();
    let first = nexus.kill_switches(&caller, Page::all()).await.unwrap();
    assert_eq!(first.len(), Page::MAX);
    let rest = nexus.kill_switches(&caller, Page::all().after(key(&first[Page::MAX - 1]))).await.unwrap();
    assert_eq!(rest.iter().map(key).collect::<Vec<_>>(), ["user:u0999", "user:zoe"]);
    let zoe = editor("zoe");
    let shown = walk(|page| nexus.kill_switches(&zoe, page), key).await;
    assert_eq!(shown, ["global", "user:zoe"]);
}

#[tokio::test]
async fn chains_of_a_caller_have_pages_among_those_of_others() {
    let store = MemoryStore::default();
    let world = World::new(Arc::new(store.clone()));
    let (nexus, eve, bob) = (nexus(&store), editor("eve"), editor("bob"));
    for (caller, chain) in [(&eve, "b"), (&bob, "c"), (&eve, "d"), (&bob, "a"), (&eve, "e"), (&eve, "g")] {
        world.store.append(world.pending(caller, chain, &[Kind::CHAIN_OPEN])).await.unwrap();
    }
    let change = async {
        for chain in ["aa", "f"] {
            world.store.append(world.pending(&eve, chain, &[Kind::CHAIN_OPEN])).await.unwrap();
        }
    };
    walk_while(|page| nexus.chains(&eve, page), String::clone, change).await;
    assert_eq!(nexus.chains(&eve, Page::first(9)).await.unwrap(), ["aa", "b", "d", "e", "f", "g"]);
}
