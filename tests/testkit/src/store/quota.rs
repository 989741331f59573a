//! Laws of `QuotaStore`: admission and settlement.

use nexus_core::ledger::{AttemptStatus, Begun, CallStatus, Settlement, Stop, StopCause, StopScope};
use nexus_core::quota::{Amounts, Cap, Limit, Meter, ScopeKind, Used, Window};
use nexus_core::{ErrorKind, NanoUsd};

use super::calls::{amounts, budget, every, key_of, reply};
use super::scenarios;
use super::world::{World, admin, at};

scenarios!(
    claims_stops_and_limits_are_looked_at_in_that_order_and_reservations_are_all_or_nothing,
    concurrent_reservations_never_exceed_a_limit,
    settling_replaces_a_reservation_by_what_was_charged_and_a_second_settlement_changes_nothing,
    a_retry_ends_one_attempt_and_reserves_for_the_next_or_refuses_it_and_ends_the_one_all_the_same,
    open_calls_of_every_tenant_are_found_again,
);

async fn claims_stops_and_limits_are_looked_at_in_that_order_and_reservations_are_all_or_nothing(
    world: World,
) {
    let who = admin("acme");
    let wide = Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::At(9));
    let limits = [budget(Window::Month, 10), wide.clone()];
    let switch = StopCause::Switch { reason: "drill".to_owned() };
    let stop = Stop { scope: StopScope::Global, cause: switch, since: at(0), until: None };

    let refused = world.store.begin(world.intent(&who, "k", &limits, amounts(5, 11))).await.unwrap();
    assert!(matches!(&refused, Begun::Refused(refusal) if refusal.meter == Meter::Money), "{refused:?}");
    assert_eq!(world.used(&who, &key_of(&who, &wide)).await, Used::default());
    assert_eq!(world.store.calls(who.tenant(), &every()).await.unwrap(), []);

    world.store.trip(who.tenant(), &stop, world.unrecorded()).await.unwrap();
    let stopped = world.store.begin(world.intent(&who, "k", &limits, amounts(5, 11))).await.unwrap();
    assert_eq!(stopped, Begun::Stopped(stop.clone()));
    world.store.rearm(who.tenant(), &stop.scope, at(0), world.unrecorded()).await.unwrap();

    let call = world.begin(world.intent(&who, "k", &limits, amounts(5, 10))).await;
    world.store.trip(who.tenant(), &stop, world.unrecorded()).await.unwrap();
    let under_way = world.store.begin(world.intent(&who, "k", &limits, amounts(5, 11))).await.unwrap();
    assert_eq!(under_way, Begun::UnderWay(call));
    assert_eq!(world.used(&who, &key_of(&who, &wide)).await.reserved, amounts(5, 10));
}

async fn concurrent_reservations_never_exceed_a_limit(world: World) {
    let who = admin("acme");
    let limits = [budget(Window::Month, 1_000_000_000)];
    let cent = amounts(7, 10_000_000);
    let begins = (0..1_000).map(|number| {
        let intent = world.intent(&who, &format!("k{number}"), &limits, cent);
        let (world, who) = (&world, &who);
        async move {
            let call = intent.call.id.clone();
            let begun = world.store.begin(intent).await.unwrap();
            if let Begun::Admitted { .. } = begun {
                world.settle(world.settlement(who, &call, cent)).await;
                return 1;
            }
            assert!(matches!(begun, Begun::Refused(_)), "{begun:?}");
            0
        }
    });
    let admitted: usize = futures::future::join_all(begins).await.into_iter().sum();
    assert_eq!(admitted, 100);
    let used = world.used(&who, &key_of(&who, &limits[0])).await;
    assert_eq!((used.reserved, used.settled.money), (Amounts::ZERO, NanoUsd::from_nanos(1_000_000_000)));
    assert_eq!(world.lines(&who).await.len(), 100);
}

