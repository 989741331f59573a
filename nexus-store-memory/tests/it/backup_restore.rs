//! Copies of a store: backups, exports, and reading beside the writer.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexus_core::audit::Status;
use nexus_core::document::BlobStore;
use nexus_core::document::model::NewDocument;
use nexus_core::ledger::{
    KillSwitch, KillSwitchCause, KillSwitchScope, LedgerEntry, LedgerStore, QuotaStore,
};
use nexus_core::quota::{Cap, CounterState, Limit, Meter, MeterAmounts, ScopeKind, Window};
use nexus_core::run::{RunQuery, RunStore};
use nexus_core::search::Search;
use nexus_core::stats::StatsStore as _;
use nexus_core::system::SystemStore;
use nexus_core::transfer::{Backup, BackupScope, TenantExport, TransferStore};
use nexus_core::{CorpusId, DocumentId, ErrorKind, Nexus, Page, Principal, Result};
use nexus_store_memory::MemoryStore;
use nexus_testkit::faulty::{FaultyStore, InjectedFault};
use nexus_testkit::store::World;
use nexus_testkit::store::calls::{amounts, every, key_of};
use nexus_testkit::store::fixture::{allowed, at};
use nexus_testkit::store::transfer::Sink;
use serde_json::{Value, json};

use crate::journey::{admin, ingest, keys, nexus};
use crate::records::events;

fn handbook() -> CorpusId {
    CorpusId::parse("handbook").unwrap()
}

