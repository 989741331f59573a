//! Data directories in use, damaged, foreign, or of a newer format.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use nexus_core::audit::AuditChain as _;
use nexus_core::corpus::CorpusStore;
use nexus_core::ledger::{LedgerQuery, LedgerStore, QuotaStore, UsageBy, VendorBill};
use nexus_core::quota::{CounterKey, DateRange, ScopeKind};
use nexus_core::search::Search;
use nexus_core::stats::StatsStore as _;
use nexus_core::system::SystemStore;
use nexus_core::{CorpusId, ErrorKind, NanoUsd, Nexus, OwnerId, Page};
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::calls::{amounts, every};
use serde_json::json;

use crate::journey::{admin, ingest, nexus};

fn handbook() -> CorpusId {
    CorpusId::parse("handbook").unwrap()
}

async fn filled(dir: &Path) {
    let store = MemoryStore::open(dir).unwrap();
    let nexus = nexus(&store);
    nexus.create_corpus(&admin(), handbook(), "Handbook", json!({})).await.unwrap();
    for (id, text) in
        [("leave.txt", "Thirty days of paid leave."), ("travel.txt", "Trains in second class, paid by us.")]
    {
        ingest(&nexus, &admin(), id, text).await;
    }
    search(&nexus).await;
    store.close().await.unwrap();
}

async fn search(nexus: &Nexus) -> nexus_core::retrieve::Retrieved {
    nexus.search(&admin(), Search::new(handbook(), "paid leave in second class")).await.unwrap()
}

#[tokio::test]
async fn a_second_process_is_told_who_holds_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let store = MemoryStore::open(dir.path()).unwrap();
    let error = MemoryStore::open(dir.path()).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "STORE_LOCKED"));
    assert!(error.message().contains(&format!("process {}", std::process::id())), "{error}");
    assert!(error.hint().is_some());
    store.close().await.unwrap();
    MemoryStore::open(dir.path()).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_that_cannot_be_written_is_read_as_it_stands_and_keeps_owners_away() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    // SQLite cannot make its file beside the database, as on a full or a read-only disk.
    let in_the_way = dir.path().join("nexus.db-shm");
    std::os::unix::net::UnixListener::bind(&in_the_way).unwrap();
    let store = MemoryStore::open_read_only(dir.path()).unwrap();
    let another = MemoryStore::open_read_only(dir.path()).unwrap();
    assert_eq!(search(&nexus(&store)).await, search(&nexus(&another)).await);
    assert_eq!(MemoryStore::open(dir.path()).unwrap_err().code(), "STORE_LOCKED");
    let records = World::new(Arc::new(store.clone())).recorded(&admin());
    assert_eq!(store.append(records).await.unwrap_err().code(), "STORE_UNWRITABLE");
    for store in [store, another] {
        store.close().await.unwrap();
    }
    fs::write(dir.path().join("nexus.db-wal"), "a log that would be missed").unwrap();
    let refused = MemoryStore::open_read_only(dir.path()).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Unavailable, "STORE_IO"));
    fs::remove_file(in_the_way).unwrap();
    fs::remove_file(dir.path().join("nexus.db-wal")).unwrap();
    MemoryStore::open(dir.path()).unwrap().close().await.unwrap();
}

#[tokio::test]
async fn an_abandoned_store_lets_go_of_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    drop(MemoryStore::open(dir.path()).unwrap());
    assert_eq!(fs::read_to_string(dir.path().join("lock")).unwrap(), "", "and stopped cleanly");
    MemoryStore::open(dir.path()).unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let store = MemoryStore::default();
    store.close().await.unwrap();
    assert_eq!(store.stats(admin().tenant()).await.unwrap_err().code(), "STORE_CLOSED");
    store.close().await.unwrap();
}

fn pragma(dir: &Path, statement: &str) {
    rusqlite::Connection::open(dir.join("nexus.db")).unwrap().execute_batch(statement).unwrap();
}

