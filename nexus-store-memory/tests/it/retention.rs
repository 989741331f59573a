//! Data that a store removes by itself, and data that it keeps.

use std::sync::Arc;

use nexus_core::NanoUsd;
use nexus_core::ledger::Settlement;
use nexus_core::quota::{
    Cap, CounterKey, CounterState, Limit, Limits, Meter, MeterAmounts, ScopeKind, Window, Zone, checks,
};
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::calls::amounts;
use nexus_testkit::store::fixture::{at, reader};

fn count(dir: &std::path::Path, statement: &str) -> i64 {
    let connection = rusqlite::Connection::open(dir.join("nexus.db")).unwrap();
    connection.query_row(statement, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn answers_go_when_their_claims_run_out_and_counters_when_their_windows_are_long_over() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(Arc::new(MemoryStore::open(dir.path()).unwrap()));
    let limits = Limits::none().with([
        Limit::new(ScopeKind::User, Meter::Calls, Window::MINUTE, Cap::Limited(9)),
        Limit::new(ScopeKind::User, Meter::Calls, Window::Month, Cap::Limited(999)),
    ]);
    for number in 0..40 {
        // One call an hour, each of which leaves a counter of its minute and an answer for a day.
        let (caller, now) = (reader("acme", "ada"), at(number * 3_600));
        let mut intent = world.intent(&caller, &format!("k{number}"), &[], amounts(1, 1));
        intent.call.created_at = now;
        intent.checks = checks(&limits, &intent.call.consumer, "small", now, &Zone::default());
        intent.key_expires_at = at((number + 24) * 3_600);
        let call = world.begin(intent).await;
        let day = Zone::default().day(now);
        world.settle(Settlement { day, ..world.settlement(&caller, &call, amounts(1, 1)) }).await;
    }
    let month = CounterKey {
        scope: ScopeKind::User,
        id: "ada".to_owned(),
        model: "*".to_owned(),
        window: "m/2026-03".to_owned(),
    };
    let forty = MeterAmounts { calls: 40, tokens: 40, cost_units: 0, money: NanoUsd::from_nanos(40) };
    let used = world.store.used(reader("acme", "ada").tenant(), &[month]).await.unwrap();
    assert_eq!(used, [CounterState { reserved: MeterAmounts::ZERO, settled: forty }]);
    world.store.close().await.unwrap();
    assert_eq!(
        count(dir.path(), "SELECT count(*) FROM idempotency_key WHERE result LIKE '%thirty days%'"),
        24
    );
    assert_eq!(count(dir.path(), "SELECT count(*) FROM quota_counter WHERE window LIKE 's%'"), 2);
    assert_eq!(count(dir.path(), "SELECT count(*) FROM billing_ledger"), 40);
    let connection = rusqlite::Connection::open(dir.path().join("nexus.db")).unwrap();
    for change in ["UPDATE billing_ledger SET cost_nano = 0", "DELETE FROM billing_ledger"] {
        assert!(connection.execute(change, []).unwrap_err().to_string().contains("of the ledger"));
    }
}
