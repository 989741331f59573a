//! Asking over HTTP: the transcript, and what happens while and after a stream is read.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use nexus_core::run::{Outcome, RunQuery};
use nexus_core::{Nexus, Page, RunId, Settings};
use nexus_server::router;
use nexus_store_memory::MemoryStore;
use serde_json::json;
use tower::ServiceExt as _;

use crate::fixture::{
    Frames, Script, admin, app, ask, asking, builder, data, library, name, over, patiently, run_of, scripted,
    send, serving, show,
};

async fn with_a_script(settings: Settings) -> (Script, Nexus) {
    let (script, model) = scripted();
    let nexus = library(builder(MemoryStore::default()).settings(settings).llm(model)).await;
    (script, nexus)
}

fn settings() -> Settings {
    Settings { max_ingests: 1, ..Settings::default() }
}

async fn outcome(nexus: &Nexus, run: &RunId) -> Outcome {
    let mut events = nexus.events(&admin(), run, 0).await.unwrap();
    while patiently(events.next()).await.unwrap().is_some() {}
    nexus.run(&admin(), run).await.unwrap().outcome().unwrap().clone()
}

#[tokio::test]
async fn a_question_is_answered_as_a_stream_of_events() {
    let response = send(&app().await, ask(&[("x-request-id", "req-7")], &asking())).await;
    insta::assert_snapshot!("answered", show(response).await);
}

#[tokio::test]
async fn a_question_that_the_passages_do_not_answer_ends_in_an_abstention() {
    let body = json!({ "session_id": "s-1", "corpus_id": "handbook", "message": "Who painted the Mona Lisa?", "top_k": 1 });
    let frames = Frames::of(send(&app().await, ask(&[], &body)).await).rest().await;
    assert_eq!(data(frames.last().unwrap())["data"]["outcome"]["outcome"], "abstained");
    assert!(!frames.iter().any(|frame| name(frame) == "token.delta"));
}

#[tokio::test]
async fn debug_events_tell_everything_that_was_found() {
    let debug = Settings { debug_events: true, ..settings() };
    let nexus = library(builder(MemoryStore::default()).settings(debug)).await;
    let mut frames = Frames::of(send(&over(&nexus), ask(&[], &asking())).await);
    let found = frames.until("debug.retrieval").await;
    assert_eq!(data(&found)["data"]["hits"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_request_id_that_is_none_is_replaced() {
    let app = app().await;
    for id in ["", &"x".repeat(129), "tab\tbed"] {
        let response = send(&app, ask(&[("x-request-id", id)], &asking())).await;
        let named = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let accepted = Frames::of(response).until("request.accepted").await;
        assert_ne!(named, id);
        assert_eq!(data(&accepted)["request_id"], named);
    }
}

#[tokio::test]
async fn a_stream_that_waits_for_the_model_sends_heartbeats() {
    let (script, nexus) = with_a_script(settings()).await;
    let app = router(serving(&nexus, admin()).with_heartbeat(Duration::from_millis(5)));
    let mut frames = Frames::of(send(&app, ask(&[], &asking())).await);
    frames.until("metadata").await;
    let beat = frames.until("heartbeat").await;
    insta::assert_snapshot!(beat, @r##"
    event: heartbeat
    data: {"ts":"2026-03-01T09:30:00.000000Z","request_id":"request-0001","seq":1}
    "##);
    script.say("25 days [1].");
    frames.until("token.delta").await;
    script.finish();
    let last = frames.rest().await.pop().unwrap();
    assert_eq!(name(&last), "done");
}

#[tokio::test]
async fn a_model_that_fails_in_the_middle_ends_the_stream_with_an_error() {
    let (script, nexus) = with_a_script(settings()).await;
    let mut frames = Frames::of(send(&over(&nexus), ask(&[], &asking())).await);
    script.say("25 ");
    frames.until("token.delta").await;
    script.fail();
    let rest = frames.rest().await.join("\n\n");
    insta::assert_snapshot!(rest, @r##"
    event: error
    data: {"request_id":"request-0001","seq":3,"type":"error","data":{"code":"MODEL_UNREACHABLE","message":"the model is out of reach"}}
    id: id-0008:3
    "##);
}

#[tokio::test]
async fn a_client_that_goes_does_not_take_its_run_along() {
    let (script, nexus) = with_a_script(settings()).await;
    let mut frames = Frames::of(send(&over(&nexus), ask(&[], &asking())).await);
    let run = run_of(&frames.next().await.unwrap());
    drop(frames);
    script.say("25 days [1].");
    script.finish();
    assert_eq!(outcome(&nexus, &run).await, Outcome::Answered);
}

#[tokio::test]
async fn a_client_that_goes_before_its_first_event_leaves_no_run_without_a_driver() {
    let nexus = library(builder(MemoryStore::default())).await;
    let app = over(&nexus);
    // The client goes at every point at which the answer is waited for, and how many there are depends on the store's
    // thread: so a few times each.
    for polls in (1..=8).cycle().take(80) {
        let (mut asked, mut polled) = (Box::pin(app.clone().oneshot(ask(&[], &asking()))), 0);
        let answered = poll_fn(|context| {
            polled += 1;
            match asked.as_mut().poll(context) {
                Poll::Pending if polled < polls => Poll::Pending,
                Poll::Pending | Poll::Ready(_) => Poll::Ready(()),
            }
        });
        patiently(answered).await;
    }
    let runs =
        nexus.runs(&admin(), RunQuery { page: Page::first(100), ..RunQuery::default() }).await.unwrap();
    assert!(!runs.is_empty());
    for run in runs {
        assert_eq!(outcome(&nexus, &run.id).await, Outcome::Answered);
    }
}

#[tokio::test]
async fn beyond_the_limit_of_runs_the_service_is_busy() {
    let (script, nexus) = with_a_script(Settings { max_runs: 1, ..settings() }).await;
    let app = over(&nexus);
    let mut frames = Frames::of(send(&app, ask(&[], &asking())).await);
    frames.until("metadata").await;
    insta::assert_snapshot!(show(send(&app, ask(&[], &asking())).await).await, @r##"
    503 Service Unavailable
    content-type: application/json
    retry-after: 1
    x-request-id: request-0002

    {
      "error": {
        "code": "SERVICE_BUSY",
        "hint": "try again in a moment, or raise `RUN_MAX_CONCURRENCY`",
        "message": "too many questions are being answered",
        "request_id": "request-0002"
      }
    }
    "##);
    script.say("25 days [1].");
    script.finish();
    frames.rest().await;
}

#[tokio::test]
async fn streams_end_when_the_server_stops_and_say_how_to_go_on() {
    let (_script, nexus) = with_a_script(settings()).await;
    let server = serving(&nexus, admin());
    let mut frames = Frames::of(send(&router(server.clone()), ask(&[], &asking())).await);
    frames.until("metadata").await;
    server.stop_streams();
    insta::assert_snapshot!(frames.rest().await.join("\n\n"), @r##"
    event: error
    data: {"request_id":"request-0001","seq":1,"type":"error","data":{"code":"SERVER_STOPPING","message":"the server is shutting down; the run continues after its restart","hint":"connect again with `Last-Event-ID`"}}
    "##);
}