#[tokio::test]
async fn a_format_from_the_future_is_refused_by_writers_and_readers() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    pragma(dir.path(), "PRAGMA user_version = 99");
    for error in
        [MemoryStore::open(dir.path()).unwrap_err(), MemoryStore::open_read_only(dir.path()).unwrap_err()]
    {
        assert_eq!(error.code(), "STORE_TOO_NEW");
        assert!(error.hint().unwrap().contains("upgrade"));
    }
}

#[tokio::test]
async fn a_file_of_an_older_format_is_migrated_when_opened_unless_another_process_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    pragma(dir.path(), include_str!("../../src/migrations/0001_initial.sql"));
    pragma(
        dir.path(),
        "INSERT INTO meta VALUES ('instance', 'nexus-old'); PRAGMA journal_mode = WAL;
         PRAGMA application_id = 1314411859; PRAGMA user_version = 1",
    );
    let reader = MemoryStore::open_read_only(dir.path()).unwrap();
    assert_eq!(reader.stats(admin().tenant()).await.unwrap().runs, 0);
    assert_eq!((reader.instance(), reader.open_calls().await.unwrap().len()), ("nexus-old", 0));
    drop(reader);

    let owner = MemoryStore::open(dir.path()).unwrap();
    pragma(dir.path(), "ALTER TABLE corpus DROP COLUMN swept; DROP INDEX run_open; PRAGMA user_version = 5");
    let reader = MemoryStore::open_read_only(dir.path()).unwrap();
    let error = reader.unfinished(&OwnerId::parse("p").unwrap()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "STORE_TOO_OLD"));
    assert!(
        reader.corpora(admin().tenant(), &Page::all()).await.unwrap().is_empty(),
        "the rest is read as it is"
    );
    drop(owner);
}

/// Ledger entry in format 3, of a call of unknown outcome.
const OLD_LINE: &str = r#"{"seq":0,"ts":"2026-03-01T09:30:01Z","consumer":{"tenant":"acme","organisation":null,
    "user":"ada","investigation":null,"run":null},"call":"old","attempt":1,"kind":"chat","provider":"openai",
    "model":"gpt-4o","price_version":"v1","status":"unknown_outcome","usage":{},
    "reserved":{"calls":1,"tokens":9,"cost_units":0,"money":"60"},
    "charged":{"calls":1,"tokens":9,"cost_units":0,"money":"60"},"estimated":true,"error":null}"#;

/// Its call, which has no salt.
const OLD_CALL: &str = r#"{"id":"old","consumer":{"tenant":"acme","organisation":null,"user":"ada",
    "investigation":null,"run":null},"claim":{"operation":"chat","key":"old"},"digest":"d","correlation_id":null,
    "provider":"openai","model":"gpt-4o","streamed":false,"created_at":"2026-03-01T09:30:00Z","status":"unknown",
    "usage":{},"cost":"60","estimated":true,"was_cached":false,"avoided":"0","latency_ms":1000,
    "first_byte_ms":null,"error":"CALL_OUTCOME_UNKNOWN","distillation_eligible":false,"metadata":{}}"#;

