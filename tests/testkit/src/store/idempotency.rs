//! Laws of `QuotaStore` about idempotency keys and kill switches.

use nexus_core::audit::Kind;
use nexus_core::ledger::{
    AttemptStatus, AutoTripRule, BeginResult, CallResult, CallStatus, KillSwitch, KillSwitchCause,
    KillSwitchScope, Settlement,
};
use nexus_core::quota::{MeterAmounts, Window};
use nexus_core::{ErrorKind, NanoUsd, Page};
use serde_json::json;

use super::calls::{amounts, budget, every, failure, reply};
use super::fixture::{World, admin, at, reader};
use super::scenarios;

scenarios!(
    the_same_key_with_the_same_digest_is_in_progress_until_its_call_ends_and_is_replayed_then,
    an_expired_key_is_free_again,
    a_call_that_failed_before_anything_was_sent_releases_its_key,
    a_call_under_its_own_id_has_no_idempotency_key,
    the_settlement_that_exceeds_the_auto_trip_rule_trips_the_kill_switch_of_its_scope,
    a_kill_switch_holds_for_its_scope_until_it_is_rearmed_or_expires,
    a_record_that_cannot_be_sealed_admits_and_settles_nothing,
    a_call_cannot_end_while_an_attempt_is_open_or_with_the_outcome_of_another_attempt,
);

async fn the_same_key_with_the_same_digest_is_in_progress_until_its_call_ends_and_is_replayed_then(
    world: World,
) {
    let caller = admin("acme");
    let again = |digest: &str| {
        let mut intent = world.intent(&caller, "k", &[], amounts(1, 1));
        digest.clone_into(&mut intent.call.digest);
        world.store.begin(intent)
    };
    let call = world.begin(world.intent(&caller, "k", &[], amounts(1, 1))).await;
    assert_eq!(again("digest").await.unwrap(), BeginResult::InProgress(call.clone()));
    assert_eq!(again("other").await.unwrap(), BeginResult::IdempotencyConflict);
    world.settle(world.settlement(&caller, &call, amounts(1, 1))).await;
    let BeginResult::Replayed(replayed) = again("digest").await.unwrap() else { panic!("the call is over") };
    let (made, result) = *replayed;
    assert_eq!((made.id, made.status, result), (call, CallStatus::Succeeded, reply("thirty days")));
    assert_eq!(again("other").await.unwrap(), BeginResult::IdempotencyConflict);
    assert_eq!(
        (world.lines(&caller).await.len(), world.store.calls(caller.tenant(), &every()).await.unwrap().len()),
        (1, 1)
    );
}

async fn an_expired_key_is_free_again(world: World) {
    let caller = admin("acme");
    let call = world.made(&caller, "k", &[], amounts(1, 1)).await;
    for (seconds, is_free) in [(24 * 3_600 - 1, false), (24 * 3_600, true)] {
        let mut intent = world.intent(&caller, "k", &[], amounts(1, 1));
        intent.call.created_at = at(seconds);
        let begun = world.store.begin(intent).await.unwrap();
        assert_eq!(matches!(begun, BeginResult::Admitted { .. }), is_free, "{begun:?}");
    }
    assert_eq!(world.store.call_result(caller.tenant(), &call).await.unwrap(), Some(CallResult::NotKept));
}

async fn a_call_that_failed_before_anything_was_sent_releases_its_key(world: World) {
    let caller = admin("acme");
    let unsent = world.begin(world.intent(&caller, "unsent", &[], amounts(1, 1))).await;
    world.settle(world.failed(&caller, &unsent, AttemptStatus::FailedUnbilled, MeterAmounts::ZERO)).await;
    // A waiter still receives the result.
    assert_eq!(world.store.call_result(caller.tenant(), &unsent).await.unwrap(), Some(failure()));
    let second = world.begin(world.intent(&caller, "unsent", &[], amounts(1, 1))).await;
    world.settle(world.failed(&caller, &second, AttemptStatus::FailedBilled, amounts(1, 1))).await;
    let third = world.store.begin(world.intent(&caller, "unsent", &[], amounts(1, 1))).await.unwrap();
    assert!(matches!(third, BeginResult::Replayed(over) if over.0.id == second && over.1 == failure()));
}

