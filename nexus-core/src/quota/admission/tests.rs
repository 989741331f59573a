use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::quota::Limit;
use crate::quota::calendar_oracle::{Calendar, moment};

fn consumer() -> Consumer {
    Consumer {
        tenant: "acme".to_owned(),
        organisation: Some("sales".to_owned()),
        user: "ada".to_owned(),
        investigation: Some("case-1".to_owned()),
        run: None,
    }
}

fn limits(limits: impl IntoIterator<Item = Limit>) -> Limits {
    Limits::none().with(limits)
}

fn now() -> Timestamp {
    "2026-03-01T09:30:00Z".parse().unwrap()
}

fn calls(calls: u64) -> MeterAmounts {
    MeterAmounts { calls, ..MeterAmounts::ZERO }
}

#[track_caller]
fn check_admits(cap: Cap, taken: u64, wanted: u64, expected: bool) {
    let limits = limits([Limit::new(ScopeKind::User, Meter::Calls, Window::Day, cap)]);
    let checks = checks(&limits, &consumer(), "m", now(), &Zone::default());
    let used = CounterState { settled: calls(taken), reserved: MeterAmounts::ZERO };
    let admission = admit(&checks, &calls(wanted), |_| used);
    assert_eq!(matches!(admission, QuotaDecision::Admitted { .. }), expected, "{cap:?} {taken} {wanted}");
}

#[test]
fn a_cap_is_reached_but_never_exceeded() {
    check_admits(Cap::Limited(10), 9, 1, true);
    check_admits(Cap::Limited(10), 9, 2, false);
    check_admits(Cap::Limited(10), 10, 0, true);
    check_admits(Cap::Limited(u64::MAX), u64::MAX, 1, false);
}

#[test]
fn a_cap_of_zero_denies_everything_and_minus_one_nothing() {
    check_admits(Cap::Limited(0), 0, 0, false);
    check_admits(Cap::Limited(0), 0, 1, false);
    check_admits(Cap::try_from(-1).unwrap(), u64::MAX, u64::MAX, true);
}

#[test]
fn a_limit_applies_to_its_scope_id_and_model_only() {
    let of = |limit: Limit| checks(&limits([limit]), &consumer(), "m", now(), &Zone::default()).len();
    let limit = |scope| Limit::new(scope, Meter::Calls, Window::Day, Cap::Limited(1));
    assert_eq!(of(limit(ScopeKind::User)), 1);
    assert_eq!(of(limit(ScopeKind::Run)), 0);
    assert_eq!(of(limit(ScopeKind::User).for_id("bob")), 0);
    assert_eq!(of(limit(ScopeKind::User).for_id("ada").for_model("m")), 1);
    assert_eq!(of(limit(ScopeKind::User).for_model("other")), 0);
}

#[test]
fn a_limit_that_names_a_consumer_replaces_the_general_one_for_it() {
    let limit = |scope, cap| Limit::new(scope, Meter::Calls, Window::Day, Cap::Limited(cap));
    let caps = |all: [Limit; 2]| {
        let consumer = Consumer { run: Some("run-1".to_owned()), ..consumer() };
        let checks = checks(&limits(all), &consumer, "m", now(), &Zone::default());
        checks.iter().map(|check| i64::from(check.cap)).collect::<Vec<_>>()
    };
    let general = || limit(ScopeKind::User, 5);
    for cap in [9, 1] {
        assert_eq!(
            caps([general(), limit(ScopeKind::User, cap).for_id("ada")]),
            [i64::try_from(cap).unwrap()]
        );
    }
    let named = limit(ScopeKind::User, 9);
    assert_eq!(caps([general(), named.clone().for_id("bob")]), [5], "another user's");
    assert_eq!(caps([general(), named.clone().for_id("ada").for_model("m")]), [5, 9], "of one model");
    let shadow = Limit { mode: LimitMode::Shadow, ..named.for_id("ada") };
    assert_eq!(caps([general(), shadow]), [5, 9], "a limit on trial lifts none");
    let runs = [limit(ScopeKind::Run, 1), limit(ScopeKind::Run, 9).for_id("run-1")];
    assert_eq!(caps(runs), [1, 9], "a question's own cap lifts none");
}