/// Creates a store with two documents, one of them overwritten, and an answered question.
async fn filled(dir: &std::path::Path) -> (MemoryStore, Nexus) {
    let store = MemoryStore::open(dir).unwrap();
    let nexus = nexus(&store);
    nexus.create_corpus(&admin(), handbook(), "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "leave.txt", "No one has paid leave.").await;
    ingest(&nexus, &admin(), "leave.txt", "Every employee has thirty days of paid leave in a year.").await;
    ingest(&nexus, &admin(), "travel.txt", "Trains are booked in second class.").await;
    let run = nexus.ask(&admin(), "How many days of paid leave does an employee have?").corpus("handbook");
    run.start().await.unwrap().finish().await.unwrap();
    spend(&store).await;
    (store, nexus)
}

fn allowance() -> Limit {
    Limit::new(ScopeKind::Tenant, Meter::Money, Window::Total, Cap::Limited(100))
}

/// Adds one settled call and one in flight, on a budget, and a user whose kill switch is tripped.
async fn spend(store: &MemoryStore) {
    let (world, caller) = (World::new(Arc::new(store.clone())), admin());
    world.made(&caller, "over", &[allowance()], amounts(5, 40)).await;
    world.begin(world.intent(&caller, "under-way", &[allowance()], amounts(5, 30))).await;
    store.set_limit(caller.tenant(), &allowance(), world.unrecorded()).await.unwrap();
    let stop = KillSwitch {
        scope: KillSwitchScope::User("ben".to_owned()),
        cause: KillSwitchCause::Switch { reason: "drill".to_owned() },
        since: at(0),
        until: None,
    };
    store.trip(caller.tenant(), &stop, world.unrecorded()).await.unwrap();
}

async fn check_spent(store: &MemoryStore) {
    let tenant = admin().tenant().clone();
    let of_ours = |line: &LedgerEntry| line.charged == amounts(5, 40);
    let lines = store.ledger(&tenant, &every()).await.unwrap();
    assert!(lines.iter().any(of_ours));
    let settled =
        lines.iter().try_fold(MeterAmounts::ZERO, |sum, line| sum.checked_add(&line.charged)).unwrap();
    let used = store.used(&tenant, &[key_of(&admin(), &allowance())]).await.unwrap();
    assert_eq!(used, [CounterState { reserved: amounts(5, 30), settled }]);
    assert_eq!(store.limits(&tenant).await.unwrap(), [allowance()]);
    assert_eq!(store.kill_switches(&tenant, at(0), &Page::all()).await.unwrap().len(), 1);
    let open = store.open_calls().await.unwrap();
    let ours = open.iter().find(|open| open.call.idempotency_key.key == "under-way").unwrap();
    assert_eq!(ours.attempt.as_ref().unwrap().reserved, amounts(5, 30));
}

async fn check_filled(store: &MemoryStore) {
    let nexus = nexus(store);
    let found = nexus.search(&admin(), Search::new(handbook(), "paid leave")).await.unwrap();
    assert_eq!((found.hits.len(), found.permitted), (1, 2));
    assert!(found.hits[0].passage.text.contains("thirty days"));
    let runs = store
        .runs(admin().tenant(), &RunQuery { page: Page::first(9), ..RunQuery::default() })
        .await
        .unwrap();
    let verified = nexus.verify(&admin(), runs[0].id.as_str(), None).await.unwrap();
    assert_eq!((runs.len(), verified.status), (1, Status::Ok));
    let document = nexus.document(&admin(), &DocumentId::parse("leave.txt").unwrap()).await.unwrap();
    let mut bytes = String::new();
    let mut source = store.open(admin().tenant(), &document.content_hash).await.unwrap();
    std::io::Read::read_to_string(&mut source, &mut bytes).unwrap();
    assert!(bytes.contains("thirty days"));
    check_spent(store).await;
}

/// Rewrites a directory as the previous version of the program left it.
const AS_FORMAT_4: &str = "
    CREATE TABLE llm_attempt AS
        SELECT tenant, id AS call, counters, attempt AS body FROM llm_api_calls WHERE attempt IS NOT NULL;
    ALTER TABLE llm_api_calls DROP COLUMN attempt;
    ALTER TABLE llm_api_calls DROP COLUMN counters;
    DROP VIEW llm_monthly_costs;
    CREATE TABLE llm_monthly_costs (tenant TEXT);
    DROP TRIGGER audit_record_follows_its_predecessor;

    DROP TABLE owner_lease;
    ALTER TABLE run DROP COLUMN driver;
    ALTER TABLE run DROP COLUMN lease_until;
    ALTER TABLE llm_api_calls DROP COLUMN lease_until;

    DROP INDEX run_with_journal;
    DROP INDEX job_finished;
    DROP INDEX version_live;
    DROP INDEX version_retired;
    DROP INDEX access_by_grantee;
    ALTER TABLE version DROP COLUMN dimension;
    ALTER TABLE corpus DROP COLUMN swept;
    CREATE TABLE dimension (corpus INTEGER, model INTEGER, dimension INTEGER);
    DROP INDEX run_by_tenant;
    DROP INDEX run_by_owner;
    DROP INDEX run_open;
    DROP INDEX run_open_by_seq;
    CREATE INDEX run_unfinished ON run (seq) WHERE closed = 0;
    DROP TRIGGER run_is_found_by_its_tags;
    DROP TABLE run_tag;
    DROP TABLE resource;
    DROP TABLE resource_index;
    DROP TABLE resource_history;
    DROP INDEX session_by_owner;
    DROP INDEX document_by_corpus_and_status;
    DROP INDEX usage_by_day;
    DROP TRIGGER line_is_found_by_its_block;
    DROP TRIGGER call_is_found_by_its_block;
    DROP TRIGGER call_is_found_by_another_block;
    DROP TABLE line_block_of_model;
    DROP TABLE line_block_of_hour;
    DROP TABLE call_block_of_model;
    DROP TRIGGER line_is_to_be_reconciled;
    DROP TRIGGER line_is_reconciled;
    DROP TABLE line_unreconciled;
    DROP TABLE settings_version;
    ALTER TABLE idempotency_key RENAME TO claim;
    DROP INDEX idempotency_key_by_expiry;
    CREATE INDEX claim_by_expiry ON claim (expires_at);
    CREATE INDEX line_estimated ON billing_ledger (tenant, seq) WHERE revision = 0 AND estimated = 1;
    DROP TABLE erasure;
    DROP INDEX document_by_reader;
    PRAGMA user_version = 4";

#[tokio::test]
async fn open_calls_and_audit_chains_survive_the_step_from_format_4() {
    let dir = tempfile::tempdir().unwrap();
    let (store, nexus) = filled(dir.path()).await;
    drop(nexus);
    store.close().await.unwrap();
    let file = rusqlite::Connection::open(dir.path().join("nexus.db")).unwrap();
    file.execute_batch(AS_FORMAT_4).unwrap();
    drop(file);
    check_filled(&MemoryStore::open(dir.path()).unwrap()).await;
}

#[tokio::test]
async fn the_database_itself_admits_no_fork_of_an_audit_chain() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _nexus) = filled(dir.path()).await;
    store.close().await.unwrap();
    let file = rusqlite::Connection::open(dir.path().join("nexus.db")).unwrap();
    let fork = |seq: &str, prev: &str| {
        let statement = format!(
            "INSERT INTO audit_record (tenant, run, seq, prev, body, leaf, mac)
             SELECT tenant, run, {seq}, {prev}, body, x'00', mac FROM audit_record AS last
             WHERE seq = (SELECT max(seq) FROM audit_record WHERE run = last.run) AND seq > 0 LIMIT 1"
        );
        file.execute(&statement, [])
    };
    for (seq, prev) in [("seq", "prev"), ("seq + 1", "prev"), ("seq + 2", "leaf"), ("-1", "leaf")] {
        fork(seq, prev).unwrap_err();
    }
    assert_eq!(fork("seq + 1", "leaf").unwrap(), 1);
}

