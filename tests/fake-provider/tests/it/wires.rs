//! Wire details that each vendor's clients rely on.

use nexus_fake_provider::Scripted;
use serde_json::{Value, json};

use crate::client::{Vendor, ask};

#[tokio::test]
async fn chunks_of_openai_have_one_id_and_end_with_usage_without_choices_and_done() {
    let scripted = Scripted::start().await.unwrap();
    let reply = Vendor::OpenAi.ask(&scripted, "gpt-4o", true).await.unwrap();
    assert!(reply.header("content-type").unwrap().starts_with("text/event-stream"));
    assert_eq!(reply.header("x-request-id"), Some("req_scripted_1"));
    assert!(!reply.text().contains("event:"));
    assert_eq!(reply.named().last().unwrap().1, "[DONE]");
    let chunks = reply.events();
    for chunk in &chunks {
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["id"], chunks[0]["id"]);
        assert_eq!(chunk["model"], "gpt-4o");
    }
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let [.., finish, usage] = chunks.as_slice() else { panic!("{chunks:?}") };
    assert_eq!(
        finish["choices"][0],
        json!({ "index": 0, "delta": {}, "logprobs": null, "finish_reason": "stop" })
    );
    assert_eq!(finish.get("usage"), Some(&Value::Null));
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["total_tokens"], 9);
}

#[tokio::test]
async fn a_stream_of_openai_tells_no_usage_unless_asked() {
    let scripted = Scripted::start().await.unwrap();
    let (path, headers, mut body) = Vendor::OpenAi.request("gpt-4o", true, "Hi");
    body.as_object_mut().unwrap().remove("stream_options");
    let reply = ask(scripted.address(), &path, &headers, &body.to_string()).await.unwrap();
    assert!(!reply.text().contains("usage"));
    let [entry] = scripted.settled_log().await.try_into().unwrap();
    assert!(!entry.usage_sent);
    assert_eq!(entry.billed.output, 4);
}

#[tokio::test]
async fn events_of_anthropic_have_names_in_the_vendors_order() {
    let scripted = Scripted::start().await.unwrap();
    let reply = Vendor::Anthropic.ask(&scripted, "claude+frames=2", true).await.unwrap();
    assert_eq!(reply.header("request-id"), Some("req_scripted1"));
    let names: Vec<String> = reply.named().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "message_start",
            "ping",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    for (name, data) in reply.named() {
        assert_eq!(serde_json::from_str::<Value>(&data).unwrap()["type"], name);
    }
    // The start reports the input, the end the output, and each alone would be wrong.
    let events = reply.events();
    assert_eq!(events[0]["message"]["usage"]["output_tokens"], 1);
    assert_eq!(events[6]["usage"], json!({ "output_tokens": 2 }));
}

#[tokio::test]
async fn a_stream_of_gemini_is_events_or_one_array_and_its_usage_grows() {
    let scripted = Scripted::start().await.unwrap();
    let events = Vendor::Gemini.ask(&scripted, "gemini+frames=3", true).await.unwrap();
    let totals: Vec<u64> = events
        .events()
        .iter()
        .map(|event| event["usageMetadata"]["totalTokenCount"].as_u64().unwrap())
        .collect();
    assert_eq!(totals, [4, 5, 6, 6]);
    let (_, headers, body) = Vendor::Gemini.request("gemini+frames=3", true, "Hello there");
    let path = "/v1beta/models/gemini+frames=3:streamGenerateContent";
    let array = ask(scripted.address(), path, &headers, &body.to_string()).await.unwrap();
    assert!(array.header("content-type").unwrap().starts_with("application/json"));
    let bare = |value: &Value| (value["candidates"].clone(), value["usageMetadata"].clone());
    let (items, events) = (array.json(), events.events());
    assert_eq!(
        items.as_array().unwrap().iter().map(bare).collect::<Vec<_>>(),
        events.iter().map(bare).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn vertex_ai_has_the_same_wire_on_longer_paths_with_a_bearer() {
    let scripted = Scripted::start().await.unwrap();
    for version in ["v1", "v1beta1"] {
        let path =
            format!("/{version}/projects/p/locations/l/publishers/google/models/gemini:generateContent");
        let (_, _, body) = Vendor::Gemini.request("gemini", false, "Hello there");
        let token = "authorization: Bearer ya29.token";
        let reply = ask(scripted.address(), &path, &[token], &body.to_string()).await.unwrap();
        assert_eq!(Vendor::Gemini.words(&reply, false), "You said: \"Hello there\"");
        let refused = ask(scripted.address(), &path, &[], &body.to_string()).await.unwrap();
        assert_eq!(refused.json()["error"]["status"], "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn a_name_in_a_path_may_be_encoded() {
    let scripted = Scripted::start().await.unwrap();
    let (_, headers, body) = Vendor::Gemini.request("m", false, "Hi");
    let path = "/v1beta/models/m%2Bframes%3D3:generateContent";
    let reply = ask(scripted.address(), path, &headers, &body.to_string()).await.unwrap();
    assert_eq!(Vendor::Gemini.words(&reply, false), "000 001 002 ");
    assert_eq!(scripted.settled_log().await[0].model, "m+frames=3");
}

#[tokio::test]
async fn ollama_streams_by_default_and_counts_on_its_last_line() {
    let scripted = Scripted::start().await.unwrap();
    let (path, headers, mut body) = Vendor::Ollama.request("llama3:8b", true, "Hello there");
    body.as_object_mut().unwrap().remove("stream");
    let reply = ask(scripted.address(), &path, &headers, &body.to_string()).await.unwrap();
    assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
    let lines = reply.lines();
    let (last, others) = lines.split_last().unwrap();
    assert!(others.iter().all(|line| line["done"] == false && line.get("eval_count").is_none()));
    assert_eq!((&last["done"], &last["done_reason"]), (&json!(true), &json!("stop")));
    assert_eq!((&last["prompt_eval_count"], &last["eval_count"]), (&json!(3), &json!(6)));
    assert!(last["total_duration"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_request_is_kept_as_it_came_and_its_correlating_headers_are_in_the_log() {
    let scripted = Scripted::start().await.unwrap();
    let (path, mut headers, body) = Vendor::Gemini.request("gemini", true, "Hi");
    headers.extend(["x-request-id: run-7", "x-nexus-attempt: 2", "idempotency-key: abc"]);
    ask(scripted.address(), &path, &headers, &body.to_string()).await.unwrap();
    let [request] = scripted.requests().try_into().unwrap();
    assert_eq!((request.method.as_str(), request.query.as_str()), ("POST", "alt=sse"));
    assert_eq!(request.path, "/v1beta/models/gemini:streamGenerateContent");
    assert_eq!(request.header("x-goog-api-key"), Some("sk-test"));
    assert_eq!(request.json(), body);
    let [entry] = scripted.settled_log().await.try_into().unwrap();
    assert_eq!(entry.id, request.id);
    assert_eq!(entry.client_request_id.as_deref(), Some("run-7"));
    assert_eq!(entry.attempt.as_deref(), Some("2"));
    assert_eq!(entry.idempotency_key.as_deref(), Some("abc"));
    assert_eq!(entry.key.len(), 16);
    assert!(!format!("{entry:?}").contains("sk-test"));
}