#[tokio::test]
async fn a_file_of_the_third_format_keeps_its_ledger_which_can_then_be_corrected() {
    let dir = tempfile::tempdir().unwrap();
    for schema in [
        include_str!("../../src/migrations/0001_initial.sql"),
        include_str!("../../src/migrations/0002_ledger.sql"),
        include_str!("../../src/migrations/0003_audio.sql"),
    ] {
        pragma(dir.path(), schema);
    }
    pragma(
        dir.path(),
        &format!(
            "INSERT INTO meta VALUES ('instance', 'nexus-old');
             INSERT INTO llm_api_calls (tenant, id, user, provider, model, endpoint, request_id, created_at, status,
                 cost_nano, was_cached, owner, request_metadata, body)
             VALUES ('acme', 'old', 'ada', 'openai', 'gpt-4o', 'chat', 'old', 1772357400000000, 'unknown', 60, 0,
                 'process', '{{}}', '{OLD_CALL}');
             INSERT INTO billing_ledger VALUES ('acme', 1, 1772357401000000, '2026-03-01', 'ada', NULL, NULL, 'gpt-4o',
                 'old', 1, 1, 9, 0, 60, '{OLD_LINE}');
             INSERT INTO llm_usage_daily VALUES ('acme', 'tenant', 'acme', '2026-03-01', 'gpt-4o', 1, 9, 0, 60),
                 ('acme', 'organisation', '', '2026-03-01', 'gpt-4o', 1, 9, 0, 60),
                 ('acme', 'user', 'ada', '2026-03-01', 'gpt-4o', 1, 9, 0, 60);
             INSERT INTO llm_monthly_costs VALUES ('acme', 'ada', '2026-03', 1, 9, 60);
             INSERT INTO usage_records VALUES ('acme', '2026-03-01', 'openai', 9, 0, 1, 0, 0, 60);
             PRAGMA journal_mode = WAL; PRAGMA application_id = 1314411859; PRAGMA user_version = 3"
        ),
    );
    let unreconciled = LedgerQuery { unreconciled: true, ..every() };
    let beside = MemoryStore::open_read_only(dir.path()).unwrap();
    assert_eq!(beside.ledger(admin().tenant(), &every()).await.unwrap().len(), 1);
    assert_eq!(beside.ledger(admin().tenant(), &unreconciled).await.unwrap().len(), 1);
    drop(beside);
    let store = MemoryStore::open(dir.path()).unwrap();
    let nexus = nexus(&store);
    assert_eq!(nexus.ledger(&admin(), unreconciled.clone()).await.unwrap().len(), 1);
    nexus.reconcile(&admin(), "old", None, VendorBill::Nothing, "never sent").await.unwrap();
    assert_eq!(nexus.ledger(&admin(), unreconciled).await.unwrap(), []);
    let lines = nexus.ledger(&admin(), every()).await.unwrap();
    assert_eq!(lines.iter().map(|line| (line.seq, line.revision())).collect::<Vec<_>>(), [(2, 1), (1, 0)]);
    let usage = nexus.usage(&admin(), UsageBy::User, &DateRange::month("2026-03").unwrap()).await.unwrap();
    assert_eq!((usage[0].calls, usage[0].tokens, usage[0].cost), (0, 0, NanoUsd::ZERO));
    assert_eq!(nexus.calls(&admin(), every()).await.unwrap()[0].cost, NanoUsd::ZERO);
    store.close().await.unwrap();
}

/// All-time counters were zero when their limits were set, until format 6.
#[tokio::test]
async fn a_file_of_the_fifth_format_gets_what_its_ledger_has_into_its_counters_of_all_time() {
    let dir = tempfile::tempdir().unwrap();
    for schema in [
        include_str!("../../src/migrations/0001_initial.sql"),
        include_str!("../../src/migrations/0002_ledger.sql"),
        include_str!("../../src/migrations/0003_audio.sql"),
        include_str!("../../src/migrations/0004_corrections.sql"),
        include_str!("../../src/migrations/0005_fewer_pages.sql"),
    ] {
        pragma(dir.path(), schema);
    }
    let line = |seq: u32, model: &str, nano: i64| {
        format!(
            "INSERT INTO billing_ledger VALUES ('acme', {seq}, {seq}, '2026-03-01', 'ada', 'case', 'r', '{model}', 'c{seq}',
                 1, 0, 0, 1, 9, 0, {nano}, NULL, '{{}}');"
        )
    };
    let counter = |scope: &str, id: &str, model: &str, window: &str| {
        format!(
            "INSERT INTO quota_counter VALUES ('acme', '{scope}', '{id}', '{model}', '{window}', NULL, 0, 0, 0, 3, 0, 0, 0, 1);"
        )
    };
    let statements = [
        "INSERT INTO meta VALUES ('instance', 'nexus-old');".to_owned(),
        line(1, "gpt-4o", 60),
        line(2, "small", 5),
        "INSERT INTO llm_usage_daily VALUES ('acme', 'user', 'ada', '2026-02-28', 'gpt-4o', 1, 9, 0, 60),
             ('acme', 'user', 'ada', '2026-03-01', 'small', 1, 9, 0, 5);"
            .to_owned(),
        counter("user", "ada", "*", "total"),
        counter("user", "ada", "small", "total"),
        counter("investigation", "case", "*", "total"),
        counter("run", "r", "gpt-4o", "total"),
        counter("run", "r", "*", "d/2026-03-01"),
        "PRAGMA journal_mode = WAL; PRAGMA application_id = 1314411859; PRAGMA user_version = 5;".to_owned(),
    ];
    pragma(dir.path(), &statements.concat());
    let store = MemoryStore::open(dir.path()).unwrap();
    let used = async |scope, id: &str, model: &str, window: &str| {
        let (id, model, window) = (id.to_owned(), model.to_owned(), window.to_owned());
        let key = CounterKey { scope, id, model, window };
        let used = store.used(admin().tenant(), &[key]).await.unwrap().remove(0);
        assert_eq!(used.reserved.money, NanoUsd::from_nanos(3));
        (used.settled.calls, used.settled.money.as_nanos())
    };
    assert_eq!(used(ScopeKind::User, "ada", "*", "total").await, (2, 65));
    assert_eq!(used(ScopeKind::User, "ada", "small", "total").await, (1, 5));
    assert_eq!(used(ScopeKind::Investigation, "case", "*", "total").await, (2, 65));
    assert_eq!(used(ScopeKind::Run, "r", "gpt-4o", "total").await, (1, 60));
    assert_eq!(used(ScopeKind::Run, "r", "*", "d/2026-03-01").await, (0, 1), "counted as it was");
    store.close().await.unwrap();
}