#[tokio::test]
async fn a_backup_of_a_store_in_use_opens_as_a_store() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, nexus) = filled(dir.path()).await;
    back_up(&store, &admin(), copy.path(), BackupScope::Store).await.unwrap();
    ingest(&nexus, &admin(), "later.txt", "After the backup there was paid leave.").await;
    check_filled(&MemoryStore::open(copy.path()).unwrap()).await;
    assert_eq!(
        back_up(&store, &admin(), copy.path(), BackupScope::Store).await.unwrap_err().code(),
        "BACKUP_NOT_EMPTY"
    );
}

#[tokio::test]
async fn a_store_that_is_open_for_reading_can_be_backed_up() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _owner = filled(dir.path()).await;
    let reader = MemoryStore::open_read_only(dir.path()).unwrap();
    back_up(&reader, &admin(), copy.path(), BackupScope::Store).await.unwrap();
    check_filled(&MemoryStore::open(copy.path()).unwrap()).await;
}

async fn back_up(store: &MemoryStore, caller: &Principal, to: &Path, scope: BackupScope) -> Result<()> {
    store.backup(&allowed(caller, Backup { to: to.to_owned(), scope })).await
}

async fn exported(store: &MemoryStore) -> Vec<u8> {
    let sink = Sink::default();
    store.export(&allowed(&admin(), TenantExport), Box::new(sink.clone())).await.unwrap();
    sink.bytes()
}

async fn import(dir: &Path, caller: &Principal, export: Vec<u8>) -> Result<u64> {
    let store = MemoryStore::open(dir).unwrap();
    let imported = nexus(&store).import(caller, Box::new(Cursor::new(export))).await;
    store.close().await.unwrap();
    imported
}

/// Returns whether a file below `dir` holds `word`.
fn holds(dir: &Path, word: &str) -> bool {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return path.ends_with(word) || holds(&path, word);
        }
        std::fs::read(&path).unwrap().windows(word.len()).any(|bytes| bytes == word.as_bytes())
    })
}

