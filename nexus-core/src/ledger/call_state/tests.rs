use proptest::prelude::*;

use super::*;
use crate::error::Failure;
use crate::ledger::{AutoTripRule, IdempotencyKey};
use crate::quota::{Consumer, Meter, ReservedCounter, ScopeKind, Window};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn amounts(nanos: i64) -> MeterAmounts {
    MeterAmounts { calls: 1, money: NanoUsd::from_nanos(nanos), ..MeterAmounts::ZERO }
}

/// Returns a call that is admitted at 10 s.
pub(in crate::ledger) fn call() -> Call {
    Call {
        id: "call".to_owned(),
        consumer: Consumer { tenant: "acme".to_owned(), user: "ada".to_owned(), ..Consumer::default() },
        idempotency_key: IdempotencyKey::parse(Operation::Chat, "key").unwrap(),
        digest: "digest".to_owned(),
        salt: String::new(),
        correlation_id: None,
        provider: "first".to_owned(),
        model: "m".to_owned(),
        streamed: false,
        created_at: at(10),
        status: CallStatus::Open,
        usage: Usage::default(),
        cost: NanoUsd::ZERO,
        estimated: false,
        was_cached: false,
        avoided: NanoUsd::ZERO,
        latency_ms: None,
        first_byte_ms: None,
        error: None,
        distillation_eligible: false,
        metadata: serde_json::Map::new(),
    }
}

pub(in crate::ledger) fn attempt(number: u32) -> Attempt {
    Attempt {
        number,
        provider: format!("provider-{number}"),
        model: "m".to_owned(),
        price_version: "v".to_owned(),
        reserved: amounts(100),
        started_at: at(10),
    }
}

pub(in crate::ledger) fn outcome(number: u32, status: AttemptStatus, nanos: i64) -> AttemptOutcome {
    let charged = if nanos == 0 { MeterAmounts::ZERO } else { amounts(nanos) };
    AttemptOutcome {
        number,
        status,
        usage: Usage { output_text: nanos.unsigned_abs(), ..Usage::default() },
        charged,
        estimated: status == AttemptStatus::UnknownOutcome,
        error: (status != AttemptStatus::Settled).then(|| "PROVIDER_OVERLOADED".to_owned()),
        at: at(11),
    }
}

fn reservation(shadowed: usize) -> Reservation {
    let refusal = Refusal {
        scope: ScopeKind::User,
        id: "ada".to_owned(),
        model: "*".to_owned(),
        meter: Meter::Calls,
        window: Window::Day,
        limit: 1,
        used: 1,
        wanted: 1,
        resets_at: None,
    };
    let key = CounterKey {
        scope: ScopeKind::User,
        id: "ada".to_owned(),
        model: "*".to_owned(),
        window: "d/1970-01-01".to_owned(),
    };
    let counters = vec![ReservedCounter { key, ends_at: None, state: crate::quota::CounterState::default() }];
    Reservation { counters, shadowed: vec![refusal; shadowed] }
}

pub(in crate::ledger) fn owner() -> OwnerId {
    OwnerId::parse("process-1").unwrap()
}

#[test]
fn a_step_of_another_owner_changes_nothing() {
    let mut state = begun();
    let late =
        Settlement { owner: OwnerId::parse("process-2").unwrap(), ..settlement(None, CallStatus::Failed) };
    assert_eq!(state.settle(&late).unwrap_err().code(), "OWNER_LOST");
    assert_eq!(state, begun());
}

fn begun() -> CallState {
    CallState::begun(call(), owner(), attempt(1), &reservation(0))
}

fn settlement(ending: Option<AttemptOutcome>, status: CallStatus) -> Settlement {
    Settlement {
        tenant: crate::principal::Principal::user("acme", "ada").unwrap().tenant().clone(),
        call: "call".to_owned(),
        owner: owner(),
        outcome: ending,
        status,
        result: CallResult::NotKept,
        avoided: None,
        distillation_eligible: false,
        reasoning: String::new(),
        first_byte_at: Some(at(12)),
        at: at(14),
        day: "1970-01-01".to_owned(),
        auto_trip: AutoTripRule::default(),
        audit: super::super::admission::tests::unsealed(),
    }
}

#[test]
fn a_settled_call_has_its_end_and_a_second_settlement_changes_nothing() {
    let mut state = begun();
    let end = settlement(Some(outcome(1, AttemptStatus::Settled, 7)), CallStatus::Succeeded);
    let settled = state.settle(&end).unwrap().unwrap();
    let entry = settled.attempt.unwrap().entry;
    assert_eq!(
        (entry.provider.as_str(), entry.charged, entry.reserved),
        ("provider-1", amounts(7), amounts(100))
    );
    assert!(settled.is_question && !settled.releases_key);
    assert_eq!((settled.statistics.spent, settled.statistics.failed), (NanoUsd::from_nanos(7), 0));
    let call = &state.call;
    assert_eq!(
        (call.status, call.latency_ms, call.first_byte_ms),
        (CallStatus::Succeeded, Some(4_000), Some(2_000))
    );
    let before = state.clone();
    assert_eq!(state.settle(&end).unwrap(), None);
    assert_eq!(state, before);
}

