//! Erasure of a run's journal: afterwards no file contains its words.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::iter;
use nexus_core::access::AccessRule;
use nexus_core::ask::FinishedRun;
use nexus_core::audit::Status;
use nexus_core::gateway::GatewaySettings;
use nexus_core::ledger::{CallResult, LedgerQuery, QuotaStore, Settlement};
use nexus_core::llm::{CompletionEvent, CompletionStream, FinishReason, LlmProvider, Request};
use nexus_core::price::{PriceRow, PriceTable};
use nexus_core::run::Outcome;
use nexus_core::session::SessionStore;
use nexus_core::{Clock as _, CorpusId, Nexus, Page, Result, RunId, SystemClock, Usage};
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::calls::{amounts, reply};
use nexus_testkit::store::fixture::{access, at};
use serde_json::json;

use crate::journey::{admin, builder, ingest};

/// Word that occurs only in the model's answers and reasoning.
const SAID: &str = "quetzalcoatlus";
const THOUGHT: &str = "archaeopteryx";

/// Vendor's model whose answers and reasoning take many pages of a database.
#[derive(Debug)]
struct Wordy(Arc<AtomicUsize>);

#[async_trait]
impl LlmProvider for Wordy {
    fn name(&self) -> &'static str {
        "wordy"
    }

    fn model(&self) -> &'static str {
        "wordy-1"
    }

    async fn stream(&self, _: Request) -> Result<CompletionStream> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let many = |word: &str| vec![word; 2_000].join(" ");
        let said = format!("The {} says that every employee has thirty days of paid leave [1].", many(SAID));
        let usage = Usage { input_uncached: 7, output_text: 9, ..Usage::default() };
        let pieces = [
            CompletionEvent::Reasoning(many(THOUGHT)),
            CompletionEvent::Text(said),
            CompletionEvent::Usage(usage),
            CompletionEvent::Finish(FinishReason::Complete),
        ];
        Ok(Box::pin(iter(pieces.map(Ok))))
    }
}

/// Opens a library over the store in `dir`, with its cache, and the count of calls of the model.
fn open(dir: &Path) -> (MemoryStore, Nexus, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let store = MemoryStore::open(dir).unwrap();
    let price = PriceRow { version: "v1".to_owned(), ..PriceRow::free("wordy", "wordy-1") };
    let settings = GatewaySettings {
        prices: PriceTable::empty().with([price]),
        ..GatewaySettings::with_builtin_prices().unwrap()
    };
    let cache = store.cache(64 << 20).unwrap().unwrap();
    let nexus =
        builder(&store).llm(Wordy(Arc::clone(&asked))).gateway(settings).cache(cache).build().unwrap();
    (store, nexus, asked)
}

async fn ask(nexus: &Nexus) -> (RunId, FinishedRun) {
    let question = "How many days of paid leave does an employee have?";
    let run = nexus.ask(&admin(), question).corpus("handbook").start().await.unwrap();
    let finished = run.finish().await.unwrap();
    assert_eq!(finished.outcome, Outcome::Answered, "{finished:?}");
    (run.id().clone(), finished)
}

/// Returns the files under `dir` that contain `word`.
fn holding(dir: &Path, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(holding(&entry, word));
        } else if std::fs::read(&entry).unwrap().windows(word.len()).any(|bytes| bytes == word.as_bytes()) {
            found.push(entry.display().to_string());
        }
    }
    found
}

async fn delete_sessions(store: &MemoryStore, nexus: &Nexus) {
    let world = World::new(Arc::new(store.clone()));
    for session in nexus.sessions(&admin(), Page::first(9)).await.unwrap() {
        let owner = access(&admin(), AccessRule::Owns, SystemClock.now());
        store.delete_session(&owner, &session.id, world.unrecorded()).await.unwrap();
    }
}

