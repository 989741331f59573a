//! Laws of `QuotaStore`: admission and settlement.

use nexus_core::ledger::{
    AttemptOutcome, AttemptStatus, BeginCall, BeginResult, CallStatus, KillSwitch, KillSwitchCause,
    KillSwitchScope, LedgerEntry, Settlement, UsageBy,
};
use nexus_core::price::PriceRow;
use nexus_core::quota::{
    Cap, CounterKey, CounterState, Limit, LimitMode, Meter, MeterAmounts, ScopeKind, Window, Zone,
};
use nexus_core::{ErrorKind, NanoUsd, Page, Principal};

use super::calls::{DAY, MODEL, amounts, applied, budget, ending, every, key_of, reply};
use super::fixture::{World, admin, at, lease, owner};
use super::pages::{walk, walk_while};
use super::scenarios;

scenarios!(
    idempotency_keys_kill_switches_and_limits_are_checked_in_that_order,
    concurrent_reservations_never_exceed_a_limit,
    a_call_that_is_recorded_as_completed_leaves_the_same_rows_as_one_that_was_begun_and_settled,
    settling_replaces_a_reservation_by_the_charge,
    after_every_call_is_settled_nothing_is_reserved_and_the_counters_hold_the_sum_of_the_ledger,
    a_retry_ends_one_attempt_and_reserves_for_the_next,
    each_attempt_has_exactly_one_ledger_entry_of_its_own_once_it_is_finished_and_none_before,
    a_new_counter_begins_with_the_sum_that_the_ledger_has_for_it,
    a_retry_or_settlement_by_another_owner_is_a_conflict_and_changes_nothing,
    no_tenant_sees_or_counts_rows_of_another,
    a_limit_in_shadow_admits_and_is_named_in_the_call,
    windows_are_counted_apart_and_a_clock_that_goes_back_finds_the_earlier_counter,
    an_amount_beyond_64_bits_is_an_error_and_changes_nothing,
    limits_that_are_set_are_read_back_until_they_are_removed,
    lists_of_kill_switches_are_in_order_of_scope,
    every_change_of_limits_or_prices_gives_another_settings_version,
);

async fn idempotency_keys_kill_switches_and_limits_are_checked_in_that_order(world: World) {
    let caller = admin("acme");
    let wide = Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(9));
    let limits = [budget(Window::Month, 10), wide.clone()];
    let stop = KillSwitch { scope: KillSwitchScope::Global, cause: switch(), since: at(0), until: None };

    let refused = world.store.begin(world.intent(&caller, "k", &limits, amounts(5, 11))).await.unwrap();
    assert!(
        matches!(&refused, BeginResult::Refused(refusal) if refusal.meter == Meter::Money),
        "{refused:?}"
    );
    assert_eq!(world.used(&caller, &key_of(&caller, &wide)).await, CounterState::default());
    assert_eq!(world.store.calls(caller.tenant(), &every()).await.unwrap(), []);

    world.store.trip(caller.tenant(), &stop, world.unrecorded()).await.unwrap();
    let stopped = world.store.begin(world.intent(&caller, "k", &limits, amounts(5, 11))).await.unwrap();
    assert_eq!(stopped, BeginResult::KillSwitch(stop.clone()));
    world.store.rearm(caller.tenant(), &stop.scope, at(0), world.unrecorded()).await.unwrap();

    let call = world.begin(world.intent(&caller, "k", &limits, amounts(5, 10))).await;
    world.store.trip(caller.tenant(), &stop, world.unrecorded()).await.unwrap();
    let in_flight = world.store.begin(world.intent(&caller, "k", &limits, amounts(5, 11))).await.unwrap();
    assert_eq!(in_flight, BeginResult::InProgress(call));
    assert_eq!(world.used(&caller, &key_of(&caller, &wide)).await.reserved, amounts(5, 10));
}

