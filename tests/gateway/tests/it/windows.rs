//! Limit windows under a test clock: nothing is reset, time moves on to another counter.

use std::sync::Arc;
use std::time::Duration;

use nexus_core::gateway::GatewaySettings;
use nexus_core::quota::{Cap, Limit, Limits, Meter, Refusal, ScopeKind, Window};
use nexus_core::{Clock, Timestamp};
use nexus_fake_provider::Scripted;
use nexus_store_memory::MemoryStore;
use nexus_testkit::fake::FixedClock;

use crate::fixture::{World, builder, call, caller, read, routing, settings};
use nexus_core::gateway::CallRefusal;

/// Clock shared by the engine and the test.
#[derive(Clone, Debug)]
struct Shared(Arc<FixedClock>);

impl Clock for Shared {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

fn at(moment: &str) -> Timestamp {
    moment.parse().unwrap()
}

fn tenant(window: Window, cap: u64) -> Limit {
    Limit::new(ScopeKind::Tenant, Meter::Calls, window, Cap::Limited(cap))
}

async fn world(zone: &str, now: &str, limits: impl IntoIterator<Item = Limit>) -> (World, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::at(at(now)));
    let limits = Limits::none().with(limits);
    let settings = GatewaySettings { limits, zone: zone.parse().unwrap(), ..settings() };
    let scripted = Scripted::start().await.unwrap();
    let builder =
        builder(MemoryStore::default(), routing(&scripted), settings).clock(Shared(Arc::clone(&clock)));
    (World { scripted, nexus: builder.build().unwrap() }, clock)
}

async fn refused(world: &World) -> Refusal {
    let CallRefusal::Limit(refusal) = world.refusal(call("plain")).await else { panic!("another refusal") };
    refusal
}

#[tokio::test]
async fn n43_a_month_begins_anew_where_the_zone_says_in_a_leap_year_too() {
    let limits = [tenant(Window::Month, 1)];
    let (world, clock) = world("Europe/Berlin", "2028-02-29T22:30:00Z", limits).await;
    world.answer(call("plain")).await;
    let march = at("2028-02-29T23:00:00Z");
    assert_eq!(refused(&world).await.resets_at, Some(march));
    clock.set(at("2028-02-29T22:59:59.999999Z"));
    refused(&world).await;
    clock.set(march);
    world.answer(call("plain")).await;
    // The end of March is an hour earlier by the sun: summer time began.
    assert_eq!(refused(&world).await.resets_at, Some(at("2028-03-31T22:00:00Z")));
}

#[tokio::test]
async fn n43_every_scope_begins_anew_and_not_only_the_user() {
    let both = [ScopeKind::Tenant, ScopeKind::Organisation, ScopeKind::User];
    for scope in both {
        let limit = Limit::new(scope, Meter::Calls, Window::Day, Cap::Limited(1));
        let (world, clock) = world("UTC", "2028-12-31T12:00:00Z", [limit]).await;
        let caller = caller().organisation(nexus_core::OrganisationId::parse("sales").unwrap());
        for day in 0..3 {
            clock.set(at("2028-12-31T12:00:00Z").plus(Duration::from_hours(24 * day)));
            let first = world.nexus.complete(&caller, call("plain")).await.unwrap();
            assert!(matches!(first, nexus_core::gateway::Admission::Granted(_)), "{scope} {day}");
            let second = world.nexus.complete(&caller, call("plain")).await.unwrap();
            assert!(matches!(second, nexus_core::gateway::Admission::Refused(_)), "{scope} {day}");
        }
    }
}

#[tokio::test]
async fn n44_a_limit_that_is_new_counts_what_its_window_has_seen_and_ends_with_it() {
    let (world, clock) = world("UTC", "2028-05-30T23:59:00Z", []).await;
    world.answer(call("plain")).await;
    world.nexus.set_limit(&caller(), &tenant(Window::Month, 2)).await.unwrap();
    world.answer(call("plain")).await;
    for moment in ["2028-05-30T23:59:00.000001Z", "2028-05-31T00:00:00Z", "2028-05-31T23:59:59Z"] {
        clock.set(at(moment));
        let refusal = refused(&world).await;
        assert_eq!((refusal.used, refusal.resets_at), (2, Some(at("2028-06-01T00:00:00Z"))), "{moment}");
    }
    clock.set(at("2028-06-01T00:00:00Z"));
    world.answer(call("plain")).await;
}

#[tokio::test]
async fn n45_a_call_that_ends_in_the_next_window_is_counted_where_it_began() {
    let (world, clock) = world("UTC", "2028-05-31T23:59:59Z", [tenant(Window::Day, 1)]).await;
    let stream = world.stream(call("m+frames=3+head-after=20ms")).await;
    clock.set(at("2028-06-01T00:00:01Z"));
    let (_, error) = read(stream).await;
    assert!(error.is_none());
    // The new day is untouched, and the old one is full.
    world.answer(call("plain")).await;
    refused(&world).await;
    clock.set(at("2028-05-31T23:59:59Z"));
    assert_eq!(refused(&world).await.used, 1);
}

#[tokio::test]
async fn n46_a_clock_that_goes_back_finds_the_counter_it_left() {
    let limits = [tenant(Window::MINUTE, 1)];
    let (world, clock) = world("Australia/Lord_Howe", "2028-04-01T15:00:30Z", limits).await;
    world.answer(call("plain")).await;
    clock.set(at("2028-04-01T15:01:00Z"));
    world.answer(call("plain")).await;
    for moment in ["2028-04-01T15:00:00Z", "2028-04-01T15:01:59Z"] {
        clock.set(at(moment));
        refused(&world).await;
    }
    clock.set(at("2028-04-01T14:59:59Z"));
    world.answer(call("plain")).await;
}