async fn a_call_under_its_own_id_has_no_idempotency_key(world: World) {
    let caller = admin("acme");
    let mut keyless = world.intent(&caller, "k", &[], amounts(1, 1));
    keyless.call.idempotency_key.key.clone_from(&keyless.call.id);
    let id = world.begin(keyless).await;
    assert_eq!(world.store.call_result(caller.tenant(), &id).await.unwrap(), None);
    world.settle(world.settlement(&caller, &id, amounts(1, 1))).await;
    assert_eq!(world.store.call_result(caller.tenant(), &id).await.unwrap(), Some(CallResult::NotKept));
    assert_eq!(world.lines(&caller).await.len(), 1);
    world.made(&caller, &id, &[], amounts(1, 1)).await;
    assert_eq!(world.lines(&caller).await.len(), 2, "another call has the id as its key");
}

async fn the_settlement_that_exceeds_the_auto_trip_rule_trips_the_kill_switch_of_its_scope(world: World) {
    let (ada, ben) = (reader("acme", "ada"), reader("acme", "ben"));
    let rule = AutoTripRule { user_spend: Some(NanoUsd::from_nanos(10)), ..AutoTripRule::default() };
    let mut tripping = String::new();
    for (key, charged) in [("a", 4), ("b", 6), ("c", 1)] {
        assert_eq!(
            world.store.kill_switches(ada.tenant(), at(2), &Page::all()).await.unwrap(),
            [],
            "ten is not above ten"
        );
        let call = world.begin(world.intent(&ada, key, &[], amounts(1, 9))).await;
        let settlement = world.settlement(&ada, &call, amounts(1, charged));
        world.settle(Settlement { auto_trip: rule, ..settlement }).await;
        tripping = call;
    }
    let stop = world.store.kill_switches(ada.tenant(), at(2), &Page::all()).await.unwrap().remove(0);
    let spend = KillSwitchCause::Spend { spent: NanoUsd::from_nanos(11) };
    assert_eq!(
        (&stop.scope, &stop.cause, stop.since),
        (&KillSwitchScope::User("ada".to_owned()), &spend, at(2))
    );
    let records = world.store.records(ada.tenant(), &tripping, 1, 9).await.unwrap();
    let body = |at: usize| serde_json::from_slice::<serde_json::Value>(&records[at].body).unwrap();
    assert_eq!(
        (body(0)["kind"].as_str(), body(1)["kind"].as_str()),
        (Some("shutoff.tripped"), Some("run.close"))
    );
    let facts = json!({"scope": "user", "user": "ada", "cause": "spend", "spent": "11"});
    assert_eq!((&body(0)["actor"], &body(0)["payload"]), (&json!("system:kill-switch"), &facts));
    let stopped = world.store.begin(world.intent(&ada, "d", &[], amounts(1, 1))).await.unwrap();
    assert_eq!(stopped, BeginResult::KillSwitch(stop.clone()));
    world.made(&ben, "e", &[], amounts(1, 100)).await;

    assert!(world.store.rearm(ada.tenant(), &stop.scope, at(3), world.unrecorded()).await.unwrap());
    let call = world.begin(world.intent(&ada, "f", &[], amounts(1, 9))).await;
    let settlement = world.settlement(&ada, &call, amounts(1, 10));
    world.settle(Settlement { auto_trip: rule, ..settlement }).await;
    assert_eq!(
        world.store.kill_switches(ada.tenant(), at(3), &Page::all()).await.unwrap(),
        [],
        "another hour began"
    );

    let errors = AutoTripRule { error_percent: Some(40), error_min_calls: 7, ..AutoTripRule::default() };
    for key in ["g", "h", "i"] {
        let call = world.begin(world.intent(&ben, key, &[], amounts(1, 1))).await;
        let settlement = world.failed(&ben, &call, AttemptStatus::FailedUnbilled, MeterAmounts::ZERO);
        world.settle(Settlement { auto_trip: errors, ..settlement }).await;
    }
    let switches = world.store.kill_switches(ben.tenant(), at(3), &Page::all()).await.unwrap();
    assert_eq!(switches.len(), 0, "3 of 8 calls are fewer than 40 percent: {switches:?}");
    let call = world.begin(world.intent(&ben, "j", &[], amounts(1, 1))).await;
    let settlement = world.failed(&ben, &call, AttemptStatus::FailedUnbilled, MeterAmounts::ZERO);
    world.settle(Settlement { auto_trip: errors, ..settlement }).await;
    let stop = world.store.kill_switches(ben.tenant(), at(3), &Page::all()).await.unwrap().remove(0);
    assert_eq!(stop.scope, KillSwitchScope::Tenant("acme".to_owned()));
    assert_eq!(stop.cause, KillSwitchCause::Errors { failed: 4, calls: 9 });
}

