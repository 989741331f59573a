//! Temporary store failures: no step of a run or a job is lost or repeated, and no caller waits for ever.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::stream::iter;
use nexus_core::ask::{FinishedRun, RunHandle};
use nexus_core::audit::Status;
use nexus_core::document::{DocumentStatus, JobState, NewDocument};
use nexus_core::llm::{CompletionEvent, CompletionStream, FinishReason, LlmProvider, ModelInfo, Request};
use nexus_core::retrieve::HashingEmbedder;
use nexus_core::run::{EventBody, Journal, Outcome, RunQuery, RunState};
use nexus_core::{
    Builder, Clock, CorpusId, DocumentId, ErrorKind, JobId, Nexus, Page, Result, RunId, SessionId, Settings,
    Timestamp,
};
use nexus_store_memory::MemoryStore;
use nexus_testkit::fake::FixedClock;
use nexus_testkit::faulty::{FaultyStore, InjectedFault, Troubles};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::journey::{admin, ingest, keys};

pub(crate) const QUESTION: &str = "How many days of paid leave does an employee have?";
pub(crate) const LEAVE: &str = "Every employee has thirty days of paid leave in a year.";

/// Creates a library with one document, over a store with injected failures.
async fn library(settings: Settings) -> (Nexus, Troubles) {
    library_of(|builder| builder.settings(settings)).await
}

async fn library_of(with: impl FnOnce(Builder) -> Builder) -> (Nexus, Troubles) {
    let (store, troubles) = FaultyStore::new(MemoryStore::default());
    let nexus = with(Nexus::builder().store(store).audit_keys(keys())).build().unwrap();
    nexus.create_corpus(&admin(), CorpusId::parse("handbook").unwrap(), "Handbook", json!({})).await.unwrap();
    ingest(&nexus, &admin(), "leave.txt", LEAVE).await;
    (nexus, troubles)
}

/// Returns settings under which followers learn soon that a run waits.
fn impatient() -> Settings {
    Settings { record_deadline: Duration::from_millis(500), ..Settings::default() }
}

pub(crate) async fn ask(nexus: &Nexus) -> RunHandle {
    nexus.ask(&admin(), QUESTION).corpus("handbook").start().await.unwrap()
}

pub(crate) async fn until(condition: impl AsyncFn() -> bool) {
    const LONGEST: Duration = Duration::from_mins(2);
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < LONGEST, "it never came to be");
        tokio::task::yield_now().await;
    }
}

/// Makes steps of these names fail `times` times, in turns before and after their execution.
fn fail(troubles: &Troubles, steps: &'static [&'static str], times: usize) {
    let mut failed = 0;
    troubles.follow(move |name| {
        let hit = steps.contains(&name) && failed < times;
        failed += usize::from(hit);
        hit.then_some(if failed % 2 == 0 { InjectedFault::FailsAfter } else { InjectedFault::FailsBefore })
    });
}

/// Waits for the end of a run, across all reports that it waits for the store.
async fn at_last(run: &RunHandle) -> FinishedRun {
    loop {
        match run.finish().await {
            Err(error) if error.is_retryable() => tokio::task::yield_now().await,
            finished => return finished.unwrap(),
        }
    }
}

/// Checks that the run was answered, that its events have no gap, and that its record is complete.
pub(crate) async fn check_answered(nexus: &Nexus, run: &RunHandle) {
    let finished = at_last(run).await;
    assert_eq!(finished.outcome, Outcome::Answered, "{finished:?}");
    let journal = nexus.store_for_tests().journal(admin().tenant(), run.id(), 0, 999).await.unwrap();
    let Journal::Events(events) = journal else { panic!("{journal:?}") };
    assert!(events.iter().zip(0..).all(|(event, seq)| event.seq == seq));
    let answers = events.iter().filter(|event| matches!(event.body, EventBody::Final(_))).count();
    assert_eq!(answers, 1);
    assert_eq!(nexus.verify(&admin(), run.id().as_str(), None).await.unwrap().status, Status::Ok);
    let messages = nexus.messages(&admin(), run.session_id(), Page::first(9)).await.unwrap();
    assert_eq!(messages.len(), 2, "each was said once");
}