async fn settling_replaces_a_reservation_by_what_was_charged_and_a_second_settlement_changes_nothing(
    world: World,
) {
    let who = admin("acme");
    let limits = [budget(Window::Month, 100)];
    let key = key_of(&who, &limits[0]);
    let call = world.begin(world.intent(&who, "k", &limits, amounts(9, 100))).await;
    assert_eq!(world.used(&who, &key).await, Used { reserved: amounts(9, 100), settled: Amounts::ZERO });
    assert_eq!(world.store.call_result(who.tenant(), &call).await.unwrap(), None);
    // More than was reserved: what happened is charged all the same.
    world.settle(world.settlement(&who, &call, amounts(30, 130))).await;
    let settled = Used { reserved: Amounts::ZERO, settled: amounts(30, 130) };
    assert_eq!(world.used(&who, &key).await, settled);
    assert!(!world.store.settle(world.settlement(&who, &call, amounts(1, 1))).await.unwrap());
    assert_eq!(world.used(&who, &key).await, settled);
    assert_eq!(world.lines(&who).await.len(), 1);
    assert_eq!(world.store.call_result(who.tenant(), &call).await.unwrap(), Some(reply("thirty days")));
    let refused = world.store.begin(world.intent(&who, "k2", &limits, amounts(0, 0))).await.unwrap();
    assert!(matches!(refused, Begun::Refused(refusal) if refusal.used == 130));
    let error = world.store.settle(world.settlement(&who, "nobody", amounts(1, 1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

async fn a_retry_ends_one_attempt_and_reserves_for_the_next_or_refuses_it_and_ends_the_one_all_the_same(
    world: World,
) {
    let who = admin("acme");
    let limits = [budget(Window::Month, 100)];
    let key = key_of(&who, &limits[0]);
    let call = world.begin(world.intent(&who, "k", &limits, amounts(9, 60))).await;
    let begun = world.store.retry(world.retry_of(&who, &call, &limits, amounts(9, 100))).await.unwrap();
    assert_eq!(begun, Begun::Admitted { shadowed: Vec::new() });
    assert_eq!(world.used(&who, &key).await.reserved, amounts(9, 100));
    let again = world.store.retry(world.retry_of(&who, &call, &limits, amounts(9, 1))).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);

    let mut third = world.retry_of(&who, &call, &limits, amounts(9, 41));
    third.ending = super::calls::ending(2, AttemptStatus::FailedBilled, amounts(3, 60));
    third.attempt.number = 3;
    let refused = world.store.retry(third).await.unwrap();
    assert!(matches!(refused, Begun::Refused(_)), "{refused:?}");
    assert_eq!(world.used(&who, &key).await, Used { reserved: Amounts::ZERO, settled: amounts(3, 60) });
    let open = world.store.open_calls().await.unwrap();
    assert_eq!((open.len(), &open[0].attempt), (1, &None));

    let settlement =
        Settlement { ending: None, ..world.failed(&who, &call, AttemptStatus::FailedBilled, Amounts::ZERO) };
    world.settle(settlement).await;
    let lines = world.lines(&who).await;
    assert_eq!(lines.iter().map(|line| line.attempt).collect::<Vec<_>>(), [2, 1]);
    let calls = world.store.calls(who.tenant(), &every()).await.unwrap();
    assert_eq!((calls[0].status, calls[0].cost), (CallStatus::Failed, NanoUsd::from_nanos(60)));
}

async fn open_calls_of_every_tenant_are_found_again(world: World) {
    let (acme, globex) = (admin("acme"), admin("globex"));
    let first = world.begin(world.intent(&acme, "k", &[], amounts(1, 1))).await;
    let second = world.begin(world.intent(&globex, "k", &[], amounts(2, 2))).await;
    world.made(&acme, "k2", &[], amounts(1, 1)).await;
    let open = world.store.open_calls().await.unwrap();
    let found: Vec<_> = open.iter().map(|open| (open.tenant.as_str(), open.call.id.as_str())).collect();
    assert_eq!(found, [("acme", first.as_str()), ("globex", second.as_str())]);
    assert_eq!(open[1].attempt.as_ref().unwrap().reserved, amounts(2, 2));
    assert_eq!(open[0].owner, "process-1");
}