#[tokio::test]
async fn an_open_call_that_cannot_be_read_hides_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(Arc::new(MemoryStore::open(dir.path()).unwrap()));
    let damaged = world.begin(world.intent(&admin(), "k1", &[], amounts(1, 1))).await;
    let whole = world.begin(world.intent(&admin(), "k2", &[], amounts(1, 1))).await;
    world.store.close().await.unwrap();
    pragma(dir.path(), &format!("UPDATE llm_api_calls SET body = '{{' WHERE id = '{damaged}'"));
    let store = MemoryStore::open(dir.path()).unwrap();
    let open = store.open_calls().await.unwrap();
    assert_eq!(open.iter().map(|open| open.call.id.as_str()).collect::<Vec<_>>(), [&whole]);
    nexus(&store).resume().await.unwrap();
    assert!(store.open_calls().await.unwrap().is_empty());
    assert_eq!(store.ledger(admin().tenant(), &every()).await.unwrap().len(), 1);
    store.close().await.unwrap();
}

#[tokio::test]
async fn the_file_of_another_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    pragma(dir.path(), "PRAGMA application_id = 7");
    assert_eq!(MemoryStore::open(dir.path()).unwrap_err().kind(), ErrorKind::Corrupt);
    fs::write(dir.path().join("nexus.db"), "this is no database at all, but it is long enough to be one")
        .unwrap();
    let error = MemoryStore::open(dir.path()).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Corrupt, "STORE_CORRUPT"));
    assert!(error.hint().unwrap().contains("backup"));
}

