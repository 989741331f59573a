//! Verification of stored texts and rows: each column that a user can be shown, changed one at a time.

use std::fs;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use nexus_core::audit::{ContentState, Status, Verification};
use nexus_core::gateway::{ModelCall, Routing};
use nexus_core::ledger::VendorBill;
use nexus_core::llm::{CompletionEvent, CompletionStream, FinishReason, LlmProvider, ModelInfo, Request};
use nexus_core::price::{PriceRow, Rates};
use nexus_core::quota::{Cap, Limit, Meter, ScopeKind, Window};
use nexus_core::run::{Outcome, RunQuery};
use nexus_core::{CorpusId, DocumentId, NanoUsd, Nexus, Page, Timestamp};
use nexus_store_memory::MemoryStore;
use serde_json::json;
use tokio::task::JoinSet;

use crate::journey::{admin, builder, ingest, nexus};

const QUESTION: &str = "How many days of paid leave does an employee have?";

/// Creates a store with an answered question.
async fn answered(dir: &Path) {
    let nexus = nexus(&MemoryStore::open(dir).unwrap());
    nexus.create_corpus(&admin(), CorpusId::parse("handbook").unwrap(), "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "leave.txt", "Every employee has thirty days of paid leave in a year.").await;
    let run = nexus.ask(&admin(), QUESTION).corpus("handbook").start().await.unwrap();
    assert_eq!(run.finish().await.unwrap().outcome, Outcome::Answered);
    assert!(nexus.shutdown(Duration::from_secs(5)).await.unwrap());
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn verify_all(nexus: &Nexus) -> Vec<Verification> {
    let mut verified = Vec::new();
    for chain in nexus.chains(&admin(), Page::first(99)).await.unwrap() {
        verified.push(nexus.verify(&admin(), &chain, None).await.unwrap());
    }
    verified.extend(nexus.verify_settings(&admin(), None).await.unwrap());
    verified.extend(nexus.verify_objects(&admin()).await.unwrap().unwrap());
    verified
}

/// Removes what keeps an honest program from changing the ledger.
fn drop_triggers(database: &rusqlite::Connection) {
    let mut names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").unwrap();
    let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for name in names {
        database.execute(&format!("DROP TRIGGER {name}"), []).unwrap();
    }
}

/// Applies a statement to a copy of the store, and returns what a verification of all chains finds.
async fn verified_after(original: &Path, statement: &str) -> Vec<Verification> {
    verified_after_all(original, &[statement.to_owned()]).await
}

/// Applies statements to a copy of the store, and returns what a verification of all chains finds.
async fn verified_after_all(original: &Path, statements: &[String]) -> Vec<Verification> {
    let changed = tempfile::tempdir().unwrap();
    copy(original, changed.path());
    let database = rusqlite::Connection::open(changed.path().join("nexus.db")).unwrap();
    drop_triggers(&database);
    database.pragma_update(None, "foreign_keys", false).unwrap();
    for statement in statements {
        assert_ne!(database.execute(statement, []).unwrap(), 0, "{statement}");
    }
    drop(database);
    let nexus = nexus(&MemoryStore::open(changed.path()).unwrap());
    let verified = verify_all(&nexus).await;
    nexus.shutdown(Duration::from_secs(5)).await.unwrap();
    verified
}

#[tokio::test]
async fn a_store_that_nobody_changed_verifies() {
    let dir = tempfile::tempdir().unwrap();
    answered(dir.path()).await;
    let verified = verify_all(&nexus(&MemoryStore::open(dir.path()).unwrap())).await;
    assert!(verified.len() >= 4, "corpus, job, run and call: {verified:#?}");
    assert!(verified.iter().all(|chain| chain.status == Status::Ok), "{verified:#?}");
}

#[tokio::test]
async fn a_document_that_was_replaced_or_removed_and_ingested_again_raises_no_alarm() {
    let dir = tempfile::tempdir().unwrap();
    answered(dir.path()).await;
    let nexus = nexus(&MemoryStore::open(dir.path()).unwrap());
    let leave = DocumentId::parse("leave.txt").unwrap();
    for text in ["Every employee has forty days.", "Every employee has fifty days of leave."] {
        ingest(&nexus, &admin(), "leave.txt", text).await;
        nexus.delete_document(&admin(), &leave).await.unwrap();
        ingest(&nexus, &admin(), "leave.txt", text).await;
        nexus.reindex(&admin(), &leave, None).await.unwrap();
        nexus.run_pending_jobs().await.unwrap();
    }
    let verified = verify_all(&nexus).await;
    assert!(verified.iter().all(|chain| chain.status == Status::Ok), "{verified:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn work_that_goes_on_during_a_verification_raises_no_alarm() {
    let dir = tempfile::tempdir().unwrap();
    answered(dir.path()).await;
    let nexus = nexus(&MemoryStore::open(dir.path()).unwrap());
    let working = nexus.clone();
    let mut work = JoinSet::new();
    work.spawn(async move {
        for number in 0..30 {
            let run = working.ask(&admin(), QUESTION).corpus("handbook").start().await.unwrap();
            ingest(&working, &admin(), "travel.txt", &format!("Trains leave at {number}.")).await;
            run.finish().await.unwrap();
            working.prune_journal(&admin(), run.id()).await.unwrap();
        }
    });
    let mut passes = 0;
    while !work.is_empty() || passes < 2 {
        if let Some(done) = work.try_join_next() {
            done.unwrap();
        }
        // The latest chains are those that change.
        let chains = nexus.chains(&admin(), Page::first(999)).await.unwrap();
        for chain in chains.iter().rev().take(12) {
            let verified = nexus.verify(&admin(), chain, None).await.unwrap();
            assert!(verified.status.is_sound(), "{verified:#?}");
        }
        passes += 1;
    }
    nexus.shutdown(Duration::from_secs(5)).await.unwrap();
}

/// Each row is a statement, the content that no longer verifies, and its state.
#[tokio::test]
async fn each_change_of_what_a_user_can_be_shown_is_found_and_named() {
    use ContentState::{Added, Changed, Missing};
    let dir = tempfile::tempdir().unwrap();
    answered(dir.path()).await;
    let rows = [
        // The run: its question, options, title and outcome.
        ("UPDATE run SET body = json_set(body, '$.ask.question', 'How many?')", "question", Changed),
        ("UPDATE run SET body = json_set(body, '$.title', 'Other')", "request", Changed),
        ("UPDATE run SET body = json_set(body, '$.ask.corpus', 'other')", "request", Changed),
        ("UPDATE run SET body = json_set(body, '$.outcome.outcome', 'cancelled')", "outcome", Changed),
        ("UPDATE run SET body = json_set(body, '$.salt', 'other')", "question", Changed),
        ("DELETE FROM run", "run", Missing),
        // The principal, its request, its session, the policy and the times.
        ("UPDATE run SET body = json_set(body, '$.principal.subject', 'eve')", "principal", Changed),
        (
            "UPDATE run SET body = json_set(body, '$.principal.roles', json('[\"reader\"]'))",
            "principal",
            Changed,
        ),
        (
            "UPDATE run SET body = json_set(body, '$.principal.groups', json('[\"staff\"]'))",
            "principal",
            Changed,
        ),
        ("UPDATE run SET body = json_set(body, '$.principal.organisation', 'hr')", "principal", Changed),
        ("UPDATE run SET body = json_set(body, '$.request_id', 'other')", "request_id", Changed),
        ("UPDATE run SET body = json_set(body, '$.session_id', 'other')", "session", Changed),
        ("UPDATE run SET body = json_set(body, '$.policy_version', 'other')", "policy", Changed),
        ("UPDATE run SET body = json_set(body, '$.created_at', '2020-01-01T00:00:00Z')", "times", Changed),
        ("UPDATE run SET body = json_set(body, '$.completed_at', '2020-01-01T00:00:00Z')", "times", Changed),
        // The passages that were shown, with their names and places.
        ("UPDATE run SET evidence = replace(evidence, 'thirty', 'twenty')", "passages", Changed),
        ("UPDATE run SET evidence = json_set(evidence, '$[0].source_name', 'law.txt')", "sources", Changed),
        ("UPDATE run SET evidence = json_set(evidence, '$[0].page', 7)", "sources", Changed),
        ("UPDATE run SET evidence = replace(evidence, 'leave.txt@1#', 'leave.txt@9#')", "sources", Changed),
        ("UPDATE run SET evidence = '[]'", "passages", Missing),
        ("UPDATE run SET evidence = NULL", "passages", Missing),
        (
            "UPDATE run SET evidence = json_insert(evidence, '$[1]', json_extract(evidence, '$[0]'))",
            "passages",
            Added,
        ),
        // The journal, which every stream and `runs show` print.
        (
            "UPDATE event SET body = replace(body, 'thirty', 'twenty') WHERE body LIKE '%token.delta%'",
            "journal",
            Changed,
        ),
        (
            "UPDATE event SET body = replace(body, 'thirty', 'twenty') WHERE body LIKE '%message.final%'",
            "answer",
            Changed,
        ),
        (
            "UPDATE event SET body = replace(body, 'leave.txt', 'law.txt') WHERE body LIKE '%metadata%'",
            "journal",
            Changed,
        ),
        (
            "UPDATE event SET body = json_set(body, '$.data.citations[0].quote', 'No.') WHERE body LIKE '%message.final%'",
            "citations",
            Changed,
        ),
        (
            "UPDATE event SET body = replace(body, 'answered', 'cancelled') WHERE body LIKE '%\"done\"%'",
            "outcome",
            Changed,
        ),
        ("DELETE FROM event WHERE body LIKE '%token.delta%'", "journal", Changed),
        ("DELETE FROM event", "journal", Missing),
        ("UPDATE run SET pruned = 1", "journal", Missing),
        // The messages of the session.
        (
            "UPDATE message SET body = replace(body, 'paid', 'sick') WHERE body LIKE '%\"user\"%'",
            "messages",
            Changed,
        ),
        ("UPDATE message SET body = replace(body, 'thirty', 'twenty')", "messages", Changed),
        (
            "UPDATE message SET body = json_set(body, '$.citations[0].quote', 'No.') WHERE body LIKE '%\"assistant\"%'",
            "messages",
            Changed,
        ),
        ("DELETE FROM message WHERE body LIKE '%\"assistant\"%'", "messages", Missing),
        ("DELETE FROM message", "messages", Missing),
        (
            "INSERT INTO message (tenant, session, body) SELECT tenant, session, body FROM message",
            "messages",
            Added,
        ),
        // The call and its ledger entry.
        ("UPDATE llm_api_calls SET body = json_set(body, '$.status', 'failed')", "call", Changed),
        ("UPDATE llm_api_calls SET body = json_set(body, '$.cost', '5')", "call", Changed),
        ("UPDATE llm_api_calls SET body = json_set(body, '$.model', 'other')", "call", Changed),
        ("UPDATE llm_api_calls SET body = json_set(body, '$.was_cached', json('true'))", "call", Changed),
        ("UPDATE llm_api_calls SET body = json_set(body, '$.digest', 'other')", "call", Changed),
        ("DELETE FROM llm_api_calls", "call", Missing),
        ("UPDATE billing_ledger SET body = json_set(body, '$.model', 'other')", "ledger", Changed),
        ("UPDATE billing_ledger SET body = json_set(body, '$.charged.money', '5')", "ledger", Changed),
        ("UPDATE billing_ledger SET body = json_set(body, '$.charged.tokens', 5)", "ledger", Changed),
        ("UPDATE billing_ledger SET body = json_set(body, '$.estimated', json('true'))", "ledger", Changed),
        ("UPDATE billing_ledger SET body = json_set(body, '$.consumer.user', 'eve')", "ledger", Changed),
        ("UPDATE billing_ledger SET body = json_set(body, '$.consumer.run', 'other')", "ledger", Changed),
        (
            "UPDATE billing_ledger SET body = json_set(body, '$.consumer.organisation', 'hr')",
            "ledger",
            Changed,
        ),
        (
            "UPDATE billing_ledger SET body = json_set(body, '$.consumer.investigation', 'x')",
            "ledger",
            Changed,
        ),
        (
            "UPDATE billing_ledger SET body = json_set(body, '$.ts', '2020-01-01T00:00:00Z')",
            "ledger",
            Changed,
        ),
        ("UPDATE billing_ledger SET body = json_set(body, '$.kind', 'embed')", "ledger", Changed),
        ("UPDATE billing_ledger SET body = json_set(body, '$.usage.output_text', 7)", "ledger", Changed),
        ("UPDATE billing_ledger SET body = json_set(body, '$.usage.cache_read', 7)", "ledger", Changed),
        ("UPDATE billing_ledger SET body = json_set(body, '$.usage.provider_total', 7)", "ledger", Changed),
        ("UPDATE billing_ledger SET body = json_set(body, '$.charged.calls', 7)", "ledger", Changed),
        ("UPDATE billing_ledger SET body = json_set(body, '$.charged.cost_units', 7)", "ledger", Changed),
        ("UPDATE billing_ledger SET body = json_set(body, '$.reserved.calls', 7)", "ledger", Changed),
        ("UPDATE billing_ledger SET body = json_set(body, '$.reserved.cost_units', 7)", "ledger", Changed),
        ("UPDATE llm_api_calls SET body = json_set(body, '$.consumer.user', 'eve')", "call", Changed),
        ("DELETE FROM billing_ledger", "ledger", Missing),
        (
            "INSERT INTO billing_ledger SELECT tenant, seq + 1, ts, day, user, investigation, run, model, call, attempt + 1, \
             revision, estimated, calls, tokens, cost_units, cost_nano, counters, json_set(body, '$.attempt', 2) \
             FROM billing_ledger",
            "ledger",
            Added,
        ),
        // The passages that are searched.
        ("UPDATE passage SET text = replace(text, 'thirty', 'twenty')", "passages", Changed),
        ("UPDATE passage SET page = 7", "passages", Changed),
        ("UPDATE passage SET span_start = span_start + 1", "passages", Changed),
        ("UPDATE passage SET headings = '[\"Law\"]'", "passages", Changed),
        ("UPDATE passage SET hash = 'other'", "passages", Changed),
        ("DELETE FROM passage", "passages", Missing),
        // The document.
        ("UPDATE document SET body = json_set(body, '$.version', 7)", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.passages', 7)", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.size_bytes', 7)", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.content_hash', 'other')", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.content_type', 'text/html')", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.status', 'failed')", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.status', 'queued')", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.created_by', 'eve')", "document", Changed),
        (
            "UPDATE document SET body = json_set(body, '$.created_at', '2020-01-01T00:00:00Z')",
            "document",
            Changed,
        ),
        ("UPDATE document SET body = json_set(body, '$.name', 'law.txt')", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.corpus_id', 'law')", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.tags', json('[\"law\"]'))", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.metadata.year', 7)", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.language', 'de')", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.strict', json('true'))", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.report.title', 'Law')", "document", Changed),
        ("UPDATE document SET body = json_set(body, '$.report.pages', 7)", "document", Changed),
        (
            "UPDATE document SET body = json_set(body, '$.report.warnings', json('[\"gone\"]'))",
            "document",
            Changed,
        ),
        (
            "UPDATE document SET body = json_set(body, '$.failure', json('{\"code\":\"X\",\"message\":\"no\"}'))",
            "document",
            Changed,
        ),
    ];
    for (statement, content, state) in rows {
        let verified = verified_after(dir.path(), statement).await;
        let unsound: Vec<_> = verified.iter().filter(|chain| !chain.status.is_sound()).collect();
        assert_eq!(unsound.len(), 1, "{statement}: {verified:#?}");
        assert_eq!(unsound[0].status, Status::ContentChanged, "{statement}");
        let found = unsound[0].content.iter().find(|finding| finding.content == content);
        assert_eq!(found.map(|finding| finding.state), Some(state), "{statement}: {unsound:#?}");
    }
}