#[tokio::test]
async fn a_run_survives_a_store_that_fails_for_a_while() {
    for steps in [
        &["advance"][..],
        &["journal", "run"],
        &["history", "retrieve", "corpus"],
        &["begin", "limits", "prices"],
    ] {
        let (nexus, troubles) = library(Settings::default()).await;
        let run = ask(&nexus).await;
        fail(&troubles, steps, 5);
        run.finish().await.unwrap();
        check_answered(&nexus, &run).await;
    }
}

#[tokio::test]
async fn a_run_survives_a_store_that_takes_no_step_for_a_while() {
    let embedder = HashingEmbedder::new(64);
    let (nexus, troubles) = library_of(|builder| builder.embedder(embedder)).await;
    let run = ask(&nexus).await;
    troubles.inject_all(InjectedFault::FailsBefore);
    until(async || troubles.struck() >= 12).await;
    troubles.unfreeze();
    check_answered(&nexus, &run).await;
}

#[tokio::test]
async fn a_step_whose_answer_was_lost_is_not_taken_twice() {
    let (nexus, troubles) = library(Settings::default()).await;
    let mut last = false;
    troubles.follow(move |name| {
        // Every first attempt is executed, and its answer lost.
        last = name == "advance" && !last;
        last.then_some(InjectedFault::FailsAfter)
    });
    let run = ask(&nexus).await;
    check_answered(&nexus, &run).await;
    assert!(troubles.struck() >= 4, "one for each step");
}

#[tokio::test]
async fn who_follows_a_run_that_waits_for_the_store_is_told_and_the_run_goes_on_after() {
    let (nexus, troubles) = library(impatient()).await;
    let run = ask(&nexus).await;
    troubles.follow(|name| (name == "advance").then_some(InjectedFault::FailsBefore));
    let stalled = run.finish().await.unwrap_err();
    assert_eq!((stalled.kind(), stalled.code()), (ErrorKind::Unavailable, "RUN_STALLED"));
    assert!(stalled.retry_after().is_some());
    troubles.unfreeze();
    until(async || nexus.run(&admin(), run.id()).await.unwrap().state() == RunState::Closed).await;
    check_answered(&nexus, &run).await;
}

#[tokio::test]
async fn who_cancels_a_run_that_waits_for_the_store_is_told_and_the_run_is_cancelled_after() {
    let (nexus, troubles) = library(impatient()).await;
    let run = ask(&nexus).await;
    troubles.follow(|name| (name == "advance").then_some(InjectedFault::FailsBefore));
    run.finish().await.unwrap_err();
    let error = nexus.cancel(&admin(), run.id()).await.unwrap_err();
    assert_eq!(error.code(), "RUN_STALLED");
    troubles.unfreeze();
    until(async || nexus.run(&admin(), run.id()).await.unwrap().state() == RunState::Closed).await;
    assert_eq!(at_last(&run).await.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn a_store_that_cannot_be_read_does_not_keep_a_follower_waiting_for_ever() {
    for trouble in [InjectedFault::FailsBefore, InjectedFault::FreezesBefore] {
        let (nexus, troubles) = library(impatient()).await;
        let run = ask(&nexus).await;
        troubles.follow(move |name| (name == "journal").then_some(trouble));
        assert_eq!(run.finish().await.unwrap_err().kind(), ErrorKind::Unavailable);
        troubles.unfreeze();
        check_answered(&nexus, &run).await;
    }
}

#[tokio::test]
async fn a_question_that_was_not_accepted_in_time_is_withdrawn() {
    let (nexus, troubles) = library(impatient()).await;
    // The run is recorded, but its caller receives an error.
    troubles.follow(|name| (name == "advance").then_some(InjectedFault::FreezesAfter));
    let refused = nexus.ask(&admin(), QUESTION).corpus("handbook").start().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    troubles.unfreeze();
    let runs = async || {
        nexus.runs(&admin(), RunQuery { page: Page::first(9), ..RunQuery::default() }).await.unwrap()
    };
    until(async || runs().await.iter().all(|run| run.state() == RunState::Closed)).await;
    let [run] = &runs().await[..] else { panic!("one run was recorded") };
    let Some(Outcome::Failed { failure }) = run.outcome() else { panic!("{run:?}") };
    assert_eq!(failure.code, "RUN_NOT_ACCEPTED");
    assert_eq!(nexus.verify(&admin(), run.id.as_str(), None).await.unwrap().status, Status::Ok);
    // A run that was never recorded leaves nothing.
    troubles.follow(|name| (name == "advance").then_some(InjectedFault::FailsBefore));
    nexus.ask(&admin(), QUESTION).corpus("handbook").start().await.unwrap_err();
    troubles.unfreeze();
    assert!(nexus.shutdown(Duration::from_secs(9)).await.unwrap());
}

#[tokio::test]
async fn a_run_whose_driver_crashed_is_taken_up_without_a_restart() {
    let (nexus, troubles) = library(Settings::default()).await;
    troubles.inject("retrieve", InjectedFault::Panics, 1);
    let run = ask(&nexus).await;
    check_answered(&nexus, &run).await;
    assert_eq!(troubles.struck(), 1);
}

#[tokio::test]
async fn a_run_that_no_driver_gets_on_with_ends_as_failed() {
    let (nexus, troubles) = library(Settings::default()).await;
    troubles.follow(|name| (name == "retrieve").then_some(InjectedFault::Panics));
    let FinishedRun { outcome, .. } = ask(&nexus).await.finish().await.unwrap();
    let Outcome::Failed { failure } = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.code, "RUN_ABANDONED");
}

/// Model that waits for a signal, and counts its calls.
#[derive(Clone, Debug)]
pub(crate) struct Patient {
    pub(crate) asked: UnboundedSender<()>,
    pub(crate) go: Arc<Semaphore>,
}

#[async_trait]
impl LlmProvider for Patient {
    fn name(&self) -> &'static str {
        "patient"
    }

    fn model(&self) -> &'static str {
        "patient-1"
    }

    fn info(&self, _model: &str) -> ModelInfo {
        ModelInfo { is_local: true, ..ModelInfo::default() }
    }

    async fn stream(&self, _: Request) -> Result<CompletionStream> {
        self.asked.unbounded_send(()).unwrap();
        self.go.acquire().await.unwrap().forget();
        let pieces = [
            CompletionEvent::Text("Thirty days [1].".to_owned()),
            CompletionEvent::Finish(FinishReason::Complete),
        ];
        Ok(Box::pin(iter(pieces.map(Ok))))
    }
}