#[test]
fn a_shadowed_limit_admits_and_says_what_it_would_have_refused() {
    let mut limit = Limit::new(ScopeKind::Tenant, Meter::Calls, Window::MINUTE, Cap::Limited(0));
    limit.mode = LimitMode::Shadow;
    let checks = checks(&limits([limit]), &consumer(), "m", now(), &Zone::default());
    let QuotaDecision::Admitted { shadowed } = admit(&checks, &calls(1), |_| CounterState::default()) else {
        panic!("a shadowed limit refused")
    };
    assert_eq!(shadowed.len(), 1);
}

#[test]
fn a_refusal_names_scope_limit_use_and_reset() {
    let limits = limits([Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(2))]);
    let checks = checks(&limits, &consumer(), "m", now(), &Zone::default());
    let used = CounterState { settled: calls(2), reserved: MeterAmounts::ZERO };
    let QuotaDecision::Refused(refusal) = admit(&checks, &calls(1), |_| used) else { panic!("admitted") };
    assert_eq!(
        refusal.sentence(),
        "the user's limit of 2 calls a day would be exceeded: 2 calls are used, the call may take 1 calls; \
         the limit resets at 2026-03-02T00:00:00.000000Z"
    );
    assert_eq!(refusal.code(), "QUOTA_EXCEEDED");
}

/// Step of the test against a naive oracle, which sums every call ever admitted for each decision.
#[derive(Debug, Clone)]
enum Op {
    Reserve { user: u8, tokens: u64 },
    Settle { which: usize, tokens: u64 },
    Advance { seconds: i64 },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0_u8..3, 0_u64..60).prop_map(|(user, tokens)| Op::Reserve { user, tokens }),
        2 => (any::<usize>(), 0_u64..60).prop_map(|(which, tokens)| Op::Settle { which, tokens }),
        1 => prop_oneof![-90_000_i64..90_000, Just(86_400 * 31)].prop_map(|seconds| Op::Advance { seconds }),
    ]
}

/// Call in the oracle: user, time of admission, and the tokens reserved or charged.
struct Held {
    user: String,
    at: Timestamp,
    tokens: u64,
    open: bool,
    keys: Vec<CounterKey>,
}