/// Statements that remove the chains of which a record matches.
fn without_chains(pattern: &str) -> [String; 2] {
    let of_chain = format!("SELECT run FROM audit_record WHERE CAST(body AS TEXT) LIKE '{pattern}'");
    [
        format!("DELETE FROM audit_head WHERE run IN ({of_chain})"),
        format!("DELETE FROM audit_record WHERE run IN ({of_chain})"),
    ]
}

#[tokio::test]
async fn an_object_without_a_record_is_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    answered(dir.path()).await;
    let database = rusqlite::Connection::open(dir.path().join("nexus.db")).unwrap();
    let text = |query: &str| database.query_row(query, [], |row| row.get::<_, String>(0)).unwrap();
    let (run, call) = (text("SELECT id FROM run"), text("SELECT call FROM billing_ledger"));
    drop(database);
    let one = |statement: &str| vec![statement.to_owned()];
    let rows: [(Vec<String>, &str, &[&str]); 9] = [
        (without_chains("%question_commit%").to_vec(), &run, &["messages", "run"]),
        (without_chains("%claim_commit%").to_vec(), &call, &["ledger"]),
        (without_chains("%document.published%").to_vec(), "leave.txt", &["document"]),
        (one("DELETE FROM audit_head WHERE run = (SELECT id FROM run)"), &run, &["messages", "run"]),
        (
            one("UPDATE run SET id = 'inserted', body = json_set(body, '$.id', 'inserted')"),
            "inserted",
            &["run"],
        ),
        (
            one("INSERT INTO message (tenant, session, body) \
                 SELECT tenant, session, json_set(body, '$.run', 'unknown') FROM message LIMIT 1"),
            "unknown",
            &["messages"],
        ),
        // A chain of another kind is no record of a run.
        (
            one("INSERT INTO message (tenant, session, body) \
                 SELECT tenant, session, json_set(body, '$.run', (SELECT call FROM billing_ledger)) FROM message LIMIT 1"),
            &call,
            &["messages"],
        ),
        (
            one(
                "INSERT INTO billing_ledger SELECT tenant, seq + 1, ts, day, user, investigation, run, model, 'unknown', attempt, \
                 revision, estimated, calls, tokens, cost_units, cost_nano, counters, json_set(body, '$.call', 'unknown') \
                 FROM billing_ledger",
            ),
            "unknown",
            &["ledger"],
        ),
        (
            one("INSERT INTO document SELECT tenant, 'law.txt', corpus, status, hash, live, newest, \
                 json_set(body, '$.id', 'law.txt') FROM document"),
            "law.txt",
            &["document"],
        ),
    ];
    for (statements, id, contents) in rows {
        let verified = verified_after_all(dir.path(), &statements).await;
        let is_unrecorded = |report: &&Verification| report.reason == Some("what is stored has no record");
        let found: Vec<_> = verified.iter().filter(is_unrecorded).collect();
        assert_eq!(found.len(), 1, "{statements:?}: {verified:#?}");
        assert_eq!((found[0].run.as_str(), found[0].status), (id, Status::ContentChanged), "{statements:?}");
        assert!(found[0].content.iter().all(|finding| finding.state == ContentState::Added));
        let named: Vec<_> = found[0].content.iter().map(|finding| finding.content).collect();
        assert_eq!(named, contents, "{statements:?}");
    }
}