async fn a_call_that_is_recorded_as_completed_leaves_the_same_rows_as_one_that_was_begun_and_settled(
    world: World,
) {
    let limits = [budget(Window::Month, 10)];
    let (one, two) = (admin("acme"), admin("umbrella"));
    let begun = world.made(&one, "k", &limits, amounts(3, 4)).await;
    let record = async |key: &str, nano| {
        let intent = world.intent(&two, key, &limits, amounts(3, nano));
        let (call, settlement) =
            (intent.call.id.clone(), world.settlement(&two, &intent.call.id, amounts(3, nano)));
        (call, world.store.record_completed(intent, settlement).await.unwrap())
    };
    let (booked, admitted) = record("k", 4).await;
    assert!(matches!(admitted, BeginResult::Admitted { .. }), "{admitted:?}");
    let summary = |line: LedgerEntry| (line.attempt, line.status, line.usage, line.reserved, line.charged);
    let lines = async |caller| world.lines(caller).await.into_iter().map(summary).collect::<Vec<_>>();
    assert_eq!(lines(&two).await, lines(&one).await);
    let used = world.used(&two, &key_of(&two, &limits[0])).await;
    assert_eq!(used, world.used(&one, &key_of(&one, &limits[0])).await);
    for (caller, call) in [(&one, &begun), (&two, &booked)] {
        assert_eq!(world.store.call_result(caller.tenant(), call).await.unwrap(), Some(reply("thirty days")));
        assert_eq!(world.store.records(caller.tenant(), call, 0, 9).await.unwrap().len(), 2);
    }
    assert_eq!(world.store.open_calls().await.unwrap(), []);

    let (refused, begun) = record("another", 7).await;
    assert!(matches!(begun, BeginResult::Refused(_)), "{begun:?}");
    let (_, replayed) = record("k", 4).await;
    assert!(matches!(replayed, BeginResult::Replayed(_)), "{replayed:?}");
    let stop = KillSwitch { scope: KillSwitchScope::Global, cause: switch(), since: at(0), until: None };
    world.store.trip(two.tenant(), &stop, world.unrecorded()).await.unwrap();
    let (_, stopped) = record("a third", 1).await;
    assert_eq!(stopped, BeginResult::KillSwitch(stop));
    assert_eq!(world.used(&two, &key_of(&two, &limits[0])).await, used);
    assert_eq!(world.store.calls(two.tenant(), &every()).await.unwrap().len(), 1);
    assert_eq!(
        world.store.call_result(two.tenant(), &refused).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

fn switch() -> KillSwitchCause {
    KillSwitchCause::Switch { reason: "drill".to_owned() }
}

async fn concurrent_reservations_never_exceed_a_limit(world: World) {
    let caller = admin("acme");
    let limits = [budget(Window::Month, 1_000_000_000)];
    let cent = amounts(7, 10_000_000);
    let begins = (0..1_000).map(|number| {
        let intent = world.intent(&caller, &format!("k{number}"), &limits, cent);
        let (world, caller) = (&world, &caller);
        async move {
            let call = intent.call.id.clone();
            let begun = world.store.begin(intent).await.unwrap();
            if let BeginResult::Admitted { .. } = begun {
                world.settle(world.settlement(caller, &call, cent)).await;
                return 1;
            }
            assert!(matches!(begun, BeginResult::Refused(_)), "{begun:?}");
            0
        }
    });
    let admitted: usize = futures::future::join_all(begins).await.into_iter().sum();
    assert_eq!(admitted, 100);
    let used = world.used(&caller, &key_of(&caller, &limits[0])).await;
    assert_eq!((used.reserved, used.settled.money), (MeterAmounts::ZERO, NanoUsd::from_nanos(1_000_000_000)));
    assert_eq!(world.lines(&caller).await.len(), 100);
}

async fn settling_replaces_a_reservation_by_the_charge(world: World) {
    let caller = admin("acme");
    let limits = [budget(Window::Month, 100)];
    let key = key_of(&caller, &limits[0]);
    let call = world.begin(world.intent(&caller, "k", &limits, amounts(9, 100))).await;
    assert_eq!(
        world.used(&caller, &key).await,
        CounterState { reserved: amounts(9, 100), settled: MeterAmounts::ZERO }
    );
    assert_eq!(world.store.call_result(caller.tenant(), &call).await.unwrap(), None);
    // More than was reserved: the actual amounts are charged all the same.
    world.settle(world.settlement(&caller, &call, amounts(30, 130))).await;
    let settled = CounterState { reserved: MeterAmounts::ZERO, settled: amounts(30, 130) };
    assert_eq!(world.used(&caller, &key).await, settled);
    assert!(!world.store.settle(world.settlement(&caller, &call, amounts(1, 1))).await.unwrap());
    assert_eq!(world.used(&caller, &key).await, settled);
    assert_eq!(world.lines(&caller).await.len(), 1);
    assert_eq!(world.store.call_result(caller.tenant(), &call).await.unwrap(), Some(reply("thirty days")));
    let refused = world.store.begin(world.intent(&caller, "k2", &limits, amounts(0, 0))).await.unwrap();
    assert!(matches!(refused, BeginResult::Refused(refusal) if refusal.used == 130));
    let error = world.store.settle(world.settlement(&caller, "unknown", amounts(1, 1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

async fn after_every_call_is_settled_nothing_is_reserved_and_the_counters_hold_the_sum_of_the_ledger(
    world: World,
) {
    let caller = admin("acme");
    let limits = [budget(Window::Month, 1_000), budget(Window::Day, 1_000)];
    let intent = |key: &str, nanos| world.intent(&caller, key, &limits, amounts(5, nanos));
    world.made(&caller, "settled", &limits, amounts(5, 10)).await;
    world.unknown(&caller, intent("unknown", 50)).await;
    let retried = world.begin(intent("retried", 20)).await;
    world.store.retry(world.retry_of(&caller, &retried, &limits, amounts(5, 30))).await.unwrap();
    let second = ending(2, AttemptStatus::Settled, amounts(6, 25));
    let settlement = world.settlement(&caller, &retried, amounts(0, 0));
    world.settle(Settlement { outcome: Some(second), ..settlement }).await;
    for (key, status, charged) in [
        ("unbilled", AttemptStatus::FailedUnbilled, MeterAmounts::ZERO),
        ("billed", AttemptStatus::FailedBilled, amounts(2, 3)),
    ] {
        let call = world.begin(intent(key, 40)).await;
        world.settle(world.failed(&caller, &call, status, charged)).await;
    }
    let refused = world.store.begin(intent("refused", 2_000)).await.unwrap();
    assert!(matches!(refused, BeginResult::Refused(_)), "{refused:?}");

    let entries = world.lines(&caller).await;
    let sum =
        entries.iter().try_fold(MeterAmounts::ZERO, |sum, entry| sum.checked_add(&entry.charged)).unwrap();
    assert_eq!((entries.len(), sum.money), (6, NanoUsd::from_nanos(10 + 50 + 25 + 3)));
    for limit in &limits {
        let used = world.used(&caller, &key_of(&caller, limit)).await;
        assert_eq!(used, CounterState { reserved: MeterAmounts::ZERO, settled: sum }, "{limit:?}");
    }
}

async fn a_retry_ends_one_attempt_and_reserves_for_the_next(world: World) {
    let caller = admin("acme");
    let limits = [budget(Window::Month, 100)];
    let key = key_of(&caller, &limits[0]);
    let call = world.begin(world.intent(&caller, "k", &limits, amounts(9, 60))).await;
    let begun = world.store.retry(world.retry_of(&caller, &call, &limits, amounts(9, 100))).await.unwrap();
    assert_eq!(begun, BeginResult::Admitted { shadowed: Vec::new() });
    assert_eq!(world.used(&caller, &key).await.reserved, amounts(9, 100));
    let again = world.store.retry(world.retry_of(&caller, &call, &limits, amounts(9, 1))).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);

    let mut third = world.retry_of(&caller, &call, &limits, amounts(9, 41));
    third.outcome = ending(2, AttemptStatus::FailedBilled, amounts(3, 60));
    third.attempt.number = 3;
    let refused = world.store.retry(third).await.unwrap();
    assert!(matches!(refused, BeginResult::Refused(_)), "{refused:?}");
    assert_eq!(
        world.used(&caller, &key).await,
        CounterState { reserved: MeterAmounts::ZERO, settled: amounts(3, 60) }
    );
    let open = world.store.open_calls().await.unwrap();
    assert_eq!((open.len(), &open[0].attempt), (1, &None));

    let settlement = Settlement {
        outcome: None,
        ..world.failed(&caller, &call, AttemptStatus::FailedBilled, MeterAmounts::ZERO)
    };
    world.settle(settlement).await;
    let lines = world.lines(&caller).await;
    assert_eq!(lines.iter().map(|line| line.attempt).collect::<Vec<_>>(), [2, 1]);
    let calls = world.store.calls(caller.tenant(), &every()).await.unwrap();
    assert_eq!((calls[0].status, calls[0].cost), (CallStatus::Failed, NanoUsd::from_nanos(60)));
}

async fn each_attempt_has_exactly_one_ledger_entry_of_its_own_once_it_is_finished_and_none_before(
    world: World,
) {
    let caller = admin("acme");
    let call = world.begin(world.intent(&caller, "k", &[], amounts(9, 60))).await;
    assert_eq!(world.lines(&caller).await, []);
    world.store.retry(world.retry_of(&caller, &call, &[], amounts(9, 70))).await.unwrap();
    assert_eq!(world.lines(&caller).await.len(), 1);
    let second = AttemptOutcome { number: 2, ..ending(1, AttemptStatus::Settled, amounts(8, 65)) };
    let settlement = Settlement { outcome: Some(second), ..world.settlement(&caller, &call, amounts(0, 0)) };
    world.settle(settlement.clone()).await;
    assert!(!world.store.settle(settlement).await.unwrap());
    let lines = world.lines(&caller).await;
    let facts: Vec<_> =
        lines.iter().map(|line| (line.seq, line.attempt, line.status, line.charged)).collect();
    assert_eq!(
        facts,
        [
            (2, 2, AttemptStatus::Settled, amounts(8, 65)),
            (1, 1, AttemptStatus::FailedUnbilled, MeterAmounts::ZERO),
        ]
    );
    assert_eq!((lines[0].reserved, &lines[0].price_version), (amounts(9, 70), &"2026-01-01".to_owned()));
}

async fn a_new_counter_begins_with_the_sum_that_the_ledger_has_for_it(world: World) {
    let caller = admin("acme");
    let whole = |mut intent: nexus_core::ledger::BeginCall| {
        let consumer = &mut intent.call.consumer;
        consumer.organisation = Some("north".to_owned());
        consumer.investigation = Some("case".to_owned());
        consumer.run = Some("run-1".to_owned());
        intent
    };
    let call = world.begin(whole(world.intent(&caller, "k1", &[], amounts(10, 60)))).await;
    world.settle(world.settlement(&caller, &call, amounts(10, 60))).await;
    let in_flight = world.begin(whole(world.intent(&caller, "k2", &[], amounts(10, 30)))).await;

    let scopes = [
        (ScopeKind::Tenant, "acme"),
        (ScopeKind::Organisation, "north"),
        (ScopeKind::User, "root"),
        (ScopeKind::Investigation, "case"),
        (ScopeKind::Run, "run-1"),
    ];
    let windows = [Window::MINUTE, Window::HOUR, Window::Day, Window::Month, Window::Total];
    let mut limits = Vec::new();
    for (scope, id) in scopes {
        for window in windows {
            for limit in [
                Limit::new(scope, Meter::Money, window, Cap::Limited(100)),
                Limit::new(scope, Meter::Money, window, Cap::Limited(100)).for_model(MODEL),
            ] {
                let key = key_in(&limit, id);
                assert_eq!(world.used(&caller, &key).await.settled, amounts(10, 60), "{key:?}");
                let other = CounterKey { model: "another".to_owned(), ..key.clone() };
                assert_eq!(world.used(&caller, &other).await, CounterState::default(), "{other:?}");
                let elsewhere = CounterKey { id: "elsewhere".to_owned(), ..key };
                assert_eq!(world.used(&caller, &elsewhere).await, CounterState::default(), "{elsewhere:?}");
                limits.push((limit, id));
            }
        }
    }
    let all: Vec<Limit> = limits.iter().map(|(limit, _)| limit.clone()).collect();
    let limited = |key: &str, charged| {
        let mut intent = whole(world.intent(&caller, key, &[], charged));
        intent.checks = applied(&all, &intent.call.consumer, at(0));
        intent
    };
    let refused = world.store.begin(limited("k3", amounts(1, 41))).await.unwrap();
    assert!(matches!(refused, BeginResult::Refused(refusal) if refusal.used == 60));
    let admitted = world.begin(limited("k3", amounts(1, 40))).await;
    // A call in flight when the counters were created is counted when it ends.
    world.settle(world.settlement(&caller, &in_flight, amounts(10, 30))).await;
    world.settle(world.settlement(&caller, &admitted, amounts(1, 5))).await;
    for (limit, id) in &limits {
        let used = world.used(&caller, &key_in(limit, id)).await;
        assert_eq!((used.reserved, used.settled), (MeterAmounts::ZERO, amounts_of(3, 21, 95)), "{limit:?}");
    }
    // A limit that is removed for a while misses nothing.
    world.made(&caller, "k4", &[], amounts(1, 2)).await;
    let total = key_in(&Limit::new(ScopeKind::Tenant, Meter::Money, Window::Total, Cap::Limited(1)), "acme");
    assert_eq!(world.used(&caller, &total).await.settled.money, NanoUsd::from_nanos(97));
}

/// Returns the counter that a limit checks for the scope of this id.
fn key_in(limit: &Limit, id: &str) -> CounterKey {
    CounterKey {
        scope: limit.subject.scope,
        id: id.to_owned(),
        model: limit.subject.model.clone().unwrap_or_else(|| "*".to_owned()),
        window: limit.subject.window.id(at(0), &Zone::default()),
    }
}

fn amounts_of(calls: u64, tokens: u64, nano: i64) -> MeterAmounts {
    MeterAmounts { calls, tokens, cost_units: 2, money: NanoUsd::from_nanos(nano) }
}

async fn a_retry_or_settlement_by_another_owner_is_a_conflict_and_changes_nothing(world: World) {
    let caller = admin("acme");
    let limits = [budget(Window::Total, 100)];
    let call = world.begin(world.intent(&caller, "k", &limits, amounts(5, 60))).await;
    world.store.claim_calls(&lease("process-2", 60), at(60), 9).await.unwrap();
    let open = world.store.open_calls().await.unwrap();
    let unchanged = async || {
        assert_eq!(world.store.open_calls().await.unwrap(), open);
        assert_eq!(world.lines(&caller).await, []);
        assert_eq!(world.used(&caller, &key_of(&caller, &limits[0])).await.reserved, amounts(5, 60));
        assert_eq!(world.store.records(caller.tenant(), &call, 0, 9).await.unwrap().len(), 1);
    };
    let retried =
        world.store.retry(world.retry_of(&caller, &call, &limits, amounts(1, 1))).await.unwrap_err();
    assert_eq!((retried.kind(), retried.code()), (ErrorKind::Conflict, "OWNER_LOST"));
    unchanged().await;
    let late = world.settlement(&caller, &call, amounts(5, 40));
    let settled = world.store.settle(late.clone()).await.unwrap_err();
    assert_eq!((settled.kind(), settled.code()), (ErrorKind::Conflict, "OWNER_LOST"));
    unchanged().await;
    // The former owner is refused after the end too: it does not take the end for its own.
    world.settle(Settlement { owner: owner("process-2"), ..late.clone() }).await;
    assert_eq!(world.store.settle(late).await.unwrap_err().code(), "OWNER_LOST");
    assert_eq!(world.lines(&caller).await.len(), 1);
}

async fn no_tenant_sees_or_counts_rows_of_another(world: World) {
    let (acme, globex) = (admin("acme"), admin("globex"));
    let limits =
        [budget(Window::Total, 100), Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(1))];
    let call = world.made(&acme, "k", &limits, amounts(5, 100)).await;
    world.store.set_limit(acme.tenant(), &limits[0], world.unrecorded()).await.unwrap();
    for limit in &limits {
        assert_eq!(world.used(&globex, &key_of(&acme, limit)).await, CounterState::default());
    }
    assert_eq!(
        world.store.call_result(globex.tenant(), &call).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(world.store.reasoning(globex.tenant(), &call).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(world.store.calls(globex.tenant(), &every()).await.unwrap(), []);
    assert_eq!(world.lines(&globex).await, []);
    assert_eq!(world.store.limits(globex.tenant()).await.unwrap(), []);
    let usage = world.store.usage(globex.tenant(), UsageBy::Model, DAY, DAY).await.unwrap();
    assert_eq!(
        (usage, world.store.usage_records(globex.tenant(), DAY, DAY, &Page::all()).await.unwrap()),
        (vec![], vec![])
    );
    let error = world.store.settle(world.settlement(&globex, &call, amounts(1, 1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    // The same idempotency key, the same user id, and limits that the other has used up.
    world.made(&globex, "k", &limits, amounts(5, 100)).await;
}

async fn a_limit_in_shadow_admits_and_is_named_in_the_call(world: World) {
    let caller = admin("acme");
    let shadow = Limit { mode: LimitMode::Shadow, ..budget(Window::Month, 10) };
    let intent = world.intent(&caller, "k", std::slice::from_ref(&shadow), amounts(1, 11));
    let BeginResult::Admitted { shadowed } = world.store.begin(intent).await.unwrap() else {
        panic!("a limit in shadow refuses nothing")
    };
    assert_eq!((shadowed.len(), shadowed[0].wanted), (1, 11));
    let call = world.store.calls(caller.tenant(), &every()).await.unwrap().remove(0);
    assert_eq!(call.metadata["shadowed"], serde_json::to_value(&shadowed).unwrap());
    assert_eq!(world.used(&caller, &key_of(&caller, &shadow)).await.reserved, amounts(1, 11));
}

async fn windows_are_counted_apart_and_a_clock_that_goes_back_finds_the_earlier_counter(world: World) {
    let caller = admin("acme");
    let limits = [
        Limit::new(ScopeKind::User, Meter::Calls, Window::MINUTE, Cap::Limited(1)),
        Limit::new(ScopeKind::User, Meter::Tokens, Window::HOUR, Cap::Limited(30)),
    ];
    let begin_at = async |key: &str, seconds: i64| {
        let mut intent = world.intent(&caller, key, &[], amounts(10, 1));
        intent.call.created_at = at(seconds);
        intent.checks = applied(&limits, &intent.call.consumer, at(seconds));
        match world.store.begin(intent).await.unwrap() {
            BeginResult::Admitted { .. } => None,
            BeginResult::Refused(refusal) => Some(refusal.meter),
            BeginResult::KillSwitch(_)
            | BeginResult::Replayed(_)
            | BeginResult::InProgress(_)
            | BeginResult::IdempotencyConflict
            | BeginResult::SettingsChanged => {
                panic!("no such thing")
            }
        }
    };
    assert_eq!(begin_at("a", 0).await, None);
    assert_eq!(begin_at("b", 1).await, Some(Meter::Calls));
    assert_eq!(begin_at("c", 60).await, None, "another minute, and the refused call took no tokens");
    assert_eq!(begin_at("d", 2).await, Some(Meter::Calls), "the clock went back into the first minute");
    assert_eq!(begin_at("e", 120).await, None);
    assert_eq!(begin_at("g", 180).await, Some(Meter::Tokens));
    assert_eq!(begin_at("f", 3_600).await, None);
}

async fn an_amount_beyond_64_bits_is_an_error_and_changes_nothing(world: World) {
    let caller = admin("acme");
    let most = amounts(i64::MAX.unsigned_abs() - 1, 1);
    let calls = Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(9));
    for reserved in [amounts(1 << 63, 1), amounts(u64::MAX, 1), amounts(1, -1)] {
        let limits = std::slice::from_ref(&calls);
        assert!(
            world.store.begin(world.intent(&caller, "k", limits, reserved)).await.is_err(),
            "{reserved:?}"
        );
    }
    let first = world.begin(world.intent(&caller, "k1", &[], amounts(1, 1))).await;
    let second = world.begin(world.intent(&caller, "k2", &[], amounts(1, 1))).await;
    world.settle(world.settlement(&caller, &first, most)).await;
    let error = world.store.settle(world.settlement(&caller, &second, amounts(9, 1))).await.unwrap_err();
    assert_eq!(error.code(), "COUNT_TOO_LARGE");
    assert_eq!(world.lines(&caller).await.len(), 1);
    let usage = world.store.usage(caller.tenant(), UsageBy::User, DAY, DAY).await.unwrap();
    assert_eq!((usage[0].tokens, usage[0].calls), (most.tokens, 1));
    world.settle(world.settlement(&caller, &second, amounts(1, 1))).await;
}

async fn limits_that_are_set_are_read_back_until_they_are_removed(world: World) {
    let caller = admin("acme");
    let (wide, narrow) = (budget(Window::Day, 9), budget(Window::Day, 9).for_model(MODEL).for_id("acme"));
    for limit in [&wide, &narrow, &Limit { cap: Cap::Unlimited, ..wide.clone() }] {
        world.store.set_limit(caller.tenant(), limit, world.unrecorded()).await.unwrap();
    }
    let limits = world.store.limits(caller.tenant()).await.unwrap();
    assert_eq!(limits, [Limit { cap: Cap::Unlimited, ..wide.clone() }, narrow.clone()]);
    for taken_back in [true, false] {
        let removed =
            world.store.remove_limit(caller.tenant(), &wide.subject, world.unrecorded()).await.unwrap();
        assert_eq!(removed, taken_back);
    }
    assert_eq!(world.store.limits(caller.tenant()).await.unwrap(), [narrow]);
}

async fn every_change_of_limits_or_prices_gives_another_settings_version(world: World) {
    let (acme, globex) = (admin("acme"), admin("globex"));
    let version = async |caller: &Principal| world.store.settings_version(caller.tenant()).await.unwrap();
    let begin = async |key: &str, settings_version| {
        let intent = world.intent(&acme, key, &[], amounts(1, 1));
        world.store.begin(BeginCall { settings_version, ..intent }).await.unwrap()
    };
    let first = version(&acme).await;
    assert!(matches!(begin("k1", first).await, BeginResult::Admitted { .. }));

    let limit = budget(Window::Day, 9);
    world.store.set_limit(acme.tenant(), &limit, world.unrecorded()).await.unwrap();
    let second = version(&acme).await;
    assert_ne!(second, first);
    assert_eq!(version(&globex).await, first, "limits of one tenant do not concern another");
    let calls = world.store.calls(acme.tenant(), &every()).await.unwrap();
    assert_eq!(begin("k2", first).await, BeginResult::SettingsChanged);
    assert_eq!(world.store.calls(acme.tenant(), &every()).await.unwrap(), calls);
    assert!(matches!(begin("k1", first).await, BeginResult::InProgress(_)), "the key comes first");

    world.store.add_price(&PriceRow::free("p", MODEL), world.unrecorded()).await.unwrap();
    let third = version(&acme).await;
    assert_ne!(third, second);
    assert_ne!(version(&globex).await, first);

    assert!(world.store.remove_limit(acme.tenant(), &limit.subject, world.unrecorded()).await.unwrap());
    let fourth = version(&acme).await;
    assert!(![first, second, third].contains(&fourth), "a version never comes back");
    assert!(!world.store.remove_limit(acme.tenant(), &limit.subject, world.unrecorded()).await.unwrap());
    assert_eq!(version(&acme).await, fourth, "nothing was changed");
    assert_eq!(begin("k2", third).await, BeginResult::SettingsChanged);
    assert!(matches!(begin("k2", fourth).await, BeginResult::Admitted { .. }));
}

async fn lists_of_kill_switches_are_in_order_of_scope(world: World) {
    let caller = admin("acme");
    let (store, tenant) = (&world.store, caller.tenant());
    let user = |id: &str| KillSwitchScope::User(id.to_owned());
    let trip = async |scope, until| {
        let switch = KillSwitch { scope, cause: switch(), since: at(0), until };
        store.trip(tenant, &switch, world.unrecorded()).await.unwrap();
    };
    for scope in
        [user("bob"), KillSwitchScope::Tenant("acme".to_owned()), user("ann"), KillSwitchScope::Global]
    {
        trip(scope, None).await;
    }
    trip(user("aaron"), Some(at(4))).await;
    let read = |page: Page| async move { store.kill_switches(tenant, at(5), &page).await };
    let key = |switch: &KillSwitch| switch.scope.key();
    assert_eq!(walk(read, key).await, ["global", "tenant:acme", "user:ann", "user:bob"]);
    let change = async {
        for scope in [KillSwitchScope::Global, user("ann")] {
            assert!(store.rearm(tenant, &scope, at(5), world.unrecorded()).await.unwrap());
        }
        trip(user("zoe"), None).await;
    };
    walk_while(read, key, change).await;
}
