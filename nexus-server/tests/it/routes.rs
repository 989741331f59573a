//! All routes, and proof that none bypasses the governed engine.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use nexus_core::policy::{Action, Decision, PolicyEngine, PolicyRequest, RolePolicy};
use nexus_core::{Principal, Result, TenantId, operations};
use nexus_server::{router, routes};
use nexus_store_memory::MemoryStore;

use crate::fixture::{app, ask, asking, builder, library, over, request, send, serving, show};

/// Role policy that records its questions.
#[derive(Clone, Debug, Default)]
struct Recording(Arc<Mutex<Vec<Action>>>);

#[async_trait]
impl PolicyEngine for Recording {
    async fn decide(&self, request: &PolicyRequest<'_>) -> Result<Decision> {
        self.0.lock().unwrap().push(request.action);
        RolePolicy::default().decide(request).await
    }

    fn version(&self, tenant: &TenantId) -> String {
        RolePolicy::default().version(tenant)
    }
}

#[tokio::test]
async fn every_route_asks_the_policy_before_it_shows_or_does_anything() {
    let policy = Recording::default();
    let app = over(&library(builder(MemoryStore::default()).policy(policy.clone())).await);
    // Probes reveal nothing of a tenant. No other route may join them.
    let unasked = [("GET", "/health/live"), ("GET", "/health/ready")];
    for route in routes::table() {
        policy.0.lock().unwrap().clear();
        let path = route.path.replace("{file}", "nothing.mp3");
        let response = send(&app, request(route.method.as_str(), &path, &[], asking().to_string())).await;
        assert_eq!(response.status().is_success(), path == route.path, "{route:?}");
        axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let asked = policy.0.lock().unwrap().clone();
        let exempt = unasked.contains(&(route.method.as_str(), route.path));
        assert_eq!(asked.is_empty(), exempt, "{route:?} asked {asked:?}");
    }
}

/// A policy that has a rule on a path finds the path of every request.
#[test]
fn every_route_below_v1_is_that_of_an_operation() {
    // A parameter of a router's path is a whole segment.
    let shape = |method: &str, path: &str| {
        let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
        (method.to_owned(), segments.collect::<Vec<_>>().join("/"))
    };
    let known: Vec<_> =
        operations::ALL.iter().map(|known| shape(known.route.method.as_str(), known.route.path)).collect();
    for route in routes::table().iter().filter(|route| route.path.starts_with("/v1/")) {
        assert!(known.contains(&shape(route.method.as_str(), route.path)), "{route:?}");
    }
}

#[tokio::test]
async fn a_principal_without_a_role_is_refused() {
    let nexus = library(builder(MemoryStore::default())).await;
    let app = router(serving(&nexus, Principal::user("acme", "eve").unwrap()));
    insta::assert_snapshot!(show(send(&app, ask(&[], &asking())).await).await, @r##"
    200 OK
    content-type: text/event-stream
    cache-control: no-cache
    x-accel-buffering: no
    x-request-id: request-0001

    event: request.accepted
    data: {"request_id":"request-0001","seq":0,"type":"request.accepted","data":{"run_id":"id-0008","session_id":"s-1","corpus_id":"handbook"}}
    id: id-0008:0

    event: message.final
    data: {"request_id":"request-0001","seq":1,"type":"message.final","data":{"text":"","citations":[],"usage":null}}
    id: id-0008:1

    event: done
    data: {"request_id":"request-0001","seq":2,"type":"done","data":{"outcome":{"outcome":"refused","decision":{"effect":"deny","rules":[],"reason":"`run.create` needs one of the roles reader, viewer, editor, admin","policy_version":"role-gate-84f6aaf805ef73a7","reason_code":"role_denied"}}}}
    id: id-0008:2
    "##);
}

#[tokio::test]
async fn probes_say_that_the_server_runs_and_that_its_store_can_be_written() {
    let app = app().await;
    insta::assert_snapshot!(show(send(&app, request("GET", "/health/live", &[], Body::empty())).await).await, @r##"
    200 OK
    content-type: application/json
    x-request-id: request-0001

    {
      "status": "ok"
    }
    "##);
    insta::assert_snapshot!(show(send(&app, request("GET", "/health/ready", &[], Body::empty())).await).await, @r##"
    200 OK
    content-type: application/json
    x-request-id: request-0002

    {
      "status": "ok"
    }
    "##);
}

#[tokio::test]
async fn a_server_whose_store_is_closed_is_alive_but_not_ready() {
    let nexus = builder(MemoryStore::default()).build().unwrap();
    let app = over(&nexus);
    nexus.shutdown(std::time::Duration::ZERO).await.unwrap();
    assert_eq!(send(&app, request("GET", "/health/live", &[], Body::empty())).await.status(), 200);
    insta::assert_snapshot!(show(send(&app, request("GET", "/health/ready", &[], Body::empty())).await).await, @r##"
    503 Service Unavailable
    content-type: application/json
    retry-after: 1
    x-request-id: request-0002

    {
      "error": {
        "code": "STORE_CLOSED",
        "message": "the store is closed",
        "request_id": "request-0002"
      }
    }
    "##);
}
