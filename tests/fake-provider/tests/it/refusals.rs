//! Refused requests: the vendors' words, their retry hints, and their bills.

use nexus_fake_provider::{Billed, Outcome, Scripted};
use serde_json::{Value, json};

use crate::client::{KEY, VENDORS, Vendor, ask};

#[tokio::test]
async fn each_vendor_refuses_in_its_own_words() {
    let scripted = Scripted::start().await.unwrap();
    let pointers = ["/error/code", "/error/type", "/error/status", "/error"];
    let table: [(&str, [(u16, Value); 3]); 12] = [
        (
            "401",
            [
                (401, json!("invalid_api_key")),
                (401, json!("authentication_error")),
                (401, json!("UNAUTHENTICATED")),
            ],
        ),
        ("403", [(403, Value::Null), (403, json!("permission_error")), (403, json!("PERMISSION_DENIED"))]),
        (
            "404",
            [(404, json!("model_not_found")), (404, json!("not_found_error")), (404, json!("NOT_FOUND"))],
        ),
        ("413", [(413, Value::Null), (413, json!("request_too_large")), (413, json!("INVALID_ARGUMENT"))]),
        (
            "429",
            [
                (429, json!("rate_limit_exceeded")),
                (429, json!("rate_limit_error")),
                (429, json!("RESOURCE_EXHAUSTED")),
            ],
        ),
        (
            "quota",
            [
                (429, json!("insufficient_quota")),
                (429, json!("rate_limit_error")),
                (429, json!("RESOURCE_EXHAUSTED")),
            ],
        ),
        (
            "billing",
            [
                (402, json!("billing_not_active")),
                (402, json!("billing_error")),
                (403, json!("PERMISSION_DENIED")),
            ],
        ),
        (
            "overloaded",
            [
                (529, json!("service_unavailable")),
                (529, json!("overloaded_error")),
                (503, json!("UNAVAILABLE")),
            ],
        ),
        ("500", [(500, Value::Null), (500, json!("api_error")), (500, json!("INTERNAL"))]),
        (
            "503",
            [(503, json!("service_unavailable")), (503, json!("api_error")), (503, json!("UNAVAILABLE"))],
        ),
        (
            "context",
            [
                (400, json!("context_length_exceeded")),
                (400, json!("invalid_request_error")),
                (400, json!("INVALID_ARGUMENT")),
            ],
        ),
        ("504", [(504, Value::Null), (504, json!("timeout_error")), (504, json!("DEADLINE_EXCEEDED"))]),
    ];
    for (directive, expected) in table {
        for ((vendor, pointer), (status, word)) in VENDORS.into_iter().zip(pointers).zip(expected) {
            for stream in [false, true] {
                let reply = vendor.ask(&scripted, &format!("m+{directive}"), stream).await.unwrap();
                assert_eq!(reply.status, status, "{vendor:?} {directive}");
                assert_eq!(reply.json().pointer(pointer), Some(&word), "{vendor:?} {}", reply.text());
            }
        }
        let reply = Vendor::Ollama.ask(&scripted, &format!("m+{directive}"), true).await.unwrap();
        assert!(reply.status >= 400 && reply.json()["error"].is_string(), "{directive}");
    }
    for entry in scripted.settled_log().await {
        assert_eq!(
            (entry.outcome, entry.billed, entry.usage_sent),
            (Outcome::Refused, Billed::default(), false)
        );
    }
}

#[tokio::test]
async fn refusals_say_in_every_form_when_to_try_again() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        let reply = vendor.ask(&scripted, "m+429+retry-after=2", true).await.unwrap();
        assert_eq!(reply.header("retry-after"), Some("2"), "{vendor:?}");
        let reply = vendor.ask(&scripted, "m+503+retry-after-ms=25+should-retry=false", true).await.unwrap();
        assert_eq!(reply.header("retry-after-ms"), Some("25"));
        assert_eq!(reply.header("x-should-retry"), Some("false"));
        assert_eq!(reply.header("retry-after"), None);
        let reply = vendor.ask(&scripted, "m+429+retry-date=2", true).await.unwrap();
        let date = reply.header("retry-after").unwrap();
        assert!(date.ends_with(" GMT") && date.as_bytes()[3] == b',' && date.len() == 29, "{date}");
    }
    let reply = Vendor::Gemini.ask(&scripted, "m+429+retry-info=34s", true).await.unwrap();
    let detail = &reply.json()["error"]["details"][0];
    assert_eq!(detail, &json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s" }));
    let reply = Vendor::Anthropic.ask(&scripted, "m+quota", true).await.unwrap();
    assert_eq!(reply.json()["error"]["details"]["error_code"], "enforced_spend_limit_reached");
}