#[test]
fn a_call_ends_with_its_open_attempt_and_with_no_other() {
    let error = |ending, status| begun().settle(&settlement(ending, status)).unwrap_err().code();
    let of = |number| Some(outcome(number, AttemptStatus::Settled, 7));
    assert_eq!(error(of(2), CallStatus::Succeeded), "ATTEMPT_OVER");
    assert_eq!(error(None, CallStatus::Failed), "ATTEMPT_OPEN");
    assert_eq!(error(of(1), CallStatus::Open), "INVALID_SETTLEMENT");
}

#[test]
fn a_key_is_released_where_nothing_was_sent_and_nothing_was_answered() {
    let releases = |status, nanos, end| {
        let settlement = settlement(Some(outcome(1, status, nanos)), end);
        begun().settle(&settlement).unwrap().unwrap().releases_key
    };
    assert!(releases(AttemptStatus::FailedUnbilled, 0, CallStatus::Failed));
    assert!(releases(AttemptStatus::FailedUnbilled, 0, CallStatus::Cancelled));
    assert!(!releases(AttemptStatus::FailedUnbilled, 0, CallStatus::Succeeded));
    assert!(!releases(AttemptStatus::FailedUnbilled, 5, CallStatus::Failed));
    assert!(!releases(AttemptStatus::UnknownOutcome, 0, CallStatus::Unknown));
}

#[test]
fn the_error_of_a_call_is_that_of_its_result_or_of_its_last_attempt() {
    let error = |result, status| {
        let mut state = begun();
        let ending = Some(outcome(1, AttemptStatus::FailedUnbilled, 0));
        state.settle(&Settlement { result, ..settlement(ending, status) }).unwrap();
        state.call.error
    };
    let failed =
        CallResult::Failed(Failure { code: "TIMEOUT".to_owned(), message: String::new(), hint: None });
    assert_eq!(error(failed.clone(), CallStatus::Failed).as_deref(), Some("TIMEOUT"));
    assert_eq!(error(CallResult::NotKept, CallStatus::Failed).as_deref(), Some("PROVIDER_OVERLOADED"));
    assert_eq!(error(failed, CallStatus::Succeeded), None);
}

#[test]
fn exceeded_shadow_limits_of_every_attempt_are_in_the_metadata() {
    let mut state = CallState::begun(call(), owner(), attempt(1), &reservation(1));
    state.admit(&attempt(2), &reservation(0));
    state.admit(&attempt(3), &reservation(2));
    assert_eq!(state.call.metadata["shadowed"].as_array().unwrap().len(), 3);
    assert_eq!(state.call.provider, "provider-3");
}

#[test]
fn a_result_is_known_once_the_call_is_over_and_not_kept_without_a_key() {
    let mut over = call();
    assert_eq!(over.result(Some(CallResult::NotKept)), None);
    over.status = CallStatus::Failed;
    assert_eq!(over.result(None), Some(CallResult::NotKept));
}

proptest! {
    #[test]
    fn the_sums_of_a_call_are_those_of_its_entries(
        charges in prop::collection::vec((0_i64..1_000, any::<bool>()), 1..6),
    ) {
        let mut state = begun();
        let (mut entries, last) = (Vec::new(), u32::try_from(charges.len()).unwrap());
        for (number, (nanos, is_unknown)) in (1..).zip(&charges) {
            let status = if *is_unknown { AttemptStatus::UnknownOutcome } else { AttemptStatus::FailedUnbilled };
            let ending = outcome(number, status, *nanos);
            if number < last {
                let retry = RetryCall {
                    tenant: settlement(None, CallStatus::Failed).tenant,
                    call: "call".to_owned(),
                    owner: owner(),
                    outcome: ending,
                    attempt: attempt(number + 1),
                    checks: Vec::new(),
                    day: "1970-01-01".to_owned(),
                    audit: super::super::admission::tests::unsealed(),
                };
                entries.push(state.retry(&retry).unwrap().entry);
                prop_assert_eq!(state.retry(&retry).unwrap_err().code(), "ATTEMPT_OVER");
                state.admit(&retry.attempt, &reservation(0));
            } else {
                let settled = state.settle(&settlement(Some(ending), CallStatus::Failed)).unwrap().unwrap();
                entries.extend(settled.attempt.map(|attempt| attempt.entry));
                let is_billed = charges.iter().any(|(nanos, is_unknown)| *nanos > 0 || *is_unknown);
                prop_assert_eq!(settled.releases_key, !is_billed);
            }
        }
        let mut revised = call();
        revised.revise(&entries).unwrap();
        let sums = |call: &Call| (call.usage, call.cost, call.estimated);
        prop_assert_eq!(sums(&state.call), sums(&revised));
        prop_assert_eq!(entries.len(), charges.len());
    }
}