proptest! {
    #[test]
    fn counters_agree_with_a_list_of_all_calls(
        ops in prop::collection::vec(op(), 1..120),
        start in moment(),
        calendar in prop::sample::select(Calendar::ALL.to_vec()),
    ) {
        let zone = calendar.zone();
        let windows = [Window::MINUTE, Window::HOUR, Window::Day, Window::Month];
        let caps = [100_u64, 250, 400, 900];
        let limits = limits(windows.into_iter().zip(caps).flat_map(|(window, cap)| {
            [ScopeKind::User, ScopeKind::Tenant]
                .map(|scope| Limit::new(scope, Meter::Tokens, window, Cap::Limited(cap)))
        }));
        let mut now = start;
        let mut counters: BTreeMap<CounterKey, CounterState> = BTreeMap::new();
        let mut held: Vec<Held> = Vec::new();
        for op in ops {
            match op {
                Op::Advance { seconds } => now = Timestamp::from_micros(now.as_micros() + seconds * 1_000_000),
                Op::Reserve { user, tokens } => {
                    let user = format!("u{user}");
                    let consumer = Consumer { user: user.clone(), ..consumer() };
                    let checks = checks(&limits, &consumer, "m", now, &zone);
                    let wanted = MeterAmounts { tokens, ..MeterAmounts::ZERO };
                    let before = counters.clone();
                    let admission =
                        admit(&checks, &wanted, |key| before.get(key).copied().unwrap_or_default());
                    // The oracle: for each limit, everything admitted in the same window by the same scope.
                    let fits = windows.into_iter().zip(caps).all(|(window, cap)| {
                        [true, false].into_iter().all(|only_user| {
                            let same = |call: &&Held| {
                                calendar.same(window, call.at, now) && (!only_user || call.user == user)
                            };
                            held.iter().filter(same).map(|call| call.tokens).sum::<u64>() + tokens <= cap
                        })
                    });
                    let admitted = matches!(admission, QuotaDecision::Admitted { .. });
                    prop_assert_eq!(admitted, fits);
                    if admitted {
                        let keys: Vec<CounterKey> = checks.iter().map(|check| check.key.clone()).collect();
                        for key in &keys {
                            let used = counters.entry(key.clone()).or_default();
                            used.reserved = used.reserved.checked_add(&wanted).unwrap();
                        }
                        held.push(Held { user, at: now, tokens, open: true, keys });
                    }
                }
                Op::Settle { which, tokens } => {
                    let mut open: Vec<&mut Held> = held.iter_mut().filter(|call| call.open).collect();
                    if open.is_empty() { continue; }
                    let place = which % open.len();
                    let call = &mut *open[place];
                    // Settling takes no more than was reserved.
                    let taken = tokens.min(call.tokens);
                    for key in &call.keys {
                        let used = counters.get_mut(key).unwrap();
                        let reserved = MeterAmounts { tokens: call.tokens, ..MeterAmounts::ZERO };
                        used.reserved = used.reserved.checked_sub(&reserved).unwrap();
                        let settled = MeterAmounts { tokens: taken, ..MeterAmounts::ZERO };
                        used.settled = used.settled.checked_add(&settled).unwrap();
                    }
                    (call.tokens, call.open) = (taken, false);
                }
            }
            for (key, used) in &counters {
                let position = windows.into_iter().position(|window| {
                    window.id(now, &zone).split('/').next() == key.window.split('/').next()
                });
                prop_assert!(used.of(Meter::Tokens) <= caps[position.unwrap()]);
            }
        }
    }
}

proptest! {
    #[test]
    fn a_reservation_is_on_each_counter_once_or_there_is_none(
        caps in prop::collection::vec((0_u64..20, any::<bool>(), any::<bool>()), 1..6), taken in 0_u64..20, wanted in 0_u64..20,
    ) {
        let limits = limits(caps.iter().zip(Meter::ALL.iter().cycle()).map(|((cap, is_day, is_shadow), meter)| {
            let window = if *is_day { Window::Day } else { Window::Month };
            let mode = if *is_shadow { LimitMode::Shadow } else { LimitMode::Enforce };
            Limit { mode, ..Limit::new(ScopeKind::User, *meter, window, Cap::Limited(*cap)) }
        }));
        let checks = checks(&limits, &consumer(), "m", now(), &Zone::default());
        let before = CounterState { settled: calls(taken), reserved: calls(1) };
        let states: BTreeMap<_, _> = checks.iter().map(|check| (check.key.clone(), before)).collect();
        match (reserve(&checks, &calls(wanted), &states).unwrap(), admit(&checks, &calls(wanted), |_| before)) {
            (ControlFlow::Break(refusal), QuotaDecision::Refused(expected)) => prop_assert_eq!(refusal, expected),
            (ControlFlow::Continue(reservation), QuotaDecision::Admitted { shadowed }) => {
                prop_assert_eq!(reservation.shadowed, shadowed);
                let keys: Vec<_> = reservation.counters.iter().map(|counter| counter.key.clone()).collect();
                prop_assert_eq!(keys, states.keys().cloned().collect::<Vec<_>>());
                for counter in reservation.counters {
                    prop_assert_eq!(counter.state.settled, before.settled);
                    prop_assert_eq!(counter.state.reserved, calls(1 + wanted));
                }
            }
            (reserved, admitted) => prop_assert!(false, "{reserved:?} {admitted:?}"),
        }
    }
}