#[tokio::test]
async fn faults_come_once_or_in_turns_and_each_scope_has_its_own_count() {
    let scripted = Scripted::start().await.unwrap();
    let statuses = async |model: &str, headers: &[&str], count: usize| -> Vec<u16> {
        let (path, _, body) = Vendor::OpenAi.request(model, false, "Hi");
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(ask(scripted.address(), &path, headers, &body.to_string()).await.unwrap().status);
        }
        statuses
    };
    assert_eq!(statuses("m+s01", &[KEY], 3).await, [429, 200, 200]);
    assert_eq!(statuses("m+s03", &[KEY], 3).await, [500, 200, 200]);
    assert_eq!(statuses("m+s04", &[KEY], 3).await, [503, 503, 503]);
    assert_eq!(statuses("m+s15", &[KEY], 4).await, [503, 200, 503, 200]);
    assert_eq!(statuses("m+503+flap=2,1", &[KEY], 6).await, [503, 503, 200, 503, 503, 200]);
    assert_eq!(statuses("m+500+first=2", &[KEY], 3).await, [500, 500, 200]);
    assert_eq!(statuses("m+s03", &["authorization: Bearer other"], 2).await, [500, 200]);
    assert_eq!(statuses("m+s03", &[KEY, "x-scripted-scope: mine"], 2).await, [500, 200]);
    assert_eq!(statuses("n+s03", &[KEY], 2).await, [500, 200]);
}

#[tokio::test]
async fn a_blocked_prompt_is_an_error_but_for_gemini() {
    let scripted = Scripted::start().await.unwrap();
    let reply = Vendor::OpenAi.ask(&scripted, "m+blocked", false).await.unwrap();
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!("content_policy_violation")));
    assert_eq!(Vendor::Anthropic.ask(&scripted, "m+blocked", false).await.unwrap().status, 400);
    for stream in [false, true] {
        scripted.clear_log();
        let reply = Vendor::Gemini.ask(&scripted, "m+blocked", stream).await.unwrap();
        let body = if stream { reply.events()[0].clone() } else { reply.json() };
        assert_eq!((reply.status, body.get("candidates")), (200, None));
        assert_eq!(body["promptFeedback"]["blockReason"], "SAFETY");
        let [entry] = scripted.settled_log().await.try_into().unwrap();
        assert_eq!((entry.billed.input, entry.billed.output), (3, 0));
    }
}

#[tokio::test]
async fn prefill_is_refused_only_where_the_assistant_has_the_last_word() {
    let scripted = Scripted::start().await.unwrap();
    assert_eq!(Vendor::Anthropic.ask(&scripted, "m+s14", false).await.unwrap().status, 200);
    let (path, headers, mut body) = Vendor::Anthropic.request("m+s14", false, "Hi");
    body["messages"] =
        json!([{ "role": "user", "content": "Hi" }, { "role": "assistant", "content": "The" }]);
    let reply = ask(scripted.address(), &path, &headers, &body.to_string()).await.unwrap();
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("does not support assistant message prefill"));
}

#[tokio::test]
async fn a_refusal_costs_money_where_the_script_says() {
    let scripted = Scripted::start().await.unwrap();
    assert_eq!(Vendor::OpenAi.ask(&scripted, "m+s16", true).await.unwrap().status, 500);
    assert_eq!(Vendor::OpenAi.ask(&scripted, "m+s16", true).await.unwrap().status, 200);
    let log = scripted.settled_log().await;
    assert_eq!((log[0].outcome, log[0].usage_sent), (Outcome::Refused, false));
    assert_eq!(log[0].billed, log[1].billed);
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_json() {
    let scripted = Scripted::start().await.unwrap();
    for vendor in VENDORS {
        let reply = vendor.ask(&scripted, "m+html", true).await.unwrap();
        assert_eq!((reply.status, reply.header("content-type")), (502, Some("text/html")));
        assert!(reply.text().starts_with("<html>"));
    }
}

#[tokio::test]
async fn what_a_vendor_demands_is_demanded() {
    let scripted = Scripted::start().await.unwrap();
    let refused = async |path: &str, headers: &[&str], body: Value| {
        ask(scripted.address(), path, headers, &body.to_string()).await.unwrap().status
    };
    let messages = json!([{ "role": "user", "content": "Hi" }]);
    let whole = json!({ "model": "m", "messages": messages, "max_tokens": 5 });
    assert_eq!(refused("/v1/chat/completions", &[], whole.clone()).await, 401);
    assert_eq!(refused("/v1/messages", &["anthropic-version: 2023-06-01"], whole.clone()).await, 401);
    assert_eq!(refused("/v1/messages", &["x-api-key: k"], whole).await, 400);
    let version = ["x-api-key: k", "anthropic-version: 2023-06-01"];
    assert_eq!(refused("/v1/messages", &version, json!({ "model": "m", "messages": messages })).await, 400);
    assert_eq!(refused("/v1/chat/completions", &[KEY], json!({ "model": "m", "messages": [] })).await, 400);
    assert_eq!(refused("/v1/chat/completions", &[KEY], json!({ "messages": messages })).await, 400);
    assert_eq!(refused("/v1/nothing", &[KEY], json!({})).await, 404);
    assert_eq!(refused("/v1beta/models/m:generateContent", &[], json!({ "contents": [] })).await, 401);
    let broken = ask(scripted.address(), "/v1/chat/completions", &[KEY], "{").await.unwrap();
    assert_eq!(broken.status, 400);
}

#[tokio::test]
async fn a_stream_of_gemini_that_is_no_stream_of_events_refuses_with_an_array() {
    let scripted = Scripted::start().await.unwrap();
    let (_, headers, body) = Vendor::Gemini.request("m+500", true, "Hi");
    let path = "/v1beta/models/m+500:streamGenerateContent";
    let reply = ask(scripted.address(), path, &headers, &body.to_string()).await.unwrap();
    assert_eq!(reply.json()[0]["error"]["status"], "INTERNAL");
}