#[tokio::test]
async fn a_document_that_was_removed_without_a_record_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    answered(dir.path()).await;
    let verified = verified_after(dir.path(), "DELETE FROM document").await;
    let report = verified.iter().find(|report| report.run == "leave.txt").expect("it is named");
    assert_eq!(report.status, Status::ContentChanged);
    assert!(report.content.iter().all(|finding| finding.state == ContentState::Missing), "{report:#?}");
    let nexus = nexus(&MemoryStore::open(dir.path()).unwrap());
    nexus.delete_document(&admin(), &DocumentId::parse("leave.txt").unwrap()).await.unwrap();
    assert!(
        verify_all(&nexus).await.iter().all(|report| report.status.is_sound()),
        "it was removed on purpose"
    );
    ingest(&nexus, &admin(), "law.txt", "The law knows twenty days of paid leave.").await;
    nexus.delete_corpus(&admin(), &CorpusId::parse("handbook").unwrap()).await.unwrap();
    assert!(verify_all(&nexus).await.iter().all(|report| report.status.is_sound()), "so was its corpus");
}

/// Statement that lets the document name another job as its last, and forges its passages.
fn forged(job: &str) -> [String; 2] {
    [
        format!(
            "UPDATE document SET body = json_set(body, '$.last_job_id', '{job}') WHERE body LIKE '%leave.txt%'"
        ),
        "UPDATE passage SET text = replace(text, 'thirty', 'twenty')".to_owned(),
    ]
}