#[tokio::test]
async fn what_an_erased_run_said_and_thought_is_in_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let (_, nexus, _) = open(dir.path());
    nexus.create_corpus(&admin(), CorpusId::parse("handbook").unwrap(), "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "leave.txt", "Every employee has thirty days of paid leave in a year.").await;
    let (run, _) = ask(&nexus).await;
    nexus.shutdown(Duration::from_secs(5)).await.unwrap();
    drop(nexus);
    for word in [SAID, THOUGHT] {
        assert!(!holding(dir.path(), word).is_empty(), "{word}");
    }

    let (store, nexus, _) = open(dir.path());
    nexus.prune_journal(&admin(), &run).await.unwrap();
    delete_sessions(&store, &nexus).await;
    nexus.shutdown(Duration::from_secs(5)).await.unwrap();
    drop((nexus, store));
    for word in [SAID, THOUGHT] {
        assert_eq!(holding(dir.path(), word), [""; 0], "{word}");
    }
}

#[tokio::test]
async fn an_answer_whose_claim_ran_out_is_in_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(Arc::new(MemoryStore::open(dir.path()).unwrap()));
    let call = world.begin(world.intent(&admin(), "k", &[], amounts(1, 1))).await;
    let result = reply(&vec![SAID; 2_000].join(" "));
    world.settle(Settlement { result, ..world.settlement(&admin(), &call, amounts(1, 1)) }).await;
    world.store.close().await.unwrap();
    assert!(!holding(dir.path(), SAID).is_empty());

    let world = World::new(Arc::new(MemoryStore::open(dir.path()).unwrap()));
    let mut later = world.intent(&admin(), "another", &[], amounts(1, 1));
    (later.call.id, later.call.created_at) = ("later".to_owned(), at(25 * 3_600));
    later.audit = world.unrecorded();
    world.begin(later).await;
    world.store.close().await.unwrap();
    assert_eq!(holding(dir.path(), SAID), [""; 0]);
}

#[tokio::test]
async fn an_erased_run_yields_no_answer_and_leaves_its_bill_and_its_record() {
    let dir = tempfile::tempdir().unwrap();
    let (store, nexus, asked) = open(dir.path());
    nexus.create_corpus(&admin(), CorpusId::parse("handbook").unwrap(), "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "leave.txt", "Every employee has thirty days of paid leave in a year.").await;
    let (first, _) = ask(&nexus).await;
    let (second, _) = ask(&nexus).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the second is answered by the cache");
    let query = LedgerQuery { page: Page::first(9), ..LedgerQuery::default() };
    let calls = nexus.calls(&admin(), query.clone()).await.unwrap();
    let result = async |call: &str| store.call_result(admin().tenant(), call).await.unwrap().unwrap();
    for call in &calls {
        assert!(matches!(result(&call.id).await, CallResult::Reply(_)));
    }
    let lines = nexus.ledger(&admin(), query.clone()).await.unwrap();

    nexus.prune_journal(&admin(), &first).await.unwrap();
    let of_first = |call: &&nexus_core::ledger::Call| call.consumer.run.as_deref() == Some(first.as_str());
    let [call] = calls.iter().filter(of_first).collect::<Vec<_>>()[..] else { panic!("{calls:#?}") };
    assert_eq!(result(&call.id).await, CallResult::NotKept);
    assert_eq!(nexus.reasoning(&admin(), &call.id).await.unwrap(), None);
    let kept: Vec<_> = calls.iter().filter(|call| !of_first(call)).collect();
    assert!(matches!(result(&kept[0].id).await, CallResult::Reply(_)), "another run keeps its own");
    assert_eq!(nexus.ledger(&admin(), query.clone()).await.unwrap(), lines);
    assert_eq!(nexus.calls(&admin(), query).await.unwrap(), calls);
    let statuses =
        [(first.as_str(), Status::Erased), (second.as_str(), Status::Ok), (call.id.as_str(), Status::Ok)];
    for (chain, status) in statuses {
        assert_eq!(nexus.verify(&admin(), chain, None).await.unwrap().status, status);
    }
    let (_, finished) = ask(&nexus).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2, "an erased answer is not served again");
    assert!(finished.answer.text.contains(SAID));
    nexus.shutdown(Duration::from_secs(5)).await.unwrap();
}
