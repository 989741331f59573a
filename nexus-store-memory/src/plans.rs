//! Query plans of lists, status and searches: each uses an index and sorts nothing that it found.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use nexus_core::access::{Permission, Visibility};
use nexus_core::admin::{ResourceQuery, ResourceScope};
use nexus_core::document::DocumentStatus;
use nexus_core::document::store::DocumentQuery;
use nexus_core::ledger::{LedgerQuery, UsageBy};
use nexus_core::retrieve::{Filter, Query, WordStatistics};
use nexus_core::run::{RunQuery, RunState};
use nexus_core::{Page, Principal, RunId, SessionId, SubjectId};
use nexus_testkit::store::World;
use nexus_testkit::store::calls::amounts;
use nexus_testkit::store::fixture::{
    LEASE, admin, allowed, at, corpus, document, lease, owner, query, reader, vector_query,
};
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use crate::db::Write;
use crate::error::sql;
use crate::store::MemoryStore;

/// Store whose statements are recorded.
struct Noted {
    world: World,
    store: MemoryStore,
    statements: Arc<Mutex<BTreeSet<String>>>,
}

/// Creates a store with a few rows of every kind.
async fn filled() -> Noted {
    let statements = Arc::new(Mutex::new(BTreeSet::new()));
    let mut connection = Connection::open_in_memory().unwrap();
    let notes = Arc::clone(&statements);
    let note = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(statement, _) = event {
            notes.lock().unwrap().insert(statement.sql().into_owned());
        }
    };
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note)).unwrap();
    let store = MemoryStore::in_ram_on(connection).unwrap();
    let world = World::new(Arc::new(store.clone()));
    let caller = admin("acme");
    world.corpus(&caller, "c").await;
    for id in ["a", "b"] {
        world.publish_vectors(&caller, "c", id, &[("leave", [1.0, 0.5, 0.0, 0.0])]).await;
        world.grant(&caller, id, "user:u", Permission::Read, None).await;
    }
    let fill = |write: &Write<'_>| {
        let rows = "INSERT INTO run (tenant, id, owner, session, closed, version, body)
                        VALUES ('acme', 'r', 'u', 's', 0, 1, '{\"ask\": {\"tags\": [\"t\"]}}');
                    INSERT INTO line_block_of_hour VALUES ('acme', 5, 0);";
        write.execute_batch(rows).map_err(sql)
    };
    store.engine().write(fill).await.unwrap();
    statements.lock().unwrap().clear();
    Noted { world, store, statements }
}

/// Returns the plans of the recorded statements that read.
async fn plans(noted: &Noted) -> Vec<(String, Vec<String>)> {
    let run = std::mem::take(&mut *noted.statements.lock().unwrap());
    let explain = |write: &Write<'_>| {
        let mut plans = Vec::new();
        for statement in run.into_iter().filter(|statement| statement.starts_with("SELECT")) {
            let mut explained = write.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).map_err(sql)?;
            // The plan does not depend on the values.
            let steps = explained.raw_query().mapped(|row| row.get::<_, String>(3));
            let steps = steps.collect::<rusqlite::Result<_>>().map_err(sql)?;
            drop(explained);
            plans.push((statement, steps));
        }
        Ok(plans)
    };
    noted.store.engine().write(explain).await.unwrap()
}

/// Returns whether a step reads a whole table, or sorts.
fn is_costly(step: &str) -> bool {
    let is_small = [
        // Lists that are given as JSON.
        "VIRTUAL TABLE",
        // Indexes that hold only open work.
        "USING INDEX job_to_do",
        "USING INDEX run_open",
        "USING INDEX call_open",
        // A bounded count of a subquery.
        "SCAN (subquery",
        "SCAN CONSTANT ROW",
        // All tenants share a handful of rows.
        "SCAN price_row",
    ];
    step.contains("TEMP B-TREE")
        || step.starts_with("SCAN") && !is_small.iter().any(|small| step.contains(small))
}

async fn check(noted: &Noted) {
    let plans = plans(noted).await;
    assert!(plans.len() > 3, "{plans:?}");
    let costly = plans.iter().filter(|(_, steps)| steps.iter().any(|step| is_costly(step)));
    let costly: Vec<String> = costly.map(|(statement, steps)| format!("{steps:?}\n{statement}")).collect();
    assert!(costly.is_empty(), "{}", costly.join("\n\n"));
}

