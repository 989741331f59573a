//! Every way in which a request is refused: its status, its code and its sentence.

use std::convert::Infallible;

use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use nexus_core::policy::{Decision, PolicyEngine, PolicyRequest};
use nexus_core::{Error, ErrorKind, Result, RunId, TenantId};
use nexus_store_memory::MemoryStore;
use serde_json::Value;

use crate::fixture::{app, ask, asking, builder, over, request, resume, send, show};

/// The usual question with one field changed.
fn with(field: &str, value: impl Into<Value>) -> Request<Body> {
    let mut body = asking();
    body[field] = value.into();
    ask(&[], &body)
}

fn without(field: &str) -> Request<Body> {
    let mut body = asking();
    body.as_object_mut().unwrap().remove(field);
    ask(&[], &body)
}

fn last_event(id: &str) -> Request<Body> {
    request("POST", "/v1/run", &[("last-event-id", id)], Body::empty())
}

fn raw(body: impl Into<Body>) -> Request<Body> {
    request("POST", "/v1/run", &[], body)
}

#[tokio::test]
async fn every_refusal_has_a_status_a_code_and_a_sentence() {
    let app = app().await;
    let refused = [
        ("no such route", request("GET", "/v1/nothing", &[], Body::empty())),
        ("wrong method", request("GET", "/v1/run", &[], Body::empty())),
        ("no body", raw(Body::empty())),
        ("not JSON", raw(r#"{"session_id": "#)),
        ("invalid UTF-8", raw(Bytes::from_static(b"{\"message\":\"\xff\"}"))),
        ("an array of the fields in order", raw(r#" ["s-1", "handbook", "question", 5, false]"#)),
        ("a field twice", raw(r#"{"session_id":"s","session_id":"t","corpus_id":"handbook","message":"m"}"#)),
        ("an unknown field", with("messages", "two")),
        ("a field left out", without("corpus_id")),
        ("a field of another type", with("message", 7)),
        ("nested a thousand deep", raw(format!("{{\"message\":{}", "[".repeat(1_000)))),
        ("called text", request("POST", "/v1/run", &[("content-type", "text/plain")], asking().to_string())),
        ("no passages asked for", with("top_k", 0)),
        ("too many passages asked for", with("top_k", 51)),
        ("an empty question", with("message", " ")),
        ("a question of 10,001 characters", with("message", "q".repeat(10_001))),
        ("an override in an id", with("session_id", "s\u{202E}1")),
        ("a control character in an id", with("corpus_id", "hand\u{0}book")),
        ("an unknown corpus", with("corpus_id", "cellar")),
        ("64 KiB and a byte", raw(vec![b' '; 64 * 1024 + 1])),
        (
            "a stream without an end",
            raw(Body::from_stream(futures::stream::repeat(Ok::<_, Infallible>(Bytes::from_static(
                &[b' '; 8192],
            ))))),
        ),
        (
            "a body that breaks off",
            raw(Body::from_stream(futures::stream::iter([Err::<Bytes, _>(Error::unexpected("gone"))]))),
        ),
        ("another host", request("GET", "/health/live", &[("host", "evil.example")], Body::empty())),
        ("another origin", ask(&[("origin", "http://evil.example")], &asking())),
        ("an unknown event", request("POST", "/v1/run", &[("last-event-id", "7")], Body::empty())),
        ("an event by another spelling of its number", last_event("run:+1")),
        ("a path that is not UTF-8", request("GET", "/v1/audio/%ff.mp3", &[], Body::empty())),
        (
            "a user in the host",
            request("GET", "/health/live", &[("host", "evil.example@127.0.0.1")], Body::empty()),
        ),
        (
            "a port that there is not",
            request("GET", "/health/live", &[("host", "127.0.0.1:99999")], Body::empty()),
        ),
        ("an unknown run", resume(&RunId::parse("never").unwrap(), 0)),
    ];
    let mut shown = String::new();
    for (what, request) in refused {
        let told = show(send(&app, request).await).await;
        let (head, body) = told.split_once("\n\n").unwrap();
        let error: Value = serde_json::from_str(body).unwrap();
        let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
        assert_eq!(error["error"]["request_id"], id, "{what}");
        let (error, status) = (&error["error"], head.lines().next().unwrap());
        shown.push_str(&format!("{what}\n  {status}: {} {}\n", error["code"], error["message"]));
        shown.push_str(&error.get("hint").map_or_else(String::new, |hint| format!("  hint: {hint}\n")));
    }
    insta::assert_snapshot!("refusals", shown);
}

#[tokio::test]
async fn a_refusal_has_the_shape_of_an_error() {
    let response =
        send(&app().await, request("PUT", "/v1/run", &[("x-request-id", "req-7")], Body::empty())).await;
    insta::assert_snapshot!(show(response).await, @r##"
    405 Method Not Allowed
    allow: POST
    content-type: application/json
    x-request-id: req-7

    {
      "error": {
        "code": "METHOD_NOT_ALLOWED",
        "message": "the route does not take this method",
        "request_id": "req-7"
      }
    }
    "##);
}

#[tokio::test]
async fn ten_megabytes_are_refused_by_their_announced_length() {
    let endless = Body::from_stream(futures::stream::pending::<Result<Bytes>>());
    let announced = request("POST", "/v1/run", &[("content-length", "10485760")], endless);
    assert_eq!(send(&app().await, announced).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_not_waited_for() {
    let app = over(&builder(MemoryStore::default()).build().unwrap());
    let stalled = raw(Body::from_stream(futures::stream::pending::<Result<Bytes>>()));
    assert_eq!(send(&app, stalled).await.status(), StatusCode::REQUEST_TIMEOUT);
}

/// A policy that cannot decide.
#[derive(Debug)]
struct Broken(ErrorKind);

#[async_trait]
impl PolicyEngine for Broken {
    async fn decide(&self, _: &PolicyRequest<'_>) -> Result<Decision> {
        Err(Error::new(self.0, "the policy could not be asked")
            .with("path", "/secret/policy")
            .because(std::io::Error::other("password=hunter2")))
    }

    fn version(&self, _: &TenantId) -> String {
        "broken".to_owned()
    }
}

#[tokio::test]
async fn an_error_of_the_library_has_its_status_and_keeps_its_causes_to_itself() {
    let kinds = [
        (ErrorKind::InvalidInput, 422),
        (ErrorKind::NotFound, 404),
        (ErrorKind::Denied, 403),
        (ErrorKind::Conflict, 409),
        (ErrorKind::RateLimited, 429),
        (ErrorKind::Timeout, 504),
        (ErrorKind::Unavailable, 503),
        (ErrorKind::Corrupt, 500),
        (ErrorKind::Unexpected, 500),
    ];
    for (kind, status) in kinds {
        let app = over(&builder(MemoryStore::default()).policy(Broken(kind)).build().unwrap());
        let response = send(&app, resume(&RunId::parse("r").unwrap(), 0)).await;
        assert_eq!(response.status(), status, "{kind:?}");
        assert_eq!(response.headers().contains_key("retry-after"), matches!(status, 429 | 503), "{kind:?}");
        let told = show(response).await;
        assert!(
            told.contains(kind.code()) && !told.contains("hunter2") && !told.contains("secret"),
            "{told}"
        );
    }
}
