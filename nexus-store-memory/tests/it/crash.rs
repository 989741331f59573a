//! Process killed at any moment: no partial change is visible, and no acknowledged change is lost.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Cursor};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use nexus_core::audit::{Kind, Status};
use nexus_core::document::DocumentStatus;
use nexus_core::document::model::NewDocument;
use nexus_core::document::store::DocumentQuery;
use nexus_core::ledger::{LedgerStore, QuotaStore};
use nexus_core::quota::Window;
use nexus_core::run::{RunQuery, RunState};
use nexus_core::search::Search;
use nexus_core::stats::StatsStore as _;
use nexus_core::system::SystemStore;
use nexus_core::{CorpusId, DocumentId, Nexus, Page};
use nexus_store_memory::MemoryStore;
use nexus_testkit::store::World;
use nexus_testkit::store::calls::{amounts, budget, every, key_of};
use serde_json::json;

use crate::journey::{admin, nexus};

fn corpus() -> CorpusId {
    CorpusId::parse("handbook").unwrap()
}

fn text(number: usize, round: usize) -> String {
    (0..12).fold(String::new(), |text, paragraph| {
        text + &format!("Paragraph {paragraph} of document {number} says round{round} about paid leave.\n\n")
    })
}

/// Child process, not a test of its own: works until it is killed, and prints each acknowledged change.
#[tokio::test]
async fn child_works_until_it_is_killed() {
    let Ok(dir) = std::env::var("NEXUS_TEST_CRASH") else { return };
    let store = MemoryStore::open(&dir).unwrap();
    let nexus = nexus(&store);
    // After a restart the corpus exists already.
    let _ = nexus.create_corpus(&admin(), corpus(), "Handbook", json!({})).await;
    nexus.run_pending_jobs().await.unwrap();
    for round in 0.. {
        for number in 0..6 {
            let mut document = NewDocument::new(corpus(), format!("d{number}"));
            document.id = Some(DocumentId::parse(format!("d{number}")).unwrap());
            document.overwrite = true;
            document.chunking = Some(nexus_core::document::ChunkConfig::chars(80, 0).unwrap());
            let bytes = Cursor::new(text(number, round).into_bytes());
            nexus.ingest(&admin(), document, bytes).await.unwrap();
            println!("submitted d{number} {round}");
            nexus.run_pending_jobs().await.unwrap();
            println!("published d{number} {round}");
        }
        let run = nexus.ask(&admin(), "What does document 1 say about paid leave?").corpus("handbook");
        let run = run.start().await.unwrap();
        println!("started {}", run.id());
        run.finish().await.unwrap();
        println!("finished {}", run.id());
        call(&store, &format!("{}-over", run.id()), true).await;
        call(&store, &format!("{}-open", run.id()), false).await;
    }
}

/// Begins a call, and ends it if `ends`.
async fn call(store: &MemoryStore, id: &str, ends: bool) {
    let world = World::new(Arc::new(store.clone()));
    let mut intent = world.intent(&admin(), id, &[budget(Window::Total, 1_000_000)], amounts(5, 30));
    id.clone_into(&mut intent.call.id);
    intent.audit = world.pending(&admin(), id, &[Kind::CHAIN_OPEN]);
    store.begin(intent).await.unwrap();
    println!("begun {id}");
    if ends {
        store.settle(world.settlement(&admin(), id, amounts(5, 20))).await.unwrap();
        println!("settled {id}");
    }
}

/// Checks that begun calls are open or settled, that settled ones have one entry, and that the budget holds the sum.
async fn check_calls(store: &MemoryStore, said: &[String]) {
    let open: BTreeSet<String> =
        store.open_calls().await.unwrap().into_iter().map(|open| open.call.id).collect();
    let lines = store.ledger(admin().tenant(), &every()).await.unwrap();
    for line in said {
        match line.split_once(' ') {
            Some(("begun", id)) if id.ends_with("-open") => assert!(open.contains(id), "{line}"),
            Some(("settled", id)) => {
                assert_eq!(lines.iter().filter(|line| line.call == id).count(), 1, "{line}");
                assert!(!open.contains(id));
            }
            _ => {}
        }
    }
    let ours = |id: &str| id.ends_with("-open") || id.ends_with("-over");
    // The all-time counter holds the calls of the runs, too: it begins with the ledger's sum. A free call that a kill
    // interrupted has an entry, and is not charged.
    let settled: u64 = lines.iter().map(|line| line.charged.calls).sum();
    let reserved = open.iter().filter(|id| ours(id)).count() as u64;
    let key = key_of(&admin(), &budget(Window::Total, 1_000_000));
    let used = store.used(admin().tenant(), &[key]).await.unwrap();
    assert_eq!((used[0].reserved.calls, used[0].settled.calls), (reserved, settled));
}