#[tokio::test]
async fn passages_are_compared_whatever_job_the_store_names_as_the_last() {
    let dir = tempfile::tempdir().unwrap();
    answered(dir.path()).await;
    let nexus = nexus(&MemoryStore::open(dir.path()).unwrap());
    let leave = DocumentId::parse("leave.txt").unwrap();
    let first = nexus.document(&admin(), &leave).await.unwrap().last_job_id;
    nexus.reindex(&admin(), &leave, None).await.unwrap();
    nexus.run_pending_jobs().await.unwrap();
    ingest(&nexus, &admin(), "travel.txt", "Trains leave at nine.").await;
    let travel = DocumentId::parse("travel.txt").unwrap();
    let other = nexus.document(&admin(), &travel).await.unwrap().last_job_id;
    let last = nexus.document(&admin(), &leave).await.unwrap().last_job_id;
    assert!(nexus.shutdown(Duration::from_secs(5)).await.unwrap());
    drop(nexus);
    for (job, content) in [
        (first.as_str(), "document"),
        (other.as_str(), "document"),
        ("none", "document"),
        (last.as_str(), "passages"),
    ] {
        let verified = verified_after_all(dir.path(), &forged(job)).await;
        let found = verified.iter().find(|chain| chain.run == last.as_str()).unwrap();
        assert_eq!(found.status, Status::ContentChanged, "{job}: {verified:#?}");
        assert_eq!(found.content.first().unwrap().content, content, "{job}");
    }
}