#[tokio::test]
async fn lists_of_runs_and_sessions_use_indexes() {
    let noted = filled().await;
    let world = &noted.world;
    let caller = admin("acme");
    let tenant = caller.tenant();
    let owners = [None, Some(SubjectId::parse("u").unwrap())];
    let sessions = [None, Some(SessionId::parse("s").unwrap())];
    let pages = [Page::first(9), Page::first(9).after("r")];
    for owner in &owners {
        for session in &sessions {
            for state in [None, Some(RunState::Running), Some(RunState::Closed)] {
                for tag in [None, Some("t".to_owned())] {
                    for page in &pages {
                        let (owner, session) = (owner.clone(), session.clone());
                        let (tag, page) = (tag.clone(), page.clone());
                        let query = RunQuery { owner, session, state, tag, page };
                        let _ = world.store.runs(tenant, &query).await;
                    }
                }
            }
        }
        for page in [Page::first(9), Page::first(9).after("2026-03-01T09:30:00Z/s")] {
            world.store.sessions(tenant, owner.as_ref(), &page).await.unwrap();
        }
    }
    let (run, session) = (RunId::parse("r").unwrap(), SessionId::parse("s").unwrap());
    for page in [Page::first(9), Page::first(9).after("r/user")] {
        let _ = world.store.messages(tenant, &session, &page).await;
    }
    let _ = world.store.session(tenant, &session).await;
    let (other, lease) = (owner("process-2"), lease("process-2", 60));
    let _ = world.store.claim_runs(&lease, at(60), 9).await;
    let _ = world.store.unfinished(&other).await;
    let _ = world.store.take_cancel_requests(&other).await;
    let _ = world.store.evidence(tenant, &run).await;
    let _ = world.store.journal(tenant, &run, 0, 9).await;
    let _ = world.store.audio(tenant, &run).await;
    check(&noted).await;
}

#[tokio::test]
async fn lists_of_calls_lines_and_usage_use_indexes() {
    let noted = filled().await;
    let world = &noted.world;
    let caller = admin("acme");
    let tenant = caller.tenant();
    let some = |is_some: bool, text: &str| is_some.then(|| text.to_owned());
    let caller = reader("acme", "u");
    let call = world.begin(world.intent(&caller, "k", &[], amounts(1, 1))).await;
    noted.statements.lock().unwrap().clear();
    for bits in 0..128_u32 {
        let is = |bit: u32| bits & (1 << bit) != 0;
        let query = LedgerQuery {
            user: some(is(0), "u"),
            model: some(is(1), "m"),
            from: is(2).then(|| nexus_core::Timestamp::from_micros(0)),
            until: is(3).then(|| at(9)),
            call: some(is(4), "c"),
            unreconciled: is(6),
            page: Page { after: some(is(5), "7"), limit: 9 },
        };
        world.store.ledger(tenant, &query).await.unwrap();
        let page = Page { after: some(is(5), &call), limit: 9 };
        world.store.calls(tenant, &LedgerQuery { page, ..query }).await.unwrap();
    }
    for by in [UsageBy::Tenant, UsageBy::Organisation, UsageBy::User, UsageBy::Model] {
        world.store.usage(tenant, by, "2026-01-01", "2026-12-31").await.unwrap();
    }
    for page in [Page::first(9), Page::first(9).after("2026-03-01/openai")] {
        world.store.usage_records(tenant, "2026-01-01", "2026-12-31", &page).await.unwrap();
    }
    world.store.settings_version(tenant).await.unwrap();
    world.store.limits(tenant).await.unwrap();
    world.store.kill_switches(tenant, at(0), &Page::all()).await.unwrap();
    world.store.prices().await.unwrap();
    world.store.open_calls().await.unwrap();
    world.store.claim_calls(&lease("process-2", 60), at(60), 9).await.unwrap();
    let _ = world.store.call_result(tenant, "c").await;
    let _ = world.store.reasoning(tenant, "c").await;
    check(&noted).await;
}

#[tokio::test]
async fn lists_of_documents_and_records_and_the_status_use_indexes() {
    let noted = filled().await;
    let world = &noted.world;
    let (caller, member) = (admin("acme"), reader("acme", "u"));
    let tenant = caller.tenant();
    for visibility in [Visibility::of(&caller), Visibility::of(&member)] {
        for corpus in [None, Some(corpus("c"))] {
            for status in [None, Some(DocumentStatus::Failed)] {
                for tags in [vec![], vec!["t".to_owned()]] {
                    for page in [Page::first(9), Page::first(9).after("a")] {
                        let (corpus, tags) = (corpus.clone(), tags.clone());
                        let query = DocumentQuery { corpus, status, tags, page };
                        world.store.documents(tenant, &visibility, &query, at(0)).await.unwrap();
                    }
                }
            }
        }
    }
    world.store.claim_job("w", at(0), LEASE).await.unwrap();
    world.store.corpora(tenant, &Page::first(9).after("a")).await.unwrap();
    world.store.corpus(tenant, &corpus("c")).await.unwrap();
    world.store.grants(tenant, &document("a"), &Page::all()).await.unwrap();
    world.store.passages(tenant, &document("a"), &Page::first(9)).await.unwrap();
    world.store.chains(tenant, &Page::first(9)).await.unwrap();
    world.store.chains(tenant, &Page::first(9).after("x")).await.unwrap();
    world.store.records(tenant, "r", 0, 9).await.unwrap();
    world.store.head(tenant, "r").await.unwrap();
    world.store.stats(tenant).await.unwrap();
    world.store.stats_for(member.tenant(), &member, at(0)).await.unwrap();
    world.store.check().await.unwrap();
    check(&noted).await;
}

