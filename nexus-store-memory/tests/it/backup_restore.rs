//! Copies of a store: backups, exports, and reading beside the writer.

use std::io::{BufReader, Cursor, Write};
use std::sync::{Arc, Mutex};
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
use nexus_core::store::Store;
use nexus_core::{CorpusId, DocumentId, ErrorKind, Nexus, Principal};
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::calls::{amounts, every, key_of};
use nexus_testkit::store::fixture::at;
use serde_json::{Value, json};

use crate::journey::{admin, ingest, nexus};

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
    assert_eq!(store.kill_switches(&tenant, at(0)).await.unwrap().len(), 1);
    let open = store.open_calls().await.unwrap();
    let ours = open.iter().find(|open| open.call.claim.key == "under-way").unwrap();
    assert_eq!(ours.attempt.as_ref().unwrap().reserved, amounts(5, 30));
}

async fn check_filled(store: &MemoryStore) {
    let nexus = nexus(store);
    let found = nexus.search(&admin(), Search::new(handbook(), "paid leave")).await.unwrap();
    assert_eq!((found.hits.len(), found.permitted), (1, 2));
    assert!(found.hits[0].passage.text.contains("thirty days"));
    let runs = store.runs(admin().tenant(), &RunQuery { limit: 9, ..RunQuery::default() }).await.unwrap();
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
    CREATE INDEX line_estimated ON billing_ledger (tenant, seq) WHERE revision = 0 AND estimated = 1;
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
    store.backup(copy.path()).await.unwrap();
    ingest(&nexus, &admin(), "later.txt", "After the backup there was paid leave.").await;
    check_filled(&MemoryStore::open(copy.path()).unwrap()).await;
    assert_eq!(store.backup(copy.path()).await.unwrap_err().stable_code(), "BACKUP_NOT_EMPTY");
}

#[tokio::test]
async fn a_store_that_is_open_for_reading_can_be_backed_up() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _owner = filled(dir.path()).await;
    MemoryStore::open_read_only(dir.path()).unwrap().backup(copy.path()).await.unwrap();
    check_filled(&MemoryStore::open(copy.path()).unwrap()).await;
}

/// Writer whose bytes can be read afterwards.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn exported(store: &MemoryStore, nexus: &Nexus) -> Vec<u8> {
    let sink = Sink::default();
    store.export(&nexus.authorise_export(&admin()).await.unwrap(), sink.clone()).await.unwrap();
    std::mem::take(&mut *sink.0.lock().unwrap())
}

async fn import(dir: &std::path::Path, caller: &Principal, export: Vec<u8>) -> nexus_core::Result<u64> {
    let store = MemoryStore::open(dir).unwrap();
    let proof = nexus(&store).authorise_export(caller).await.unwrap();
    let imported = store.import(&proof, BufReader::new(Cursor::new(export))).await;
    store.close().await.unwrap();
    imported
}

#[tokio::test]
async fn an_exported_tenant_is_the_same_in_another_store() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, nexus) = filled(dir.path()).await;
    let export = exported(&store, &nexus).await;
    import(other.path(), &admin(), export.clone()).await.unwrap();
    let copy = MemoryStore::open(other.path()).unwrap();
    check_filled(&copy).await;
    assert_eq!(copy.instance(), store.instance());
    let (before, after) =
        (store.stats(admin().tenant()).await.unwrap(), copy.stats(admin().tenant()).await.unwrap());
    assert_eq!((before.passages, before.audit_records), (after.passages, after.audit_records));
    copy.close().await.unwrap();
    let again = import(other.path(), &admin(), export).await.unwrap_err();
    assert_eq!(again.stable_code(), "TENANT_NOT_EMPTY");
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
    let (store, nexus) = filled(dir.path()).await;
    let old = of_version_2(&exported(&store, &nexus).await);
    let now = String::from_utf8(old.clone()).unwrap().replacen("\"version\":2", "\"version\":3", 1);
    let error = import(other.path(), &admin(), now.into_bytes()).await.unwrap_err();
    assert_eq!(error.stable_code(), "EXPORT_DAMAGED");
    import(other.path(), &admin(), old).await.unwrap();
    check_filled(&MemoryStore::open(other.path()).unwrap()).await;
}

#[tokio::test]
async fn a_damaged_or_foreign_export_brings_in_nothing() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, nexus) = filled(dir.path()).await;
    let export = String::from_utf8(exported(&store, &nexus).await).unwrap();
    let cut = export
        .lines()
        .filter(|line| !line.contains("\"audit_head\""))
        .fold(String::new(), |all, line| all + line + "\n");
    let changed = export.replace("thirty days", "ninety days");
    let truncated = export.lines().take(5).fold(String::new(), |all, line| all + line + "\n");
    for damaged in [cut, changed, truncated] {
        let error = import(other.path(), &admin(), damaged.into_bytes()).await.unwrap_err();
        assert_eq!((error.kind(), error.stable_code()), (ErrorKind::Corrupt, "EXPORT_DAMAGED"), "{error:?}");
    }
    let stranger = Principal::user("globex", "root").unwrap().roles(["admin"]);
    let error = import(other.path(), &stranger, export.into_bytes()).await.unwrap_err();
    assert_eq!(error.stable_code(), "EXPORT_OF_OTHER_TENANT");
    let error = import(other.path(), &admin(), b"hello".to_vec()).await.unwrap_err();
    assert_eq!(error.stable_code(), "NOT_AN_EXPORT");
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
async fn a_reader_writes_nothing_but_cancel_requests() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _owner) = filled(dir.path()).await;
    let reader = MemoryStore::open_read_only(dir.path()).unwrap();
    let beside = nexus(&reader);
    let refused =
        beside.create_corpus(&admin(), CorpusId::parse("new").unwrap(), "New", json!({})).await.unwrap_err();
    assert_eq!(refused.stable_code(), "STORE_READ_ONLY");
    let document = NewDocument::new(handbook(), "x");
    let refused = beside.ingest(&admin(), document, Cursor::new(b"x".to_vec())).await.unwrap_err();
    assert_eq!(refused.stable_code(), "STORE_READ_ONLY");
    let run =
        store.runs(admin().tenant(), &RunQuery { limit: 1, ..RunQuery::default() }).await.unwrap().remove(0);
    assert_eq!(reader.request_cancel(&admin(), &run.id).await.unwrap_err().stable_code(), "RUN_CLOSED");
    beside.shutdown(Duration::from_secs(1)).await.unwrap();
}