#[tokio::test]
async fn passages_are_compared_after_a_job_that_published_nothing() {
    let dir = tempfile::tempdir().unwrap();
    answered(dir.path()).await;
    let nexus = nexus(&MemoryStore::open(dir.path()).unwrap());
    let leave = DocumentId::parse("leave.txt").unwrap();
    let published = nexus.document(&admin(), &leave).await.unwrap().last_job_id;
    ingest(&nexus, &admin(), "leave.txt", " ").await;
    let document = nexus.document(&admin(), &leave).await.unwrap();
    assert!(document.failure.is_some(), "{document:?}");
    let verified = verify_all(&nexus).await;
    assert!(verified.iter().all(|chain| chain.status == Status::Ok), "{verified:#?}");
    assert!(nexus.shutdown(Duration::from_secs(5)).await.unwrap());
    drop(nexus);
    let verified = verified_after_all(dir.path(), &forged(document.last_job_id.as_str())).await;
    let found = verified.iter().find(|chain| chain.run == published.as_str()).unwrap();
    assert_eq!(found.content.first().unwrap().content, "passages", "{verified:#?}");
}

/// Model that answers without a report of its usage, so that its charge is an estimate.
#[derive(Clone, Copy, Debug)]
struct Unmetered;

#[async_trait]
impl LlmProvider for Unmetered {
    fn name(&self) -> &'static str {
        "unmetered"
    }

    fn model(&self) -> &'static str {
        "m"
    }

    fn info(&self, _model: &str) -> ModelInfo {
        ModelInfo::default()
    }

    async fn stream(&self, _request: Request) -> nexus_core::Result<CompletionStream> {
        let text = Ok(CompletionEvent::Text("word".to_owned()));
        Ok(stream::iter([text, Ok(CompletionEvent::Finish(FinishReason::Complete))]).boxed())
    }
}