#[tokio::test]
async fn a_backup_of_one_tenant_opens_as_a_store_and_holds_nothing_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let (store, nexus) = filled(dir.path()).await;
    let other = Principal::user("globex", "gina").unwrap().roles(["admin"]);
    nexus.create_corpus(&other, handbook(), "Gnu", json!({})).await.unwrap();
    ingest(&nexus, &other, "gazelle.txt", "Gazelles graze in the savannah.").await;
    assert_eq!(nexus.search(&other, Search::new(handbook(), "gazelles")).await.unwrap().hits.len(), 1);
    let words = ["globex", "gina", "Gnu", "gazelle", "savannah"];
    let (whole, one) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    back_up(&store, &admin(), whole.path(), BackupScope::Store).await.unwrap();
    back_up(&store, &admin(), one.path(), BackupScope::Tenant).await.unwrap();
    for word in words {
        assert!(holds(whole.path(), word), "{word}");
        assert!(!holds(one.path(), word), "{word}");
    }
    check_filled(&MemoryStore::open(one.path()).unwrap()).await;
    let refused = back_up(&store, &admin(), one.path(), BackupScope::Tenant).await.unwrap_err();
    assert_eq!(refused.code(), "BACKUP_NOT_EMPTY");
}

#[tokio::test]
async fn a_tenant_of_which_the_store_holds_nothing_is_not_backed_up() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_store, nexus) = filled(dir.path()).await;
    let mistyped = Principal::user("amce", "ada").unwrap().roles(["admin"]);
    let refused = nexus.backup(&mistyped, copy.path(), BackupScope::Tenant).await.unwrap_err();
    assert_eq!(refused.code(), "TENANT_EMPTY");
    assert_eq!(std::fs::read_dir(copy.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn exports_and_backups_are_recorded_when_they_begin_and_when_they_are_complete() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, nexus) = filled(dir.path()).await;
    let sink = Sink::default();
    let exported = nexus.export(&admin(), || Ok(Box::new(sink.clone()))).await.unwrap();
    nexus.backup(&admin(), copy.path(), BackupScope::Store).await.unwrap();
    let events = events(&store, &admin()).await;
    let facts = |kind: &str| &events.iter().find(|(found, ..)| found == kind).unwrap().2;
    let complete = facts("tenant.exported");
    assert_eq!((&complete["lines"], &complete["sha256"]), (&json!(exported.lines), &json!(exported.sha256)));
    assert_eq!(complete["export"], facts("tenant.export_begun")["id"]);
    assert_eq!(facts("backup.completed")["backup"], facts("backup.begun")["id"]);
    assert_eq!(facts("backup.completed")["scope"], "store");
    let text = String::from_utf8(sink.bytes()).unwrap();
    assert_eq!(nexus_core::hex::sha256(text.as_bytes()), exported.sha256);
    assert!(
        text.contains(&nexus_core::hex::encode(b"tenant.export_begun")),
        "the export holds its own beginning"
    );
}

#[tokio::test]
async fn an_export_that_cannot_be_recorded_hands_out_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (faulty, troubles) = FaultyStore::new(MemoryStore::open(dir.path()).unwrap());
    let nexus = Nexus::builder().store(faulty).audit_keys(keys()).build().unwrap();
    troubles.inject("append", InjectedFault::FailsBefore, 1);
    let sink = Sink::default();
    assert!(nexus.export(&admin(), || Ok(Box::new(sink.clone()))).await.is_err());
    assert_eq!(sink.bytes(), b"");
    let stranger = Principal::user("acme", "eve").unwrap();
    let denied = nexus.export(&stranger, || panic!("a denied export opens no destination")).await;
    assert_eq!(denied.unwrap_err().kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn an_import_is_recorded_under_the_name_that_it_adopts() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, _nexus) = filled(dir.path()).await;
    let lines = import(other.path(), &admin(), exported(&store).await).await.unwrap();
    let copy = MemoryStore::open(other.path()).unwrap();
    let events = events(&copy, &admin()).await;
    let (_, actor, facts) = events.iter().find(|(kind, ..)| kind == "tenant.imported").unwrap();
    assert_eq!((actor.as_str(), facts), ("user:root", &json!({"lines": lines})));
    let nexus = nexus(&copy);
    for chain in nexus.chains(&admin(), Page::first(99)).await.unwrap() {
        let status = nexus.verify(&admin(), &chain, None).await.unwrap().status;
        assert!(matches!(status, Status::Ok | Status::Open), "{chain}: {status:?}");
    }
}

