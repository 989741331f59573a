//! Several engines over one store: a call belongs to the one that makes it, and is ended by another only after its lease,
//! and once.

use std::sync::Arc;
use std::time::Duration;

use nexus_core::audit::Status;
use nexus_core::gateway::GatewaySettings;
use nexus_core::ledger::AttemptStatus;
use nexus_core::quota::{Cap, Limit, Limits, Meter, MeterAmounts, ScopeKind, Window, checks};
use nexus_core::{Clock, Nexus, Settings, Store, Timestamp};
use nexus_fake_provider::Scripted;
use nexus_store_memory::MemoryStore;
use nexus_testkit::fake::FixedClock;
use nexus_testkit::faulty::{FaultyStore, InjectedFault};
use tokio::task::JoinSet;

use crate::fixture::{builder, call, caller, lines, read, routing, settings, until};

const LEASE: Duration = Duration::from_secs(30);

/// Clock of all engines of a test.
#[derive(Clone, Debug)]
struct Shared(Arc<FixedClock>);

impl Clock for Shared {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

fn clock() -> Shared {
    Shared(Arc::new(FixedClock::at("2026-11-02T09:30:00Z".parse().unwrap())))
}

fn limited() -> GatewaySettings {
    let limit = Limit::new(ScopeKind::Tenant, Meter::Money, Window::Total, Cap::Limited(u64::MAX / 4));
    GatewaySettings { limits: Limits::none().with([limit]), ..settings() }
}

fn member(store: impl Store, scripted: &Scripted, clock: &Shared) -> Nexus {
    let settings = Settings { owner_lease: LEASE, ..Settings::default() };
    builder(store, routing(scripted), limited()).settings(settings).clock(clock.clone()).build().unwrap()
}

async fn open_calls(nexus: &Nexus) -> usize {
    nexus.store_for_tests().open_calls().await.unwrap().len()
}

/// Checks that one call was charged once, at its reservation, and that its chain verifies.
async fn charged_once_as_unknown(nexus: &Nexus) {
    let lines = lines(nexus).await;
    let [line] = &lines[..] else { panic!("{lines:#?}") };
    assert_eq!((line.status, line.charged), (AttemptStatus::UnknownOutcome, line.reserved));
    let settings = nexus.gateway_settings();
    let mut checks = checks(&settings.limits, &line.consumer, &line.model, line.ts, &settings.zone);
    let used =
        nexus.store_for_tests().used(caller().tenant(), &[checks.remove(0).key]).await.unwrap().remove(0);
    assert_eq!((used.reserved, used.settled), (MeterAmounts::ZERO, line.charged));
    assert_eq!(nexus.verify(&caller(), &line.call, None).await.unwrap().status, Status::Ok);
}

#[tokio::test]
async fn a_live_call_of_another_is_left_to_it() {
    let (store, scripted, clock) = (MemoryStore::default(), Scripted::start().await.unwrap(), clock());
    let [first, second] = [(); 2].map(|()| member(store.clone(), &scripted, &clock));
    let mut making = JoinSet::new();
    making.spawn({
        let first = first.clone();
        async move { first.complete(&caller(), call("plain+head-after=300ms")).await }
    });
    until("the vendor hears of the call", async || !scripted.log().is_empty()).await;
    second.resume().await.unwrap();
    assert_eq!((open_calls(&second).await, lines(&second).await.len()), (1, 0));
    making.join_next().await.unwrap().unwrap().unwrap();
    let lines = lines(&second).await;
    assert_eq!((lines.len(), lines[0].status), (1, AttemptStatus::Settled));
}

#[tokio::test]
async fn a_call_of_an_owner_that_is_gone_is_ended_once_by_several_that_look_for_it() {
    let (store, scripted, clock) = (MemoryStore::default(), Scripted::start().await.unwrap(), clock());
    let [first, second, third] = [(); 3].map(|()| member(store.clone(), &scripted, &clock));
    let mut making = JoinSet::new();
    making.spawn(async move {
        let nexus_core::gateway::Admission::Granted(stream) =
            first.stream(&caller(), call("plain+silent")).await.unwrap()
        else {
            panic!("refused")
        };
        read(stream).await
    });
    until("the vendor hears of the call", async || !scripted.log().is_empty()).await;
    clock.0.advance(LEASE);
    let (by_second, by_third) = tokio::join!(second.resume(), third.resume());
    by_second.unwrap();
    by_third.unwrap();
    until("the call is ended", async || open_calls(&second).await == 0).await;
    charged_once_as_unknown(&second).await;
}

#[tokio::test]
async fn a_paused_owner_that_wakes_does_not_settle_a_call_that_another_has_ended() {
    let (store, scripted, clock) = (MemoryStore::default(), Scripted::start().await.unwrap(), clock());
    let (faulty, troubles) = FaultyStore::new(store.clone());
    let (first, second) = (member(faulty, &scripted, &clock), member(store, &scripted, &clock));
    troubles.inject("settle", InjectedFault::FreezesBefore, u32::MAX);
    let mut making = JoinSet::new();
    making.spawn({
        let first = first.clone();
        async move { first.complete(&caller(), call("plain")).await }
    });
    until("the answer waits for its settlement", async || troubles.struck() > 0).await;
    clock.0.advance(LEASE);
    second.resume().await.unwrap();
    charged_once_as_unknown(&second).await;
    troubles.unfreeze();
    let error = making.join_next().await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.code(), "OWNER_LOST", "{}", error.report());
    charged_once_as_unknown(&second).await;
}