/// Creates a store with limits that were set, changed and removed, a price, and a correction of the ledger.
async fn administered(dir: &Path) {
    let nexus = builder(&MemoryStore::open(dir).unwrap()).routing(Routing::of(Unmetered)).build().unwrap();
    let limit = |user: &str, cap| {
        Limit::new(ScopeKind::User, Meter::Calls, Window::Day, Cap::Limited(cap)).for_id(user)
    };
    for limit in [limit("bob", 5), limit("bob", 9), limit("eve", 7)] {
        nexus.set_limit(&admin(), &limit).await.unwrap();
    }
    assert!(nexus.remove_limit(&admin(), &limit("eve", 7).subject).await.unwrap());
    let price = PriceRow {
        provider: "unmetered".to_owned(),
        model: "m".to_owned(),
        valid_from: Timestamp::from_micros(0),
        version: "2026".to_owned(),
        rates: Rates { input: 1_000, output: 1_000, ..Rates::default() },
        tiers: Vec::new(),
    };
    nexus.add_price(&admin(), &price).await.unwrap();
    let call = ModelCall::new(Request { max_tokens: Some(9), ..Request::asking("How long is the Nile?") });
    let completed =
        nexus.complete(&admin(), call).await.unwrap().or_error(Timestamp::from_micros(0)).unwrap();
    let bill = VendorBill::Money(NanoUsd::from_nanos(7));
    nexus.reconcile(&admin(), &completed.receipt.call, None, bill, "invoice 2026-03").await.unwrap();
    assert!(nexus.shutdown(Duration::from_secs(5)).await.unwrap());
}