async fn a_kill_switch_holds_for_its_scope_until_it_is_rearmed_or_expires(world: World) {
    let (ada, ben, globex) = (reader("acme", "ada"), reader("acme", "ben"), admin("globex"));
    let stop = |scope, until| KillSwitch {
        scope,
        cause: KillSwitchCause::Switch { reason: "drill".to_owned() },
        since: at(0),
        until,
    };
    let user = stop(KillSwitchScope::User("ada".to_owned()), Some(at(60)));
    world.store.trip(ada.tenant(), &user, world.unrecorded()).await.unwrap();
    let begin_at = async |caller, key: &str, seconds| {
        let mut intent = world.intent(caller, key, &[], amounts(1, 1));
        intent.call.created_at = at(seconds);
        matches!(world.store.begin(intent).await.unwrap(), BeginResult::Admitted { .. })
    };
    assert!(!begin_at(&ada, "a", 59).await && begin_at(&ada, "a", 60).await);
    assert!(begin_at(&ben, "b", 59).await);
    assert_eq!(world.store.kill_switches(ada.tenant(), at(60), &Page::all()).await.unwrap(), []);

    let tenant = stop(KillSwitchScope::Tenant("acme".to_owned()), None);
    world.store.trip(ada.tenant(), &tenant, world.unrecorded()).await.unwrap();
    assert!(!begin_at(&ben, "c", 70).await && begin_at(&globex, "d", 70).await);
    let others = world.store.trip(globex.tenant(), &tenant, world.unrecorded()).await.unwrap_err();
    assert_eq!(others.kind(), ErrorKind::InvalidInput);

    world.store.trip(ada.tenant(), &stop(KillSwitchScope::Global, None), world.unrecorded()).await.unwrap();
    assert!(!begin_at(&globex, "e", 70).await);
    for was_shut in [true, false] {
        let rearmed =
            world.store.rearm(globex.tenant(), &KillSwitchScope::Global, at(70), world.unrecorded()).await;
        assert_eq!(rearmed.unwrap(), was_shut);
    }
    assert!(begin_at(&globex, "f", 70).await);

    let call = world.begin(world.intent(&globex, "g", &[], amounts(1, 1))).await;
    let shut = stop(KillSwitchScope::Tenant("globex".to_owned()), None);
    world.store.trip(globex.tenant(), &shut, world.unrecorded()).await.unwrap();
    let retried = world.store.retry(world.retry_of(&globex, &call, &[], amounts(1, 1))).await.unwrap();
    assert_eq!(
        retried,
        BeginResult::KillSwitch(shut),
        "a kill switch refuses the retries of calls in flight"
    );
}

async fn a_record_that_cannot_be_sealed_admits_and_settles_nothing(world: World) {
    let caller = admin("acme");
    let limits = [budget(Window::Day, 9)];
    let mut intent = world.intent(&caller, "k", &limits, amounts(1, 9));
    intent.audit = world.pending(&caller, "unknown", &[Kind::CHAIN_CLOSE]);
    assert_eq!(world.store.begin(intent).await.unwrap_err().kind(), ErrorKind::Conflict);
    let call = world.begin(world.intent(&caller, "k", &limits, amounts(1, 9))).await;
    let mut settlement = world.settlement(&caller, &call, amounts(1, 5));
    let good =
        std::mem::replace(&mut settlement.audit, world.pending(&caller, "unknown", &[Kind::CHAIN_CLOSE]));
    assert_eq!(world.store.settle(settlement.clone()).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(world.store.call_result(caller.tenant(), &call).await.unwrap(), None);
    assert_eq!(world.lines(&caller).await, []);
    // A second settlement ends the call, once.
    world.settle(Settlement { audit: good, ..settlement }).await;
    assert_eq!(world.lines(&caller).await.len(), 1);
}

async fn a_call_cannot_end_while_an_attempt_is_open_or_with_the_outcome_of_another_attempt(world: World) {
    let caller = admin("acme");
    let call = world.begin(world.intent(&caller, "k", &[], amounts(1, 9))).await;
    let settlement = world.settlement(&caller, &call, amounts(1, 5));
    let without = Settlement { outcome: None, ..settlement.clone() };
    assert_eq!(world.store.settle(without).await.unwrap_err().code(), "ATTEMPT_OPEN");
    let mut of_another = settlement.clone();
    of_another.outcome.as_mut().unwrap().number = 2;
    assert_eq!(world.store.settle(of_another).await.unwrap_err().code(), "ATTEMPT_OVER");
    world.settle(settlement).await;
}