#[tokio::test]
async fn a_reader_beside_the_owner_records_denials_exports_and_backups() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, _owner) = filled(dir.path()).await;
    let beside = nexus(&MemoryStore::open_read_only(dir.path()).unwrap());
    let stranger = Principal::user("acme", "eve").unwrap();
    beside.corpora(&stranger, Page::default()).await.unwrap_err();
    beside.export(&admin(), || Ok(Box::new(Sink::default()))).await.unwrap();
    beside.backup(&admin(), copy.path(), BackupScope::Tenant).await.unwrap();
    beside.shutdown(Duration::from_secs(5)).await.unwrap();
    let kinds: Vec<String> = events(&store, &admin()).await.into_iter().map(|(kind, ..)| kind).collect();
    for expected in
        ["policy.denied", "tenant.export_begun", "tenant.exported", "backup.begun", "backup.completed"]
    {
        assert!(kinds.iter().any(|kind| kind == expected), "{expected}");
    }
}

#[tokio::test]
async fn an_exported_tenant_is_the_same_in_another_store() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, _nexus) = filled(dir.path()).await;
    let export = exported(&store).await;
    import(other.path(), &admin(), export.clone()).await.unwrap();
    let copy = MemoryStore::open(other.path()).unwrap();
    check_filled(&copy).await;
    assert_eq!(copy.instance(), store.instance());
    let (before, after) =
        (store.stats(admin().tenant()).await.unwrap(), copy.stats(admin().tenant()).await.unwrap());
    let with_own_record = before.audit_records.map(|records| records + 3);
    assert_eq!((before.passages, with_own_record), (after.passages, after.audit_records));
    copy.close().await.unwrap();
    let again = import(other.path(), &admin(), export).await.unwrap_err();
    assert_eq!(again.code(), "TENANT_NOT_EMPTY");
}

/// Returns the export as of version 2, without reconciliations and with attempts apart from their calls.
fn of_version_2(export: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Value> = std::str::from_utf8(export)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut attempts = Vec::new();
    for line in &mut lines {
        match line["table"].as_str() {
            Some("llm_api_calls") => {
                let mut removed = remove(line, ["attempt", "counters"]);
                if let [body @ Value::String(_), counters] = &mut removed {
                    let row = json!({
                        "tenant": line["row"]["tenant"], "call": line["row"]["id"], "number": 1, "body": body,
                        "counters": counters
                    });
                    attempts.push(json!({"kind": "row", "table": "llm_attempt", "row": row}));
                }
            }
            Some("billing_ledger") => drop(remove(line, ["revision", "estimated", "counters"])),
            _ => {}
        }
    }
    attempts.push(json!({"kind": "row", "table": "llm_monthly_costs", "row": {"tenant": "acme"}}));
    let calls = lines.iter().rposition(|line| line["table"] == "llm_api_calls").unwrap();
    let rest = lines.split_off(calls + 1);
    lines.extend(attempts.into_iter().chain(rest));
    let count = lines.len() - 1;
    (lines[0]["version"], lines[count]["lines"]) = (2.into(), count.into());
    let lines = lines.iter_mut().map(|line| {
        if line["kind"] == "row" {
            line["sha256"] = nexus_core::hex::sha256(line["row"].to_string().as_bytes()).into();
        }
        line.to_string() + "\n"
    });
    lines.collect::<String>().into_bytes()
}

fn remove<const N: usize>(line: &mut Value, columns: [&str; N]) -> [Value; N] {
    columns.map(|column| line["row"].as_object_mut().unwrap().remove(column).unwrap())
}