#[tokio::test]
async fn lists_of_resources_use_indexes() {
    let noted = filled().await;
    let store = &noted.world.store;
    let scope = ResourceScope::Tenant(admin("acme").tenant().clone());
    for index in [None, Some(("plan".to_owned(), "pro".to_owned()))] {
        for page in [Page::first(9), Page::first(9).after("a")] {
            let query = ResourceQuery { kind: "tenant", index: index.clone(), page };
            store.resources(&scope, &query).await.unwrap();
            store.resources_of_tenants(&query).await.unwrap();
        }
    }
    store.resource(&scope, "tenant", "acme").await.unwrap_err();
    store.resource_history(&scope, "tenant", "acme", &Page::first(9)).await.unwrap();
    check(&noted).await;
}

#[tokio::test]
async fn searches_use_indexes() {
    let noted = filled().await;
    let world = &noted.world;
    let filter = Some(Filter::parse("document.name = \"a.txt\"").unwrap());
    let search = async |caller: &Principal| {
        for query in [
            query("leave"),
            vector_query("leave", [1.0, 0.0, 0.0, 0.0]),
            Query { filter: filter.clone(), ..query("leave") },
            Query { statistics: WordStatistics::Own, explain: true, ..query("leave") },
        ] {
            world.store.retrieve(&allowed(caller, query)).await.unwrap();
        }
    };
    search(&admin("acme")).await;
    search(&reader("acme", "u")).await;
    check(&noted).await;
    // Later changes are read by other statements than the first load.
    world.publish_vectors(&admin("acme"), "c", "a", &[("leave anew", [1.0, 0.5, 0.0, 0.0])]).await;
    noted.statements.lock().unwrap().clear();
    search(&admin("acme")).await;
    search(&reader("acme", "u")).await;
    world.store.revision(admin("acme").tenant(), &corpus("c")).await.unwrap();
    check(&noted).await;
}

/// Returns the pages of the log after a call without an idempotency key was admitted, and after it was settled.
async fn pages_of_a_call(world: &World, beside: &Connection) -> (i64, i64) {
    let caller = admin("acme");
    // Moves the log to its place, so that the next commit restarts it; returns the pages that it had.
    let log = || -> i64 { beside.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1)).unwrap() };
    let begin = async || {
        let mut intent = world.intent(&caller, &world.fresh("key"), &[], amounts(10, 1_000));
        intent.call.idempotency_key.key.clone_from(&intent.call.id);
        world.begin(intent).await
    };
    for _ in 0..20 {
        let call = begin().await;
        world.settle(world.settlement(&caller, &call, amounts(10, 1_000))).await;
    }
    // The least of several: now and then a page is full, and becomes two.
    let mut least = (i64::MAX, i64::MAX);
    for _ in 0..12 {
        log();
        let call = begin().await;
        let begun = log();
        world.settle(world.settlement(&caller, &call, amounts(10, 1_000))).await;
        least = (least.0.min(begun), least.1.min(log()));
    }
    least
}

#[tokio::test]
async fn a_call_of_a_model_writes_no_page_for_the_sake_of_lists() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(Arc::new(MemoryStore::open(dir.path()).unwrap()));
    let beside = Connection::open(dir.path().join("nexus.db")).unwrap();
    let with_lists = pages_of_a_call(&world, &beside).await;
    beside
        .execute_batch(
            "DROP INDEX usage_by_day; DROP TRIGGER line_is_found_by_its_block;
             DROP TRIGGER call_is_found_by_its_block; DROP TRIGGER call_is_found_by_another_block;
             DROP TRIGGER line_is_to_be_reconciled; DROP TRIGGER line_is_reconciled;",
        )
        .unwrap();
    let without = pages_of_a_call(&world, &beside).await;
    assert!(with_lists.0 > 0 && with_lists.1 > 0);
    assert!(with_lists.0 <= without.0 && with_lists.1 <= without.1, "{with_lists:?}, {without:?}");
}
