//! Retention through the facade: removed records, kept records that still verify, and the rights to apply it.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use nexus_core::audit::Status;
use nexus_core::document::NewDocument;
use nexus_core::retention::{Removed, Retention, RetentionClass, RetentionStore as _};
use nexus_core::run::RunQuery;
use nexus_core::{Clock, CorpusId, ErrorKind, Nexus, Page, Principal, Search, Settings, Timestamp};
use nexus_store_memory::MemoryStore;
use nexus_testkit::fake::FixedClock;
use nexus_testkit::store::fixture::at;
use serde_json::json;

use crate::journey::{admin, builder, ingest};

const DAY: Duration = Duration::from_hours(24);

#[derive(Debug)]
struct SharedClock(Arc<FixedClock>);

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// Creates a store with one answered question, whose records expire by `retention`.
async fn answered(retention: Retention) -> (Nexus, Arc<FixedClock>, MemoryStore) {
    let (store, clock) = (MemoryStore::default(), Arc::new(FixedClock::at(at(0))));
    let settings = Settings { retention, ..Settings::default() };
    let nexus = builder(&store).clock(SharedClock(Arc::clone(&clock))).settings(settings).build().unwrap();
    let handbook = CorpusId::parse("handbook").unwrap();
    nexus.create_corpus(&admin(), handbook, "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "leave.txt", "Every employee has thirty days of paid leave in a year.").await;
    let question = "How many days of paid leave does an employee have?";
    let run = nexus.ask(&admin(), question).corpus("handbook").start().await.unwrap();
    run.finish().await.unwrap();
    (nexus, clock, store)
}

fn removed(counts: &[Removed], class: RetentionClass) -> Option<u64> {
    counts.iter().find(|removed| removed.class == class).map(|removed| removed.records)
}

#[tokio::test]
async fn records_go_after_their_period_and_what_stays_verifies_and_answers() {
    let retention = Retention { runs: Some(DAY * 30), sessions: Some(DAY * 30), ..Retention::default() };
    let (nexus, clock, _store) = answered(retention).await;
    let chains = nexus.chains(&admin(), Page::first(99)).await.unwrap();
    let erased = nexus.runs(&admin(), RunQuery::default()).await.unwrap().remove(0).id;

    clock.advance(DAY * 30);
    let early = nexus.apply_retention(&admin()).await.unwrap();
    assert_eq!(early.iter().map(|removed| removed.records).sum::<u64>(), 0, "{early:?}");
    assert_eq!(nexus.chains(&admin(), Page::first(99)).await.unwrap(), chains);

    clock.advance(DAY);
    let expired = nexus.expired_records(&admin()).await.unwrap();
    assert_eq!(removed(&expired, RetentionClass::Runs), Some(1));
    assert_eq!(
        nexus.runs(&admin(), RunQuery { page: Page::first(9), ..RunQuery::default() }).await.unwrap().len(),
        1
    );
    assert_eq!(nexus.apply_retention(&admin()).await.unwrap(), expired);
    assert_eq!(removed(&expired, RetentionClass::Sessions), Some(1));
    assert_eq!(removed(&expired, RetentionClass::Journals), None, "journals are kept for ever by default");
    assert_eq!(removed(&expired, RetentionClass::Jobs), Some(0), "jobs are kept for ninety days");
    assert!(
        nexus
            .runs(&admin(), RunQuery { page: Page::first(9), ..RunQuery::default() })
            .await
            .unwrap()
            .is_empty()
    );
    assert!(nexus.sessions(&admin(), Page::first(9)).await.unwrap().is_empty());

    let after = nexus.chains(&admin(), Page::first(99)).await.unwrap();
    assert!(chains.iter().all(|chain| after.contains(chain)), "a chain was removed");
    assert_eq!(after.len(), chains.len() + 2, "one record of the runs and one of the sessions");
    for chain in after {
        let status = if chain == erased.as_str() { Status::Erased } else { Status::Ok };
        assert_eq!(nexus.verify(&admin(), &chain, None).await.unwrap().status, status, "{chain}");
    }
    let question = "How many days of paid leave does an employee have?";
    let run = nexus.ask(&admin(), question).corpus("handbook").start().await.unwrap();
    assert!(run.finish().await.unwrap().answer.text.contains("thirty days"));
}

#[tokio::test]
async fn only_an_admin_applies_retention_or_sees_what_it_would_remove() {
    let (nexus, clock, _store) = answered(Retention { runs: Some(DAY), ..Retention::default() }).await;
    clock.advance(DAY * 2);
    for role in ["reader", "editor"] {
        let caller = Principal::user("acme", "eve").unwrap().roles([role]);
        assert_eq!(nexus.apply_retention(&caller).await.unwrap_err().kind(), ErrorKind::Denied);
        assert_eq!(nexus.expired_records(&caller).await.unwrap_err().kind(), ErrorKind::Denied);
    }
    let other = Principal::user("globex", "root").unwrap().roles(["admin"]);
    assert_eq!(removed(&nexus.apply_retention(&other).await.unwrap(), RetentionClass::Runs), Some(0));
    assert_eq!(removed(&nexus.expired_records(&admin()).await.unwrap(), RetentionClass::Runs), Some(1));
}

#[tokio::test]
async fn the_background_pass_applies_retention_to_every_tenant() {
    let (nexus, clock, _store) = answered(Retention { runs: Some(DAY), ..Retention::default() }).await;
    clock.advance(DAY * 2);
    nexus.apply_retention_in_background();
    while removed(&nexus.expired_records(&admin()).await.unwrap(), RetentionClass::Runs) != Some(0) {
        tokio::task::yield_now().await;
    }
    assert!(nexus.shutdown(Duration::from_secs(5)).await.unwrap());
}

#[tokio::test]
async fn a_pass_sweeps_counters_and_tallies_that_nothing_needs_any_more() {
    for applied in [false, true] {
        let (nexus, clock, store) = answered(Retention::default()).await;
        clock.advance(DAY * 2);
        if applied {
            nexus.apply_retention(&admin()).await.unwrap();
        }
        let left = store.sweep_idle(admin().tenant(), clock.now(), 99).await.unwrap();
        assert_eq!(left == 0, applied, "{left}");
    }
}

#[tokio::test]
async fn nothing_is_built_or_done_by_a_clock_before_1970() {
    const REFUSED: &str = "CLOCK_BEFORE_1970";
    let before = Timestamp::from_micros(-1);
    let store = MemoryStore::default();
    assert_eq!(builder(&store).clock(FixedClock::at(before)).build().unwrap_err().code(), REFUSED);
    let (nexus, clock, _store) = answered(Retention::default()).await;
    clock.set(before);
    let handbook = || CorpusId::parse("handbook").unwrap();
    let found = nexus.search(&admin(), Search::new(handbook(), "leave")).await;
    assert_eq!(found.unwrap_err().code(), REFUSED, "an expired grant would hold again");
    let run = nexus.ask(&admin(), "How many days of leave?").corpus("handbook").start().await;
    assert_eq!(run.unwrap_err().code(), REFUSED);
    let new = NewDocument::new(handbook(), "late.txt");
    assert_eq!(nexus.ingest(&admin(), new, Cursor::new("Late.")).await.unwrap_err().code(), REFUSED);
    clock.set(at(0));
    nexus.search(&admin(), Search::new(handbook(), "leave")).await.unwrap();
}
