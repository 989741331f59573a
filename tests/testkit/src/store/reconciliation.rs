//! Laws of `QuotaStore` about reconciliation.

use nexus_core::audit::Kind;
use nexus_core::ledger::{
    AttemptStatus, BeginCall, LedgerEntry, LedgerQuery, Reconciliation, Settlement, UsageBy, UsageRow,
};
use nexus_core::quota::{
    Cap, CounterKey, CounterState, Limit, Meter, MeterAmounts, MeterDelta, ScopeKind, Window,
};
use nexus_core::{ErrorKind, NanoUsd, Page, Principal, Usage};

use super::calls::{DAY, MODEL, amounts, applied, every, key_of};
use super::fixture::{World, admin, at};
use super::scenarios;

scenarios!(
    a_correction_is_a_further_entry_and_every_sum_every_counter_and_the_call_follow,
    only_an_estimate_is_corrected_any_number_of_times,
);

impl World {
    /// Returns the reconciliation of a call's first attempt with `charged`.
    pub fn reconciliation(
        &self,
        caller: &Principal,
        call: &str,
        revision: u32,
        charged: MeterAmounts,
    ) -> Reconciliation {
        let chain = self.fresh("reconciled");
        Reconciliation {
            tenant: caller.tenant().clone(),
            call: call.to_owned(),
            attempt: 1,
            revision,
            usage: Usage { output_text: charged.tokens, ..Usage::default() },
            charged,
            reason: "invoice 7".to_owned(),
            by: caller.subject().to_string(),
            at: at(90_000),
            audit: self.pending(caller, &chain, &[Kind::CHAIN_OPEN, Kind::CHAIN_CLOSE]),
        }
    }

    /// Returns a call whose outcome is unknown, charged with its reservation.
    pub async fn unknown(&self, caller: &Principal, intent: BeginCall) -> String {
        let charged = intent.attempt.reserved;
        let call = self.begin(intent).await;
        let settlement = self.failed(caller, &call, AttemptStatus::UnknownOutcome, charged);
        self.settle(estimated(settlement)).await;
        call
    }
}

/// Marks the outcome of a settlement as an estimate.
pub(super) fn estimated(mut settlement: Settlement) -> Settlement {
    let ending = settlement.outcome.as_mut().unwrap();
    (ending.estimated, ending.usage) = (true, Usage::default());
    settlement
}

/// Returns the sum of the entries' deltas.
fn sum(lines: &[LedgerEntry]) -> MeterAmounts {
    // Oldest first: no prefix of a ledger is negative.
    lines
        .iter()
        .rev()
        .fold(MeterAmounts::ZERO, |sum, line| sum.checked_change(&line.change().unwrap()).unwrap())
}

async fn a_correction_is_a_further_entry_and_every_sum_every_counter_and_the_call_follow(world: World) {
    let caller = admin("acme");
    let limit = |scope, window| Limit::new(scope, Meter::Money, window, Cap::Limited(1_000));
    let limits = [
        limit(ScopeKind::Tenant, Window::Day),
        limit(ScopeKind::User, Window::Month).for_model(MODEL),
        limit(ScopeKind::Investigation, Window::Total),
        limit(ScopeKind::User, Window::HOUR),
    ];
    let intent = |key: &str, charged| {
        let mut intent = world.intent(&caller, key, &[], charged);
        intent.call.consumer.investigation = Some("case".to_owned());
        intent.call.consumer.run = Some("run-1".to_owned());
        intent.checks = applied(&limits, &intent.call.consumer, at(0));
        intent
    };
    let other = world.begin(intent("other", amounts(20, 7))).await;
    world.settle(world.settlement(&caller, &other, amounts(20, 7))).await;
    let call = world.unknown(&caller, intent("k", amounts(100, 60))).await;
    let keys: Vec<CounterKey> =
        intent("keys", amounts(1, 1)).checks.into_iter().map(|check| check.key).collect();

    let line = world.store.reconcile(world.reconciliation(&caller, &call, 1, amounts(30, 25))).await.unwrap();
    let lines = world.lines(&caller).await;
    assert_eq!((lines.len(), &lines[0]), (3, &line));
    let own = &lines[1];
    assert_eq!((own.seq, own.charged, own.estimated, own.revision()), (2, amounts(100, 60), true, 0));
    let correction = line.correction.clone().unwrap();
    assert_eq!((line.seq, line.ts, line.attempt, line.revision()), (3, at(90_000), 1, 1));
    assert_eq!(
        (correction.charged_before, line.charged, line.estimated),
        (own.charged, amounts(30, 25), false)
    );
    assert_eq!((correction.reason.as_str(), correction.by.as_str()), ("invoice 7", "root"));
    let money = NanoUsd::from_nanos(-35);
    assert_eq!(line.change(), Some(MeterDelta { calls: 0, tokens: -70, cost_units: -7, money }));

    let both = amounts(20, 7).checked_add(&amounts(30, 25)).unwrap();
    assert_eq!(sum(&lines), both);
    for key in &keys {
        // An hour that is over stays as counted.
        let passes = key.window.starts_with('s');
        let settled = if passes { amounts(20, 7).checked_add(&amounts(100, 60)).unwrap() } else { both };
        assert_eq!(
            world.used(&caller, key).await,
            CounterState { reserved: MeterAmounts::ZERO, settled },
            "{key:?}"
        );
    }
    // Counters created only now begin with the sum of the entries.
    for (scope, id) in [(ScopeKind::Run, "run-1"), (ScopeKind::Investigation, "case")] {
        let key = CounterKey { scope, id: id.to_owned(), ..key_of(&caller, &limits[0]) };
        assert_eq!(world.used(&caller, &key).await.settled, both, "{key:?}");
    }
    for by in [UsageBy::Tenant, UsageBy::Organisation, UsageBy::User, UsageBy::Model] {
        let rows = world.store.usage(caller.tenant(), by, DAY, DAY).await.unwrap();
        let [UsageRow { calls, tokens, cost_units, cost, .. }] = rows.try_into().unwrap();
        assert_eq!(MeterAmounts { calls, tokens, cost_units, money: cost }, both, "{by:?}");
    }
    let records = world.store.usage_records(caller.tenant(), DAY, "2026-03-31", &Page::all()).await.unwrap();
    assert_eq!((records.len(), records[0].tokens, records[0].estimated_cost), (1, both.tokens, both.money));
    let of_call = LedgerQuery { call: Some(call.clone()), ..every() };
    let kept = world.store.calls(caller.tenant(), &of_call).await.unwrap().remove(0);
    assert_eq!((kept.usage.total(), kept.cost, kept.estimated), (Some(30), NanoUsd::from_nanos(25), false));
    assert_eq!(world.store.ledger(caller.tenant(), &of_call).await.unwrap().len(), 2);
    let chains = world.store.chains(caller.tenant(), &Page::first(99)).await.unwrap();
    assert_eq!(chains.iter().filter(|chain| chain.run.starts_with("reconciled")).count(), 1);
}