#[tokio::test]
async fn a_run_is_driven_once_however_often_runs_are_taken_up() {
    let (asked, mut calls) = unbounded();
    let model = Patient { asked, go: Arc::new(Semaphore::new(0)) };
    let (nexus, troubles) = library_of(|builder| builder.llm(model.clone())).await;
    // Recorded, without an answer to its caller yet.
    troubles.inject("advance", InjectedFault::FreezesAfter, 1);
    let take_up = async {
        until(async || {
            !nexus
                .runs(&admin(), RunQuery { page: Page::first(9), ..RunQuery::default() })
                .await
                .unwrap()
                .is_empty()
        })
        .await;
        assert_eq!(nexus.resume().await.unwrap(), 0);
        troubles.unfreeze();
    };
    let (run, ()) = tokio::join!(ask(&nexus), take_up);
    calls.next().await.unwrap();
    assert_eq!(nexus.resume().await.unwrap(), 0);
    model.go.add_permits(9);
    check_answered(&nexus, &run).await;
    assert!(calls.try_recv().is_err(), "the model was asked once");
    assert_eq!(nexus.cancel(&admin(), run.id()).await.unwrap_err().code(), "RUN_CLOSED");
}

#[tokio::test]
async fn runs_that_were_left_are_taken_up_once_by_two_at_the_same_time_and_can_be_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let (asked, mut calls) = unbounded();
    let model = Patient { asked, go: Arc::new(Semaphore::new(0)) };
    let mut left = Vec::new();
    let first = on_disk(dir.path(), &model).await;
    for _ in 0..3 {
        left.push(ask(&first).await.id().clone());
        calls.next().await.unwrap();
    }
    first.shutdown(Duration::ZERO).await.unwrap();
    drop(first);
    let second = on_disk(dir.path(), &model).await;
    let (some, others) = tokio::join!(second.resume(), second.resume());
    assert_eq!(some.unwrap() + others.unwrap(), 3);
    second.cancel(&admin(), &left[0]).await.unwrap();
    let outcome = async |run: &RunId| second.run(&admin(), run).await.unwrap().outcome().cloned();
    until(async || outcome(&left[0]).await == Some(Outcome::Cancelled)).await;
    model.go.add_permits(99);
    for run in &left[1..] {
        until(async || outcome(run).await.is_some()).await;
        assert_eq!(outcome(run).await, Some(Outcome::Answered));
        assert_eq!(second.verify(&admin(), run.as_str(), None).await.unwrap().status, Status::Ok);
    }
    second.shutdown(Duration::from_secs(9)).await.unwrap();
}