#[tokio::test]
async fn an_export_from_before_corrections_is_brought_in_and_one_that_lacks_them_now_is_damaged() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, _nexus) = filled(dir.path()).await;
    let old = of_version_2(&exported(&store).await);
    let now = String::from_utf8(old.clone()).unwrap().replacen("\"version\":2", "\"version\":3", 1);
    let error = import(other.path(), &admin(), now.into_bytes()).await.unwrap_err();
    assert_eq!(error.code(), "EXPORT_DAMAGED");
    import(other.path(), &admin(), old).await.unwrap();
    check_filled(&MemoryStore::open(other.path()).unwrap()).await;
}

#[tokio::test]
async fn a_damaged_or_foreign_export_brings_in_nothing() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, _nexus) = filled(dir.path()).await;
    let export = String::from_utf8(exported(&store).await).unwrap();
    let cut = export
        .lines()
        .filter(|line| !line.contains("\"audit_head\""))
        .fold(String::new(), |all, line| all + line + "\n");
    let changed = export.replace("thirty days", "ninety days");
    let truncated = export.lines().take(5).fold(String::new(), |all, line| all + line + "\n");
    for damaged in [cut, changed, truncated] {
        let error = import(other.path(), &admin(), damaged.into_bytes()).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, "EXPORT_DAMAGED"), "{error:?}");
    }
    let stranger = Principal::user("globex", "root").unwrap().roles(["admin"]);
    let error = import(other.path(), &stranger, export.into_bytes()).await.unwrap_err();
    assert_eq!(error.code(), "EXPORT_OF_OTHER_TENANT");
    let error = import(other.path(), &admin(), b"hello".to_vec()).await.unwrap_err();
    assert_eq!(error.code(), "NOT_AN_EXPORT");
    let census = MemoryStore::open(other.path()).unwrap().stats(admin().tenant()).await.unwrap();
    assert_eq!((census.corpora, census.documents, census.audit_records), (0, 0, Some(0)));
}

#[tokio::test]
async fn a_reader_beside_the_owner_finds_what_the_owner_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, owner) = filled(dir.path()).await;
    let reader = MemoryStore::open_read_only(dir.path()).unwrap();
    check_filled(&reader).await;
    let beside = nexus(&reader);
    for round in 0..3 {
        ingest(&owner, &admin(), &format!("new-{round}.txt"), "Bicycles are lent to everybody.").await;
        if round == 1 {
            // Makes the owner commit its index, after which the reader's own tail begins.
            owner.search(&admin(), Search::new(handbook(), "bicycles")).await.unwrap();
        }
        let found = beside.search(&admin(), Search::new(handbook(), "bicycles")).await.unwrap();
        assert_eq!(found.hits.len(), round + 1);
        assert_eq!(found, owner.search(&admin(), Search::new(handbook(), "bicycles")).await.unwrap());
    }
}

#[tokio::test]
async fn a_reader_changes_nothing_but_by_cancel_requests() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _owner) = filled(dir.path()).await;
    let reader = MemoryStore::open_read_only(dir.path()).unwrap();
    let beside = nexus(&reader);
    let refused =
        beside.create_corpus(&admin(), CorpusId::parse("new").unwrap(), "New", json!({})).await.unwrap_err();
    assert_eq!(refused.code(), "STORE_READ_ONLY");
    let document = NewDocument::new(handbook(), "x");
    let refused = beside.ingest(&admin(), document, Cursor::new(b"x".to_vec())).await.unwrap_err();
    assert_eq!(refused.code(), "STORE_READ_ONLY");
    let run = store
        .runs(admin().tenant(), &RunQuery { page: Page::first(1), ..RunQuery::default() })
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        reader.request_cancel(admin().tenant(), &admin(), &run.id).await.unwrap_err().code(),
        "RUN_CLOSED"
    );
    beside.shutdown(Duration::from_secs(1)).await.unwrap();
}
