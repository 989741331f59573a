//! Tool calls, and the deviations that clients meet.

use std::collections::BTreeMap;

use nexus_fake_provider::Scripted;
use serde_json::{Value, json};

use crate::client::{KEY, Reply, Vendor, ask};

fn schema() -> Value {
    json!({ "type": "object", "properties": { "city": { "type": "string" }, "days": { "type": "integer" } } })
}

/// Returns a request that offers one tool.
fn offering(vendor: Vendor, model: &str, stream: bool) -> (String, Vec<&'static str>, Value) {
    let (path, headers, mut body) = vendor.request(model, stream, "Berlin");
    body["tools"] = match vendor {
        Vendor::OpenAi | Vendor::Ollama => {
            json!([{ "type": "function", "function": { "name": "weather", "parameters": schema() } }])
        }
        Vendor::Anthropic => json!([{ "name": "weather", "input_schema": schema() }]),
        Vendor::Gemini => {
            json!([{ "functionDeclarations": [{ "name": "weather", "parameters": schema() }] }])
        }
    };
    (path, headers, body)
}

async fn offered(scripted: &Scripted, vendor: Vendor, model: &str, stream: bool) -> Reply {
    let (path, headers, body) = offering(vendor, model, stream);
    ask(scripted.address(), &path, &headers, &body.to_string()).await.unwrap()
}

#[tokio::test]
async fn whole_replies_call_the_offered_tool_with_arguments_that_fit_its_schema() {
    let scripted = Scripted::start().await.unwrap();
    let arguments = json!({ "city": "Berlin", "days": 1 });
    let reply = offered(&scripted, Vendor::OpenAi, "m+tools", false).await.json();
    assert_eq!(reply["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(reply["choices"][0]["message"]["content"], Value::Null);
    let call = &reply["choices"][0]["message"]["tool_calls"][0];
    assert_eq!((&call["type"], &call["function"]["name"]), (&json!("function"), &json!("weather")));
    assert_eq!(
        serde_json::from_str::<Value>(call["function"]["arguments"].as_str().unwrap()).unwrap(),
        arguments
    );
    let reply = offered(&scripted, Vendor::Anthropic, "m+tools", false).await.json();
    assert_eq!(reply["stop_reason"], "tool_use");
    assert_eq!(
        (&reply["content"][0]["type"], &reply["content"][0]["input"]),
        (&json!("tool_use"), &arguments)
    );
    let reply = offered(&scripted, Vendor::Gemini, "m+tools", false).await.json();
    assert_eq!(reply["candidates"][0]["content"]["parts"][0]["functionCall"]["args"], arguments);
    let reply = offered(&scripted, Vendor::Ollama, "m+tools", false).await.json();
    assert_eq!(reply["message"]["tool_calls"][0]["function"]["arguments"], arguments);
}

#[tokio::test]
async fn streamed_arguments_come_in_pieces_that_add_up() {
    let scripted = Scripted::start().await.unwrap();
    let reply = offered(&scripted, Vendor::OpenAi, "m+tools=2", true).await;
    let mut pieces: BTreeMap<u64, String> = BTreeMap::new();
    for event in reply.events() {
        if let Some(call) = event.pointer("/choices/0/delta/tool_calls/0") {
            let arguments = call["function"]["arguments"].as_str().unwrap();
            pieces.entry(call["index"].as_u64().unwrap()).or_default().push_str(arguments);
        }
    }
    let arguments = r#"{"city":"Berlin","days":1}"#;
    assert_eq!(pieces.into_values().collect::<Vec<_>>(), [arguments, arguments]);
    let reply = offered(&scripted, Vendor::Anthropic, "m+tools", true).await;
    let pieces: String = reply
        .events()
        .iter()
        .filter_map(|event| event.pointer("/delta/partial_json")?.as_str().map(str::to_owned))
        .collect();
    assert_eq!(pieces, arguments);
}

#[tokio::test]
async fn the_result_of_a_tool_ends_the_loop() {
    let scripted = Scripted::start().await.unwrap();
    let (path, _, mut body) = offering(Vendor::OpenAi, "m+tools", false);
    body["messages"] = json!([
        { "role": "user", "content": "Berlin" },
        { "role": "assistant", "content": null, "tool_calls": [] },
        { "role": "tool", "tool_call_id": "x", "content": "21 degrees" },
    ]);
    let reply = ask(scripted.address(), &path, &[KEY], &body.to_string()).await.unwrap();
    assert_eq!(Vendor::OpenAi.words(&reply, false), "The tool says: \"21 degrees\"");
}

#[tokio::test]
async fn calls_deviate_as_the_script_says() {
    let scripted = Scripted::start().await.unwrap();
    let calls = async |directive: &str| -> Vec<Value> {
        let reply = offered(&scripted, Vendor::OpenAi, &format!("m+tools=2+{directive}"), true).await;
        reply
            .events()
            .iter()
            .filter_map(|event| event.pointer("/choices/0/delta/tool_calls/0").cloned())
            .collect()
    };
    let indices = |calls: &[Value]| -> Vec<Option<u64>> {
        let mut indices: Vec<_> = calls.iter().map(|call| call["index"].as_u64()).collect();
        indices.dedup();
        indices
    };
    assert_eq!(indices(&calls("tool-index=missing").await), [None]);
    assert_eq!(indices(&calls("tool-index=zero").await), [Some(0)]);
    assert_eq!(indices(&calls("tool-index=one").await), [Some(1), Some(2)]);
    let split = calls("tool-split").await;
    assert!(split[0].get("function").is_none() && split[1].get("id").is_none());
    assert_eq!(calls("tool-empty-name").await[1]["function"]["name"], "");
    assert!(calls("tool-no-id").await.iter().all(|call| call.get("id").is_none()));
    let invalid: String = calls("tool-invalid")
        .await
        .iter()
        .filter(|call| call["index"] == 0)
        .filter_map(|call| call["function"]["arguments"].as_str())
        .collect();
    assert_eq!(invalid, r#"{"city":"Berlin","days":1"#);
}