#[tokio::test]
async fn a_run_without_a_driver_is_cancelled_by_the_owner_of_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let (asked, mut calls) = unbounded();
    let model = Patient { asked, go: Arc::new(Semaphore::new(0)) };
    let first = on_disk(dir.path(), &model).await;
    let left = ask(&first).await.id().clone();
    calls.next().await.unwrap();
    first.shutdown(Duration::ZERO).await.unwrap();
    drop(first);
    let second = on_disk(dir.path(), &model).await;
    let other = ask(&second).await;
    second.cancel(&admin(), &left).await.unwrap();
    until(async || second.run(&admin(), &left).await.unwrap().state() == RunState::Closed).await;
    assert_eq!(second.run(&admin(), &left).await.unwrap().outcome(), Some(&Outcome::Cancelled));
    model.go.add_permits(9);
    assert_eq!(other.finish().await.unwrap().outcome, Outcome::Answered);
    second.shutdown(Duration::from_secs(9)).await.unwrap();
}

async fn on_disk(dir: &Path, model: &Patient) -> Nexus {
    let store = MemoryStore::open(dir).unwrap();
    let nexus = crate::journey::builder(&store).llm(model.clone()).build().unwrap();
    let corpus = CorpusId::parse("handbook").unwrap();
    if nexus.create_corpus(&admin(), corpus, "Handbook", json!({})).await.is_ok() {
        ingest(&nexus, &admin(), "leave.txt", LEAVE).await;
    }
    nexus
}

#[tokio::test]
async fn an_answer_that_was_paid_for_serves_after_a_restart_also_when_another_question_came_first() {
    let dir = tempfile::tempdir().unwrap();
    let (asked, mut calls) = unbounded();
    let model = Patient { asked, go: Arc::new(Semaphore::new(0)) };
    let first = on_disk(dir.path(), &model).await;
    let session = SessionId::parse("s").unwrap();
    let mut runs = Vec::new();
    for question in [QUESTION, "Who has thirty days of paid leave in a year?"] {
        let run = first.ask(&admin(), question).corpus("handbook").session(session.clone());
        runs.push(run.start().await.unwrap().id().clone());
        calls.next().await.unwrap();
    }
    // The calls are read to their ends and settled, but no run receives the result.
    let shutdown = first.shutdown(Duration::from_secs(9));
    let let_go = async {
        tokio::task::yield_now().await;
        model.go.add_permits(9);
    };
    assert!(tokio::join!(shutdown, let_go).0.unwrap());
    drop(first);
    let second = on_disk(dir.path(), &model).await;
    assert_eq!(second.resume().await.unwrap(), 2);
    for run in &runs {
        until(async || second.run(&admin(), run).await.unwrap().state() == RunState::Closed).await;
        assert_eq!(second.run(&admin(), run).await.unwrap().outcome(), Some(&Outcome::Answered));
    }
    assert!(calls.try_recv().is_err(), "no answer was paid for twice");
    second.shutdown(Duration::from_secs(9)).await.unwrap();
}

/// Submits a document.
async fn submit(nexus: &Nexus) -> JobId {
    let new = NewDocument::new(CorpusId::parse("handbook").unwrap(), "travel.txt");
    let text = "Trains are booked in second class unless the journey is longer than six hours.";
    nexus.ingest(&admin(), new, Cursor::new(text)).await.unwrap().job_id
}