async fn only_an_estimate_is_corrected_any_number_of_times(world: World) {
    let caller = admin("acme");
    let limits = [Limit::new(ScopeKind::User, Meter::Money, Window::Month, Cap::Limited(1_000))];
    let known = world.made(&caller, "known", &limits, amounts(1, 5)).await;
    let call = world.unknown(&caller, world.intent(&caller, "k", &limits, amounts(100, 60))).await;
    let refused = async |caller: &Principal, call: &str, revision| {
        let reconciliation = world.reconciliation(caller, call, revision, amounts(1, 1));
        let error = world.store.reconcile(reconciliation).await.unwrap_err();
        (error.kind(), error.code())
    };
    assert_eq!(refused(&caller, &known, 1).await, (ErrorKind::Conflict, "CALL_NOT_ESTIMATED"));
    assert_eq!(refused(&caller, "unknown", 1).await, (ErrorKind::NotFound, "CALL_NOT_FOUND"));
    assert_eq!(refused(&admin("globex"), &call, 1).await, (ErrorKind::NotFound, "CALL_NOT_FOUND"));
    let of_second = Reconciliation { attempt: 2, ..world.reconciliation(&caller, &call, 1, amounts(1, 1)) };
    assert_eq!(world.store.reconcile(of_second).await.unwrap_err().kind(), ErrorKind::NotFound);
    let less_than_nothing = world.reconciliation(&caller, &call, 1, amounts(1, -1));
    assert_eq!(world.store.reconcile(less_than_nothing).await.unwrap_err().kind(), ErrorKind::InvalidInput);

    // To zero, up again, and beyond the reservation.
    for (revision, charged) in [(1, MeterAmounts::ZERO), (2, amounts(30, 25)), (3, amounts(300, 250))] {
        let (one, two) = tokio::join!(
            world.store.reconcile(world.reconciliation(&caller, &call, revision, charged)),
            world.store.reconcile(world.reconciliation(&caller, &call, revision, charged)),
        );
        let (ours, theirs) = if one.is_ok() { (one, two) } else { (two, one) };
        assert_eq!(ours.unwrap().charged, charged);
        assert_eq!(theirs.unwrap_err().code(), "ENTRY_CONFLICT");
        let all = amounts(1, 5).checked_add(&charged).unwrap();
        assert_eq!(sum(&world.lines(&caller).await), all);
        assert_eq!(world.used(&caller, &key_of(&caller, &limits[0])).await.settled, all);
    }
    assert_eq!(refused(&caller, &call, 3).await, (ErrorKind::Conflict, "ENTRY_CONFLICT"));
    assert_eq!(refused(&caller, &call, 5).await, (ErrorKind::Conflict, "ENTRY_CONFLICT"));
    assert_eq!(world.lines(&caller).await.len(), 5);
}
