use std::sync::Arc;

use super::*;
use crate::audit::{KeyRing, Sealer, UnsealedRecords};
use crate::ledger::call_state::tests::{attempt, call, outcome, owner};
use crate::ledger::{AttemptStatus, KillSwitchCause, KillSwitchScope};
use crate::owner::OwnerLease;
use crate::principal::Principal;
use crate::quota::{Cap, Limit, Limits, Meter, ScopeKind, Window, Zone, checks};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

pub(in crate::ledger) fn unsealed() -> UnsealedRecords {
    let keys = KeyRing::from_secret("k0", "a secret of at least sixteen bytes").unwrap();
    UnsealedRecords::new(Arc::new(Sealer::new("test", keys)), Vec::new())
}

fn begin(settings_version: u64) -> BeginCall {
    let (call, limit) = (call(), Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(1)));
    BeginCall {
        tenant: Principal::user("acme", "ada").unwrap().tenant().clone(),
        checks: checks(
            &Limits::none().with([limit]),
            &call.consumer,
            &call.model,
            call.created_at,
            &Zone::default(),
        ),
        attempt: attempt(1),
        settings_version,
        lease: OwnerLease { owner: owner(), until: at(30) },
        key_expires_at: at(99),
        audit: unsealed(),
        call,
    }
}

fn retry() -> RetryCall {
    RetryCall {
        tenant: begin(0).tenant,
        call: "call".to_owned(),
        owner: owner(),
        outcome: outcome(1, AttemptStatus::FailedUnbilled, 0),
        attempt: attempt(2),
        checks: begin(0).checks,
        day: "1970-01-01".to_owned(),
        audit: unsealed(),
    }
}

fn record() -> KeyRecord {
    KeyRecord {
        call: "first".to_owned(),
        digest: call().digest,
        is_settled: false,
        is_released: false,
        expires_at: at(100),
    }
}

/// Returns why a call, which is admitted at 10 s, cannot take the key.
fn taken(record: KeyRecord) -> Option<KeyTaken> {
    begin(0).admission().decide(Some(record)).break_value()
}

fn switch(scope: KillSwitchScope, until: Option<Timestamp>) -> KillSwitch {
    let cause = KillSwitchCause::Switch { reason: "drill".to_owned() };
    KillSwitch { scope, cause, since: at(0), until }
}

fn user() -> KillSwitchScope {
    KillSwitchScope::User("ada".to_owned())
}

#[test]
fn a_key_is_free_without_a_record_once_it_is_released_and_once_it_has_expired() {
    assert!(begin(0).admission().decide(None).is_continue());
    assert_eq!(taken(KeyRecord { is_released: true, ..record() }), None);
    assert_eq!(taken(KeyRecord { expires_at: at(10), ..record() }), None);
    assert!(taken(KeyRecord { expires_at: Timestamp::from_micros(10_000_001), ..record() }).is_some());
}

#[test]
fn a_taken_key_says_whether_the_call_is_equal_and_whether_it_has_ended() {
    for is_settled in [false, true] {
        let other = KeyRecord { digest: "other".to_owned(), is_settled, ..record() };
        assert_eq!(taken(other), Some(KeyTaken::Mismatched));
    }
    assert_eq!(taken(record()), Some(KeyTaken::InProgress("first".to_owned())));
    let settled = KeyRecord { is_settled: true, ..record() };
    assert_eq!(taken(settled), Some(KeyTaken::Settled("first".to_owned())));
}

#[test]
fn the_widest_tripped_switch_refuses_in_any_order_and_before_the_settings_do() {
    let (expired, narrow) = (switch(KillSwitchScope::Global, Some(at(10))), switch(user(), None));
    let wide = switch(KillSwitchScope::Tenant("acme".to_owned()), Some(at(11)));
    let mut kill_switches = vec![narrow, expired, wide.clone()];
    for _ in 0..kill_switches.len() {
        kill_switches.rotate_left(1);
        let state = TenantState { kill_switches: kill_switches.clone(), settings_version: 7 };
        let begin = begin(0);
        let stage = begin.admission().decide(None).continue_value().unwrap();
        assert_eq!(stage.decide(state.clone()).break_value(), Some(BeginResult::KillSwitch(wide.clone())));
        assert!(retry().admission().decide(state).is_break());
    }
}

#[test]
fn changed_settings_refuse_a_new_call_and_not_a_further_attempt() {
    let state = |settings_version| TenantState { kill_switches: Vec::new(), settings_version };
    let begin = begin(7);
    let stage = begin.admission().decide(None).continue_value().unwrap();
    assert!(stage.decide(state(7)).is_continue());
    for other in [6, 8] {
        assert_eq!(stage.decide(state(other)).break_value(), Some(BeginResult::SettingsChanged));
        assert!(retry().admission().decide(state(other)).is_continue());
    }
}

#[test]
fn limits_come_last_and_the_reservation_is_on_their_counters() {
    let retry = retry();
    let stage = retry.admission().decide(TenantState::default()).continue_value().unwrap();
    let key = (*stage.counters().first().unwrap()).clone();
    let reservation = stage.decide(&BTreeMap::new()).unwrap().continue_value().unwrap();
    assert_eq!(reservation.counters.len(), 1);
    assert_eq!(reservation.counters[0].key, key);
    assert_eq!(reservation.counters[0].state.reserved, retry.attempt.reserved);
    let full = BTreeMap::from([(key, reservation.counters[0].state)]);
    assert!(stage.decide(&full).unwrap().is_break());
}