#[tokio::test]
async fn damage_is_found_after_an_unclean_stop() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let path = dir.path().join("nexus.db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].iter_mut().step_by(3).for_each(|byte| *byte ^= 0x5a);
    fs::write(&path, bytes).unwrap();
    fs::write(dir.path().join("lock"), "12345").unwrap();
    assert_eq!(MemoryStore::open(dir.path()).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_reader_of_nothing_is_told_that_there_is_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(MemoryStore::open_read_only(dir.path()).unwrap_err().code(), "STORE_NOT_FOUND");
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    assert_eq!(MemoryStore::open(&file).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_lost_or_damaged_text_index_is_rebuilt_and_scores_as_before() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let store = MemoryStore::open(dir.path()).unwrap();
    let before = search(&nexus(&store)).await;
    store.close().await.unwrap();
    let text = dir.path().join("text");
    let index = fs::read_dir(&text).unwrap().next().unwrap().unwrap().path();
    let damages: [&dyn Fn(); 4] = [
        &|| fs::remove_dir_all(&text).unwrap(),
        &|| fs::write(index.join("meta.json"), "{").unwrap(),
        &|| fs::remove_file(index.join("meta.json")).unwrap(),
        &|| {
            for entry in fs::read_dir(&index).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.extension().is_some_and(|extension| extension == "term") {
                    fs::remove_file(entry).unwrap();
                }
            }
        },
    ];
    for damage in damages {
        damage();
        let store = MemoryStore::open(dir.path()).unwrap();
        assert_eq!(search(&nexus(&store)).await, before);
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_large_document_is_found_whole_and_replaced_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = MemoryStore::open(dir.path()).unwrap();
    let nexus = nexus(&store);
    nexus.create_corpus(&admin(), handbook(), "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "small.txt", "A small document about bicycles.").await;
    for round in ["first", "second"] {
        let paragraph =
            |number| format!("{round} edition, paragraph number{number} about trains and planes.\n\n");
        let mut document = nexus_core::document::model::NewDocument::new(handbook(), "large.txt");
        document.id = Some("large".parse().unwrap());
        document.overwrite = true;
        document.chunking = Some(nexus_core::document::ChunkConfig::chars(70, 0).unwrap());
        let bytes: String = (0..1800).map(paragraph).collect();
        nexus.ingest(&admin(), document, std::io::Cursor::new(bytes.into_bytes())).await.unwrap();
        nexus.run_pending_jobs().await.unwrap();
        let found = async |text: &str| nexus.search(&admin(), Search::new(handbook(), text)).await.unwrap();
        assert_eq!(found("number1799").await.hits.len(), 1);
        assert_eq!(found("number1799").await.permitted, 1801);
        assert_eq!(found(round).await.hits.len(), 5);
        assert_eq!(found("first").await.hits.len(), if round == "first" { 5 } else { 0 });
        assert_eq!(found("bicycles").await.hits.len(), 1);
    }
    store.close().await.unwrap();
}

/// Child process, not a test of its own: fills the disk up to its parent's limit.
#[tokio::test]
async fn child_fills_the_disk() {
    let Ok(dir) = std::env::var("NEXUS_TEST_FILL") else { return };
    let store = MemoryStore::open(&dir).unwrap();
    let nexus = nexus(&store);
    nexus.create_corpus(&admin(), handbook(), "Handbook", json!({})).await.unwrap();
    rlimit::setrlimit(rlimit::Resource::FSIZE, 1_200_000, 1_200_000).unwrap();
    for number in 0..10_000 {
        let text = format!("Document {number} about paid leave. {}", "Many words follow. ".repeat(100));
        let document = nexus_core::document::model::NewDocument::new(handbook(), format!("d{number}"));
        let submitted = nexus.ingest(&admin(), document, std::io::Cursor::new(text.into_bytes())).await;
        match submitted {
            Ok(submitted) => {
                fs::write(Path::new(&dir).join(format!("acknowledged-{}", submitted.document_id)), "")
                    .unwrap();
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                assert!(error.hint().is_some());
                fs::write(Path::new(&dir).join("refused"), error.code()).unwrap();
                return;
            }
        }
    }
    panic!("the disk was never full");
}

#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_is_an_error_with_a_hint_and_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    // Beyond the limit the system sends a signal; with the signal ignored, writes fail as on a full disk.
    let program = std::env::current_exe().unwrap();
    let script = r#"trap '' XFSZ; exec "$0" --exact files::child_fills_the_disk --nocapture"#;
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(program)
        .env("NEXUS_TEST_FILL", dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(dir.path().join("refused").exists());
    let store = MemoryStore::open(dir.path()).unwrap();
    let nexus = nexus(&store);
    let acknowledged: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().to_str()?.strip_prefix("acknowledged-").map(str::to_owned)
        })
        .collect();
    assert!(!acknowledged.is_empty());
    nexus.run_pending_jobs().await.unwrap();
    for id in acknowledged {
        let document = nexus.document(&admin(), &id.parse().unwrap()).await.unwrap();
        assert_eq!(document.status, nexus_core::document::DocumentStatus::Succeeded);
    }
}
