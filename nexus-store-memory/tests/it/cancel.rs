//! Cancel request from a read-only process: the process that drives the run honours it.

use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::stream::{iter, pending};
use nexus_core::ask::RunHandle;
use nexus_core::audit::Status;
use nexus_core::llm::{CompletionEvent, CompletionStream, LlmProvider, ModelInfo, Request};
use nexus_core::run::{Outcome, RunQuery, RunState};
use nexus_core::{CorpusId, ErrorKind, Nexus, Page, Principal, Result, RunId};
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::journey::{admin, builder, ingest, nexus};

/// Timeout of an owner that receives no cancel request, and of the test with it.
const TIMEOUT: Duration = Duration::from_mins(1);
const SILENCE: &str = "How long is the silence of the leave?";
const LEAVE: &str = "How many days of paid leave does an employee have?";

/// Model that never ends: it does not even begin, or blocks in the middle of a sentence.
#[derive(Debug)]
struct Endless {
    asked: UnboundedSender<()>,
}

#[async_trait]
impl LlmProvider for Endless {
    fn name(&self) -> &'static str {
        "endless"
    }

    fn model(&self) -> &'static str {
        "endless-1"
    }

    fn info(&self, _model: &str) -> ModelInfo {
        ModelInfo { is_local: true, ..ModelInfo::default() }
    }

    async fn stream(&self, request: Request) -> Result<CompletionStream> {
        self.asked.unbounded_send(()).unwrap();
        if request.question == SILENCE {
            return std::future::pending().await;
        }
        Ok(Box::pin(iter([Ok(CompletionEvent::Text("Every employee has".to_owned()))]).chain(pending())))
    }
}

/// Child process, not a test of its own: owns the store, drives three runs at once, and prints when each waits and
/// how it ended.
#[tokio::test]
async fn child_drives_runs_that_never_end() {
    let Ok(dir) = std::env::var("NEXUS_TEST_CANCEL") else { return };
    let (asked, mut calls) = unbounded();
    let nexus = builder(&MemoryStore::open(&dir).unwrap()).llm(Endless { asked }).build().unwrap();
    let corpus = CorpusId::parse("handbook").unwrap();
    nexus.create_corpus(&admin(), corpus, "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "leave.txt", "Every employee has thirty days of paid leave in a year.").await;
    let mut runs = Vec::new();
    for question in [SILENCE, LEAVE, LEAVE] {
        let run = nexus.ask(&admin(), question).corpus("handbook").start().await.unwrap();
        calls.next().await.unwrap();
        println!("waiting {}", run.id());
        runs.push(run);
    }
    let ends = runs.iter().map(print_end);
    tokio::time::timeout(TIMEOUT, futures::future::join_all(ends)).await.unwrap();
    assert!(nexus.shutdown(TIMEOUT).await.unwrap());
}

async fn print_end(run: &RunHandle) {
    let finished = run.finish().await.unwrap();
    println!("ended {} {}", run.id(), finished.outcome.as_str());
}

/// Process that owns the store.
struct Owner {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Owner {
    fn start(dir: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cancel::child_drives_runs_that_never_end", "--nocapture"])
            .env("NEXUS_TEST_CANCEL", dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Returns the rest of the next line that begins with `word`.
    fn says(&mut self, word: &str) -> String {
        let mut lines = self.lines.by_ref().map(|line| line.unwrap());
        lines.find_map(|line| line.strip_prefix(word).map(|rest| rest.trim().to_owned())).unwrap()
    }
}

async fn running(nexus: &Nexus) -> Vec<RunId> {
    let query = RunQuery { state: Some(RunState::Running), page: Page::first(9), ..RunQuery::default() };
    let mut ids: Vec<RunId> =
        nexus.runs(&admin(), query).await.unwrap().into_iter().map(|run| run.id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_live_owner_ends_the_run_that_another_process_cancels_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut owner = Owner::start(dir.path());
    let mut left: Vec<RunId> = (0..3).map(|_| RunId::parse(owner.says("waiting ")).unwrap()).collect();
    let beside = nexus(&MemoryStore::open_read_only(dir.path()).unwrap());
    left.sort();
    assert_eq!(running(&beside).await, left);

    let stranger = Principal::user("acme", "mallory").unwrap().roles(["viewer"]);
    let refused = beside.cancel(&stranger, &left[0]).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound, "another user's run looks as if there were none");

    for run in [left[1].clone(), left[2].clone(), left[0].clone()] {
        beside.cancel(&admin(), &run).await.unwrap();
        assert_eq!(owner.says("ended "), format!("{run} cancelled"));
        left.retain(|other| *other != run);
        assert_eq!(running(&beside).await, left);
        assert_eq!(beside.run(&admin(), &run).await.unwrap().outcome(), Some(&Outcome::Cancelled));
        assert_eq!(beside.verify(&admin(), run.as_str(), None).await.unwrap().status, Status::Ok);
        assert_eq!(beside.cancel(&admin(), &run).await.unwrap_err().code(), "RUN_CLOSED");
    }
    assert!(owner.process.wait().unwrap().success());
}
