//! Fixture of the tests: a server over a small corpus, a scripted model, and clients.

use std::io::Cursor;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{Request, Response};
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::{Stream, StreamExt as _};
use nexus_core::audit::KeyRing;
use nexus_core::document::NewDocument;
use nexus_core::llm::{CompletionEvent, CompletionStream, FinishReason, LlmProvider, ModelInfo};
use nexus_core::{
    Builder, CorpusId, Error, ErrorKind, Nexus, Principal, Result, RunId, Settings, Store, llm,
};
use nexus_server::{AppState, router};
use nexus_store_memory::MemoryStore;
use nexus_testkit::fake::{CountingIds, FixedClock};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Timeout of every wait in a test.
const TIMEOUT: Duration = Duration::from_secs(30);

const LEAVE: &str = "Everybody has 25 days of paid leave a year. Unused days expire at the end of March.\n";
pub(crate) const QUESTION: &str = "How many days of paid leave does everybody have?";

pub(crate) fn admin() -> Principal {
    Principal::user("acme", "ada").unwrap().roles(["admin"])
}

pub(crate) fn keys() -> KeyRing {
    KeyRing::from_secret("k0", "a secret that only these tests know").unwrap()
}

fn clock() -> FixedClock {
    FixedClock::at("2026-03-01T09:30:00Z".parse().unwrap())
}

/// A library with clock and ids of a test.
pub(crate) fn builder(store: impl Store) -> Builder {
    let settings = Settings { max_ingests: 1, ..Settings::default() };
    Nexus::builder()
        .store(store)
        .audit_keys(keys())
        .clock(clock())
        .ids(CountingIds::new("id"))
        .settings(settings)
}

/// A library with a corpus `handbook` of one document.
pub(crate) async fn library(builder: Builder) -> Nexus {
    let nexus = builder.build().unwrap();
    let handbook = CorpusId::parse("handbook").unwrap();
    nexus.create_corpus(&admin(), handbook.clone(), "Handbook", json!({})).await.unwrap();
    nexus.ingest(&admin(), NewDocument::new(handbook, "leave.txt"), Cursor::new(LEAVE)).await.unwrap();
    nexus.run_pending_jobs().await.unwrap();
    nexus
}

/// Returns a server over `nexus` that acts as `caller`, with ids and clock of a test.
pub(crate) fn serving(nexus: &Nexus, caller: Principal) -> AppState {
    AppState::new(nexus.clone(), caller).with_ids(CountingIds::new("request")).with_clock(clock())
}

/// The routes over `nexus`, for an admin.
pub(crate) fn over(nexus: &Nexus) -> Router {
    router(serving(nexus, admin()))
}

/// The routes over a corpus and the offline answerer.
pub(crate) async fn app() -> Router {
    over(&library(builder(MemoryStore::default())).await)
}

pub(crate) fn asking() -> Value {
    json!({ "session_id": "s-1", "corpus_id": "handbook", "message": QUESTION })
}

/// A request as a well-behaved client sends it.
pub(crate) fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Request<Body> {
    let named = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in [("host", "localhost:8080"), ("content-type", "application/json")] {
        if !named(name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

pub(crate) fn ask(headers: &[(&str, &str)], body: &Value) -> Request<Body> {
    request("POST", "/v1/run", headers, body.to_string())
}

/// Takes up the stream of `run` after its event `seq`.
pub(crate) fn resume(run: &RunId, seq: usize) -> Request<Body> {
    request("POST", "/v1/run", &[("last-event-id", &format!("{run}:{seq}"))], Body::empty())
}

pub(crate) async fn send(app: &Router, request: Request<Body>) -> Response<Body> {
    patiently(app.clone().oneshot(request)).await.unwrap()
}

/// Returns status, relevant headers and body of a response, for snapshots.
pub(crate) async fn show(response: Response<Body>) -> String {
    let told = ["allow", "content-type", "cache-control", "retry-after", "x-accel-buffering", "x-request-id"];
    let (head, body) = response.into_parts();
    let mut shown = format!("{}\n", head.status);
    for (name, value) in told.iter().filter_map(|name| Some((name, head.headers.get(*name)?))) {
        shown.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
    }
    let body = patiently(axum::body::to_bytes(body, usize::MAX)).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let pretty =
        serde_json::from_str::<Value>(&body).map(|json| serde_json::to_string_pretty(&json).unwrap());
    format!("{shown}\n{}", pretty.unwrap_or(body))
}

pub(crate) async fn patiently<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, future).await.expect("this comes sooner")
}

/// A stream of events, read frame by frame.
pub(crate) struct Frames {
    body: BodyDataStream,
    text: String,
}

impl Frames {
    pub(crate) fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), 200);
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next frame, without the empty line that ends it.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(frame);
            }
            let Some(bytes) = patiently(self.body.next()).await else {
                assert_eq!(self.text, "", "a stream ends between frames");
                return None;
            };
            self.text.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
        }
    }

    /// Reads until a frame of `event` has come, and returns it.
    pub(crate) async fn until(&mut self, event: &str) -> String {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("no `{event}` came"));
            if name(&frame) == event {
                return frame;
            }
        }
    }

    pub(crate) async fn rest(mut self) -> Vec<String> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}

/// The event of a frame.
pub(crate) fn name(frame: &str) -> &str {
    frame.strip_prefix("event: ").unwrap().lines().next().unwrap()
}

/// The data of a frame.
pub(crate) fn data(frame: &str) -> Value {
    serde_json::from_str(frame.lines().find_map(|line| line.strip_prefix("data: ")).unwrap()).unwrap()
}

/// Returns the run of a `request.accepted` frame.
pub(crate) fn run_of(accepted: &str) -> RunId {
    RunId::parse(data(accepted)["data"]["run_id"].as_str().unwrap()).unwrap()
}

/// Model that streams the events of a test, for one question.
#[derive(Debug)]
pub(crate) struct Scripted(Mutex<Option<UnboundedReceiver<Result<CompletionEvent>>>>);

/// The test's end of a [`Scripted`] model.
#[derive(Clone)]
pub(crate) struct Script(UnboundedSender<Result<CompletionEvent>>);

pub(crate) fn scripted() -> (Script, Scripted) {
    let (tell, told) = unbounded();
    (Script(tell), Scripted(Mutex::new(Some(told))))
}

impl Script {
    pub(crate) fn say(&self, text: &str) {
        self.0.unbounded_send(Ok(CompletionEvent::Text(text.to_owned()))).unwrap();
    }

    pub(crate) fn finish(&self) {
        self.0.unbounded_send(Ok(CompletionEvent::Finish(FinishReason::Complete))).unwrap();
    }

    pub(crate) fn fail(&self) {
        let error = Error::new(ErrorKind::Unavailable, "the model is out of reach")
            .with_code("MODEL_UNREACHABLE")
            .because(std::io::Error::other("api_key=hunter2"));
        self.0.unbounded_send(Err(error)).unwrap();
    }
}

#[async_trait]
impl LlmProvider for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn model(&self) -> &'static str {
        "scripted-1"
    }

    fn info(&self, _model: &str) -> ModelInfo {
        ModelInfo { is_local: true, ..ModelInfo::default() }
    }

    async fn stream(&self, _: llm::Request) -> Result<CompletionStream> {
        let told = self.0.lock().unwrap().take();
        let told: Box<dyn Stream<Item = Result<CompletionEvent>> + Send + Unpin> = match told {
            Some(told) => Box::new(told),
            None => Box::new(futures::stream::pending()),
        };
        Ok(Box::pin(told))
    }
}