#[tokio::test]
async fn a_job_survives_a_store_that_fails_for_a_while() {
    let steps = ["corpus", "open", "grants", "heartbeat", "stage", "prepare", "publish"];
    for step in steps {
        let (nexus, troubles) = library(Settings::default()).await;
        let submitted = submit(&nexus).await;
        troubles.follow({
            let mut failed = 0;
            move |name| {
                let hit = name == step && failed < 3;
                failed += usize::from(hit);
                hit.then_some(if failed == 2 {
                    InjectedFault::FailsAfter
                } else {
                    InjectedFault::FailsBefore
                })
            }
        });
        nexus.run_pending_jobs().await.unwrap();
        let job = nexus.job(&admin(), &submitted).await.unwrap();
        assert_eq!((job.state, job.attempts), (JobState::Succeeded, 1), "{step}");
        let passages = nexus.passages(&admin(), &job.document_id, Page::first(9)).await.unwrap();
        assert_eq!(passages.len(), 1, "{step}");
        assert_eq!(nexus.verify(&admin(), job.id.as_str(), None).await.unwrap().status, Status::Ok);
    }
}

#[tokio::test]
async fn a_failure_is_recorded_when_the_store_is_back() {
    let (nexus, troubles) = library(Settings::default()).await;
    let new = NewDocument::new(CorpusId::parse("handbook").unwrap(), "empty.txt");
    let job = nexus.ingest(&admin(), new, Cursor::new("\n \n")).await.unwrap().job_id;
    fail(&troubles, &["fail"], 3);
    nexus.run_pending_jobs().await.unwrap();
    let state = nexus.job(&admin(), &job).await.unwrap().state;
    assert!(matches!(&state, JobState::Failed { failure } if failure.code == "DOCUMENT_EMPTY"), "{state:?}");
}

#[tokio::test]
async fn a_worker_that_cannot_claim_does_not_end_another_in_the_middle_of_its_job() {
    let (nexus, troubles) = library(Settings { max_ingests: 2, ..Settings::default() }).await;
    let mut claims = 0;
    troubles.follow(move |name| {
        claims += usize::from(name == "claim_job");
        (name == "claim_job" && claims == 2).then_some(InjectedFault::FailsBefore)
    });
    let job = submit(&nexus).await;
    assert_eq!(nexus.run_pending_jobs().await.unwrap_err().code(), "STORE_LOST");
    assert_eq!(nexus.job(&admin(), &job).await.unwrap().state, JobState::Succeeded);
}

/// Clock with several holders.
#[derive(Clone, Debug)]
pub(crate) struct Shared(pub(crate) Arc<FixedClock>);

impl Clock for Shared {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

#[tokio::test]
async fn a_worker_keeps_its_lease_however_long_a_step_takes_and_publishes_nothing_without_it() {
    let lease = Duration::from_millis(300);
    let clock = Shared(Arc::new(FixedClock::at(Timestamp::from_micros(1_772_357_400_000_000))));
    let settings = Settings { job_lease: lease, ..Settings::default() };
    let (nexus, troubles) = library_of(|builder| builder.settings(settings).clock(clock.clone())).await;
    for lost in [false, true] {
        let beats = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&beats);
        troubles.follow(move |name| {
            counted.fetch_add(usize::from(name == "heartbeat"), Ordering::SeqCst);
            (name == "prepare").then_some(InjectedFault::FreezesBefore)
        });
        let store = nexus.store_for_tests();
        let meanwhile = async {
            until(async || troubles.struck() == 1 + u64::from(lost)).await;
            for _ in 0..4 {
                clock.0.advance(lease / 2);
                // The second beat from now on began after the first was recorded.
                let seen = beats.load(Ordering::SeqCst);
                until(async || beats.load(Ordering::SeqCst) >= seen + 2).await;
            }
            assert!(store.claim_job("another worker", clock.now(), lease).await.unwrap().is_none());
            if lost {
                let taken = store.claim_job("another worker", clock.now().plus(lease), lease).await.unwrap();
                assert_eq!(taken.unwrap().job.attempts, 2);
            }
            troubles.unfreeze();
        };
        let document = submit_named(&nexus, if lost { "lost.txt" } else { "kept.txt" }).await;
        let (done, ()) = tokio::join!(nexus.run_pending_jobs(), meanwhile);
        done.unwrap();
        let status = nexus.document(&admin(), &document).await.unwrap().status;
        let expected = if lost { DocumentStatus::Processing } else { DocumentStatus::Succeeded };
        assert_eq!(status, expected);
    }
}

async fn submit_named(nexus: &Nexus, name: &str) -> DocumentId {
    let new = NewDocument::new(CorpusId::parse("handbook").unwrap(), name);
    nexus.ingest(&admin(), new, Cursor::new("Trains are booked in second class.")).await.unwrap().document_id
}