#[tokio::test]
async fn each_change_of_a_limit_a_price_or_a_correction_is_found_and_named() {
    use ContentState::{Added, Changed, Missing};
    let dir = tempfile::tempdir().unwrap();
    administered(dir.path()).await;
    let nexus = nexus(&MemoryStore::open(dir.path()).unwrap());
    let verified = verify_all(&nexus).await;
    assert!(verified.iter().all(|chain| chain.status == Status::Ok), "{verified:#?}");
    assert!(nexus.shutdown(Duration::from_secs(5)).await.unwrap());
    let rows: [(&str, &[(&str, ContentState)]); 18] = [
        (
            "UPDATE quota_limit SET body = json_set(body, '$.cap', 99)",
            &[("limit", Changed), ("limits", Changed)],
        ),
        (
            "UPDATE quota_limit SET body = json_set(body, '$.cap', -1)",
            &[("limit", Changed), ("limits", Changed)],
        ),
        (
            "UPDATE quota_limit SET body = json_set(body, '$.mode', 'shadow')",
            &[("limit", Changed), ("limits", Changed)],
        ),
        ("DELETE FROM quota_limit", &[("limit", Changed), ("limits", Missing)]),
        (
            "INSERT INTO quota_limit SELECT tenant, replace(subject, 'bob', 'zoe'), replace(body, 'bob', 'zoe') FROM quota_limit",
            &[("limits", Added)],
        ),
        (
            "INSERT INTO quota_limit SELECT tenant, replace(subject, 'bob', 'eve'), replace(body, 'bob', 'eve') FROM quota_limit",
            &[("limit", Changed), ("limits", Added)],
        ),
        ("UPDATE price_row SET body = json_set(body, '$.rates.output', 1)", &[("price", Changed)]),
        ("DELETE FROM price_row", &[("price", Changed)]),
        (
            "UPDATE billing_ledger SET body = json_set(body, '$.charged.money', '1') WHERE revision = 1",
            &[("correction", Changed), ("corrections", Changed)],
        ),
        (
            "UPDATE billing_ledger SET body = json_set(body, '$.correction.reason', 'gift') WHERE revision = 1",
            &[("correction", Changed), ("corrections", Changed)],
        ),
        (
            "UPDATE billing_ledger SET body = json_set(body, '$.correction.by', 'eve') WHERE revision = 1",
            &[("correction", Changed), ("corrections", Changed)],
        ),
        (
            "UPDATE billing_ledger SET body = json_set(body, '$.correction.usage_before.output_text', 7) WHERE revision = 1",
            &[("correction", Changed), ("corrections", Changed)],
        ),
        (
            "UPDATE billing_ledger SET body = json_set(body, '$.provider', 'other') WHERE revision = 1",
            &[("correction", Changed), ("corrections", Changed)],
        ),
        (
            "UPDATE billing_ledger SET body = json_set(body, '$.model', 'other') WHERE revision = 1",
            &[("correction", Changed), ("corrections", Changed)],
        ),
        (
            "UPDATE billing_ledger SET body = json_set(body, '$.status', 'failed_unbilled') WHERE revision = 1",
            &[("correction", Changed), ("corrections", Changed)],
        ),
        (
            "UPDATE billing_ledger SET body = json_set(body, '$.price_version', 'other') WHERE revision = 1",
            &[("correction", Changed), ("corrections", Changed)],
        ),
        (
            "UPDATE billing_ledger SET body = json_set(body, '$.ts', '2020-01-01T00:00:00Z') WHERE revision = 1",
            &[("correction", Changed), ("corrections", Changed)],
        ),
        (
            "DELETE FROM billing_ledger WHERE revision = 1",
            &[("correction", Changed), ("corrections", Missing)],
        ),
    ];
    for (statement, expected) in rows {
        let verified = verified_after(dir.path(), statement).await;
        let found: Vec<_> = verified
            .iter()
            .flat_map(|chain| &chain.content)
            .map(|finding| (finding.content, finding.state))
            .filter(|(content, _)| *content != "call")
            .collect();
        assert_eq!(found, expected, "{statement}");
    }
}

