//! Ingestion workers against parsers that misbehave, and after workers that died.

use std::io::Cursor;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use nexus_core::document::parser::codes;
use nexus_core::document::{
    Block, BlockKind, BlockSink, DocumentParser, FileHints, JobState, NewDocument, ParseReport, PlainText,
    Source,
};
use nexus_core::ingest::JobCounts;
use nexus_core::system::SystemStore as _;
use nexus_core::{Clock as _, CorpusId, ErrorKind, JobId, Nexus, Page, Result, Settings, SystemClock};
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::journey::{admin, builder};

const HOUR: Duration = Duration::from_hours(1);

/// Parser that misbehaves as the name of a document says; it parses all others.
#[derive(Debug)]
struct Naughty {
    begun: UnboundedSender<()>,
    ended: UnboundedSender<ErrorKind>,
    go: Mutex<mpsc::Receiver<()>>,
}

/// Test's side of [`Naughty`].
struct Watch {
    /// Receives when a parser has begun.
    begun: UnboundedReceiver<()>,
    /// Receives when the endless parser was cancelled.
    ended: UnboundedReceiver<ErrorKind>,
    /// Releases a waiting parser.
    go: mpsc::Sender<()>,
}

fn naughty() -> (Naughty, Watch) {
    let (send_begun, begun) = unbounded();
    let (send_ended, ended) = unbounded();
    let (go, released) = mpsc::channel();
    (Naughty { begun: send_begun, ended: send_ended, go: Mutex::new(released) }, Watch { begun, ended, go })
}

impl DocumentParser for Naughty {
    fn parse(
        &self,
        source: &mut dyn Source,
        hints: &FileHints,
        sink: &mut dyn BlockSink,
    ) -> Result<ParseReport> {
        self.begun.unbounded_send(()).unwrap();
        match hints.name.as_str() {
            "panic" => panic!("as instructed"),
            "endless" => loop {
                let block = Block { kind: BlockKind::Paragraph, text: "and so on ".repeat(100), page: None };
                if let Err(unwanted) = sink.block(block) {
                    self.ended.unbounded_send(unwanted.kind()).unwrap();
                    return Err(unwanted);
                }
            },
            "wait" => {
                self.go.lock().unwrap().recv().unwrap();
                PlainText.parse(source, hints, sink)
            }
            _ => PlainText.parse(source, hints, sink),
        }
    }
}

async fn library(store: &MemoryStore, parser: Naughty, settings: Settings) -> Nexus {
    let nexus = builder(store).parser(parser).settings(settings).build().unwrap();
    let corpus = CorpusId::parse("handbook").unwrap();
    nexus.create_corpus(&admin(), corpus, "Handbook", json!({})).await.unwrap();
    nexus
}

async fn submit(nexus: &Nexus, name: &str) -> JobId {
    let new = NewDocument::new(CorpusId::parse("handbook").unwrap(), name);
    nexus.ingest(&admin(), new, Cursor::new("Thirty days of paid leave.")).await.unwrap().job_id
}

async fn state(nexus: &Nexus, job: &JobId) -> JobState {
    nexus.job(&admin(), job).await.unwrap().state
}

#[track_caller]
fn check_failed(state: &JobState, code: &str) {
    assert!(matches!(state, JobState::Failed { failure } if failure.code == code), "{state:?}");
}

#[tokio::test]
async fn a_parser_that_crashes_costs_its_own_document_only() {
    let (parser, _watch) = naughty();
    let nexus = library(&MemoryStore::default(), parser, Settings::default()).await;
    let (bad, good) = (submit(&nexus, "panic").await, submit(&nexus, "good").await);
    assert_eq!(nexus.run_pending_jobs().await.unwrap(), JobCounts { succeeded: 1, failed: 1 });
    check_failed(&state(&nexus, &bad).await, codes::CRASHED);
    assert_eq!(state(&nexus, &good).await, JobState::Succeeded);
}

#[tokio::test]
async fn no_job_begins_after_the_stop_and_the_one_in_progress_is_finished() {
    let (parser, mut watch) = naughty();
    let settings =
        Settings { max_ingests: 1, document_deadline: Duration::from_millis(200), ..Settings::default() };
    let nexus = library(&MemoryStore::default(), parser, settings).await;
    let (running, waiting) = (submit(&nexus, "wait").await, submit(&nexus, "good").await);
    let stop = async { watch.begun.next().await.unwrap() };
    let counts = nexus.run_pending_jobs().until(stop).await.unwrap();
    assert_eq!(counts, JobCounts { succeeded: 0, failed: 1 });
    check_failed(&state(&nexus, &running).await, codes::TIMEOUT);
    assert_eq!(state(&nexus, &waiting).await, JobState::Queued);
}

#[tokio::test]
async fn a_document_without_end_is_given_up_at_the_deadline_and_its_parser_sent_away() {
    let (parser, mut watch) = naughty();
    let settings = Settings { document_deadline: Duration::from_millis(50), ..Settings::default() };
    let nexus = library(&MemoryStore::default(), parser, settings).await;
    let job = submit(&nexus, "endless").await;
    nexus.run_pending_jobs().await.unwrap();
    check_failed(&state(&nexus, &job).await, codes::TIMEOUT);
    assert_eq!(watch.ended.next().await, Some(ErrorKind::Unavailable));
}

#[tokio::test]
async fn a_worker_that_lost_its_job_lets_go_of_it_and_spoils_nothing() {
    let (parser, mut watch) = naughty();
    let store = MemoryStore::default();
    let settings = Settings { job_lease: Duration::from_millis(30), ..Settings::default() };
    let nexus = library(&store, parser, settings).await;
    let job = submit(&nexus, "wait").await;
    let take_over = async {
        watch.begun.next().await.unwrap();
        store.claim_job("another worker", SystemClock.now().plus(HOUR), HOUR).await.unwrap().unwrap()
    };
    let (done, lease) = tokio::join!(nexus.run_pending_jobs(), take_over);
    assert_eq!(done.unwrap(), JobCounts::default(), "it ends although its parser still waits");
    assert_eq!((&lease.job.id, lease.job.attempts), (&job, 2));
    assert!(matches!(state(&nexus, &job).await, JobState::Processing { .. }), "the job is the other's");
    assert!(nexus.passages(&admin(), &lease.document.id, Page::first(9)).await.unwrap().is_empty());
    watch.go.send(()).unwrap();
}

#[tokio::test]
async fn a_document_on_which_workers_keep_dying_is_given_up() {
    let (parser, mut watch) = naughty();
    let store = MemoryStore::default();
    let nexus = library(&store, parser, Settings::default()).await;
    let job = submit(&nexus, "good").await;
    for _ in 0..Settings::default().job_attempts {
        let dead = store.claim_job("a worker that dies", SystemClock.now(), Duration::ZERO).await.unwrap();
        assert_eq!(dead.unwrap().job.id, job);
    }
    nexus.run_pending_jobs().await.unwrap();
    check_failed(&state(&nexus, &job).await, "JOB_ABANDONED");
    assert!(watch.begun.try_recv().is_err(), "no worker parses it once more");
}