/// Runs the child until it has printed `lines` lines, kills it, and returns its output.
fn run_and_kill(dir: &Path, lines: usize, delay: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_works_until_it_is_killed", "--nocapture"])
        .env("NEXUS_TEST_CRASH", dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_ours = |line: &String| {
        ["submitted", "published", "started", "finished", "begun", "settled"]
            .iter()
            .any(|word| line.starts_with(word))
    };
    let mut said: Vec<String> = output.by_ref().map_while(Result::ok).filter(is_ours).take(lines).collect();
    // Without waiting for anything, this moves the kill to another point of the work.
    (0..delay * 100_000).for_each(|_| std::hint::spin_loop());
    child.kill().unwrap();
    child.wait().unwrap();
    said.extend(output.map_while(Result::ok).filter(is_ours));
    said
}

async fn check(nexus: &Nexus, said: &[String]) {
    for line in said {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["submitted" | "published", id, _] => {
                let document = nexus.document(&admin(), &DocumentId::parse(*id).unwrap()).await.unwrap();
                assert_eq!(document.status, DocumentStatus::Succeeded, "{line}");
            }
            ["started" | "finished", run] => {
                let verified = nexus.verify(&admin(), run, None).await.unwrap();
                assert_eq!(verified.status, Status::Ok, "{line}");
            }
            _ => {}
        }
    }
    let query = DocumentQuery { page: Page::first(99), ..DocumentQuery::default() };
    for document in nexus.documents(&admin(), &query).await.unwrap() {
        let passages = nexus.passages(&admin(), &document.id, Page::first(999)).await.unwrap();
        assert_eq!(passages.len(), document.passages as usize);
        let rounds: std::collections::BTreeSet<&str> = passages
            .iter()
            .flat_map(|passage| passage.text.split_whitespace().filter(|word| word.starts_with("round")))
            .collect();
        assert_eq!(rounds.len(), 1, "all of {} is of one version: {rounds:?}", document.id);
        let mut search = Search::new(corpus(), rounds.first().unwrap().to_string());
        search.documents = vec![document.id.clone()];
        search.top_k = Some(100);
        let found = nexus.search(&admin(), search).await.unwrap();
        assert_eq!(found.permitted, passages.len() as u64);
        assert_eq!(found.hits.len(), passages.len());
    }
}

/// The last line about each document is a lower bound of its state.
fn newest_published(said: &[String], id: &str) -> Option<usize> {
    said.iter().filter_map(|line| line.strip_prefix(&format!("published {id} "))?.parse().ok()).max()
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged_and_shows_nothing_half() {
    let dir = tempfile::tempdir().unwrap();
    for (kill, lines) in [3, 8, 15, 21, 30, 40].into_iter().enumerate() {
        let said = run_and_kill(dir.path(), lines, kill * 7 % 23);
        assert!(said.len() >= lines);
        let beside = MemoryStore::open_read_only(dir.path()).unwrap().stats(admin().tenant()).await.unwrap();
        assert!(beside.documents > 0, "a reader needs no writer to recover for it");
        let store = MemoryStore::open(dir.path()).unwrap();
        check_calls(&store, &said).await;
        let nexus = nexus(&store);
        for id in ["d0", "d3", "d5"] {
            let Some(round) = newest_published(&said, id) else { continue };
            let passages =
                nexus.passages(&admin(), &DocumentId::parse(id).unwrap(), Page::first(1)).await.unwrap();
            let shown: usize =
                passages[0].text.split("round").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
            assert!(shown >= round, "{id} shows round {shown}, acknowledged was {round}");
        }
        nexus.run_pending_jobs().await.unwrap();
        nexus.resume().await.unwrap();
        while !nexus
            .runs(
                &admin(),
                RunQuery { state: Some(RunState::Running), page: Page::first(9), ..RunQuery::default() },
            )
            .await
            .unwrap()
            .is_empty()
        {
            tokio::task::yield_now().await;
        }
        check(&nexus, &said).await;
        store.close().await.unwrap();
    }
}