#[tokio::test]
async fn texts_that_were_erased_on_purpose_are_erased_and_a_forged_erasure_is_a_loss() {
    let dir = tempfile::tempdir().unwrap();
    answered(dir.path()).await;
    let store = MemoryStore::open(dir.path()).unwrap();
    let nexus = nexus(&store);
    let runs = nexus.runs(&admin(), RunQuery::default()).await.unwrap();
    let id = runs.first().unwrap().id.clone();
    nexus.prune_journal(&admin(), &id).await.unwrap();
    let verified = nexus.verify(&admin(), id.as_str(), None).await.unwrap();
    assert_eq!(verified.status, Status::Erased, "{verified:#?}");
    assert!(verified.content.iter().all(|finding| finding.state == ContentState::Erased));
    assert!(nexus.shutdown(Duration::from_secs(5)).await.unwrap());
    drop(nexus);

    // A record of another run's erasure, or none, proves nothing.
    for forged in [
        "DELETE FROM erasure",
        "UPDATE erasure SET chain = (SELECT run FROM audit_record WHERE CAST(body AS TEXT) LIKE '%corpus.created%')",
    ] {
        let verified = verified_after(dir.path(), forged).await;
        let run = verified.iter().find(|chain| chain.run == id.as_str()).unwrap();
        assert_eq!(run.status, Status::ContentChanged, "{forged}");
    }
}

#[tokio::test]
async fn a_passage_that_was_changed_in_the_store_is_shown_to_no_model() {
    let dir = tempfile::tempdir().unwrap();
    answered(dir.path()).await;
    let database = rusqlite::Connection::open(dir.path().join("nexus.db")).unwrap();
    database.execute("UPDATE passage SET text = replace(text, 'thirty', 'twenty')", []).unwrap();
    drop(database);
    let nexus = nexus(&MemoryStore::open(dir.path()).unwrap());
    let run = nexus.ask(&admin(), QUESTION).corpus("handbook").start().await.unwrap();
    let Outcome::Failed { failure } = run.finish().await.unwrap().outcome else { panic!("it was answered") };
    assert_eq!(failure.code, "CONTENT_CHANGED");
}
