//! Resuming an interrupted stream with the id of the last event.

use axum::Router;
use axum::body::Body;
use nexus_core::{Nexus, Principal, RunId};
use nexus_server::router;
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::fixture::{
    Frames, admin, ask, asking, builder, data, library, name, over, request, resume, run_of, scripted, send,
    serving, show,
};

/// Finished run, and the frames of its stream.
async fn answered() -> (Nexus, Router, RunId, Vec<String>) {
    let nexus = library(builder(MemoryStore::default())).await;
    let app = over(&nexus);
    let frames = Frames::of(send(&app, ask(&[], &asking())).await).rest().await;
    let run = run_of(&frames[0]);
    (nexus, app, run, frames)
}

#[tokio::test]
async fn a_resumed_stream_tells_exactly_the_rest_in_the_same_words() {
    let (_, app, run, frames) = answered().await;
    for seen in 0..frames.len() - 1 {
        let rest = Frames::of(send(&app, resume(&run, seen)).await).rest().await;
        assert_eq!(rest, frames[seen + 1..], "after {seen}");
    }
}

#[tokio::test]
async fn a_client_that_saw_the_end_is_told_to_stop_asking() {
    let (_, app, run, frames) = answered().await;
    insta::assert_snapshot!(show(send(&app, resume(&run, frames.len() - 1)).await).await, @r##"
    204 No Content
    x-request-id: request-0002
    "##);
}

#[tokio::test]
async fn a_stream_can_be_resumed_while_its_run_goes_on() {
    let (script, model) = scripted();
    let nexus = library(builder(MemoryStore::default()).llm(model)).await;
    let app = over(&nexus);
    let mut frames = Frames::of(send(&app, ask(&[], &asking())).await);
    let run = run_of(&frames.next().await.unwrap());
    script.say("25 ");
    let seen = data(&frames.until("token.delta").await)["seq"].as_u64().unwrap();
    drop(frames);
    let mut frames = Frames::of(send(&app, resume(&run, usize::try_from(seen).unwrap())).await);
    script.say("days [1].");
    let delta = data(&frames.next().await.unwrap());
    assert_eq!((delta["seq"].as_u64(), &delta["data"]["text"]), (Some(seen + 1), &json!("days [1].")));
    script.finish();
    assert_eq!(name(frames.rest().await.last().unwrap()), "done");
}

#[tokio::test]
async fn an_erased_journal_cannot_be_resumed_and_says_so_once() {
    let (nexus, app, run, _) = answered().await;
    nexus.prune_journal(&admin(), &run).await.unwrap();
    insta::assert_snapshot!(show(send(&app, resume(&run, 1)).await).await, @r##"
    200 OK
    content-type: text/event-stream
    cache-control: no-cache
    x-accel-buffering: no
    x-request-id: request-0002

    event: resume.unsupported
    data: {"request_id":"request-0001","seq":1,"type":"resume.unsupported","data":{"reason":"the run's events were erased","hint":"ask again"}}
    "##);
}

#[tokio::test]
async fn the_question_may_be_sent_again_but_not_another_one() {
    let (_, app, run, frames) = answered().await;
    let id = format!("{run}:1");
    let same = send(&app, ask(&[("last-event-id", &id)], &asking())).await;
    assert_eq!(Frames::of(same).rest().await, frames[2..]);
    let other = json!({ "session_id": "s-1", "corpus_id": "handbook", "message": "And for managers?" });
    insta::assert_snapshot!(show(send(&app, ask(&[("last-event-id", &id)], &other)).await).await, @r##"
    409 Conflict
    content-type: application/json
    x-request-id: request-0003

    {
      "error": {
        "code": "RESUME_MISMATCH",
        "hint": "omit the header to ask a new question, or omit the body to resume",
        "message": "`Last-Event-ID` belongs to the run of another question",
        "request_id": "request-0003"
      }
    }
    "##);
}

#[tokio::test]
async fn an_id_that_no_event_had_is_refused() {
    let (_, app, run, frames) = answered().await;
    let never =
        [format!("{run}:{}", frames.len()), format!("{run}:-1"), run.to_string(), "7".into(), ":".into()];
    for id in never {
        let response = send(&app, request("POST", "/v1/run", &[("last-event-id", &id)], Body::empty())).await;
        assert_eq!(response.status(), 400, "{id}");
    }
    insta::assert_snapshot!(show(send(&app, resume(&run, 99)).await).await, @r##"
    400 Bad Request
    content-type: application/json
    x-request-id: request-0007

    {
      "error": {
        "code": "INVALID_LAST_EVENT_ID",
        "hint": "send the `id` of the last event you received, unchanged, or omit the header to ask a new question",
        "message": "`Last-Event-ID` is not the id of an event of this server",
        "request_id": "request-0007"
      }
    }
    "##);
}

#[tokio::test]
async fn somebody_elses_run_looks_as_if_it_did_not_exist() {
    let (nexus, app, run, _) = answered().await;
    let eve = router(serving(&nexus, Principal::user("acme", "eve").unwrap().roles(["reader"])));
    let mallory = router(serving(&nexus, Principal::user("globex", "ada").unwrap().roles(["admin"])));
    let never = RunId::parse("never").unwrap();
    let told = async |app: &Router, run: &RunId| {
        let request =
            request("POST", "/v1/run", &[("last-event-id", &format!("{run}:0")), ("x-request-id", "r")], "");
        show(send(app, request).await).await
    };
    let unknown = told(&app, &never).await;
    assert!(unknown.starts_with("404"), "{unknown}");
    assert_eq!([told(&eve, &run).await, told(&mallory, &run).await], [unknown.clone(), unknown]);
}
